//! Live analysis of a host's audio.
//!
//! In: buffers pushed into an [`AudioTap`] on the audio thread. Out: the data that an editor shows and a session saves, through a [`Monitor`]; a [`Control`]
//! takes requests. Everything between them happens on one worker thread per instance.

mod analysers;
mod control;
mod downmix;
mod file_lane;
mod learning;
mod meter;
mod models;
mod monitor;
mod pace;
mod publisher;
mod reader;
mod recorded;
mod recorder;
mod rhythm;
mod rounds;
mod shared;
mod signal;
mod status;
mod tap;
#[cfg(test)]
mod tests;
mod threads;
mod worker;

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam::channel::{Sender, unbounded};

use crate::analysis::{AnalysisConfig, Segmentation};
use crate::classifier::BackendChoice;
use crate::speech::GateConfig;
use publisher::Publisher;
use shared::Shared;
use worker::Worker;

pub use crate::source::Source;
pub use control::Control;
pub use file_lane::{FileLane, FileState};
pub use learning::{SavedLearning, SavedVoice, TrackVoice, VoiceMode};
pub use models::Asked;
pub use monitor::Monitor;
pub use reader::{Missing, Piece, StreamReader};
pub use status::{Level, ModelState, Status};
pub use tap::{AudioTap, MAX_RING_SAMPLES, RING_SECONDS};
pub use threads::stay_in_memory;

/// Properties of the audio to come, according to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamFormat {
    /// Frames per second, Hz.
    pub sample_rate: u32,
    /// The host renders faster or slower than real time and nothing may be lost: a full ring makes [`AudioTap::push`] sleep. This is the initial value;
    /// see [`AudioTap::set_offline`].
    pub offline: bool,
}

/// State of the host's transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Playing; the position of the buffer's first frame, in frames at the stream's rate. May be negative (pre-roll).
    Playing(i64),
    /// Stopped: audio is analysed for the live display and not recorded.
    Stopped,
    /// There is no transport, or it is not followed: audio is recorded on its own clock.
    None,
}

impl Transport {
    /// The state of the transport `n_frames` later.
    #[must_use]
    pub const fn after(self, n_frames: u64) -> Self {
        match self {
            Self::Playing(frame) => Self::Playing(frame.saturating_add_unsigned(n_frames)),
            Self::Stopped | Self::None => self,
        }
    }
}

/// Settings that a user can change while the analysis runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Length of a block, seconds.
    pub window_seconds: f64,
    /// Distance between the starts of two blocks, seconds.
    pub hop_seconds: f64,
    /// What an answer refers to: blocks, or phrases at most as long as a block.
    pub segmentation: Segmentation,
    /// Level below which no speech begins, dBFS; see [`GateConfig::level_db`].
    pub gate_level_db: f32,
    /// Backend that runs the network.
    pub backend: BackendChoice,
}

impl Default for Settings {
    fn default() -> Self {
        let gate_level_db = GateConfig::default().level_db;
        let segmentation = Segmentation::default();
        Self { window_seconds: 5.0, hop_seconds: 0.5, segmentation, gate_level_db, backend: BackendChoice::Auto }
    }
}

impl Settings {
    /// The analysis configuration for these settings.
    #[must_use]
    pub fn analysis(&self) -> AnalysisConfig {
        AnalysisConfig {
            window_seconds: self.window_seconds,
            hop_seconds: self.hop_seconds,
            segmentation: self.segmentation,
            gate: Some(GateConfig { level_db: self.gate_level_db }),
        }
    }
}

/// The analysis of one instance.
///
/// It owns a worker thread, which starts at the first [`Live::connect`] and ends when this is dropped, so a host that only scans a plugin
/// starts none. Dropping it waits for the worker, and briefly for threads that load a model or analyse a file, because their code may be unloaded right after.
/// A disk or a network may block those threads indefinitely; the library that contains this code then stays in memory.
pub struct Live {
    shared: Arc<Shared>,
    worker: Option<Connected>,
}

/// A worker and the channel through which it receives streams.
struct Connected {
    streams: Sender<StreamReader>,
    thread: JoinHandle<()>,
}

impl Live {
    /// Creates an analysis that has no thread yet. The worker reads `settings` before each look at the audio; `notify` is called, on any thread but the
    /// audio thread, when an editor has something new to show. Both should be fast.
    #[must_use]
    pub fn new(settings: impl Fn() -> Settings + Send + Sync + 'static, notify: impl Fn() + Send + Sync + 'static) -> Self {
        Self::with_models(settings, notify, Box::new(models::read))
    }

    fn with_models(
        settings: impl Fn() -> Settings + Send + Sync + 'static,
        notify: impl Fn() + Send + Sync + 'static,
        read_model: Box<models::Read>,
    ) -> Self {
        Self { shared: Arc::new(Shared::new(Box::new(settings), Box::new(notify), read_model)), worker: None }
    }

    /// Creates a tap for a new stream, which is processed after all streams before it; a stream ends when its tap is dropped. For the thread that
    /// sets the plugin up: it allocates, but never waits for the worker.
    pub fn connect(&mut self, format: StreamFormat) -> AudioTap {
        let (tap, reader) = AudioTap::new(format);
        self.take_up(reader);
        tap
    }

    /// Processes the stream of `reader` after all streams before it, as [`Live::connect`] does with the one it creates.
    pub fn take_up(&mut self, reader: StreamReader) {
        self.shared.models.need();
        if self.worker.is_none() {
            self.worker = Connected::start(&self.shared);
        }
        if let Some(worker) = &self.worker {
            // If the worker has ended, the reader is dropped, and the tap continues without one.
            let _ = worker.streams.send(reader);
            self.shared.signal.wake_worker();
        }
    }

    /// Access to the results.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor::new(Arc::clone(&self.shared))
    }

    /// Access to the controls.
    #[must_use]
    pub fn control(&self) -> Control {
        Control::new(Arc::clone(&self.shared))
    }
}

impl Connected {
    fn start(shared: &Arc<Shared>) -> Option<Self> {
        let (streams, incoming) = unbounded();
        let worker = Worker::new(Publisher::new(Arc::clone(shared)), incoming);
        match thread::Builder::new().name("moodline-worker".to_owned()).spawn(move || worker.run()) {
            Ok(thread) => {
                shared.signal.set_worker(Some(thread.thread().clone()));
                Some(Self { streams, thread })
            }
            Err(error) => {
                shared.post(|status| status.problem = Some(format!("the system gives no thread to analyse on: {error}")));
                None
            }
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.shared.close();
        if let Some(worker) = self.worker.take() {
            // A worker that panicked has ended too.
            let _ = worker.thread.join();
        }
        self.shared.signal.set_worker(None);
    }
}
