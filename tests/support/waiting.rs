//! Waiting for events.
//!
//! A test waits for a condition and never for a fixed time: on a busy machine, no number of seconds is enough. The one deadline here is a last resort against
//! a test that hangs.

use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// Far longer than anything takes, even at the lowest priority beside busy programs: a test that reaches it hangs.
pub const PATIENCE: Duration = Duration::from_secs(1200);

/// Polling interval for conditions that nothing signals.
const LOOK: Duration = Duration::from_millis(5);

/// Waits for `condition`; returns whether it became true within [`PATIENCE`].
pub fn comes_true(mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > PATIENCE {
            return false;
        }
        thread::sleep(LOOK);
    }
    true
}

/// Waits until `condition` is true.
///
/// # Panics
/// It does not become true: "it did not happen that `what`".
#[track_caller]
pub fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    assert!(comes_true(condition), "it did not happen that {what}");
}

/// Waits for the end of a process; `None` after killing it because it hangs.
pub fn end_of(child: &mut Child) -> Option<ExitStatus> {
    let mut status = None;
    let ended = comes_true(|| {
        status = child.try_wait().expect("a child can be waited for");
        status.is_some()
    });
    if !ended {
        child.kill().expect("a child that runs can be killed");
        child.wait().expect("a child can be waited for");
    }
    status
}
