//! The audio source, as far as it determines what the editor is waiting for.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// The audio source of the editor.
#[derive(Clone, Debug, Default)]
pub enum Input {
    /// A track of a host.
    #[default]
    Track,
    /// A microphone.
    Microphone,
    /// Silence, because there is no microphone.
    NoMicrophone {
        /// There is one other than the system's default.
        is_any: bool,
    },
    /// A file that is played.
    File(PlayedFile),
}

/// A file that is played, as shared by player and editor.
#[derive(Clone, Debug)]
pub struct PlayedFile {
    /// The file.
    pub path: Arc<Path>,
    /// Set while it must not be played, because that would replace a recording.
    pub waits: Arc<AtomicBool>,
    /// Set once the whole file was played.
    pub has_ended: Arc<AtomicBool>,
}

impl PlayedFile {
    /// The file at `path`, not yet played.
    #[must_use]
    pub fn new(path: &Path, waits: bool) -> Self {
        Self { path: path.into(), waits: Arc::new(AtomicBool::new(waits)), has_ended: Arc::default() }
    }
}

impl Input {
    /// Whether the source is a host, with its own timeline.
    pub(crate) const fn is_of_a_host(&self) -> bool {
        matches!(self, Self::Track)
    }

    /// Whether no more audio will arrive.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self, Self::File(file) if file.has_ended.load(Ordering::Relaxed))
    }

    /// Hint shown while nothing is recorded.
    pub(crate) const fn when_empty(&self) -> &'static str {
        match self {
            Self::Track => "Nothing recorded yet.\nPlay speech through this track, or open an audio file.",
            Self::Microphone => "Nothing recorded yet.\nSpeak, or open an audio file.",
            Self::NoMicrophone { .. } => "Nothing recorded yet.\nOpen an audio file.",
            Self::File(_) => "Nothing recorded yet.",
        }
    }

    /// The file that is waiting for permission to be played.
    pub(crate) fn waiting_file(&self) -> Option<&PlayedFile> {
        match self {
            Self::File(file) if file.waits.load(Ordering::Relaxed) => Some(file),
            _ => None,
        }
    }
}

/// The available microphones, for a program without a host to choose one.
#[derive(Clone, Debug, Default)]
pub struct Microphones {
    /// Their names.
    pub names: Vec<String>,
    /// The one to use from the next start; `None` is the system's default.
    pub chosen: Arc<Mutex<Option<String>>>,
}
