//! Console output of the commands: results on standard output, everything else on standard error.
//!
//! The reader may go away (`| head`, a closed terminal) without ending a long training run.

use std::fmt::Display;
use std::io::Write as _;
use std::path::PathBuf;

use moodline_engine::display::text::printable_lines;
use moodline_engine::files::{WriteError, is_reader_gone};

/// Writes results.
///
/// # Errors
/// [`WriteError`] if they are lost, as on a full disk; a closed pipe is not an error.
pub(crate) fn print(text: impl Display) -> Result<(), WriteError> {
    let mut output = std::io::stdout().lock();
    match write!(output, "{text}").and_then(|()| output.flush()) {
        Err(source) if !is_reader_gone(&source) => Err(WriteError { path: PathBuf::from("standard output"), source }),
        _ => Ok(()),
    }
}

/// Writes a line of results.
///
/// # Errors
/// As in [`print`].
pub(crate) fn print_line(text: impl Display) -> Result<(), WriteError> {
    print(format_args!("{text}\n"))
}

/// Writes a message for the user, in lines in which names from outside cannot control the terminal. Lost if standard error is closed.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{}", printable_lines(&text.to_string()));
}
