//! The checks to run between two changes: everything that needs no host, no screen and only little time.

use std::path::Path;

use anyhow::Result;

use crate::steps::{Counts, Skips, Steps};

/// All unit tests; xtask is our only program with some. Those of networks and transforms are targets of their own, because inside their crates they would have
/// to be compiled with everything a second time.
const UNIT_TESTS: [&str; 7] = ["--lib", "--bin", "xtask", "--test", "networks", "--test", "transforms"];

/// Runs every step, even after a failure, and prints what passed and failed.
///
/// # Errors
/// A step failed.
pub(crate) fn run(root: &Path) -> Result<()> {
    let mut steps = Steps::new(root);
    steps.read();
    let mut counts = Counts::default();
    steps.test("unit tests", &[&["--no-fail-fast"], UNIT_TESTS.as_slice()].concat(), &mut counts);
    steps.report.finish(&counts, &Skips::default())
}

/// Runs the unit tests whose names contain `filter`.
///
/// # Errors
/// One fails, or there is none.
pub(crate) fn unit(root: &Path, filter: &str) -> Result<()> {
    let mut steps = Steps::new(root);
    let mut counts = Counts::default();
    steps.test("unit tests", &[UNIT_TESTS.as_slice(), &["--", filter]].concat(), &mut counts);
    steps.report.finish(&counts, &Skips::default())
}
