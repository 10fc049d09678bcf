//! Waiting for events.
//!
//! A test waits until something is true and never for a time: a machine with other things to do is slow, and no number of seconds is enough
//! for it. The one deadline here is a last resort against a test that hangs.

use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// Far longer than anything takes, also at the lowest priority beside busy programs: whoever runs into it hangs.
pub const PATIENCE: Duration = Duration::from_secs(1200);

/// Between two looks at what nobody tells of.
const LOOK: Duration = Duration::from_millis(5);

/// Whether `condition` becomes true before [`PATIENCE`] is over.
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

/// Waits for the end of a process; none after ending it because it hangs.
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
