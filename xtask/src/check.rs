//! What a contributor types between two changes: everything that needs no host, no screen and no minutes.

use std::path::Path;

use anyhow::Result;

use crate::steps::{Counts, Skips, Steps};

/// Runs every step, also after a failure, and prints what passed and failed.
///
/// # Errors
/// A step failed.
pub(crate) fn run(root: &Path) -> Result<()> {
    let mut steps = Steps::new(root);
    steps.read();
    let mut counts = Counts::default();
    // The only program of ours with tests beside its code is this one.
    steps.test("unit tests", &["--no-fail-fast", "--lib", "--bin", "xtask"], &mut counts);
    steps.report.finish(&counts, &Skips::default())
}
