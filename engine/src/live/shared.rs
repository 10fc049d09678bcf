//! The shared state of one live analysis: settings, model, recorded data and status.
//!
//! Three types give access to it, each with the operations of its side: a [`Monitor`](super::Monitor) reads, a [`Control`](super::Control) requests, and the
//! worker's [`Publisher`](super::publisher::Publisher) writes. The audio thread never touches it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Settings;
use super::file_lane::FileJobs;
use super::models::{Models, Read};
use super::recorded::Recorded;
use super::rounds::Rounds;
use super::signal::Signal;
use super::status::WorkerStatus;

/// Returns the user's settings.
pub(super) type ReadSettings = dyn Fn() -> Settings + Send + Sync;

/// Longest time that closing waits for threads that read files.
const CLOSING: Duration = Duration::from_millis(10);

/// See the module documentation.
pub(super) struct Shared {
    pub(super) settings: Box<ReadSettings>,
    pub(super) signal: Arc<Signal>,
    pub(super) models: Arc<Models>,
    pub(super) files: FileJobs,
    pub(super) recorded: Recorded,
    pub(super) rounds: Rounds,
    /// Whether an editor is open.
    pub(super) watched: AtomicBool,
    status: Mutex<WorkerStatus>,
    closed: AtomicBool,
}

impl Shared {
    pub(super) fn new(settings: Box<ReadSettings>, notify: Box<dyn Fn() + Send + Sync>, read_model: Box<Read>) -> Self {
        let signal = Arc::new(Signal::new(notify));
        Self {
            settings,
            models: Arc::new(Models::new(Arc::clone(&signal), read_model)),
            signal,
            files: FileJobs::default(),
            recorded: Recorded::default(),
            rounds: Rounds::default(),
            watched: AtomicBool::new(false),
            status: Mutex::default(),
            closed: AtomicBool::new(false),
        }
    }

    /// Reads the status.
    pub(super) fn read_status<R>(&self, read: impl FnOnce(&WorkerStatus) -> R) -> R {
        read(&self.status.lock())
    }

    /// Changes the status and signals the change.
    pub(super) fn post(&self, write: impl FnOnce(&mut WorkerStatus)) {
        self.post_if(|status| {
            write(status);
            true
        });
    }

    /// Changes the status and signals the change if `write` returns true.
    pub(super) fn post_if(&self, write: impl FnOnce(&mut WorkerStatus) -> bool) {
        let is_news = write(&mut self.status.lock());
        if is_news {
            self.signal.changed();
        }
    }

    /// Ends everything: `Live` is being dropped.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.signal.wake_worker();
        let deadline = Instant::now() + CLOSING;
        self.files.cancel();
        self.models.interrupt();
        self.files.shut_down(deadline);
        self.models.close(deadline);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}
