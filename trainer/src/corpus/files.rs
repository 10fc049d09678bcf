//! Walking a folder of audio files whose names carry their labels.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{CorpusError, Found, Recording};

/// Endings of audio files the project can read.
const AUDIO: [&str; 8] = ["wav", "flac", "mp3", "ogg", "m4a", "aac", "aif", "aiff"];

/// What the name of a file says.
pub(super) enum Parsed {
    /// A recording of the corpus.
    Recording { speaker: String, code: String, text: Option<String> },
    /// One the corpus has beside speech, left out on purpose.
    Other,
    /// No name of this corpus; what one looks like.
    Unknown(&'static str),
}

/// Every audio file under `root`, by path. macOS archives have an AppleDouble file `._name` beside each file; those are no audio.
pub(super) fn audio_files(root: &Path) -> Result<Vec<PathBuf>, CorpusError> {
    let mut paths = Vec::new();
    for entry in WalkDir::new(root).follow_links(true).sort_by_file_name() {
        let entry = entry.map_err(|error| CorpusError::Unreadable {
            path: error.path().unwrap_or(root).to_owned(),
            reason: error.io_error().map_or_else(|| error.to_string(), ToString::to_string),
        })?;
        let is_audio = entry.path().extension().is_some_and(|found| AUDIO.iter().any(|audio| found.eq_ignore_ascii_case(audio)));
        if entry.file_type().is_file() && is_audio && !entry.file_name().to_string_lossy().starts_with("._") {
            paths.push(entry.into_path());
        }
    }
    Ok(paths)
}

/// Reads the labels off the name (without its ending) of every audio file.
pub(super) fn find(root: &Path, parse: impl Fn(&str) -> Parsed) -> Result<Found, CorpusError> {
    let mut found = Found::default();
    for path in audio_files(root)? {
        let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        match parse(&stem) {
            Parsed::Recording { speaker, code, text } => {
                found.recordings.push(Recording { path, speaker, code, session: None, part: None, text });
            }
            Parsed::Other => found.n_other += 1,
            Parsed::Unknown(expected) => {
                found.problems.push(format!("{}: expected a name like {expected}, found {stem}", path.display()));
            }
        }
    }
    Ok(found)
}
