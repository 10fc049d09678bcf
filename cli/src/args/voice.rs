//! The arguments of `moodline voice`, and `--voice`.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use moodline_engine::voice::EXTENSION;

#[derive(Subcommand)]
pub(crate) enum VoiceCommand {
    Learn(LearnArguments),
}

/// Learn a voice from recordings of it
///
/// A model is biased towards one emotion in one voice and towards another in the next. Recordings in which the voice speaks in several moods reveal this
/// bias, and `moodline analyze --voice anna.voice` corrects it. Ten sentences are enough; nothing is learnt from a single mood, and the file says so. A voice
/// cannot be reconstructed from the file, which holds six sums over the model's answers.
#[derive(Args)]
pub(crate) struct LearnArguments {
    /// Audio files and folders that contain only this voice
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// The file to write, ending in .voice
    #[arg(long, value_name = "FILE", value_parser = voice_file)]
    pub(crate) out: PathBuf,

    /// Model file to use instead of the one built in
    #[arg(long, value_name = "FILE")]
    pub(crate) model: Option<PathBuf>,

    /// Allow the output to replace another file that is worth keeping
    #[arg(long)]
    pub(crate) force: bool,
}

/// Whose voice the answers are corrected for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VoiceArgument {
    None,
    File,
    Channel,
    Kept(PathBuf),
}

impl VoiceArgument {
    /// The voice file to read, if any.
    pub(crate) fn file(&self) -> Option<&PathBuf> {
        if let Self::Kept(path) = self { Some(path) } else { None }
    }
}

pub(super) fn voice(text: &str) -> Result<VoiceArgument, String> {
    match text {
        "none" => Ok(VoiceArgument::None),
        "file" => Ok(VoiceArgument::File),
        "channel" => Ok(VoiceArgument::Channel),
        path => voice_file(path)
            .map(VoiceArgument::Kept)
            .map_err(|_| "expected none, file, channel or a file ending in .voice".to_owned()),
    }
}

fn voice_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.extension() == Some(OsStr::new(EXTENSION)) { Ok(path) } else { Err("expected a file ending in .voice".to_owned()) }
}
