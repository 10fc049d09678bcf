//! Timelines as text for a session.
//!
//! Base64 of a version byte and a deflated payload: for each of the two timelines, the number of entries and then one column
//! after another (kinds, starts, lengths, probabilities), since similar values next to each other compress well. Times are exact to the microsecond,
//! probabilities to 1 / 65535.
//!
//! A session may come from anywhere: nothing is trusted, and no more is read into memory than a full timeline needs.

mod columns;

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::{CAPACITY, Timeline, Timelines};
use columns::{LARGEST_ENTRY_BYTES, read_timeline, write_timeline};

/// Longest text of saved timelines, bytes.
pub const MAX_TEXT_BYTES: usize = 1 << 20;

/// The version this program writes, and the only one it reads.
const VERSION: u8 = 1;

/// Largest payload of two full timelines, bytes.
const MAX_PAYLOAD_BYTES: usize = 2 * (CAPACITY + 1) * LARGEST_ENTRY_BYTES;

/// Remaining eighths of a timeline after each reduction of a text that is too long.
const KEPT_EIGHTHS: usize = 7;

/// Why a text is not a saved timeline.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeTimelineError {
    /// Longer than any saved timeline.
    #[error("the saved timeline must have at most {expected} bytes of text, found {found}")]
    TooLong {
        /// [`MAX_TEXT_BYTES`].
        expected: usize,
        /// Its length.
        found: usize,
    },
    /// Not base64.
    #[error("the saved timeline must be base64: {reason}")]
    NotBase64 {
        /// The decoder's message.
        reason: String,
    },
    /// Written by another version of Moodline.
    #[error("the saved timeline must have version {expected}, found {}", found.map_or("nothing".to_owned(), |found| found.to_string()))]
    Version {
        /// The supported version.
        expected: u8,
        /// The version found, if any.
        found: Option<u8>,
    },
    /// The compressed data is damaged or truncated.
    #[error("the saved timeline cannot be decompressed: {reason}")]
    Compression {
        /// The decoder's message.
        reason: String,
    },
    /// It decompresses to more than a full timeline.
    #[error("the saved timeline must decompress to at most {expected} bytes")]
    TooLarge {
        /// The limit.
        expected: usize,
    },
    /// A column is truncated, or has a value that no timeline contains.
    #[error("the saved timeline is damaged: expected {expected}")]
    Content {
        /// What was expected.
        expected: &'static str,
    },
}

impl Timelines {
    /// The text that a session saves, at most [`MAX_TEXT_BYTES`].
    ///
    /// Two full timelines do not fit; their oldest entries are then thinned in the text, as described at [`CAPACITY`].
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = encode_whole(&self.host, &self.stream);
        let mut thinner = None;
        while text.len() > MAX_TEXT_BYTES {
            let Self { host, stream } = thinner.get_or_insert_with(|| self.clone());
            let larger = if host.entries.len() >= stream.entries.len() { host } else { stream };
            larger.thin_to(larger.entries.len() * KEPT_EIGHTHS / 8);
            text = thinner.as_ref().map_or(text, |thinner| encode_whole(&thinner.host, &thinner.stream));
        }
        text
    }

    /// Reads what [`Timelines::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeTimelineError`] for anything else.
    pub fn decode(text: &str) -> Result<Self, DecodeTimelineError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(DecodeTimelineError::TooLong { expected: MAX_TEXT_BYTES, found: text.len() });
        }
        let bytes = STANDARD.decode(text).map_err(|error| DecodeTimelineError::NotBase64 { reason: error.to_string() })?;
        let compressed = match bytes.split_first() {
            Some((&VERSION, compressed)) => compressed,
            other => return Err(DecodeTimelineError::Version { expected: VERSION, found: other.map(|(&version, _)| version) }),
        };
        let payload = inflate(compressed)?;
        let mut rest = payload.as_slice();
        let timelines = Self { host: read_timeline(&mut rest)?, stream: read_timeline(&mut rest)? };
        if rest.is_empty() { Ok(timelines) } else { Err(DecodeTimelineError::Content { expected: "nothing after the entries" }) }
    }
}

fn encode_whole(host: &Timeline, stream: &Timeline) -> String {
    let mut payload = Vec::new();
    write_timeline(host, &mut payload);
    write_timeline(stream, &mut payload);
    let mut encoder = DeflateEncoder::new(vec![VERSION], Compression::default());
    // INVARIANT: writing to memory does not fail.
    let bytes = encoder.write_all(&payload).and_then(|()| encoder.finish()).expect("memory takes every byte");
    STANDARD.encode(bytes)
}

fn inflate(compressed: &[u8]) -> Result<Vec<u8>, DecodeTimelineError> {
    let refused = |reason: String| DecodeTimelineError::Compression { reason };
    let mut payload = Vec::new();
    let mut decoder = DeflateDecoder::new(compressed);
    let mut limited = decoder.by_ref().take(MAX_PAYLOAD_BYTES as u64 + 1);
    limited.read_to_end(&mut payload).map_err(|error| refused(error.to_string()))?;
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(DecodeTimelineError::TooLarge { expected: MAX_PAYLOAD_BYTES });
    }
    if decoder.into_inner().is_empty() { Ok(payload) } else { Err(refused("something follows its end".to_owned())) }
}
