//! Runs the command `moodline` in this process. The tests are in `main.rs`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::atomic::AtomicBool;

use moodline_cli::Streams;

/// The outcome of a run.
pub struct Outcome {
    /// The exit code.
    pub code: u8,
    /// Everything on standard output.
    pub stdout: String,
    /// Everything on stderr.
    pub stderr: String,
}

impl Outcome {
    /// The one line on stderr that reports a problem; there must be exactly one, and it must not repeat itself.
    pub fn sentence(&self) -> &str {
        let told: Vec<&str> = self.stderr.lines().filter(|line| line.starts_with("moodline: ")).collect();
        assert_eq!(told.len(), 1, "expected one sentence, found: {}", self.stderr);
        let sentence = told[0].strip_prefix("moodline: ").unwrap();
        let parts: Vec<&str> = sentence.split(": ").collect();
        let repeated = parts.iter().enumerate().find(|(index, part)| parts[..*index].contains(*part));
        assert_eq!(repeated, None, "said twice: {sentence}");
        sentence
    }
}

/// Runs `moodline` with the native backend, without interruption.
pub fn moodline<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> Outcome {
    let mut stdout = Vec::new();
    let (code, stderr) = moodline_into(arguments, &mut stdout, false);
    Outcome { code, stdout: String::from_utf8(stdout).unwrap(), stderr }
}

/// Runs `moodline` with standard output going to `stdout`; returns the exit code and the contents of stderr.
pub fn moodline_into<A: Into<OsString>>(
    arguments: impl IntoIterator<Item = A>,
    stdout: &mut dyn Write,
    interrupted: bool,
) -> (u8, String) {
    let arguments = std::iter::once(OsString::from("moodline")).chain(arguments.into_iter().map(Into::into));
    let mut stderr = Vec::new();
    let streams = Streams { stdout, stderr: &mut stderr, interactive: false };
    let code = moodline_cli::run(arguments, streams, &AtomicBool::new(interrupted));
    (code, String::from_utf8(stderr).unwrap())
}

/// A stream that always fails.
pub struct Failing(pub io::ErrorKind);

impl Write for Failing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(self.0.into())
    }
}
