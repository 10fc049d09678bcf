//! Files that appear complete or not at all.
//!
//! A reader, a crash or a full disk leaves either the old content or the new one.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::folder_of;
use super::resolved_path::behind_links;
use super::unfinished::Unfinished;

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{}: the results cannot be written there: {source}{}", path.display(), advice(path, source))]
pub struct WriteError {
    /// The file or folder, as the user named it.
    pub path: PathBuf,
    /// The error of the system.
    pub source: io::Error,
}

/// What to do about a folder that is not there, after the error of the system.
fn advice(path: &Path, source: &io::Error) -> String {
    let folder = folder_of(path);
    if source.kind() == ErrorKind::NotFound && !folder.exists() {
        format!("; there is no folder {}: make it first, or choose another", folder.display())
    } else {
        String::new()
    }
}

/// A file that takes its place only when it is complete.
pub struct AtomicFile {
    path: PathBuf,
    stage: Stage,
}

enum Stage {
    /// A temporary file beside the target, removed unless it is committed.
    Temporary(Temporary),
    /// A device or pipe, which must not be replaced.
    Direct(File),
}

struct Temporary {
    target: PathBuf,
    file: NamedTempFile,
    _listed: Unfinished,
}

impl AtomicFile {
    /// Starts a file that will be at `path`. A link remains: its target is replaced.
    ///
    /// # Errors
    /// [`WriteError`] when no file can be created there, or the existing one is read-only.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        let stage = if is_device(path) {
            File::options().write(true).open(path).map(Stage::Direct)
        } else {
            Temporary::beside(path).map(Stage::Temporary)
        };
        let stage = stage.map_err(|source| WriteError { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), stage })
    }

    /// Whether [`Self::create`] would succeed now, as far as can be determined without opening a pipe, which its reader would take for the results.
    ///
    /// # Errors
    /// [`WriteError`] when it would not.
    pub fn check(path: &Path) -> Result<(), WriteError> {
        if is_device(path) { Ok(()) } else { Self::create(path).map(drop) }
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    /// [`WriteError`], for example of a full disk.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let result = match &mut self.stage {
            // The inner file, because an error of the wrapper names the temporary file.
            Stage::Temporary(temporary) => temporary.file.as_file_mut().write_all(bytes),
            Stage::Direct(file) => file.write_all(bytes),
        };
        result.map_err(|source| WriteError { path: self.path.clone(), source })
    }

    /// Moves the file to its final place.
    ///
    /// # Errors
    /// [`WriteError`]; the previous content of that place is then unchanged.
    pub fn commit(self) -> Result<(), WriteError> {
        let result = match self.stage {
            Stage::Direct(mut file) => file.flush(),
            Stage::Temporary(temporary) => temporary.commit(),
        };
        result.map_err(|source| WriteError { path: self.path, source })
    }
}

/// Writes one complete file.
///
/// # Errors
/// [`WriteError`]; the previous content of `path` is then unchanged.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let mut file = AtomicFile::create(path)?;
    file.write(bytes)?;
    file.commit()
}

/// Whether `path` is something other than a file: a device, a pipe, a folder.
fn is_device(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file())
}

impl Temporary {
    fn beside(path: &Path) -> io::Result<Self> {
        let target = behind_links(path)?;
        let before = match target.metadata() {
            Ok(metadata) => Some(metadata.permissions()),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            // For example a name that is too long, which would otherwise be noticed only after the work.
            Err(error) => return Err(error),
        };
        // A rename requires only the folder's permission, but a read-only file is meant to be protected.
        if before.as_ref().is_some_and(fs::Permissions::readonly) {
            return Err(io::Error::new(ErrorKind::PermissionDenied, "the file there is read-only"));
        }
        let mut listed = None;
        let file = tempfile::Builder::new().prefix(".moodline-").make_in(folder_of(&target), |path| {
            let (unfinished, file) = Unfinished::create(path, |path| open_new(path, before.as_ref()))?;
            listed = Some(unfinished);
            Ok(file)
        })?;
        // INVARIANT: a file was created, so it is listed.
        let listed = listed.expect("a listed file");
        if let Some(before) = before {
            // The umask may have removed some; a file system may have no permissions.
            let _ = file.as_file().set_permissions(before);
        }
        Ok(Self { target, file, _listed: listed })
    }

    fn commit(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist(&self.target).map_err(|error| error.error)?;
        sync_folder(folder_of(&self.target))
    }
}

/// Creates a new file, as readable as the one it will replace, or else as the user's umask allows.
fn open_new(path: &Path, like: Option<&fs::Permissions>) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    if let Some(like) = like {
        use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
        options.mode(like.mode());
    }
    #[cfg(not(unix))]
    let _ = like;
    options.open(path)
}

/// Makes a rename durable by syncing its folder. A folder that may be written but not read cannot be synced.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder).map_or(Ok(()), |folder| folder.sync_all())
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
