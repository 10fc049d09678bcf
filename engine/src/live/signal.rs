//! Notification of changes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Thread;

use parking_lot::Mutex;

/// Wakes the editor and the worker.
pub(super) struct Signal {
    version: AtomicU64,
    notify: Box<dyn Fn() + Send + Sync>,
    worker: Mutex<Option<Thread>>,
}

impl Signal {
    pub(super) fn new(notify: Box<dyn Fn() + Send + Sync>) -> Self {
        Self { version: AtomicU64::new(0), notify, worker: Mutex::new(None) }
    }

    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Notifies the editor of a change.
    pub(super) fn changed(&self) {
        self.version.fetch_add(1, Ordering::Release);
        (self.notify)();
    }

    pub(super) fn set_worker(&self, worker: Option<Thread>) {
        *self.worker.lock() = worker;
    }

    pub(super) fn has_worker(&self) -> bool {
        self.worker.lock().is_some()
    }

    /// Makes the worker look now.
    pub(super) fn wake_worker(&self) {
        if let Some(worker) = &*self.worker.lock() {
            worker.unpark();
        }
    }
}
