//! The window of a plugin, as far as the guard has to know it.

use std::thread::{self, ThreadId};

/// Whether there is a window, and whose.
#[derive(Default)]
pub(super) struct WindowState {
    /// The thread that opened it, which alone may talk to it: the framework panics at any other.
    pub(super) opener: Option<ThreadId>,
    /// Physical pixels a logical one, as the host said.
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
