//! Where the audio comes from that is listened to.

use std::any::Any;
use std::sync::mpsc::SyncSender;

/// What comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Hz.
    pub(super) sample_rate: u32,
    /// At least 1.
    pub(super) n_channels: usize,
}

/// What happens at a feed.
#[cfg_attr(not(any(feature = "microphone", test)), expect(dead_code, reason = "only a microphone goes away"))]
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Heard {
    /// It is there; samples follow. First of all, and again after it was gone.
    Opened {
        /// What it is called.
        name: String,
        /// What comes.
        layout: Layout,
    },
    /// Interleaved samples, all finite.
    Samples(Vec<f32>),
    /// Samples that nobody could take in time.
    Missed {
        /// Of each channel.
        n_frames: u64,
    },
    /// It went away for this reason, and may come back: it is to be opened again.
    Gone(String),
    /// There is no more to come.
    Ended {
        /// What was wrong without making it useless.
        warnings: Vec<String>,
        /// What made it useless.
        problem: Option<String>,
    },
}

/// A microphone, or standard input.
pub(super) trait Feed {
    /// Begins to send what is heard, until what is returned is dropped. Does not wait for anything to be heard.
    ///
    /// # Errors
    /// Why it cannot be opened now, in one sentence.
    fn open(&mut self, sender: SyncSender<Heard>) -> Result<Box<dyn Any>, String>;
}
