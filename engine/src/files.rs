//! The input and output files of a run, and checks that its outputs never harm its inputs.
//!
//! In: the paths named by a user, and the bytes of results. Out: files that appear complete or not at all ([`AtomicFile`]), or one sentence about why they
//! would destroy something, before the first byte is written ([`FilePlan`]); regular files opened, and nothing else. All programs write through this module.

mod atomic;
mod kind;
mod plan;
mod regular;
mod resolved_path;
#[cfg(test)]
mod tests;
mod unfinished;

use std::collections::HashMap;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

pub use atomic::{AtomicFile, WriteError, write_atomically};
pub use kind::FileKind;
pub use plan::{FilePlan, Refusal, Replace};
pub use regular::{check_regular, open_regular};
pub use unfinished::exit;

use resolved_path::FileId;

/// For each of `paths` the position of an earlier one that is the same file, however both are spelt; none if there is no such path or file.
#[must_use]
pub fn repeats(paths: &[PathBuf]) -> Vec<Option<usize>> {
    let mut known = HashMap::new();
    let file_ids = paths.iter().map(|path| FileId::of(path));
    file_ids.enumerate().map(|(index, id)| Some(*known.entry(id?).or_insert(index)).filter(|first| *first < index)).collect()
}

/// The folder a file is in; `.` for a bare name.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes results to `output`, which is standard output or a substitute. A closed pipe (`| head`) or terminal does not want them, which is
/// not an error.
///
/// # Errors
/// [`WriteError`] when they are lost, as on a full disk.
pub fn print(output: &mut (impl Write + ?Sized), results: impl fmt::Display) -> Result<(), WriteError> {
    unless_unwanted(write!(output, "{results}").and_then(|()| output.flush()))
}

/// [`print`] for results that need not be text.
///
/// # Errors
/// As [`print`].
pub fn print_bytes(output: &mut (impl Write + ?Sized), bytes: &[u8]) -> Result<(), WriteError> {
    offer(output, bytes).map(|_| ())
}

/// [`print_bytes`] for callers with more to print: returns whether the output is still being read.
///
/// # Errors
/// As [`print`].
pub fn offer(output: &mut (impl Write + ?Sized), bytes: &[u8]) -> Result<bool, WriteError> {
    let result = output.write_all(bytes).and_then(|()| output.flush());
    let is_read = result.is_ok();
    unless_unwanted(result).map(|()| is_read)
}

fn unless_unwanted(result: io::Result<()>) -> Result<(), WriteError> {
    match result {
        Err(source) if !is_reader_gone(&source) => Err(WriteError { path: PathBuf::from("standard output"), source }),
        _ => Ok(()),
    }
}

/// Whether `error`, from writing to standard output, only means that the pipe or the terminal was closed, as by `| head` once it has read enough.
#[must_use]
pub fn is_reader_gone(error: &io::Error) -> bool {
    // EIO, which is also a disk error.
    let is_closed_terminal = || cfg!(unix) && error.raw_os_error() == Some(5) && FileId::of_stream(&io::stdout()).is_none();
    error.kind() == ErrorKind::BrokenPipe || is_closed_terminal()
}
