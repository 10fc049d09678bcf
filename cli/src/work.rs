//! Analyses many files at the same time.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use moodline_engine::analysis::AnalysisConfig;
use moodline_engine::recording::{self, Recording, RecordingError};
use moodline_engine::{BackendChoice, Model};

use crate::inputs::Input;

/// Messages that may wait for the thread that shows them.
const QUEUE_LEN: usize = 256;

/// What every file is analysed with.
pub(crate) struct Setup {
    pub(crate) model: Model,
    /// One backend by name: all files of a run have the same.
    pub(crate) backend: BackendChoice,
    pub(crate) config: AnalysisConfig,
}

/// Why there is no result for a file.
pub(crate) enum Failure {
    /// In one sentence.
    Error(String),
    /// The user stopped the run before the file was finished.
    Interrupted,
}

/// What happens during a run.
pub(crate) enum Event {
    /// So many bytes of some input were read.
    Read(u64),
    /// The input with this index is finished.
    Finished(usize, Result<Recording, Failure>),
}

/// Analyses all `inputs`, `n_jobs` at a time, and hands every event to `on_event` on this thread.
pub(crate) fn run(inputs: &[Input], setup: &Setup, n_jobs: usize, interrupted: &AtomicBool, mut on_event: impl FnMut(Event)) {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = sync_channel(QUEUE_LEN);
    thread::scope(|scope| {
        for _ in 0..n_jobs.min(inputs.len()) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some((index, input)) = take(inputs, next) {
                    let result = analyse_guarded(&input.path, setup, interrupted, &sender);
                    if sender.send(Event::Finished(index, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        receiver.iter().for_each(&mut on_event);
    });
}

fn take<'a>(inputs: &'a [Input], next: &AtomicUsize) -> Option<(usize, &'a Input)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    inputs.get(index).map(|input| (index, input))
}

/// A panic on one hostile file must not take the other files' results with it.
fn analyse_guarded(
    path: &Path,
    setup: &Setup,
    interrupted: &AtomicBool,
    sender: &SyncSender<Event>,
) -> Result<Recording, Failure> {
    catch_unwind(AssertUnwindSafe(|| analyse(path, setup, interrupted, sender))).unwrap_or_else(|_| {
        let text = "an internal error stopped the analysis; this is a bug, please report it with the file";
        Err(Failure::Error(format!("{}: {text}", path.display())))
    })
}

fn analyse(path: &Path, setup: &Setup, interrupted: &AtomicBool, sender: &SyncSender<Event>) -> Result<Recording, Failure> {
    if interrupted.load(Ordering::Relaxed) {
        return Err(Failure::Interrupted);
    }
    let n_bytes = path.metadata().map_or(0, |metadata| metadata.len());
    let mut n_bytes_told = 0;
    let mut tell = |n_bytes_read| {
        let _ = sender.send(Event::Read(n_bytes_read - n_bytes_told));
        n_bytes_told = n_bytes_read;
    };
    let result = recording::analyse(path, &setup.model, setup.backend, setup.config, |progress| {
        tell((progress.share * n_bytes as f64) as u64);
        if interrupted.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let recording = result.map_err(|error| match error {
        RecordingError::Stopped { .. } => Failure::Interrupted,
        error => Failure::Error(error.to_string()),
    })?;
    tell(n_bytes);
    Ok(recording)
}
