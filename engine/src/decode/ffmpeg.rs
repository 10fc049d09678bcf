//! An installed ffmpeg as the last resort for formats without a built-in decoder: it writes WAV into a pipe, which is read like any other.
//!
//! It may only open the given file, and no network address.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::bytes::Bytes;
use super::error::DecodeProblem;

/// Name of the program, searched for as the system does.
const PROGRAM: &str = "ffmpeg";

/// Samples that ffmpeg decodes from the audio track with number `track`, counted from 1, of the file at `path`.
///
/// # Errors
/// [`DecodeProblem::NoFfmpeg`] if it is not installed, or an error of the system.
pub(super) fn open(path: &Path, track: Option<usize>) -> Result<Bytes, DecodeProblem> {
    let mut url = std::ffi::OsString::from("file:");
    url.push(path);
    let child = Command::new(PROGRAM)
        .args(["-nostdin", "-v", "quiet", "-protocol_whitelist", "file,pipe", "-i"])
        .arg(url)
        .args(["-map", &format!("0:a:{}", track.unwrap_or(1).saturating_sub(1)), "-vn", "-sn", "-dn"])
        // Sound that begins after the picture is preceded by silence.
        .args(["-af", "aresample=first_pts=0", "-c:a", "pcm_f32le", "-f", "wav", "pipe:1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => DecodeProblem::NoFfmpeg,
        _ => DecodeProblem::Io(error),
    })?;
    // INVARIANT: a pipe was asked for above.
    let stdout = child.stdout.take().expect("standard output is a pipe");
    Ok(Bytes::of_pipe(Output { child, stdout }))
}

/// Output of the program, which is terminated when this is dropped.
struct Output {
    child: Child,
    stdout: ChildStdout,
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_read = self.stdout.read(buffer)?;
        if n_read == 0 && !buffer.is_empty() && !self.child.wait()?.success() {
            return Err(io::Error::other("ffmpeg cannot read it either"));
        }
        Ok(n_read)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // It may already have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
