//! Analyses many files at the same time.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use moodline_engine::file_analysis::{FileAnalysis, FileAnalysisError, FileConfig, analyse_file};
use moodline_engine::{BackendChoice, Model};

/// Capacity of the queue of messages for the thread that displays them.
const QUEUE_LEN: usize = 256;

/// How often an interrupt is checked for while no message arrives.
const LOOK: Duration = Duration::from_millis(50);

/// How long an interrupted run waits for a file that blocks, such as a pipe without a writer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What all files are analysed with.
pub(crate) struct AnalysisSetup {
    pub(crate) model: Model,
    /// The resolved backend: the same for all files of a run.
    pub(crate) backend: BackendChoice,
    pub(crate) config: FileConfig,
}

/// Why there is no result for a file.
pub(crate) enum Failure {
    /// In one sentence.
    Error(String),
    /// The user stopped the run before the file was finished.
    Interrupted,
}

/// Events of a run.
pub(crate) enum WorkEvent {
    /// This many bytes of some input were read.
    Read(u64),
    /// The input with this index is finished.
    Finished(usize, Box<Result<FileAnalysis, Failure>>),
}

/// State shared by the threads of a run.
struct WorkQueue {
    paths: Vec<PathBuf>,
    setup: AnalysisSetup,
    next: AtomicUsize,
    stop: AtomicBool,
}

/// Analyses all files, `n_jobs` at a time, and passes every event to `on_event` on this thread. After an interrupt, a file that cannot even be cancelled is
/// left to its thread.
pub(crate) fn run(
    paths: Vec<PathBuf>,
    setup: AnalysisSetup,
    n_jobs: usize,
    interrupted: &AtomicBool,
    mut on_event: impl FnMut(WorkEvent),
) {
    let n_jobs = n_jobs.min(paths.len());
    let stop = AtomicBool::new(interrupted.load(Ordering::Relaxed));
    let queue = Arc::new(WorkQueue { paths, setup, next: AtomicUsize::new(0), stop });
    let (sender, receiver) = sync_channel(QUEUE_LEN);
    for _ in 0..n_jobs {
        let (sender, queue) = (sender.clone(), queue.clone());
        thread::spawn(move || work(&queue, &sender));
    }
    drop(sender);
    let mut since = None;
    while since.is_none_or(|since: Instant| since.elapsed() < PATIENCE) {
        match receiver.recv_timeout(LOOK) {
            Ok(event) => on_event(event),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if since.is_none() && interrupted.load(Ordering::Relaxed) {
            queue.stop.store(true, Ordering::Relaxed);
            since = Some(Instant::now());
        }
    }
}

/// Takes one file after another until none is left or the receiver is gone.
fn work(queue: &WorkQueue, sender: &SyncSender<WorkEvent>) {
    while !queue.stop.load(Ordering::Relaxed) {
        let index = queue.next.fetch_add(1, Ordering::Relaxed);
        let Some(path) = queue.paths.get(index) else { return };
        let result = analyse_guarded(path, &queue.setup, &queue.stop, sender);
        if sender.send(WorkEvent::Finished(index, Box::new(result))).is_err() {
            return;
        }
    }
}

/// A panic on one malformed file must not lose the other files' results.
fn analyse_guarded(
    path: &Path,
    setup: &AnalysisSetup,
    stop: &AtomicBool,
    sender: &SyncSender<WorkEvent>,
) -> Result<FileAnalysis, Failure> {
    catch_unwind(AssertUnwindSafe(|| analyse(path, setup, stop, sender))).unwrap_or_else(|_| {
        let text = "an internal error stopped the analysis; this is a bug, please report it with the file";
        Err(Failure::Error(format!("{}: {text}", path.display())))
    })
}

fn analyse(
    path: &Path,
    setup: &AnalysisSetup,
    stop: &AtomicBool,
    sender: &SyncSender<WorkEvent>,
) -> Result<FileAnalysis, Failure> {
    let n_bytes = path.metadata().map_or(0, |metadata| metadata.len());
    let mut n_bytes_told = 0;
    // A recording that is read a second time is not counted twice.
    let mut tell = |n_bytes_read: u64| {
        let _ = sender.send(WorkEvent::Read(n_bytes_read.saturating_sub(n_bytes_told)));
        n_bytes_told = n_bytes_told.max(n_bytes_read);
    };
    let result = analyse_file(path, &setup.model, setup.backend, setup.config, |progress| {
        tell((progress.share * n_bytes as f64) as u64);
        if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let analysis = result.map_err(|error| match error {
        FileAnalysisError::Stopped { .. } => Failure::Interrupted,
        error => Failure::Error(error.to_string()),
    })?;
    tell(n_bytes);
    Ok(analysis)
}
