//! Everything that must hold, cheapest first, with one summary at the end.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::bundle::{self, Built, layout};
use crate::platform::Platform;
use crate::setup::{self, Purpose};
use crate::{python, tidy, workspace};

/// Runs every step, also after a failure, and prints what passed, failed and could not be tested here.
///
/// # Errors
/// A step failed.
pub(crate) fn run(root: &Path) -> Result<()> {
    let mut report = Report::default();
    setup::run(Purpose::Tests)?;
    let python =
        workspace::cache().and_then(|cache| python::environment(&cache, "tests", &root.join("tests/python/requirements.txt")));
    let mut cargo = Cargo { root, environment: vec![] };

    report.step("tidy", || tidy::run(root));
    report.tool_step("format", "rustfmt", &cargo, &["fmt", "--all", "--check"]);
    let standalone = setup::can_build_standalone();
    if !standalone {
        let why = "ALSA's and JACK's headers are not installed; `cargo xtask setup` installs them where it may";
        report.skipped.push(format!("standalone: {why}"));
    }
    let lints = all_crates("clippy", standalone, &["--all-targets", "--", "--deny", "warnings"]);
    report.tool_step("lints", "clippy", &cargo, &lints);
    report.step("build", || cargo.run(&all_crates("build", standalone, &[])));
    let mut hosted = vec![];
    report.step("bundle", || {
        hosted = bundle_for_hosts(root, &cargo, standalone)?;
        Ok(())
    });
    cargo.environment.extend(hosted);
    let skips = tempfile::NamedTempFile::new()?;
    cargo.environment.push(("MOODLINE_SKIPS", skips.path().to_string_lossy().into_owned()));
    match python {
        Ok(python) => cargo.environment.push(("MOODLINE_PYTHON", python.path().to_string_lossy().into_owned())),
        Err(error) => println!("The tests run without the Python packages onnx, onnxruntime and pedalboard: {error:#}."),
    }
    let mut counts = Counts::default();
    report.step("tests", || cargo.test(&all_crates("test", standalone, &["--no-fail-fast"]), &mut counts));
    cargo.environment = vec![("RUSTDOCFLAGS", "--deny warnings".to_owned())];
    report.step("documentation", || cargo.run(&all_crates("doc", standalone, &["--no-deps"])));

    report.finish(&counts, &Skips::parse(&fs::read_to_string(skips.path())?))
}

/// A subcommand of cargo for all crates, with everything that can be built here.
fn all_crates<'a>(subcommand: &'a str, standalone: bool, more: &[&'a str]) -> Vec<&'a str> {
    let features: &[&str] = if standalone { &["--features", "moodline/standalone"] } else { &[] };
    [&[subcommand, "--workspace", "--locked"], features, more].concat()
}

/// Builds the plugin so that it aborts when its audio callback allocates, bundles it, and says in which variables the tests find it.
fn bundle_for_hosts(root: &Path, cargo: &Cargo, standalone: bool) -> Result<Vec<(&'static str, String)>> {
    // All crates but those of the tests, so that cargo finds the shared dependencies built with the same features as before.
    let features =
        if standalone { "moodline/assert_process_allocs,moodline/standalone" } else { "moodline/assert_process_allocs" };
    let crates = ["build", "--workspace", "--exclude", "moodline-tests", "--exclude", "xtask", "--locked"];
    cargo.run(&[&crates[..], &["--features", features]].concat())?;
    let folder = workspace::target(root).join("hosts");
    let built = Built { folder: workspace::target(root).join("debug"), standalone };
    bundle::assemble(root, &workspace::shell(root)?, &built, &folder)?;
    let names = layout::names(Platform::this());
    let variables = [("MOODLINE_CLAP", names.clap), ("MOODLINE_VST3", names.vst3), ("MOODLINE_STANDALONE", names.standalone)];
    let there = variables.into_iter().map(|(variable, name)| (variable, folder.join(name))).filter(|(_, path)| path.exists());
    Ok(there.map(|(variable, path)| (variable, path.to_string_lossy().into_owned())).collect())
}

struct Cargo<'a> {
    root: &'a Path,
    environment: Vec<(&'static str, String)>,
}

impl Cargo<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        println!("$ cargo {}", arguments.join(" "));
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments).current_dir(self.root).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<()> {
        let status = self.command(arguments).stdin(Stdio::null()).status().context("cargo could not be started")?;
        ensure!(status.success(), "cargo {} failed", arguments[0]);
        Ok(())
    }

    /// Whether cargo has this subcommand, after asking rustup for the component it is part of; a minimal Rust comes without.
    fn has(&self, subcommand: &str, component: &str) -> bool {
        let quietly = |mut command: Command| command.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success());
        let is_there = || quietly(self.command(&[subcommand, "--version"]));
        let install = || {
            let mut rustup = Command::new("rustup");
            rustup.args(["component", "add", component]);
            quietly(rustup)
        };
        is_there() || (install() && is_there())
    }

    /// Runs all tests, passing their output on, and counts them.
    fn test(&self, arguments: &[&str], counts: &mut Counts) -> Result<()> {
        let mut child = self.command(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().context("the output of cargo test is piped")?;
        for line in BufReader::new(output).lines() {
            let line = line?;
            println!("{line}");
            counts.add(&line);
        }
        ensure!(child.wait()?.success(), "cargo test failed");
        ensure!(counts.passed > 0, "cargo test ran no test");
        Ok(())
    }
}

/// What the test runners said in their closing lines.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    passed: usize,
    failed: usize,
    ignored: usize,
}

impl Counts {
    /// Adds a line such as `test result: ok. 5 passed; 0 failed; 1 ignored; ...`; any other line adds nothing.
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let number = |word: &str| {
            let (before, _) = result.split_once(word)?;
            before.trim_end().rsplit(' ').next()?.parse::<usize>().ok()
        };
        self.passed += number("passed;").unwrap_or(0);
        self.failed += number("failed;").unwrap_or(0);
        self.ignored += number("ignored;").unwrap_or(0);
    }
}

/// What the tests wrote to `MOODLINE_SKIPS`.
struct Skips {
    /// Tests that said they were skipped.
    tests: BTreeSet<String>,
    /// `component: why`, each once.
    reasons: BTreeSet<String>,
}

impl Skips {
    fn parse(text: &str) -> Self {
        let lines = || text.lines().filter_map(|line| line.split_once('\t'));
        Self {
            tests: lines().map(|(test, _)| test.to_owned()).collect(),
            reasons: lines().map(|(_, reason)| reason.to_owned()).collect(),
        }
    }
}

/// The steps so far.
#[derive(Default)]
struct Report {
    steps: Vec<(&'static str, bool, Duration)>,
    skipped: Vec<String>,
}

impl Report {
    fn step(&mut self, name: &'static str, action: impl FnOnce() -> Result<()>) {
        println!("\n== {name}");
        let start = Instant::now();
        let outcome = action();
        if let Err(error) = &outcome {
            println!("{name}: {error:#}");
        }
        self.steps.push((name, outcome.is_ok(), start.elapsed()));
    }

    /// A step that runs a subcommand of cargo, or is skipped by name where `component` of Rust is not to be had.
    fn tool_step(&mut self, name: &'static str, component: &str, cargo: &Cargo, arguments: &[&str]) {
        if cargo.has(arguments[0], component) {
            self.step(name, || cargo.run(arguments));
        } else {
            self.skipped.push(format!("{name}: {component} is not installed; `rustup component add {component}` installs it"));
        }
    }

    fn finish(&self, counts: &Counts, skips: &Skips) -> Result<()> {
        println!("\n== summary");
        for (name, passed, duration) in &self.steps {
            println!("{:<15} {:<6} {:>6.0} s", name, if *passed { "passed" } else { "FAILED" }, duration.as_secs_f64());
        }
        for reason in self.skipped.iter().chain(&skips.reasons) {
            println!("SKIPPED: {reason}");
        }
        // A skipped test returns early, so its runner has counted it as passed.
        let skipped = skips.tests.len();
        let passed = counts.passed.saturating_sub(skipped);
        println!("tests: {passed} passed, {} failed, {} skipped", counts.failed, skipped + counts.ignored);
        let failed: Vec<_> = self.steps.iter().filter(|(_, passed, _)| !passed).map(|(name, ..)| *name).collect();
        if !failed.is_empty() {
            bail!("failed: {}", failed.join(", "));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_all_runners_are_added_up() {
        let mut counts = Counts::default();
        counts.add("running 3 tests");
        counts.add("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.03s");
        counts.add("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.03s");
        assert_eq!(counts, Counts { passed: 13, failed: 2, ignored: 1 });
    }

    #[test]
    fn a_component_missed_by_two_tests_is_listed_once_and_counted_twice() {
        let skips = Skips::parse("parity::a\tlibrary: absent\nparity::b\tlibrary: absent\n");
        assert_eq!((skips.tests.len(), skips.reasons.len()), (2, 1));
    }

    #[test]
    fn a_step_without_its_tool_is_skipped_by_name() {
        let mut report = Report::default();
        let cargo = Cargo { root: Path::new("."), environment: vec![] };
        report.tool_step("magic", "no-such-component", &cargo, &["no-such-subcommand"]);
        assert!(report.steps.is_empty());
        assert!(report.skipped[0].starts_with("magic: no-such-component is not installed"));
    }

    #[test]
    fn one_failed_step_fails_the_run_and_does_not_stop_it() {
        let mut report = Report::default();
        report.step("first", || bail!("on purpose"));
        report.step("second", || Ok(()));
        let error = report.finish(&Counts::default(), &Skips::parse("")).unwrap_err();
        assert_eq!((report.steps.len(), error.to_string().as_str()), (2, "failed: first"));
    }
}
