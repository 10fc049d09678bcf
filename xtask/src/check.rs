//! The check to run between two changes: everything that needs no host, no screen and only little time.

use std::path::Path;

use anyhow::Result;

use crate::steps::{Counts, Skips, Steps};

/// Runs every step, even after a failure, and prints what passed and failed.
///
/// # Errors
/// A step failed.
pub(crate) fn run(root: &Path) -> Result<()> {
    let mut steps = Steps::new(root);
    steps.read();
    let mut counts = Counts::default();
    // This is our only program with unit tests.
    steps.test("unit tests", &["--no-fail-fast", "--lib", "--bin", "xtask"], &mut counts);
    steps.report.finish(&counts, &Skips::default())
}
