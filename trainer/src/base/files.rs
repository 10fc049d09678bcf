//! Writing files so that a reader never sees half of one, and errors that name the file.

use std::path::{Path, PathBuf};

use moodline_engine::files;
pub use moodline_engine::files::{AtomicFile, FilePlan, Refusal, Replace, WriteError, folder_of};

/// A file or folder that could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}: {source}")]
pub struct FileError {
    /// What was tried: "write", "read", "create".
    pub action: &'static str,
    /// On what.
    pub path: PathBuf,
    /// What the system says.
    pub source: std::io::Error,
}

impl FileError {
    /// Puts action and path around what the system says; for `map_err`.
    pub fn at(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }
}

/// Writes a whole file or nothing: a temporary file in the same folder is written, flushed to the disk and renamed over `path`.
///
/// A reader, a crash or a full disk thus leaves either the old content or the new one.
///
/// # Errors
/// [`FileError`] when the folder cannot be written or has no room; `path` is then as it was.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    Ok(files::write_atomically(path, bytes)?)
}

impl From<WriteError> for FileError {
    fn from(error: WriteError) -> Self {
        Self { action: "write", path: error.path, source: error.source }
    }
}

/// Creates a folder and those above it.
///
/// # Errors
/// [`FileError`] when that cannot be done.
pub fn create_folder(path: &Path) -> Result<(), FileError> {
    std::fs::create_dir_all(path).map_err(FileError::at("create folder", path))
}

/// Reads a whole file.
///
/// # Errors
/// [`FileError`] when that cannot be done.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    std::fs::read(path).map_err(FileError::at("read", path))
}

/// Reads a whole text file.
///
/// # Errors
/// [`FileError`] when that cannot be done.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    std::fs::read_to_string(path).map_err(FileError::at("read", path))
}

/// The files directly in a folder; none where it cannot be read.
#[must_use]
pub fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect()
}
