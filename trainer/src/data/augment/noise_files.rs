//! Noise recordings: all audio files in the folders named by a configuration, in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use moodline_engine::decode::{DecodeError, EXTENSIONS};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

use crate::data::silence::read_sound;

/// A noise recording.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseRecording {
    /// Its file name.
    pub name: String,
    /// Mono, at the front end's rate; not silent.
    pub samples: Vec<f32>,
}

/// Why there is no noise to add.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoiseError {
    /// The folder cannot be read.
    #[error("augmentation: cannot read the folder of noises {folder}: {reason}")]
    Folder {
        /// Path as configured.
        folder: PathBuf,
        /// Message of the operating system.
        reason: String,
    },
    /// It contains nothing usable.
    #[error("augmentation: the folder of noises {folder} has no usable recording: expected audio files ({}) that are not silent", EXTENSIONS.join(", "))]
    Empty {
        /// Path as configured.
        folder: PathBuf,
    },
}

/// The recordings of each folder.
#[derive(Clone, Debug, Default)]
pub(super) struct NoiseFiles {
    folders: BTreeMap<PathBuf, Vec<Arc<NoiseRecording>>>,
}

impl NoiseFiles {
    /// Reads the folders on all threads of the pool. Files that cannot be decoded are left out and returned; silent ones are left out.
    pub(super) fn read<'a>(
        folders: impl Iterator<Item = &'a Path>,
        sample_rate: u32,
    ) -> Result<(Self, Vec<DecodeError>), NoiseError> {
        let (mut noises, mut problems) = (Self::default(), Vec::new());
        for folder in folders {
            if noises.folders.contains_key(folder) {
                continue;
            }
            let mut recordings = Vec::new();
            let outcomes: Vec<_> = files_of(folder)?.par_iter().map(|path| read(path, sample_rate)).collect();
            for outcome in outcomes {
                match outcome {
                    Ok(recording) => recordings.extend(recording.map(Arc::new)),
                    Err(problem) => problems.push(problem),
                }
            }
            if recordings.is_empty() {
                return Err(NoiseError::Empty { folder: folder.to_owned() });
            }
            noises.folders.insert(folder.to_owned(), recordings);
        }
        Ok((noises, problems))
    }

    /// The recordings of a folder, in the order of their paths.
    ///
    /// # Panics
    /// When the folder was not read.
    pub(super) fn of_folder(&self, folder: &Path) -> &[Arc<NoiseRecording>] {
        &self.folders[folder]
    }

    /// Adds the audio content of a folder to `hash`, but not its location.
    ///
    /// # Panics
    /// When the folder was not read.
    pub(super) fn update(&self, folder: &Path, hash: &mut Sha256) {
        let recordings = self.of_folder(folder);
        hash.update((recordings.len() as u64).to_le_bytes());
        for recording in recordings {
            hash.update((recording.samples.len() as u64).to_le_bytes());
            recording.samples.iter().for_each(|sample| hash.update(sample.to_le_bytes()));
        }
    }
}

/// The audio files of a folder and its subfolders in the order of their paths, without the AppleDouble files `._name` of macOS.
pub(crate) fn files_of(folder: &Path) -> Result<Vec<PathBuf>, NoiseError> {
    let mut files = Vec::new();
    for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
        let entry = entry.map_err(|error| NoiseError::Folder { folder: folder.to_owned(), reason: error.to_string() })?;
        let extension = entry.path().extension().map(|extension| extension.to_string_lossy().to_lowercase());
        let is_apple_double = entry.file_name().to_string_lossy().starts_with("._");
        if entry.file_type().is_file()
            && !is_apple_double
            && extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
        {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

fn read(path: &Path, sample_rate: u32) -> Result<Option<NoiseRecording>, DecodeError> {
    let name = || path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok(read_sound(path, sample_rate)?.map(|samples| NoiseRecording { name: name(), samples }))
}

#[cfg(test)]
mod tests {
    use super::super::signals::write_wav;
    use super::*;

    #[test]
    fn bad_files_are_listed_together_and_silent_ones_are_no_noise() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path();
        std::fs::create_dir(place.join("below")).unwrap();
        write_wav(&place.join("below").join("b.WAV"), &[0.5; 800]);
        write_wav(&place.join("a.wav"), &[-0.5; 1600]);
        write_wav(&place.join("silent.wav"), &[0.0; 1600]);
        std::fs::write(place.join("broken.flac"), b"no audio").unwrap();
        std::fs::write(place.join("empty.mp3"), b"").unwrap();
        std::fs::write(place.join("._a.wav"), b"\x00\x05\x16\x07").unwrap();
        std::fs::write(place.join("notes.txt"), b"no audio either").unwrap();
        let (noises, problems) = NoiseFiles::read([place, place].into_iter(), 16_000).unwrap();
        let names: Vec<&str> = noises.of_folder(place).iter().map(|recording| recording.name.as_str()).collect();
        assert_eq!(names, ["a.wav", "b.WAV"]);
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("broken.flac") && problems[1].contains("empty.mp3"), "{problems:?}");
    }

    #[test]
    fn a_folder_without_noise_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let error = NoiseFiles::read([folder.path()].into_iter(), 16_000).unwrap_err().to_string();
        assert!(error.contains("has no usable recording") && error.contains(&folder.path().display().to_string()), "{error}");
        let missing = folder.path().join("missing");
        let error = NoiseFiles::read([missing.as_path()].into_iter(), 16_000).unwrap_err().to_string();
        assert!(error.contains("cannot read the folder of noises") && error.contains("missing"), "{error}");
    }
}
