//! What the commands say: results on standard output, everything else on standard error.
//!
//! Whoever reads may go away (`| head`, a closed terminal): a long training does not end because of that.

use std::fmt::Display;
use std::io::Write as _;
use std::path::PathBuf;

use moodline_engine::display::text::printable_lines;
use moodline_engine::files::{WriteError, is_reader_gone};

/// Writes results.
///
/// # Errors
/// [`WriteError`] when they are lost, as on a full disk; a closed pipe did not want them.
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
/// As [`print`].
pub(crate) fn print_line(text: impl Display) -> Result<(), WriteError> {
    print(format_args!("{text}\n"))
}

/// Tells the user something, in lines in which no name from outside controls the terminal. Nobody can be told when standard error is gone.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{}", printable_lines(&text.to_string()));
}
