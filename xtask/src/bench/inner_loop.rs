//! How long a contributor waits after moving one line of one file: for the adjacent unit tests, for `check` and for `test`.

use std::fmt::Write as _;
use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use xshell::Shell;

use super::cells::{rounded, yes_or_no};
use super::machine::Machine;

/// Maximum duration of each command, seconds.
const UNIT_SECONDS: f64 = 30.0;
const CHECK_SECONDS: f64 = 180.0;
const TEST_SECONDS: f64 = 480.0;

/// A file that a contributor might change.
struct Place {
    title: &'static str,
    file: &'static str,
    /// The adjacent tests.
    tests: Tests,
}

/// Tests beside a file.
enum Tests {
    /// Of a leaf: by a part of their names, in the build of `check`.
    Named(&'static str),
    /// Of a crate that nearly everything depends on, with a build of its own: package and part of the names.
    OfPackage(&'static str, &'static str),
}

/// Leaves first; everything else depends on the last one, so `test` is timed there.
const PLACES: &[Place] = &[
    Place { title: "a plot of the trainer", file: "trainer/src/study/sweep/plot.rs", tests: Tests::Named("sweep::plot") },
    Place { title: "a part of the command", file: "cli/src/labels.rs", tests: Tests::Named("labels") },
    Place { title: "a panel of the editor", file: "plugin/src/editor/panels/latency.rs", tests: Tests::Named("panels::latency") },
    Place { title: "the front end", file: "core/src/frontend/mel.rs", tests: Tests::OfPackage("moodline-core", "frontend::mel") },
];

/// Polling interval while a command runs.
const LOOK: Duration = Duration::from_millis(20);

/// The results of one run.
#[derive(Serialize, Deserialize)]
pub(super) struct LoopResults {
    machine: Machine,
    places: Vec<Waited>,
}

/// How long each command took after a line in one place had moved.
#[derive(Serialize, Deserialize)]
struct Waited {
    title: String,
    command: String,
    unit_seconds: f64,
    check_seconds: f64,
    test_seconds: Option<f64>,
}

/// Measures every place.
///
/// # Errors
/// A command fails, or the run is interrupted. All files are restored in either case.
pub(super) fn measure(root: &Path, shell: &Shell) -> Result<LoopResults> {
    let terminal = Terminal::new(root)?;
    println!("Warming up: everything is built once, and run as far as `check` does.");
    terminal.seconds(BUILD)?;
    terminal.seconds(CHECK)?;
    for place in PLACES {
        terminal.seconds(&place.command())?;
    }
    let mut places = vec![];
    for (index, place) in PLACES.iter().enumerate() {
        let waited = |command: &str| {
            let _moved = Moved::line_of(&root.join(place.file))?;
            terminal.seconds(command)
        };
        places.push(Waited {
            title: format!("{} (`{}`)", place.title, place.file),
            command: place.command(),
            unit_seconds: waited(&place.command())?,
            check_seconds: waited(CHECK)?,
            test_seconds: if index + 1 == PLACES.len() { Some(waited(TEST)?) } else { None },
        });
    }
    Ok(LoopResults { machine: super::machine(root, shell)?, places })
}

const CHECK: &str = "cargo xtask check";
const TEST: &str = "cargo xtask test";
const BUILD: &str = "cargo xtask test --no-run";

impl Place {
    /// The command that runs the tests beside this place.
    fn command(&self) -> String {
        match self.tests {
            Tests::Named(tests) => format!("cargo xtask unit {tests}"),
            Tests::OfPackage(package, tests) => format!("cargo test -p {package} --lib {tests}"),
        }
    }
}

/// Runs commands until interrupted.
struct Terminal<'a> {
    root: &'a Path,
    interrupted: Arc<AtomicBool>,
}

impl<'a> Terminal<'a> {
    /// From now on a signal ends the running command, and leaves time to restore files.
    fn new(root: &'a Path) -> Result<Self> {
        let interrupted = Arc::new(AtomicBool::new(false));
        #[cfg(unix)]
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
        }
        Ok(Self { root, interrupted })
    }

    /// Runs a command, which must succeed; returns how long it took.
    fn seconds(&self, command: &str) -> Result<f64> {
        println!("\n$ {command}");
        let mut words = command.split_whitespace();
        let program = words.next().context("a command has a program")?;
        let start = Instant::now();
        let mut child = Command::new(program).args(words).current_dir(self.root).stdin(Stdio::null()).spawn()?;
        let status = self.end_of(&mut child)?;
        ensure!(status.success(), "{command} failed: what is timed must pass");
        Ok(start.elapsed().as_secs_f64())
    }

    fn end_of(&self, child: &mut Child) -> Result<ExitStatus> {
        loop {
            if self.interrupted.load(Ordering::Relaxed) {
                // It may have received the signal, too, and ended.
                let _ = child.kill();
                let _ = child.wait();
                bail!("interrupted");
            }
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(LOOK);
        }
    }
}

/// A file with an extra line, which shifts everything below it; dropping this restores the content and modification time.
struct Moved {
    path: PathBuf,
    text: String,
    written: SystemTime,
}

impl Moved {
    /// Puts an empty comment before the first item of the Rust file at `path`.
    fn line_of(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let written = fs::metadata(path)?.modified()?;
        let start = text.find("\nuse ").with_context(|| format!("{} imports nothing", path.display()))? + 1;
        let moved = Self { path: path.to_owned(), text, written };
        let (before, after) = moved.text.split_at(start);
        fs::write(path, format!("{before}//\n{after}"))?;
        Ok(moved)
    }

    fn put_back(&self) -> Result<()> {
        fs::write(&self.path, &self.text)?;
        let times = FileTimes::new().set_modified(self.written);
        Ok(File::options().write(true).open(&self.path)?.set_times(times)?)
    }
}

impl Drop for Moved {
    fn drop(&mut self) {
        if let Err(error) = self.put_back() {
            println!("{} has a line too many: {error:#}", self.path.display());
        }
    }
}

impl LoopResults {
    /// The inner loop's part of `bench/RESULTS.md`.
    pub(super) fn markdown(&self) -> String {
        let mut text = format!(
            "\n# The inner loop\n\nWritten by `cargo xtask bench --loop`; do not edit. Seconds on a warm tree, each after one line of one file has moved: for the unit tests \
             beside\nit (at most {UNIT_SECONDS}), for `{CHECK}` (at most {CHECK_SECONDS}) and for `{TEST}` (at most {TEST_SECONDS}; timed where everything has to be built \
             again).\n\n| one line of | unit tests | s | kept | check, s | kept | test, s | kept |\n|---|---|---:|---|---:|---|---:|---|\n"
        );
        for Waited { title, command, unit_seconds, check_seconds, test_seconds } in &self.places {
            let cells = |seconds: f64, limit: f64| format!("{} | {}", rounded(seconds), yes_or_no(seconds <= limit));
            let test = test_seconds.map_or_else(|| " | ".to_owned(), |seconds| cells(seconds, TEST_SECONDS));
            let (unit, check) = (cells(*unit_seconds, UNIT_SECONDS), cells(*check_seconds, CHECK_SECONDS));
            let _ = writeln!(text, "| {title} | `{command}` | {unit} | {check} | {test} |");
        }
        text + "\n" + &self.machine.markdown()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_as_it_was_after_its_line_has_moved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.rs");
        let text = "//! A.\n\nuse std::fs;\n\nfn f() {}\n";
        fs::write(&path, text).unwrap();
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        let moved = Moved::line_of(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "//! A.\n\n//\nuse std::fs;\n\nfn f() {}\n");
        assert!(fs::metadata(&path).unwrap().modified().unwrap() > long_ago);
        drop(moved);
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), long_ago);
    }

    #[test]
    fn every_place_is_there_and_has_tests_beside_it() {
        for place in PLACES {
            let text = fs::read_to_string(crate::workspace::root().join(place.file)).unwrap();
            assert!(text.contains("\nuse ") && text.contains("#[cfg(test)]"), "{}", place.file);
        }
    }

    #[test]
    fn an_interrupted_command_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let terminal = Terminal::new(folder.path()).unwrap();
        terminal.interrupted.store(true, Ordering::Relaxed);
        assert_eq!(terminal.seconds("cargo --version").unwrap_err().to_string(), "interrupted");
    }

    #[test]
    fn the_report_shows_kept_and_broken_promises() {
        let machine = Machine::of_tests();
        let waited = |unit_seconds, test_seconds| Waited {
            title: "a".to_owned(),
            command: "cargo test".to_owned(),
            unit_seconds,
            check_seconds: 100.0,
            test_seconds,
        };
        let text = LoopResults { machine, places: vec![waited(30.5, None), waited(12.0, Some(480.0))] }.markdown();
        assert!(text.contains("| a | `cargo test` | 30.5 | **no** | 100 | yes |  |  |"), "{text}");
        assert!(text.contains("| a | `cargo test` | 12.0 | yes | 100 | yes | 480 | yes |"), "{text}");
    }
}
