//! The status of the analysis, as shown by an editor.

use std::time::{Duration, Instant};

use crate::classifier::Backend;
use crate::segment::{Latency, Segment};
use crate::timeline::Clock;

/// Availability of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelState {
    /// Being loaded.
    Loading,
    /// Loaded.
    Ready {
        /// Its name.
        id: String,
        /// Its fingerprint, 64 hexadecimal digits.
        fingerprint: String,
    },
    /// Not available; the reason in one sentence.
    Failed(String),
}

/// Status of the analysis.
#[derive(Clone, Debug)]
pub struct Status {
    /// Availability of the model.
    pub model: ModelState,
    /// Backend that runs the network; none before the first run.
    pub backend: Option<Backend>,
    /// Why [`Auto`](crate::BackendChoice::Auto) did not choose ONNX Runtime, if it did not.
    pub fallback_reason: Option<String>,
    /// The latest segment; none after a gap, until there is a new one. Its times are on [`Monitor::clock`](super::Monitor::clock) or, while a
    /// followed host is stopped, counted from the beginning of the audio.
    pub latest: Option<Segment>,
    /// Its computing time.
    pub latency: Option<Latency>,
    /// Time since its end was heard.
    pub latest_age: Option<Duration>,
    /// Length of the current uninterrupted audio, seconds; none if there was none for [`Status::LISTENING`].
    pub listening_s: Option<f64>,
    /// Frames that were lost to overruns since the last reset.
    pub dropped_frames: u64,
    /// Rate of the current or last stream, Hz.
    pub sample_rate: Option<u32>,
    /// The problem, if there is one, in one sentence.
    pub problem: Option<String>,
}

impl Status {
    /// After this time without audio, no audio is being heard. Host buffers are much shorter.
    pub const LISTENING: Duration = Duration::from_secs(1);
}

/// Level of the audio that is analysed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Peak magnitude, falling slowly, dBFS, at least [`Level::FLOOR_DB`].
    pub peak_db: f32,
    /// Root mean square, dBFS (a full-scale square wave is 0), at least [`Level::FLOOR_DB`].
    pub rms_db: f32,
}

impl Level {
    /// Level of silence, dBFS.
    pub const FLOOR_DB: f32 = -120.0;

    /// No audio.
    pub const SILENCE: Self = Self { peak_db: Self::FLOOR_DB, rms_db: Self::FLOOR_DB };
}

/// The latest segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latest {
    pub(super) segment: Segment,
    pub(super) latency: Latency,
    /// When its end was heard.
    pub(super) heard: Instant,
}

/// The latest audio.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    /// Length of the run it belongs to, seconds.
    pub(super) run_s: f64,
    /// When it was taken.
    pub(super) at: Instant,
}

/// Status of the analysis, as known to the worker.
#[derive(Clone, Debug)]
pub(super) struct WorkerStatus {
    pub(super) clock: Clock,
    pub(super) backend: Option<Backend>,
    pub(super) fallback_reason: Option<String>,
    pub(super) latest: Option<Latest>,
    pub(super) heard: Option<Heard>,
    pub(super) dropped_frames: u64,
    pub(super) sample_rate: Option<u32>,
    pub(super) problem: Option<String>,
    pub(super) level: Level,
    pub(super) playhead: Option<f64>,
}

impl Default for WorkerStatus {
    fn default() -> Self {
        Self {
            clock: Clock::default(),
            backend: None,
            fallback_reason: None,
            latest: None,
            heard: None,
            dropped_frames: 0,
            sample_rate: None,
            problem: None,
            level: Level::SILENCE,
            playhead: None,
        }
    }
}

impl WorkerStatus {
    /// The status shown by an editor, including that of the `model`.
    pub(super) fn with_model(&self, model: ModelState) -> Status {
        Status {
            model,
            backend: self.backend,
            fallback_reason: self.fallback_reason.clone(),
            latest: self.latest.map(|latest| latest.segment),
            latency: self.latest.map(|latest| latest.latency),
            latest_age: self.latest.map(|latest| latest.heard.elapsed()),
            listening_s: self.heard.filter(|heard| heard.at.elapsed() < Status::LISTENING).map(|heard| heard.run_s),
            dropped_frames: self.dropped_frames,
            sample_rate: self.sample_rate,
            problem: self.problem.clone(),
        }
    }
}
