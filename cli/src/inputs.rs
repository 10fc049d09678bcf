//! Which files are analysed.

use std::path::{Path, PathBuf};

use moodline_engine::decode::{EXTENSIONS, STANDARD_INPUT, UNREAD_EXTENSIONS};
use walkdir::{DirEntry, WalkDir};

/// One recording to analyse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    /// Its location.
    pub(crate) path: PathBuf,
    /// Its path inside the folder the user named, or its name; results in a folder are named after it.
    pub(crate) name: PathBuf,
}

/// The recordings that the given paths expand to.
#[derive(Default)]
pub(crate) struct Inputs {
    /// The recordings to analyse.
    pub(crate) inputs: Vec<Input>,
    /// One sentence per path that yields no recording.
    pub(crate) failures: Vec<String>,
    /// One sentence per folder with recordings that are skipped.
    pub(crate) warnings: Vec<String>,
}

/// Maximum number of skipped recordings named in one sentence.
const MOST_NAMES: usize = 5;

/// Replaces folders by the audio files in them, sorted by name. Files are taken as they are: reading them shows whether they are audio.
pub(crate) fn expand(paths: &[PathBuf]) -> Inputs {
    let Inputs { mut inputs, mut failures, mut warnings } = Inputs::default();
    for path in paths {
        if path.as_os_str() == STANDARD_INPUT {
            if inputs.iter().any(|input: &Input| input.path == *path) {
                failures.push(format!("{STANDARD_INPUT}: standard input can be read once, and was named twice"));
            } else {
                inputs.push(Input { path: path.clone(), name: PathBuf::from("stdin") });
            }
            continue;
        }
        if !path.is_dir() {
            let name = path.file_name().map_or_else(|| path.clone(), PathBuf::from);
            inputs.push(Input { path: path.clone(), name });
            continue;
        }
        let (n_before, mut unread) = (inputs.len(), Vec::new());
        for entry in WalkDir::new(path).follow_links(true).sort_by_file_name().into_iter().filter_entry(|entry| !is_hidden(entry))
        {
            match entry {
                Ok(entry) if entry.file_type().is_file() => {
                    // INVARIANT: an entry lies in the folder that is walked.
                    let name = entry.path().strip_prefix(path).expect("an entry of the folder").to_owned();
                    if ends_in(&name, &EXTENSIONS) {
                        inputs.push(Input { path: entry.into_path(), name });
                    } else if ends_in(&name, &UNREAD_EXTENSIONS) {
                        unread.push(name);
                    }
                }
                Ok(_) => {}
                Err(error) => failures.push(format!("{}: a part of the folder cannot be read: {error}", path.display())),
            }
        }
        if !unread.is_empty() {
            let names: Vec<String> = unread.iter().take(MOST_NAMES).map(|name| name.display().to_string()).collect();
            let more = if unread.len() > MOST_NAMES { " and others" } else { "" };
            let (path, n, names) = (path.display(), unread.len(), names.join(", "));
            warnings.push(format!("{path}: left out {n} of a kind that is not read: {names}{more}"));
        }
        if inputs.len() == n_before {
            let endings = EXTENSIONS.join(", ");
            failures.push(format!("{}: the folder holds no audio file (looked for names ending in {endings})", path.display()));
        }
    }
    Inputs { inputs, failures, warnings }
}

/// Other systems leave files such as `._song.wav` that look like audio but are not.
fn is_hidden(entry: &DirEntry) -> bool {
    entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.')
}

fn ends_in(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_some_and(|extension| extensions.contains(&extension.as_str()))
}
