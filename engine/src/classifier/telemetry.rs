//! Distinguishes an ONNX Runtime that sends telemetry over the network from one that cannot, before any of its code runs.
//!
//! Microsoft's builds for Linux and macOS have had a client for that since 1.29: it looks up its host some ten seconds after the start, and
//! the switch in the library's interface does not stop it. Builds for Windows have none; they report only to the system's own event
//! tracing. This file is also part of `xtask`, which must not depend on any crate of this workspace.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use memchr::memmem::Finder;

/// Strings found only in libraries with the client: its hosts, its collector, its variable to turn it off, and the classes of the client on which
/// it is based (Microsoft's 1DS SDK for C++), mangled as by the compilers for Linux and macOS and by that for Windows.
const MARKERS: [&str; 5] = [
    "events.data.microsoft.com",
    "/OneCollector/",
    "ORT_DISABLE_TELEMETRY",
    "Microsoft12Applications6Events",
    "@Events@Applications@Microsoft@",
];

/// Bytes read at once; they stay in the processor's cache while each marker is searched for.
const PIECE: usize = 256 * 1024;

/// The marker that shows that the library at `path` has a telemetry client; none if there is no such marker.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn client_in(path: &Path) -> io::Result<Option<&'static str>> {
    let finders = MARKERS.map(|marker| (marker, Finder::new(marker)));
    let overlap = MARKERS.iter().map(|marker| marker.len() - 1).max().unwrap_or(0);
    let mut file = File::open(path)?;
    let mut buffer = vec![0; overlap + PIECE];
    let mut kept = 0;
    loop {
        let n_read = file.read(&mut buffer[kept..])?;
        let piece = &buffer[..kept + n_read];
        if let Some((marker, _)) = finders.iter().find(|(_, finder)| finder.find(piece).is_some()) {
            return Ok(Some(marker));
        }
        if n_read == 0 {
            return Ok(None);
        }
        // A marker may span two pieces.
        let end = piece.len();
        kept = end.min(overlap);
        buffer.copy_within(end - kept..end, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A file with `marker` at `at`, surrounded by bytes that almost match markers.
    fn library(marker: &str, at: usize) -> tempfile::NamedTempFile {
        let mut bytes = b"https://events.data.microsoft.org/ _OneCollector_ ORT_ENABLE_TELEMETRY ".repeat(3 * PIECE / 71);
        bytes[at..at + marker.len()].copy_from_slice(marker.as_bytes());
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn a_client_is_found_by_any_of_its_markers_wherever_it_lies() {
        assert_eq!(client_in(library("", 0).path()).unwrap(), None);
        for marker in MARKERS {
            for at in [0, 1000, PIECE - 1, PIECE, PIECE + 10, 2 * PIECE] {
                assert_eq!(client_in(library(marker, at).path()).unwrap(), Some(marker), "at {at}");
            }
        }
    }

    #[test]
    fn a_marker_across_two_reads_is_found() {
        for at in PIECE - 40..PIECE + 40 {
            assert_eq!(client_in(library(MARKERS[0], at).path()).unwrap(), Some(MARKERS[0]), "at {at}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error() {
        assert!(client_in(Path::new("no-such-library")).is_err());
    }
}
