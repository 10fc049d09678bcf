//! The source of live audio.

use std::any::Any;
use std::sync::mpsc::SyncSender;

/// The format of the audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Hz.
    pub(super) sample_rate: u32,
    /// At least 1.
    pub(super) n_channels: usize,
}

/// Events of a feed.
#[cfg_attr(not(any(feature = "microphone", test)), expect(dead_code, reason = "only a microphone goes away"))]
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Heard {
    /// The feed is open; samples follow. Sent first, and again after it was lost.
    Opened {
        /// Its name.
        name: String,
        /// The format of its audio.
        layout: Layout,
    },
    /// Interleaved samples, all finite.
    Samples(Vec<f32>),
    /// Samples that were lost because the queue was full.
    Missed {
        /// Per channel.
        n_frames: u64,
    },
    /// It was lost for this reason and may come back: it must be opened again.
    Gone(String),
    /// No more audio follows.
    Ended {
        /// Problems that did not prevent analysis.
        warnings: Vec<String>,
        /// The problem that prevented analysis.
        problem: Option<String>,
    },
}

/// A microphone, or standard input.
pub(super) trait Feed {
    /// Starts sending audio, until the returned value is dropped. Does not wait for the first audio.
    ///
    /// # Errors
    /// Why it cannot be opened now, in one sentence.
    fn open(&mut self, sender: SyncSender<Heard>) -> Result<Box<dyn Any>, String>;
}
