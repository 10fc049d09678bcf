//! Progress of a run: a bar on a terminal, plain lines elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console::Streams;

/// Shows the progress of one run, measured in bytes of input.
pub(crate) struct ProgressLine {
    bar: Option<ProgressBar>,
    n_files: usize,
    n_finished: usize,
}

impl ProgressLine {
    pub(crate) fn new(interactive: bool, n_bytes: u64, n_files: usize) -> Self {
        let bar = interactive.then(|| {
            let bar = ProgressBar::with_draw_target(Some(n_bytes), ProgressDrawTarget::stderr());
            // INVARIANT: the template is a constant, and a test draws with it.
            let style =
                ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}  {elapsed} (ETA {eta})").expect("a valid template");
            bar.with_style(style).with_message(format!("0/{n_files}"))
        });
        Self { bar, n_files, n_finished: 0 }
    }

    /// Some input was read.
    pub(crate) fn advance(&self, n_bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(n_bytes);
        }
    }

    /// One input is finished; `summary` describes the result where there is no bar.
    pub(crate) fn finish_one(&mut self, summary: &str, streams: &mut Streams<'_>) {
        self.n_finished += 1;
        match &self.bar {
            Some(bar) => bar.set_message(format!("{}/{}", self.n_finished, self.n_files)),
            None => streams.note(&format!("[{}/{}] {summary}\n", self.n_finished, self.n_files)),
        }
    }

    /// Runs `action`, which writes to the terminal, with the bar hidden.
    pub(crate) fn pause<T>(&self, action: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(action),
            None => action(),
        }
    }

    /// Removes the bar.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_can_be_drawn() {
        let progress = ProgressLine::new(true, 10, 1);
        progress.advance(5);
        assert_eq!(progress.bar.as_ref().map(ProgressBar::position), Some(5));
        progress.end();
    }
}
