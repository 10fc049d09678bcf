//! The state of a plugin's window that the guard needs.

use std::thread::{self, ThreadId};

/// Whether there is a window, and which thread opened it.
#[derive(Default)]
pub(super) struct WindowState {
    /// The thread that opened it, which alone may access it: the framework panics on any other.
    pub(super) opener: Option<ThreadId>,
    /// Physical pixels per logical pixel, as set by the host.
    pub(super) scale: Option<f64>,
}

impl WindowState {
    pub(super) fn is_here(&self) -> bool {
        self.opener == Some(thread::current().id())
    }

    pub(super) fn is_here_or_closed(&self) -> bool {
        self.opener.is_none() || self.is_here()
    }
}
