//! Regular files only.

use std::fs::{self, File, FileType, Metadata};
use std::io;
use std::path::Path;

/// Opens the file at `path` for reading, only if it is a regular file: opening a pipe waits until it is written to, a device may do anything, and
/// neither has an end.
///
/// # Errors
/// An error of the system, or [`io::ErrorKind::InvalidInput`] if it is not a file.
pub fn open_regular(path: &Path) -> io::Result<File> {
    check_regular(&fs::metadata(path)?)?;
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // It may have been replaced by a pipe since.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    }
    let file = options.open(path)?;
    check_regular(&file.metadata()?)?;
    Ok(file)
}

/// Refuses anything but a regular file.
///
/// # Errors
/// What was expected and found, of the kind [`io::ErrorKind::InvalidInput`].
pub fn check_regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let found = format!("expected a file, found {}", name(metadata.file_type()));
    Err(io::Error::new(io::ErrorKind::InvalidInput, found))
}

fn name(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    if kind.is_dir() { "a folder" } else { "something else" }
}
