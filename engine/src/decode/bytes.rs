//! The bytes of a recording: a file, a pipe, or a part of one of them.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

/// Bytes that are read in order; a file also allows random access.
pub(super) struct Bytes {
    source: Source,
    /// First byte of the part within the source.
    start: u64,
    /// End of the part within the source; unknown for a pipe.
    end: Option<u64>,
    /// Position of the next byte within the source.
    position: u64,
    /// Bytes from `position` on that were peeked at and are still to be read.
    ahead: Vec<u8>,
}

enum Source {
    File(File),
    Pipe(Box<dyn Read + Send + Sync>),
}

impl Bytes {
    /// All of `file`. Anything but a regular file, such as a named pipe, is read as a pipe.
    ///
    /// # Errors
    /// An error of the system.
    pub(super) fn of_file(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(Self::of_pipe(file));
        }
        let end = Some(metadata.len());
        Ok(Self { source: Source::File(file), start: 0, end, position: 0, ahead: Vec::new() })
    }

    /// All data of a pipe.
    pub(super) fn of_pipe(pipe: impl Read + Send + Sync + 'static) -> Self {
        Self { source: Source::Pipe(Box::new(pipe)), start: 0, end: None, position: 0, ahead: Vec::new() }
    }

    /// Whether random access is possible.
    pub(super) const fn is_file(&self) -> bool {
        matches!(self.source, Source::File(_))
    }

    /// Position of the next byte, relative to the start of the part.
    pub(super) const fn position(&self) -> u64 {
        self.position - self.start
    }

    /// Number of bytes up to the end, if known.
    pub(super) fn n_left(&self) -> Option<u64> {
        self.end.map(|end| end.saturating_sub(self.position))
    }

    /// The next `n` bytes, or as many as there are, without reading them.
    ///
    /// # Errors
    /// An error of the system.
    pub(super) fn peek(&mut self, n: usize) -> io::Result<&[u8]> {
        let n_wanted = self.n_left().map_or(n, |left| n.min(usize::try_from(left).unwrap_or(n)));
        let n_ahead = self.ahead.len();
        if n_ahead < n_wanted {
            self.ahead.resize(n_wanted, 0);
            let mut n_filled = n_ahead;
            while n_filled < n_wanted {
                match self.source.read(&mut self.ahead[n_filled..]) {
                    Ok(0) => break,
                    Ok(n_read) => n_filled += n_read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        self.ahead.truncate(n_filled);
                        return Err(error);
                    }
                }
            }
            self.ahead.truncate(n_filled);
        }
        Ok(&self.ahead[..n_wanted.min(self.ahead.len())])
    }

    /// Goes to `position`, relative to the start of the part; a pipe only goes forwards. A position beyond the end is the end.
    ///
    /// # Errors
    /// An error of the system, and [`io::ErrorKind::Unsupported`] for a pipe that would have to go back.
    pub(super) fn go_to(&mut self, position: u64) -> io::Result<()> {
        let to = self.start.saturating_add(position);
        let to = self.end.map_or(to, |end| to.min(end));
        if to >= self.position && to - self.position <= self.ahead.len() as u64 {
            self.ahead.drain(..(to - self.position) as usize);
            self.position = to;
            return Ok(());
        }
        match &mut self.source {
            Source::File(file) => {
                file.seek(SeekFrom::Start(to))?;
                self.ahead.clear();
                self.position = to;
                Ok(())
            }
            Source::Pipe(_) if to >= self.position => {
                let n = to - self.position;
                io::copy(&mut self.take(n), &mut io::sink()).map(|_| ())
            }
            Source::Pipe(_) => Err(io::Error::new(io::ErrorKind::Unsupported, "a pipe cannot be read again")),
        }
    }

    /// Skips `n` bytes.
    ///
    /// # Errors
    /// An error of the system.
    pub(super) fn skip(&mut self, n: u64) -> io::Result<()> {
        self.go_to(self.position().saturating_add(n))
    }

    /// The part that begins here and has `len` bytes, or all that follow.
    pub(super) fn part(mut self, len: Option<u64>) -> Self {
        self.start = self.position;
        let end = len.map(|len| self.position.saturating_add(len));
        self.end = match (self.end, end) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self
    }

    /// Removes the last `n` bytes of a file and goes back to its start.
    ///
    /// # Errors
    /// An error of the system.
    pub(super) fn without_last(mut self, n: u64) -> io::Result<Self> {
        self.end = self.end.map(|end| end.saturating_sub(n).max(self.start));
        self.go_to(0)?;
        Ok(self)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// An error of the system, and [`io::ErrorKind::UnexpectedEof`].
    pub(super) fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut array = [0; N];
        self.read_exact(&mut array)?;
        Ok(array)
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Pipe(pipe) => pipe.read(buffer),
        }
    }
}

impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n_wanted = self.n_left().map_or(buffer.len(), |left| buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
        let n_read = if self.ahead.is_empty() {
            self.source.read(&mut buffer[..n_wanted])?
        } else {
            let n = n_wanted.min(self.ahead.len());
            buffer[..n].copy_from_slice(&self.ahead[..n]);
            self.ahead.drain(..n);
            n
        };
        self.position += n_read as u64;
        Ok(n_read)
    }
}

impl Seek for Bytes {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let end = || self.end.map(|end| end - self.start).ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported));
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => end()?.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position().checked_add_signed(offset),
        };
        self.go_to(target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?)?;
        Ok(self.position())
    }
}

impl MediaSource for Bytes {
    fn is_seekable(&self) -> bool {
        self.is_file()
    }

    fn byte_len(&self) -> Option<u64> {
        self.end.map(|end| end - self.start)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn file(bytes: &[u8]) -> Bytes {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        Bytes::of_file(file).unwrap()
    }

    #[test]
    fn looking_ahead_reads_nothing() {
        let all: Vec<u8> = (0..100).collect();
        for mut bytes in [file(&all), Bytes::of_pipe(io::Cursor::new(all.clone()))] {
            bytes.skip(3).unwrap();
            assert_eq!(bytes.peek(10).unwrap(), &all[3..13]);
            assert_eq!(bytes.peek(4).unwrap(), &all[3..7]);
            assert_eq!(bytes.position(), 3);
            bytes.skip(5).unwrap();
            assert_eq!(bytes.array().unwrap(), [8, 9]);
            assert_eq!(bytes.peek(1000).unwrap(), &all[10..]);
            let mut rest = Vec::new();
            bytes.read_to_end(&mut rest).unwrap();
            assert_eq!(rest, &all[10..]);
        }
    }

    #[test]
    fn a_part_has_its_own_positions_and_end() {
        let all: Vec<u8> = (0..100).collect();
        let mut bytes = file(&all);
        bytes.peek(50).unwrap();
        bytes.skip(10).unwrap();
        let mut part = bytes.part(Some(20)).without_last(5).unwrap();
        assert_eq!((part.position(), part.byte_len()), (0, Some(15)));
        assert_eq!(part.peek(100).unwrap(), &all[10..25]);
        assert_eq!(part.seek(SeekFrom::End(-2)).unwrap(), 13);
        let mut rest = Vec::new();
        part.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, [23, 24]);
        part.seek(SeekFrom::Start(1)).unwrap();
        assert_eq!(part.array().unwrap(), [11]);
    }

    #[test]
    fn a_pipe_goes_forwards_alone() {
        let mut bytes = Bytes::of_pipe(io::Cursor::new(vec![7; 1000]));
        bytes.skip(900).unwrap();
        assert_eq!(bytes.go_to(10).unwrap_err().kind(), io::ErrorKind::Unsupported);
        assert_eq!((bytes.is_seekable(), bytes.byte_len()), (false, None));
    }
}
