//! Progress display: a bar with the remaining time on a terminal, plain lines elsewhere.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::base::console;

/// Where progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// As bars on standard error, which is a terminal.
    Bars,
    /// As lines on standard error.
    Lines,
    /// Nowhere.
    Silent,
}

impl Progress {
    /// Bars on a terminal, lines elsewhere.
    #[must_use]
    pub fn detect() -> Self {
        if std::io::stderr().is_terminal() { Self::Bars } else { Self::Lines }
    }

    /// Starts a task with `n` parts.
    #[must_use]
    pub fn bar(self, title: &str, n: usize) -> Bar {
        self.bar_like("{prefix} {wide_bar} {pos}/{len} {msg} ETA {eta}", title, n)
    }

    /// As [`Progress::bar`], with the message above the bar, as terminated lines.
    #[must_use]
    pub fn table(self, title: &str, n: usize) -> Bar {
        self.bar_like("{msg}{prefix} {wide_bar} {pos}/{len} ETA {eta}", title, n)
    }

    fn bar_like(self, template: &str, title: &str, n: usize) -> Bar {
        let bar = ProgressBar::with_draw_target(
            Some(n as u64),
            if self == Self::Bars { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
        );
        // INVARIANT: a constant template of the program is well-formed.
        let style = ProgressStyle::with_template(template).expect("a valid template");
        bar.set_style(style);
        bar.set_prefix(title.to_owned());
        if self == Self::Bars {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Bar { bar, progress: self }
    }

    /// Prints one line.
    pub fn line(self, text: &str) {
        if self != Self::Silent {
            console::note(text);
        }
    }
}

/// A task in progress; may be shared between threads.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    progress: Progress,
}

impl Bar {
    /// Marks one more part as done.
    pub fn advance(&self) {
        self.bar.inc(1);
    }

    /// Marks parts as done by an earlier, interrupted run.
    pub fn skip(&self, n: usize) {
        self.bar.set_position(n as u64);
        self.bar.reset_eta();
    }

    /// Shows `text` beside the bar.
    pub fn message(&self, text: String) {
        self.bar.set_message(text);
    }

    /// Prints one line, above the bar if there is one.
    pub fn line(&self, text: &str) {
        match self.progress {
            Progress::Bars => self.bar.println(text),
            Progress::Lines => console::note(text),
            Progress::Silent => {}
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Number of times the user has asked to stop.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicU8>);

impl Interrupt {
    /// Requests a stop (once more).
    pub fn request(&self) {
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| Some(n.saturating_add(1))).ok();
    }

    /// Whether a stop was requested at least once: stop at the next suitable point.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= 1
    }

    /// Whether a stop was requested again: stop immediately.
    #[must_use]
    pub fn insisted(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= 2
    }
}
