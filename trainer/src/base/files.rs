//! Writes files so that a reader never sees a partial one; errors include the path of the file.

use std::path::{Path, PathBuf};

use moodline_engine::files;
pub use moodline_engine::files::{AtomicFile, FilePlan, Refusal, Replace, WriteError, folder_of};

/// A file or folder that could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}: {source}")]
pub struct FileError {
    /// The attempted action: "write", "read", "create".
    pub action: &'static str,
    /// The path it was applied to.
    pub path: PathBuf,
    /// The error of the operating system.
    pub source: std::io::Error,
}

impl FileError {
    /// Adds action and path to an error of the operating system; for `map_err`.
    pub fn at(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }
}

/// Writes a file atomically: a temporary file in the same folder is written, flushed to disk and renamed to `path`.
///
/// After a crash or on a full disk, and for any reader, the content is thus either the old or the new one.
///
/// # Errors
/// [`FileError`] if the folder cannot be written or has no space left; `path` is then unchanged.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    Ok(files::write_atomically(path, bytes)?)
}

impl From<WriteError> for FileError {
    fn from(error: WriteError) -> Self {
        Self { action: "write", path: error.path, source: error.source }
    }
}

/// Creates a folder and its parents.
///
/// # Errors
/// [`FileError`] if this fails.
pub fn create_folder(path: &Path) -> Result<(), FileError> {
    std::fs::create_dir_all(path).map_err(FileError::at("create folder", path))
}

/// Reads a whole file.
///
/// # Errors
/// [`FileError`] if this fails.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    std::fs::read(path).map_err(FileError::at("read", path))
}

/// Reads a whole text file.
///
/// # Errors
/// [`FileError`] if this fails.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    std::fs::read_to_string(path).map_err(FileError::at("read", path))
}

/// The files directly in a folder; none if it cannot be read.
#[must_use]
pub fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect()
}
