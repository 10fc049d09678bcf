//! Files that appear complete or not at all, and files that are none.
//!
//! A reader, a crash or a full disk leaves either the old content or the new one.

mod regular;

use std::error::Error as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

pub use regular::{check_regular, open_regular};

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: the results cannot be written there: {}", path.display(), cause(source))]
pub struct WriteError {
    /// The file or folder.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

/// What the system says; an error of `tempfile` wraps that together with a name no user has ever seen.
fn cause(error: &io::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// A file that takes its place only when it is complete.
pub struct AtomicFile {
    path: PathBuf,
    stage: Stage,
}

enum Stage {
    /// A temporary file beside the target, removed unless it is committed.
    Temporary(NamedTempFile),
    /// A device or pipe, which must not be replaced.
    Direct(File),
}

impl AtomicFile {
    /// Starts a file that will be at `path`.
    ///
    /// # Errors
    /// [`WriteError`] when no file can be made there.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        let fail = |source| WriteError { path: path.to_owned(), source };
        // A link stays a link: what it points to is replaced.
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let stage = match target.metadata() {
            Ok(metadata) if !metadata.is_file() => Stage::Direct(File::options().write(true).open(&target).map_err(fail)?),
            _ => Stage::Temporary(temporary_beside(&target).map_err(fail)?),
        };
        Ok(Self { path: target, stage })
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    /// [`WriteError`], of a full disk for example.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let result = match &mut self.stage {
            Stage::Temporary(file) => file.write_all(bytes),
            Stage::Direct(file) => file.write_all(bytes),
        };
        result.map_err(|source| WriteError { path: self.path.clone(), source })
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// [`WriteError`]; what was in that place is then as it was.
    pub fn commit(self) -> Result<(), WriteError> {
        let result = match self.stage {
            Stage::Direct(mut file) => file.flush(),
            Stage::Temporary(file) => replace(&self.path, file),
        };
        result.map_err(|source| WriteError { path: self.path, source })
    }
}

/// Writes one complete file.
///
/// # Errors
/// [`WriteError`]; what was at `path` is then as it was.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let mut file = AtomicFile::create(path)?;
    file.write(bytes)?;
    file.commit()
}

/// The folder a file is in; `.` for a bare name.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn replace(path: &Path, file: NamedTempFile) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder_of(path))
}

/// A rename is on the disk only when its folder is. A folder that may be written but not read cannot be asked for that.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder).map_or(Ok(()), |folder| folder.sync_all())
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

fn temporary_beside(target: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".moodline-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // A temporary file is private by default; a result is as readable as the user's umask makes new files.
        let permissions = target.metadata().map_or_else(|_| fs::Permissions::from_mode(0o666), |metadata| metadata.permissions());
        builder.permissions(permissions);
    }
    builder.tempfile_in(folder_of(target))
}
