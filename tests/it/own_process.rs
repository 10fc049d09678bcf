//! Tests that look at all of their process, or may end it, run in one of their own.

use std::env;
use std::io::{Read as _, Seek as _};
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use crate::screen::Screen;

const INSIDE: &str = "MOODLINE_TEST_IN_OWN_PROCESS";

/// Far longer than any of them takes: one that runs into it hangs.
const PATIENCE: Duration = Duration::from_secs(600);

fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Runs the test `name` of this binary in a process of its own, with `variables`, because it looks at all of its process. True in that
/// process, where the test does its work.
pub(crate) fn in_own_process(name: &str, variables: &[(&str, &str)]) -> bool {
    if is_inside() {
        return true;
    }
    // A file, because a pipe that nobody empties would stop the process.
    let mut log = tempfile::tempfile().unwrap();
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .envs(variables.iter().copied())
        .stdout(log.try_clone().unwrap())
        .stderr(log.try_clone().unwrap())
        .spawn()
        .unwrap();
    let status = wait(&mut child);
    let mut text = String::new();
    log.rewind().unwrap();
    log.read_to_string(&mut text).unwrap();
    let status = status.unwrap_or_else(|| panic!("{name} has not ended after {PATIENCE:?}: {text}"));
    assert!(status.success(), "{status}: {text}");
    assert!(text.contains("1 passed"), "there is no test {name}: {text}");
    println!("{text}");
    false
}

/// How the process ended; none where it had to be ended.
fn wait(child: &mut Child) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

/// The same on a screen of its own, which `DISPLAY` names; false as well after saying that the test is skipped.
pub(crate) fn on_a_screen(name: &str) -> bool {
    if is_inside() {
        return true;
    }
    if let Some(screen) = Screen::start() {
        in_own_process(name, &[("DISPLAY", &screen.display), ("LIBGL_ALWAYS_SOFTWARE", "1")]);
    }
    false
}
