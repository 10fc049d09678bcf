//! Live analysis of a host's audio.
//!
//! In: buffers pushed into an [`AudioTap`] on the audio thread. Out: what an editor shows and a session saves, through a [`Monitor`]; a [`Control`] asks for more. Everything
//! between the two happens on one worker thread an instance.

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

/// What the host says about the audio to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamFormat {
    /// Frames a second, Hz.
    pub sample_rate: u32,
    /// The host renders faster or slower than real time and wants nothing lost: a full ring makes [`AudioTap::push`] sleep. So the stream begins;
    /// see [`AudioTap::set_offline`].
    pub offline: bool,
}

/// Where the host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// It plays; the position of the buffer's first frame, in frames at the stream's rate. May be negative (pre-roll).
    Playing(i64),
    /// It stands still: audio is analysed for the live reading and not recorded.
    Stopped,
    /// There is none, or it is not followed: audio is recorded on its own clock.
    None,
}

impl Transport {
    /// Where the host is `n_frames` later.
    #[must_use]
    pub const fn after(self, n_frames: u64) -> Self {
        match self {
            Self::Playing(frame) => Self::Playing(frame.saturating_add_unsigned(n_frames)),
            Self::Stopped | Self::None => self,
        }
    }
}

/// What a user can set while the analysis runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Length of a block, seconds.
    pub window_seconds: f64,
    /// Distance between the starts of two blocks, seconds.
    pub hop_seconds: f64,
    /// What an answer is about: blocks, or phrases at most as long as a block.
    pub segmentation: Segmentation,
    /// Level below which no speech begins, dBFS; see [`GateConfig::level_db`].
    pub gate_level_db: f32,
    /// What runs the network.
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
    /// The analysis these settings ask for.
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
/// It owns a worker thread, which starts at the first [`Live::connect`] and ends when this is dropped; so a host that only looks a plugin over
/// starts none. Dropping it waits for the worker, and briefly for whatever loads a model or analyses a file: the code they run may be gone right after.
/// A disk or a network may keep those for ever, so then the library that this code is part of stays in memory for them.
pub struct Live {
    shared: Arc<Shared>,
    worker: Option<Connected>,
}

/// A worker and the way to hand it streams.
struct Connected {
    streams: Sender<StreamReader>,
    thread: JoinHandle<()>,
}

impl Live {
    /// An analysis that has no thread yet. `settings` is read by the worker before each look at the audio; `notify` is called, on any thread but the
    /// audio thread, when an editor has something new to show. Both should be quick.
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

    /// A tap for a new stream, which is taken up after all streams before it; a stream ends when its tap is dropped. For the thread that
    /// sets the plugin up: it allocates, but never waits for the worker.
    pub fn connect(&mut self, format: StreamFormat) -> AudioTap {
        let (tap, reader) = AudioTap::new(format);
        self.take_up(reader);
        tap
    }

    /// Takes up the stream behind `reader`, after all streams before it, as [`Live::connect`] does with the one it makes.
    pub fn take_up(&mut self, reader: StreamReader) {
        self.shared.models.need();
        if self.worker.is_none() {
            self.worker = Connected::start(&self.shared);
        }
        if let Some(worker) = &self.worker {
            // A worker that is gone drops the reader, and the tap goes on for nobody.
            let _ = worker.streams.send(reader);
            self.shared.signal.wake_worker();
        }
    }

    /// The other end: what was found.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor::new(Arc::clone(&self.shared))
    }

    /// What can be asked for.
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
