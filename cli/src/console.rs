//! Where the command writes its output.

use std::io::Write;

use moodline_engine::display::text::printable_lines;
use moodline_engine::files::{self, WriteError};

use crate::{DONE, FAILED};

/// The two streams of a command.
pub struct Streams<'a> {
    /// Results.
    pub stdout: &'a mut dyn Write,
    /// Everything else.
    pub stderr: &'a mut dyn Write,
    /// Whether stderr is a terminal, where a progress bar can be drawn.
    pub interactive: bool,
}

impl Streams<'_> {
    /// Writes results. A closed pipe (`| head`) or terminal is not a failure.
    pub(crate) fn print(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        files::print_bytes(self.stdout, bytes)
    }

    /// Writes part of an ongoing stream of results; returns whether it is still being read.
    pub(crate) fn offer(&mut self, text: &str) -> Result<bool, WriteError> {
        files::offer(self.stdout, text.as_bytes())
    }

    /// Writes results, or says why that failed. Returns the exit code.
    pub(crate) fn print_all(&mut self, text: &str) -> u8 {
        match self.print(text.as_bytes()) {
            Ok(()) => DONE,
            Err(error) => {
                self.note(&format!("moodline: {error}\n"));
                FAILED
            }
        }
    }

    /// Writes lines to stderr, with text from outside made safe for a terminal. Errors are ignored: there is nowhere left to report them.
    pub(crate) fn note(&mut self, text: &str) {
        let _ = self.stderr.write_all(printable_lines(text).as_bytes());
    }
}
