//! Threads that end with their owner.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;

/// Short-lived threads. They must end by themselves or when they are told to; [`Threads::close`] waits for them, since a host may unload
/// the code they run right after.
#[derive(Default)]
pub(super) struct Threads(Mutex<State>);

#[derive(Default)]
struct State {
    handles: Vec<JoinHandle<()>>,
    closed: bool,
}

impl Threads {
    /// Runs `work` on a new thread; false where that cannot be done, or no more.
    pub(super) fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) -> bool {
        let mut state = self.0.lock();
        state.handles.retain(|handle| !handle.is_finished());
        if state.closed {
            return false;
        }
        let spawned = thread::Builder::new().name(name.to_owned()).spawn(work);
        spawned.map(|handle| state.handles.push(handle)).is_ok()
    }

    /// Starts no more threads and waits for those that run.
    pub(super) fn close(&self) {
        let handles = {
            let mut state = self.0.lock();
            state.closed = true;
            std::mem::take(&mut state.handles)
        };
        for handle in handles {
            // A thread that panicked has ended too.
            let _ = handle.join();
        }
    }
}

/// Runs `work`; a panic becomes a sentence for the user.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let reason = panic.downcast_ref::<&str>().copied().map(ToOwned::to_owned);
        let reason = reason.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no reason given".to_owned());
        tracing::error!(reason, "a panic was caught");
        format!("an internal error stopped the analysis ({reason}); this is a bug, please report it")
    })
}
