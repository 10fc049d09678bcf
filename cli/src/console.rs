//! Where the command writes.

use std::io::Write;

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
    pub(crate) fn print(&mut self, text: &str) -> Result<(), WriteError> {
        files::print(self.stdout, text)
    }

    /// Writes results, or says why that failed. Returns the exit code.
    pub(crate) fn print_all(&mut self, text: &str) -> u8 {
        match self.print(text) {
            Ok(()) => DONE,
            Err(error) => {
                self.note(&format!("moodline: {error}\n"));
                FAILED
            }
        }
    }

    /// Tells the user something. Nobody can be told when stderr is gone.
    pub(crate) fn note(&mut self, text: &str) {
        let _ = self.stderr.write_all(text.as_bytes());
    }
}
