//! The steps of `cargo xtask check` and `cargo xtask test`: cargo with one set of crates and features, counted tests, one summary.
//!
//! All cargo commands use the same crates and features, so that nothing is compiled twice for two steps. That leaves two kinds of artifacts. Lints and
//! documentation need the output of a check: the documentation reads what clippy left of our crates. Programs and tests need machine code: the libraries, the
//! programs and what hosts load are built once, and the tests add only themselves.

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::{setup, tidy};

/// The flags that deny clippy's findings, in the form of its command line and as it passes them to the compiler.
const DENIED: [&str; 2] = ["--deny", "warnings"];

/// All crates of the workspace with all features that can be built here.
pub(crate) struct Steps<'a> {
    pub(crate) cargo: Cargo<'a>,
    pub(crate) report: Report,
    /// Whether this includes the standalone and the command's microphone support.
    pub(crate) standalone: bool,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(root: &'a Path) -> Self {
        let mut report = Report::default();
        let standalone = setup::can_build_standalone();
        if !standalone {
            let why = "ALSA's and JACK's headers are not installed; `cargo xtask setup` installs them where it may";
            report.skipped.push(format!("standalone: {why}"));
        }
        Self { cargo: Cargo { root, environment: vec![] }, report, standalone }
    }

    /// Tidy, format, lints and documentation: the checks that run none of our code, cheapest first.
    pub(crate) fn read(&mut self) {
        let Self { cargo, report, standalone } = self;
        report.step("tidy", || tidy::run(cargo.root));
        report.tool_step("format", "rustfmt", cargo, &["fmt", "--all", "--check"]);
        let lints = all_crates("clippy", *standalone, &["--all-targets", "--", DENIED[0], DENIED[1]]);
        report.tool_step("lints", "clippy", cargo, &lints);
        let kept = cargo.environment.len();
        cargo.environment.push(("RUSTDOCFLAGS", "--deny warnings".to_owned()));
        cargo.environment.extend(as_clippy());
        report.step("documentation", || cargo.run(&all_crates("doc", *standalone, &["--no-deps"])));
        cargo.environment.truncate(kept);
    }

    /// A cargo subcommand for all crates.
    pub(crate) fn of_all_crates<'b>(&self, subcommand: &'b str, more: &[&'b str]) -> Vec<&'b str> {
        all_crates(subcommand, self.standalone, more)
    }

    /// Runs tests and counts them.
    pub(crate) fn test(&mut self, name: &'static str, more: &[&str], counts: &mut Counts) {
        let arguments = self.of_all_crates("test", more);
        self.report.step(name, || self.cargo.test(&arguments, counts));
    }
}

/// The features that need the sound system: the standalone, and the command's microphone support.
const WITH_SOUND: &str = "moodline/standalone,moodline-cli/microphone";

/// A cargo subcommand for all crates, with everything that can be built here.
fn all_crates<'b>(subcommand: &'b str, standalone: bool, more: &[&'b str]) -> Vec<&'b str> {
    let features: &[&str] = if standalone { &["--features", WITH_SOUND] } else { &[] };
    [&[subcommand, "--workspace", "--locked"], features, more].concat()
}

/// Variables that make cargo reuse clippy's artifacts of our crates: the compiler used by clippy is part of each artifact's name.
fn as_clippy() -> Vec<(&'static str, String)> {
    let driver = sysroot().map(|root| root.join("bin").join(format!("clippy-driver{}", env::consts::EXE_SUFFIX)));
    let Some(driver) = driver.filter(|driver| driver.is_file()) else { return vec![] };
    let arguments: String = DENIED.iter().map(|argument| format!("{argument}__CLIPPY_HACKERY__")).collect();
    vec![("RUSTC_WORKSPACE_WRAPPER", driver.to_string_lossy().into_owned()), ("CLIPPY_ARGS", arguments)]
}

fn sysroot() -> Option<PathBuf> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// Cargo in the checkout, with additional variables.
pub(crate) struct Cargo<'a> {
    pub(crate) root: &'a Path,
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Cargo<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        println!("$ cargo {}", arguments.join(" "));
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments).current_dir(self.root).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs cargo, which prints its own progress.
    ///
    /// # Errors
    /// It does not start or fails.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<()> {
        let status = self.command(arguments).stdin(Stdio::null()).status().context("cargo could not be started")?;
        ensure!(status.success(), "cargo {} failed", arguments[0]);
        Ok(())
    }

    /// Whether cargo has this subcommand, after asking rustup for the component it belongs to; a minimal Rust lacks it.
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

/// Totals of the test runners' summary lines.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Counts {
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

/// The contents of the file named by `MOODLINE_SKIPS`.
#[derive(Default)]
pub(crate) struct Skips {
    /// Tests reported as skipped.
    tests: BTreeSet<String>,
    /// `component: why`, each once.
    reasons: BTreeSet<String>,
}

impl Skips {
    pub(crate) fn parse(text: &str) -> Self {
        let lines = || text.lines().filter_map(|line| line.split_once('\t'));
        Self {
            tests: lines().map(|(test, _)| test.to_owned()).collect(),
            reasons: lines().map(|(_, reason)| reason.to_owned()).collect(),
        }
    }
}

/// The steps so far.
#[derive(Default)]
pub(crate) struct Report {
    steps: Vec<(&'static str, bool, Duration)>,
    pub(crate) skipped: Vec<String>,
}

impl Report {
    /// Runs a step and records whether it passed and how long it took; later steps run in any case.
    pub(crate) fn step(&mut self, name: &'static str, action: impl FnOnce() -> Result<()>) {
        println!("\n== {name}");
        let start = Instant::now();
        let outcome = action();
        if let Err(error) = &outcome {
            println!("{name}: {error:#}");
        }
        self.steps.push((name, outcome.is_ok(), start.elapsed()));
    }

    /// A step that runs a cargo subcommand, or is skipped by name if Rust's `component` is unavailable.
    pub(crate) fn tool_step(&mut self, name: &'static str, component: &str, cargo: &Cargo, arguments: &[&str]) {
        if cargo.has(arguments[0], component) {
            self.step(name, || cargo.run(arguments));
        } else {
            self.skipped.push(format!("{name}: {component} is not installed; `rustup component add {component}` installs it"));
        }
    }

    /// Prints the summary.
    ///
    /// # Errors
    /// A step failed.
    pub(crate) fn finish(&self, counts: &Counts, skips: &Skips) -> Result<()> {
        println!("\n== summary");
        for (name, passed, duration) in &self.steps {
            println!("{:<15} {:<6} {:>6.0} s", name, if *passed { "passed" } else { "FAILED" }, duration.as_secs_f64());
        }
        for reason in self.skipped.iter().chain(&skips.reasons) {
            println!("SKIPPED: {reason}");
        }
        // A skipped test returns early, so its runner counts it as passed.
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
