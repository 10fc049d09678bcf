//! Analyses many files at the same time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use moodline_engine::analysis::{Analyser, AnalysisConfig};
use moodline_engine::decode::AudioReader;
use moodline_engine::export::Report;
use moodline_engine::{BackendChoice, Classifier, Model};

use crate::inputs::Input;

/// Messages that may wait for the thread that shows them.
const QUEUE_LEN: usize = 256;

/// Packets between two messages about progress.
const PACKETS_A_MESSAGE: u64 = 64;

/// What every file is analysed with.
pub(crate) struct Setup {
    pub(crate) model: Model,
    /// One backend by name: all files of a run have the same.
    pub(crate) backend: BackendChoice,
    pub(crate) config: AnalysisConfig,
}

/// One file, done.
pub(crate) struct Analysed {
    pub(crate) report: Report,
    /// What was wrong with the file without making it useless.
    pub(crate) warnings: Vec<String>,
    pub(crate) elapsed: Duration,
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
    Finished(usize, Result<Analysed, Failure>),
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
) -> Result<Analysed, Failure> {
    catch_unwind(AssertUnwindSafe(|| analyse(path, setup, interrupted, sender))).unwrap_or_else(|_| {
        let text = "an internal error stopped the analysis; this is a bug, please report it with the file";
        Err(Failure::Error(format!("{}: {text}", path.display())))
    })
}

fn analyse(path: &Path, setup: &Setup, interrupted: &AtomicBool, sender: &SyncSender<Event>) -> Result<Analysed, Failure> {
    if interrupted.load(Ordering::Relaxed) {
        return Err(Failure::Interrupted);
    }
    let start = Instant::now();
    let here = |error: &dyn std::error::Error| Failure::Error(format!("{}: {error}", path.display()));
    let read_failure = |error: moodline_engine::decode::DecodeError| Failure::Error(error.to_string());
    let mut reader = AudioReader::open(path).map_err(read_failure)?;
    let classifier = Classifier::new(&setup.model, setup.backend).map_err(|error| here(&error))?;
    let backend = classifier.backend().to_string();
    let mut analyser =
        Analyser::new(&setup.model, classifier, reader.sample_rate(), setup.config).map_err(|error| here(&error))?;
    let n_bytes = path.metadata().map_or(0, |metadata| metadata.len());
    let (mut chunk, mut segments, mut n_packets, mut n_bytes_told) = (Vec::new(), Vec::new(), 0_u64, 0);
    while reader.read_mono(&mut chunk).map_err(read_failure)? {
        analyser.push(&chunk, &mut |segment| segments.push(segment)).map_err(|error| here(&error))?;
        n_packets += 1;
        if n_packets.is_multiple_of(PACKETS_A_MESSAGE) {
            if interrupted.load(Ordering::Relaxed) {
                return Err(Failure::Interrupted);
            }
            let share = reader.frames_promised().map_or(0.0, |promised| reader.frames_read() as f64 / promised.max(1) as f64);
            let n_bytes_read = (share.min(1.0) * n_bytes as f64) as u64;
            let _ = sender.send(Event::Read(n_bytes_read - n_bytes_told));
            n_bytes_told = n_bytes_read;
        }
    }
    analyser.finish(&mut |segment| segments.push(segment)).map_err(|error| here(&error))?;
    let _ = sender.send(Event::Read(n_bytes - n_bytes_told));
    let report = Report {
        file: path.to_string_lossy().into_owned(),
        sample_rate: reader.sample_rate(),
        n_channels: reader.channels(),
        duration_s: reader.frames_read() as f64 / f64::from(reader.sample_rate()),
        model_id: setup.model.id().to_owned(),
        model_fingerprint: setup.model.fingerprint().to_owned(),
        backend,
        segments,
    };
    let warnings = reader.warnings().iter().map(|warning| format!("{}: {warning}", path.display())).collect();
    Ok(Analysed { report, warnings, elapsed: start.elapsed() })
}
