//! Tests that inspect their whole process, or may end it, run in a separate one.

use std::env;
use std::fs;
use std::io::{Read as _, Seek as _};
use std::process::Command;

use crate::screen::Screen;
use crate::waiting::{PATIENCE, end_of};

const INSIDE: &str = "MOODLINE_TEST_IN_OWN_PROCESS";

fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Runs the test `name` of this binary in a separate process, with `variables`, because it inspects its whole process. Returns true in that process, where
/// the test does its work.
///
/// # Panics
/// The test fails there, hangs, or does not exist.
pub fn in_own_process(name: &str, variables: &[(&str, &str)]) -> bool {
    if is_inside() {
        return true;
    }
    // A file, because a full pipe would block the process.
    let mut log = tempfile::tempfile().unwrap();
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .envs(variables.iter().copied())
        .stdout(log.try_clone().unwrap())
        .stderr(log.try_clone().unwrap())
        .spawn()
        .unwrap();
    let status = end_of(&mut child);
    let mut text = String::new();
    log.rewind().unwrap();
    log.read_to_string(&mut text).unwrap();
    let status = status.unwrap_or_else(|| panic!("{name} has not ended after {PATIENCE:?}: {text}"));
    assert!(status.success(), "{status}: {text}");
    assert!(text.contains("1 passed"), "there is no test {name}: {text}");
    println!("{text}");
    false
}

/// The same on a separate screen, which `DISPLAY` names; also false after reporting that the test is skipped.
///
/// # Panics
/// As [`in_own_process`].
pub fn on_a_screen(name: &str) -> bool {
    if is_inside() {
        return true;
    }
    if let Some(screen) = Screen::start() {
        // Without Mesa's list of application quirks, which it reads anew for each window.
        let variables = [("DISPLAY", &*screen.display), ("LIBGL_ALWAYS_SOFTWARE", "1"), ("DRIRC_CONFIGDIR", "/nonexistent")];
        in_own_process(name, &variables);
    }
    false
}

/// Whether the tests were started with SIGHUP ignored, as by `nohup`; then programs started by a test ignore it, too.
pub fn outlives_terminal() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
