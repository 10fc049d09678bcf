//! All checks, cheapest first, with one summary at the end.

use std::env;
use std::fs;
use std::path::Path;
use std::thread;

use anyhow::Result;

use crate::bundle::{self, Built, layout};
use crate::platform::Platform;
use crate::setup::{self, Purpose};
use crate::steps::{Counts, Skips, Steps};
use crate::{python, workspace};

/// The variable that tells Rust's test runner how many tests run in parallel.
const THREADS: &str = "RUST_TEST_THREADS";

/// Runs every step, even after a failure, and prints what passed, what failed and what could not be tested here; or, with `no_run`, builds all tests.
///
/// # Errors
/// A step failed.
pub(crate) fn run(root: &Path, no_run: bool) -> Result<()> {
    setup::run(Purpose::Tests)?;
    if no_run {
        let steps = Steps::new(root);
        return steps.cargo.run(&steps.of_all_crates("test", &["--no-run"]));
    }
    // Downloaded while the lints run.
    let requirements = root.join("tests/python/requirements.txt");
    let python = thread::spawn(move || python::environment(&workspace::cache()?, "tests", &requirements));
    let mut steps = Steps::new(root);
    steps.read();

    // Includes the test crates, so that cargo resolves the features once; they request a plugin that aborts when its audio callback allocates.
    let build = steps.of_all_crates("build", &[]);
    steps.report.step("build", || steps.cargo.run(&build));
    let mut hosted = vec![];
    steps.report.step("bundle", || {
        hosted = bundle_for_hosts(root, steps.standalone)?;
        Ok(())
    });
    steps.cargo.environment.extend(hosted);
    let skips = tempfile::NamedTempFile::new()?;
    steps.cargo.environment.push(("MOODLINE_SKIPS", skips.path().to_string_lossy().into_owned()));
    // INVARIANT: what prepares the environment returns its errors.
    match python.join().expect("nothing panics there") {
        Ok(python) => steps.cargo.environment.push(("MOODLINE_PYTHON", python.path().to_string_lossy().into_owned())),
        Err(error) => println!("The tests run without the Python packages onnx, onnxruntime and pedalboard: {error:#}."),
    }
    if env::var_os(THREADS).is_none() {
        steps.cargo.environment.push((THREADS, side_by_side()?.to_string()));
    }
    let mut counts = Counts::default();
    steps.test("tests", &["--no-fail-fast"], &mut counts);
    steps.report.finish(&counts, &Skips::parse(&fs::read_to_string(skips.path())?))
}

/// How many tests run in parallel: three per core, because those that play in real time, open windows or watch a program mostly wait.
fn side_by_side() -> Result<usize> {
    Ok(3 * thread::available_parallelism()?.get())
}

/// Bundles the build, and returns the variables by which the tests find it.
fn bundle_for_hosts(root: &Path, standalone: bool) -> Result<Vec<(&'static str, String)>> {
    let folder = workspace::target(root).join("hosts");
    let built = Built { folder: workspace::target(root).join("debug"), standalone };
    bundle::assemble(root, &workspace::shell(root)?, &built, &folder)?;
    let names = layout::names(Platform::this());
    let variables = [("MOODLINE_CLAP", names.clap), ("MOODLINE_VST3", names.vst3), ("MOODLINE_STANDALONE", names.standalone)];
    let there = variables.into_iter().map(|(variable, name)| (variable, folder.join(name))).filter(|(_, path)| path.exists());
    Ok(there.map(|(variable, path)| (variable, path.to_string_lossy().into_owned())).collect())
}
