//! What the guard knows about the plugin behind the framework.
//!
//! The framework creates the plugin and hides it. So each new plugin leaves its [`Link`] on the thread that creates it, where the guard picks it up.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use nice_plug_egui::RepaintNotifier;
use parking_lot::Mutex;

use crate::editor::WindowThread;
use crate::params::MoodlineParams;
use crate::session::Saved;

thread_local! {
    static NEWBORN: RefCell<Option<Arc<Link>>> = const { RefCell::new(None) };
}

/// Longest time to wait for the framework's thread, which has microseconds of work for an instance.
const SETTLE: Duration = Duration::from_millis(500);

/// Task of the framework's background thread: signals that all earlier tasks are done.
pub(crate) type Settled = Sender<()>;

type Background = Box<dyn Fn(Settled) + Send + Sync>;

/// The guard's access to one plugin.
pub(crate) struct Link {
    pub(crate) saved: Arc<Saved>,
    notifier: RepaintNotifier,
    offline: AtomicBool,
    background: Mutex<Option<Background>>,
    window_thread: Mutex<WindowThread>,
}

impl Link {
    pub(crate) fn new(saved: Arc<Saved>, notifier: RepaintNotifier) -> Arc<Self> {
        Arc::new(Self {
            saved,
            notifier,
            offline: AtomicBool::new(false),
            background: Mutex::new(None),
            window_thread: Mutex::default(),
        })
    }

    /// Called by the plugin: leaves the link for its creator, with access to the framework's background thread and the thread of its windows.
    pub(crate) fn offer(self: &Arc<Self>, background: impl Fn(Settled) + Send + Sync + 'static, window_thread: WindowThread) {
        *self.background.lock() = Some(Box::new(background));
        *self.window_thread.lock() = window_thread;
        NEWBORN.set(Some(Arc::clone(self)));
    }

    /// Creates a plugin with `make` and returns it with its link.
    pub(super) fn of<T>(make: impl FnOnce() -> T) -> (T, Arc<Self>) {
        NEWBORN.set(None);
        let made = make();
        // INVARIANT: the framework asks each new plugin for its editor, which makes the plugin offer its link.
        (made, NEWBORN.take().expect("a new plugin offers its link"))
    }

    pub(super) fn params(&self) -> &MoodlineParams {
        &self.saved.params
    }

    /// Whether the host renders offline, as last set.
    ///
    /// # Realtime safety
    /// Reads one atomic.
    pub(crate) fn is_offline(&self) -> bool {
        self.offline.load(Ordering::Relaxed)
    }

    /// # Realtime safety
    /// One atomic.
    pub(super) fn set_offline(&self, offline: bool) {
        self.offline.store(offline, Ordering::Relaxed);
    }

    /// Signals that a parameter or the state has changed, so that an open window is updated.
    ///
    /// # Realtime safety
    /// One atomic.
    pub(super) fn show_change(&self) {
        self.notifier.request_repaint();
    }

    /// Waits until the thread of the window that was just closed has ended.
    pub(super) fn wait_for_window(&self) {
        let thread = self.window_thread.lock().clone();
        thread.wait();
    }

    /// Waits until the framework's background thread has completed all earlier tasks, including those of other instances.
    pub(super) fn settle(&self) {
        let (settled, wait) = channel();
        if let Some(background) = &*self.background.lock() {
            background(settled);
        }
        // Disconnected if the thread has ended, which is just as good.
        let _ = wait.recv_timeout(SETTLE);
    }
}
