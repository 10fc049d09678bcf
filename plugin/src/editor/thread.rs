//! The thread of an open window, and waiting for its end.
//!
//! On Linux each window has a thread. The framework asks it to end and does not always wait (`docs/upstream`), so a host that unloads the library or exits
//! right after closing the window could do so while the thread is still releasing graphics resources. On other systems windows run on the host's own thread.

use std::sync::Arc;

use parking_lot::Mutex;

/// The thread of the most recently opened window.
#[derive(Clone, Default)]
pub(crate) struct WindowThread(Arc<Mutex<Option<imp::Id>>>);

impl WindowThread {
    /// Called on the thread itself: registers it.
    pub(crate) fn note(&self) {
        *self.0.lock() = imp::current();
    }

    /// Waits until the thread has ended, if there is one. For a thread that may block, after the window was told to close.
    pub(crate) fn wait(&self) {
        if let Some(id) = self.0.lock().take() {
            imp::wait(&id);
        }
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::thread;
    use std::time::{Duration, Instant};

    /// Longest time for which the host is blocked: a driver that hangs must not hang the host.
    const LONGEST: Duration = Duration::from_secs(5);
    const LOOK: Duration = Duration::from_millis(1);

    /// The thread's folder among the threads of the process.
    pub(super) type Id = PathBuf;

    pub(super) fn current() -> Option<Id> {
        let thread = fs::read_link("/proc/thread-self").ok()?;
        Some(Path::new("/proc/self/task").join(thread.file_name()?))
    }

    pub(super) fn wait(id: &Id) {
        let start = Instant::now();
        while id.exists() && start.elapsed() < LONGEST {
            thread::sleep(LOOK);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    /// There is no such thread.
    pub(super) enum Id {}

    pub(super) const fn current() -> Option<Id> {
        None
    }

    pub(super) const fn wait(_: &Id) {}
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    #[test]
    fn a_thread_that_has_ended_is_gone() {
        let window = WindowThread::default();
        window.wait();
        let (end, ends) = channel::<()>();
        let (noted, is_noted) = channel();
        let handle = thread::spawn({
            let window = window.clone();
            move || {
                window.note();
                noted.send(()).unwrap();
                ends.recv().unwrap();
            }
        });
        is_noted.recv().unwrap();
        let folder = window.0.lock().clone().unwrap();
        assert!(folder.exists());
        end.send(()).unwrap();
        window.wait();
        assert!(!folder.exists());
        handle.join().unwrap();
    }
}
