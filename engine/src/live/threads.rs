//! Threads that end with their owner or are abandoned.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::panics;

/// Largest number of running threads: more would mean that some hang.
const MAX_RUNNING: usize = 16;

/// How often to check whether a thread has ended.
const LOOK: Duration = Duration::from_millis(1);

/// Short-lived threads. They end by themselves or on request, unless the system blocks them: opening and reading a file on a disk that
/// does not respond cannot be cancelled.
#[derive(Default)]
pub(super) struct Threads(Mutex<Running>);

#[derive(Default)]
struct Running {
    handles: Vec<JoinHandle<()>>,
    closed: bool,
}

impl Threads {
    /// Runs `work` on a new thread; returns false if that is impossible, or after closing.
    pub(super) fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) -> bool {
        let mut state = self.0.lock();
        state.handles.retain(|handle| !handle.is_finished());
        if state.closed || state.handles.len() >= MAX_RUNNING {
            return false;
        }
        let spawned = thread::Builder::new().name(name.to_owned()).spawn(work);
        spawned.map(|handle| state.handles.push(handle)).is_ok()
    }

    /// Starts no further threads and waits for the running ones until `deadline`. Those still running then may continue indefinitely, and their code
    /// stays in memory.
    pub(super) fn close(&self, deadline: Instant) {
        let handles = {
            let mut state = self.0.lock();
            state.closed = true;
            std::mem::take(&mut state.handles)
        };
        while !handles.iter().all(JoinHandle::is_finished) && Instant::now() < deadline {
            thread::sleep(LOOK);
        }
        for handle in handles {
            if handle.is_finished() {
                // A thread that panicked has ended too. A finished thread may not have left this code yet.
                let _ = handle.join();
            } else {
                stay_in_memory();
            }
        }
    }
}

/// Keeps the library that contains this code in memory until the process ends: a host may unload a plugin as soon as its last instance
/// is gone. A program stays loaded anyway, and cannot be opened this way.
pub fn stay_in_memory() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Some(path) = process_path::get_dylib_path() else { return };
        #[allow(unsafe_code, reason = "the library is loaded and initialised: opening it again only counts it once more")]
        let library = unsafe { libloading::Library::new(path) };
        match library {
            Ok(library) => std::mem::forget(library),
            Err(error) => tracing::debug!(%error, "this code is in a program, or cannot be kept in memory"),
        }
    });
}

/// Runs `work`; converts a panic to a sentence for the user.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let reason = panics::reason(&*panic);
        tracing::error!(reason, "a panic was caught");
        format!("an internal error stopped the analysis ({reason}); this is a bug, please report it")
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Work that continues until the sender is dropped, and sends a message when it has ended.
    fn blocked() -> (Sender<()>, Receiver<()>, impl FnOnce() + Send) {
        let (release, held) = channel::<()>();
        let (ended, told) = channel();
        (release, told, move || {
            let _ = held.recv();
            let _ = ended.send(());
        })
    }

    #[test]
    fn closing_waits_for_what_ends_and_not_for_what_does_not() {
        let threads = Threads::default();
        let (release, told, work) = blocked();
        assert!(threads.spawn("blocked", work));
        let done = Arc::new(());
        let held = Arc::clone(&done);
        assert!(threads.spawn("quick", move || drop(held)));
        while Arc::strong_count(&done) > 1 {
            thread::yield_now();
        }
        threads.close(Instant::now());
        assert!(told.try_recv().is_err(), "the blocked thread is still blocked when closing has returned");
        assert!(!threads.spawn("late", || ()), "no more after that");
        drop(release);
        told.recv().expect("it goes on by itself");
    }

    #[test]
    fn closing_joins_threads_that_end_in_time() {
        let threads = Threads::default();
        let (release, told, work) = blocked();
        assert!(threads.spawn("ends", work));
        drop(release);
        threads.close(Instant::now() + Duration::from_secs(120));
        assert!(told.try_recv().is_ok(), "closing returned before the thread had ended");
    }

    #[test]
    fn threads_that_hang_do_not_pile_up() {
        let threads = Threads::default();
        let blocked: Vec<_> = (0..MAX_RUNNING).map(|_| blocked()).collect();
        let mut held = Vec::new();
        for (release, told, work) in blocked {
            assert!(threads.spawn("blocked", work));
            held.push((release, told));
        }
        assert!(!threads.spawn("one too many", || ()));
    }
}
