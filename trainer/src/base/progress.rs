//! What a person sees while work goes on: a bar with the remaining time on a terminal, plain lines everywhere else.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::base::console;

/// Where progress goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Bars on standard error, which is a terminal.
    Bars,
    /// Lines on standard error.
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

    /// Starts a piece of work of `n` parts.
    #[must_use]
    pub fn bar(self, title: &str, n: usize) -> Bar {
        self.bar_like("{prefix} {wide_bar} {pos}/{len} {msg} ETA {eta}", title, n)
    }

    /// As [`Progress::bar`], with the message above the bar: lines, each of which ends.
    #[must_use]
    pub fn table(self, title: &str, n: usize) -> Bar {
        self.bar_like("{msg}{prefix} {wide_bar} {pos}/{len} ETA {eta}", title, n)
    }

    fn bar_like(self, template: &str, title: &str, n: usize) -> Bar {
        let bar = ProgressBar::with_draw_target(
            Some(n as u64),
            if self == Self::Bars { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
        );
        // INVARIANT: a template that is part of the program is well-formed.
        let style = ProgressStyle::with_template(template).expect("a valid template");
        bar.set_style(style);
        bar.set_prefix(title.to_owned());
        if self == Self::Bars {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Bar { bar, progress: self }
    }

    /// Says one line.
    pub fn line(self, text: &str) {
        if self != Self::Silent {
            console::note(text);
        }
    }
}

/// A piece of work under way; may be shared between threads.
#[derive(Debug)]
pub struct Bar {
    bar: ProgressBar,
    progress: Progress,
}

impl Bar {
    /// One more part is done.
    pub fn advance(&self) {
        self.bar.inc(1);
    }

    /// Parts that were done before, by an interrupted run.
    pub fn skip(&self, n: usize) {
        self.bar.set_position(n as u64);
        self.bar.reset_eta();
    }

    /// Shows `text` beside the bar.
    pub fn message(&self, text: String) {
        self.bar.set_message(text);
    }

    /// Says one line, above the bar where there is one.
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

/// How often the user asked to stop.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicU8>);

impl Interrupt {
    /// Asks (once more) to stop.
    pub fn request(&self) {
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| Some(n.saturating_add(1))).ok();
    }

    /// Asked at least once: stop at the next good place.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= 1
    }

    /// Asked again: stop at once.
    #[must_use]
    pub fn insisted(&self) -> bool {
        self.0.load(Ordering::SeqCst) >= 2
    }
}
