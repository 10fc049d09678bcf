//! Walks a folder of audio files whose names encode their labels.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use moodline_engine::decode::EXTENSIONS;
use walkdir::WalkDir;

use super::{CorpusError, Found, Recording};

/// Extensions of lossless file formats.
const LOSSLESS: [&str; 5] = ["wav", "flac", "aif", "aiff", "aifc"];

/// What a file name encodes.
pub(super) enum Parsed {
    /// A recording of the corpus.
    Recording { speaker: String, code: String, text: Option<String> },
    /// A recording left out on purpose, such as a song or a video.
    Other,
    /// Not a file name of this corpus; with the expected form.
    Unknown(&'static str),
}

/// The audio files under a folder.
#[derive(Debug, Default)]
pub(super) struct AudioFiles {
    /// Sorted by path.
    pub(super) paths: Vec<PathBuf>,
    /// Entries that could not be read, such as broken links; one sentence each.
    pub(super) problems: Vec<String>,
}

/// Every audio file under `root`. macOS archives contain an AppleDouble file `._name` beside each file; these are not audio.
pub(super) fn audio_files(root: &Path) -> Result<AudioFiles, CorpusError> {
    let mut files = AudioFiles::default();
    for entry in WalkDir::new(root).follow_links(true).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = error.path().unwrap_or(root).to_owned();
                let reason = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                let error = CorpusError::Unreadable { path: path.clone(), reason };
                if path == root {
                    return Err(error);
                }
                files.problems.push(error.to_string());
                continue;
            }
        };
        if entry.file_type().is_file()
            && has_ending(entry.path(), &EXTENSIONS)
            && !entry.file_name().to_string_lossy().starts_with("._")
        {
            if entry.path().to_str().is_some() {
                files.paths.push(entry.into_path());
            } else {
                let path = entry.path().display();
                files.problems.push(format!("{path}: its path is not Unicode text, which a manifest cannot hold; rename it"));
            }
        }
    }
    Ok(files)
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension().is_some_and(|found| endings.iter().any(|ending| found.eq_ignore_ascii_case(ending)))
}

/// Parses the labels from the name (without extension) of every audio file. A name identifies a recording: if several files share it, as in a release
/// that contains the same clips as WAV and MP3 or is nested in itself, one is taken, lossless before compressed, shorter path first.
pub(super) fn find(root: &Path, parse: impl Fn(&str) -> Parsed) -> Result<Found, CorpusError> {
    let AudioFiles { paths, problems } = audio_files(root)?;
    let mut found = Found { problems, ..Found::default() };
    let mut by_name: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in paths {
        let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        by_name.entry(stem).or_default().push(path);
    }
    for (stem, mut paths) in by_name {
        paths.sort_by_key(|path| (Reverse(has_ending(path, &LOSSLESS)), path.components().count(), path.clone()));
        let n_copies = paths.len() - 1;
        // INVARIANT: every name comes from at least one file.
        let path = paths.swap_remove(0);
        match parse(&stem) {
            Parsed::Recording { speaker, code, text } => {
                found.recordings.push(Recording { text, ..Recording::new(path, speaker, code) });
                found.n_copies += n_copies;
            }
            Parsed::Other => found.n_other += 1,
            Parsed::Unknown(expected) => {
                found.problems.push(format!("{}: expected a name like {expected}, found {stem}", path.display()));
            }
        }
    }
    found.recordings.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn put(root: &Path, names: &[&str]) {
        for name in names {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
    }

    #[test]
    fn a_recording_that_lies_there_twice_is_taken_once_and_without_loss() {
        let place = tempfile::tempdir().unwrap();
        put(
            place.path(),
            &[
                "AudioMP3/1001_DFA_ANG_XX.mp3",
                "AudioWAV/1001_DFA_ANG_XX.wav",
                "AudioWAV/1001_DFA_SAD_XX.wav",
                "CREMA-D/AudioWAV/1001_DFA_SAD_XX.wav",
                "AudioMP3/1002_DFA_SAD_XX.mp3",
            ],
        );
        let found = find(place.path(), super::super::crema_d::parse).unwrap();
        let names: Vec<_> = found.recordings.iter().map(|recording| recording.path.strip_prefix(place.path()).unwrap()).collect();
        let expected = ["AudioMP3/1002_DFA_SAD_XX.mp3", "AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1001_DFA_SAD_XX.wav"];
        assert_eq!(names, expected.map(Path::new));
        assert_eq!((found.n_copies, found.problems), (2, Vec::new()));
    }

    #[test]
    #[cfg(unix)]
    fn a_link_that_leads_nowhere_is_named_and_the_rest_is_read() {
        let place = tempfile::tempdir().unwrap();
        put(place.path(), &["1001_DFA_ANG_XX.oga"]);
        std::os::unix::fs::symlink("annex/absent", place.path().join("1001_DFA_SAD_XX.wav")).unwrap();
        let found = find(place.path(), super::super::crema_d::parse).unwrap();
        assert_eq!(found.recordings.len(), 1);
        assert!(
            found.problems.len() == 1 && found.problems[0].contains("1001_DFA_SAD_XX.wav: cannot be read: "),
            "{:?}",
            found.problems
        );
        assert!(matches!(find(&place.path().join("absent"), super::super::crema_d::parse), Err(CorpusError::Unreadable { .. })));
    }
}
