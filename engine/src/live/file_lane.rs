//! The second lane: an audio file analysed alongside the live audio, on a thread of its own.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use moodline_core::VoiceProfile;
use parking_lot::Mutex;

use super::Settings;
use super::models::Models;
use super::signal::Signal;
use super::threads::{Threads, guarded};
use crate::export::Results;
use crate::file_analysis::{FileAnalysisError, FileProgress, analyse_file};
use crate::files::check_regular;
use crate::segment::Segment;
use crate::voices::profile_of;

/// Shortest time between two progress updates of a running analysis.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// State of the analysis of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// In progress.
    Running,
    /// Complete.
    Done,
    /// Failed; the reason in one sentence.
    Failed(String),
    /// Stopped by the user.
    Cancelled,
}

/// A file and its results so far. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FileLane {
    /// The file.
    pub path: Arc<Path>,
    /// Share of it that was read, 0..=1; stays 0 until the end if its header does not give its length.
    pub progress: f32,
    /// Audio that was read, seconds.
    pub duration_s: f64,
    /// Segments found so far.
    pub segments: Arc<[Segment]>,
    /// State of the analysis.
    pub state: FileState,
    /// The data for exports, once the file is [`FileState::Done`].
    pub results: Option<Arc<Results>>,
    /// The model's history of the voice in it; empty until it is [`FileState::Done`].
    pub voice: VoiceProfile,
    /// Problems of the file that did not make it useless, each in one sentence.
    pub warnings: Arc<[String]>,
}

impl FileLane {
    fn new(path: &Path) -> Self {
        Self {
            path: path.into(),
            progress: 0.0,
            duration_s: 0.0,
            segments: Arc::new([]),
            state: FileState::Running,
            results: None,
            voice: VoiceProfile::default(),
            warnings: Arc::new([]),
        }
    }
}

/// The lane and the threads that fill it.
#[derive(Default)]
pub(super) struct FileJobs {
    current: Arc<Mutex<Option<Current>>>,
    threads: Threads,
}

struct Current {
    lane: FileLane,
    cancelled: Arc<AtomicBool>,
}

impl FileJobs {
    /// Starts the analysis of `path`; that of the previous file is abandoned.
    pub(super) fn start(&self, path: PathBuf, settings: Settings, models: &Arc<Models>, signal: &Arc<Signal>) {
        let cancelled = Arc::new(AtomicBool::new(false));
        let lane = FileLane::new(&path);
        let before = self.current.lock().replace(Current { lane, cancelled: Arc::clone(&cancelled) });
        if let Some(before) = before {
            before.cancelled.store(true, Ordering::Relaxed);
        }
        let job = Job { path, settings, cancelled, current: Arc::clone(&self.current), signal: Arc::clone(signal) };
        let models = Arc::clone(models);
        if !self.threads.spawn("moodline-file", move || job.run(&models)) {
            self.cancel();
        }
        signal.changed();
    }

    pub(super) fn cancel(&self) {
        if let Some(current) = &mut *self.current.lock() {
            current.cancelled.store(true, Ordering::Relaxed);
            if current.lane.state == FileState::Running {
                current.lane.state = FileState::Cancelled;
            }
        }
    }

    pub(super) fn close(&self) {
        self.cancel();
        *self.current.lock() = None;
    }

    pub(super) fn lane(&self) -> Option<FileLane> {
        self.current.lock().as_ref().map(|current| current.lane.clone())
    }

    /// Starts no further analyses and waits until `deadline` for the running ones to stop.
    pub(super) fn shut_down(&self, deadline: Instant) {
        self.threads.close(deadline);
    }
}

/// The analysis of one file.
struct Job {
    path: PathBuf,
    settings: Settings,
    cancelled: Arc<AtomicBool>,
    current: Arc<Mutex<Option<Current>>>,
    signal: Arc<Signal>,
}

impl Job {
    fn run(&self, models: &Models) {
        let Some(model) = models.wait(|| !self.is_cancelled()) else { return };
        let mut told = Instant::now();
        let result = self.check().and(model).and_then(|model| {
            guarded(|| {
                let config = self.settings.analysis();
                let analysis = analyse_file(&self.path, &model, self.settings.backend, config, |progress| {
                    if told.elapsed() >= PROGRESS_EVERY {
                        self.show(progress);
                        told = Instant::now();
                    }
                    if self.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                })?;
                let correction = model.contract().voice.as_ref();
                let voice = correction.map(|correction| profile_of(&analysis.results.voices, correction));
                Ok((analysis, voice.unwrap_or_default()))
            })
        });
        match result {
            Err(sentence) => self.update(|lane| lane.state = FileState::Failed(sentence)),
            Ok(Err(FileAnalysisError::Stopped { .. })) => self.update(|lane| lane.state = FileState::Cancelled),
            Ok(Err(error)) => self.update(|lane| lane.state = FileState::Failed(error.to_string())),
            Ok(Ok((analysis, voice))) => self.update(|lane| {
                lane.voice = voice;
                lane.progress = 1.0;
                lane.duration_s = analysis.results.duration_s;
                lane.segments =
                    analysis.results.voices.first().map_or_else(Default::default, |voice| voice.segments.as_slice().into());
                lane.warnings = analysis.warnings.into();
                lane.results = Some(Arc::new(analysis.results));
                lane.state = FileState::Done;
            }),
        }
    }

    /// Refuses pipes and devices, which would never end. Files that cannot be inspected are left to the decoder, which reports the reason.
    fn check(&self) -> Result<(), String> {
        let checked = fs::metadata(&self.path).map_or(Ok(()), |metadata| check_regular(&metadata));
        checked.map_err(|error| format!("{}: {error}", self.path.display()))
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn show(&self, progress: FileProgress<'_>) {
        self.update(|lane| {
            lane.progress = progress.share as f32;
            lane.duration_s = progress.seconds;
            lane.segments = progress.segments.into();
        });
    }

    /// Changes the lane, unless it was cancelled or now belongs to another file.
    fn update(&self, change: impl FnOnce(&mut FileLane)) {
        let mut current = self.current.lock();
        let mine = current.as_mut().filter(|current| Arc::ptr_eq(&current.cancelled, &self.cancelled));
        if let Some(current) = mine.filter(|_| !self.is_cancelled()) {
            change(&mut current.lane);
        }
        drop(current);
        self.signal.changed();
    }
}
