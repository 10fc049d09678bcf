//! Where the audio comes from, as far as that decides what there is to wait for.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// What the editor waits for audio from.
#[derive(Clone, Debug, Default)]
pub enum Input {
    /// A track of a host.
    #[default]
    Track,
    /// A microphone.
    Microphone,
    /// Silence, because there is no microphone; whether there is one to choose.
    NoMicrophone {
        /// One that is not the system's own choice.
        is_any: bool,
    },
    /// A file that is played.
    File(PlayedFile),
}

/// A file that is played, as player and editor see it.
#[derive(Clone, Debug)]
pub struct PlayedFile {
    /// The file.
    pub path: Arc<Path>,
    /// Set while it is not to be played, because that would replace what was recorded.
    pub waits: Arc<AtomicBool>,
    /// Set once all of it was played.
    pub has_ended: Arc<AtomicBool>,
}

impl PlayedFile {
    /// The file at `path`, of which nothing was played.
    #[must_use]
    pub fn new(path: &Path, waits: bool) -> Self {
        Self { path: path.into(), waits: Arc::new(AtomicBool::new(waits)), has_ended: Arc::default() }
    }
}

impl Input {
    /// Whether there is a host, with a timeline of its own.
    pub(crate) const fn is_of_a_host(&self) -> bool {
        matches!(self, Self::Track)
    }

    /// Whether no audio will come any more.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self, Self::File(file) if file.has_ended.load(Ordering::Relaxed))
    }

    /// What to do while nothing is recorded.
    pub(crate) const fn when_empty(&self) -> &'static str {
        match self {
            Self::Track => "Nothing recorded yet.\nPlay speech through this track, or open an audio file.",
            Self::Microphone => "Nothing recorded yet.\nSpeak, or open an audio file.",
            Self::NoMicrophone { .. } => "Nothing recorded yet.\nOpen an audio file.",
            Self::File(_) => "Nothing recorded yet.",
        }
    }

    /// The file that waits until it may be played.
    pub(crate) fn waiting_file(&self) -> Option<&PlayedFile> {
        match self {
            Self::File(file) if file.waits.load(Ordering::Relaxed) => Some(file),
            _ => None,
        }
    }
}

/// The microphones to choose from, for a program that has no host which does.
#[derive(Clone, Debug, Default)]
pub struct Microphones {
    /// Their names.
    pub names: Vec<String>,
    /// The one to use from the next start on; none is the system's.
    pub chosen: Arc<Mutex<Option<String>>>,
}
