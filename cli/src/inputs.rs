//! Which files are analysed.

use std::path::{Path, PathBuf};

use moodline_engine::decode::EXTENSIONS;
use walkdir::{DirEntry, WalkDir};

/// One recording to analyse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its path inside the folder the user named, or its name: what results in a folder are named after.
    pub(crate) name: PathBuf,
}

/// Replaces folders by the audio files in them, in the order of their names. Files are taken as they are: what is not audio is found out by
/// reading it. Returns the inputs, and a sentence for each path that gives none.
pub(crate) fn expand(paths: &[PathBuf]) -> (Vec<Input>, Vec<String>) {
    let (mut inputs, mut failures) = (Vec::new(), Vec::new());
    for path in paths {
        if !path.is_dir() {
            let name = path.file_name().map_or_else(|| path.clone(), PathBuf::from);
            inputs.push(Input { path: path.clone(), name });
            continue;
        }
        let n_before = inputs.len();
        for entry in WalkDir::new(path).follow_links(true).sort_by_file_name().into_iter().filter_entry(|entry| !is_hidden(entry))
        {
            match entry {
                Ok(entry) if entry.file_type().is_file() && is_audio_name(entry.path()) => {
                    // INVARIANT: an entry lies in the folder that is walked.
                    let name = entry.path().strip_prefix(path).expect("an entry of the folder").to_owned();
                    inputs.push(Input { path: entry.into_path(), name });
                }
                Ok(_) => {}
                Err(error) => failures.push(format!("{}: a part of the folder cannot be read: {error}", path.display())),
            }
        }
        if inputs.len() == n_before {
            let endings = EXTENSIONS.join(", ");
            failures.push(format!("{}: the folder holds no audio file (looked for names ending in {endings})", path.display()));
        }
    }
    (inputs, failures)
}

/// Other systems leave files like `._song.wav` that look like audio and are not.
fn is_hidden(entry: &DirEntry) -> bool {
    entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.')
}

fn is_audio_name(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}
