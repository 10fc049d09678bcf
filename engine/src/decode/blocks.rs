//! Audio in blocks of constant length, PCM and ADPCM, which can be located without a container: WAV and its relatives, AIFF and CAF are
//! read here, after a header of their own.
//!
//! Headers may be wrong. The length they give for the audio is a claim; the content of the file decides ([`Span::of`]).

use std::io::Read as _;

use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, well_known as codec};
use symphonia::core::errors::{Result, SeekErrorKind, seek_error};
use symphonia::core::formats::prelude::*;
use symphonia::core::formats::well_known::FORMAT_ID_WAVE;
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::{Metadata, MetadataLog};

use super::bytes::Bytes;

/// A packet has as many blocks as fit into this many bytes, but at least one.
const PACKET_BYTES: u64 = 32 * 1024;

const FORMAT: FormatInfo = FormatInfo { format: FORMAT_ID_WAVE, short_name: "blocks", long_name: "blocks of one length" };

/// How samples are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coding {
    pub(super) codec: AudioCodecId,
    /// Samples per channel in a block.
    pub(super) frames_per_block: u64,
    /// Length of a block, bytes.
    pub(super) block_bytes: u64,
}

/// PCM and similar encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pcm {
    Unsigned,
    Signed,
    Float,
}

impl Coding {
    /// Interleaved samples of `n_bytes` each; `None` for a width that does not occur.
    pub(super) fn pcm(kind: Pcm, n_bytes: u64, big_endian: bool, n_channels: u16) -> Option<Self> {
        let codec = match (kind, n_bytes, big_endian) {
            (Pcm::Unsigned, 1, _) => codec::CODEC_ID_PCM_U8,
            (Pcm::Signed, 1, _) => codec::CODEC_ID_PCM_S8,
            (Pcm::Signed, 2, false) => codec::CODEC_ID_PCM_S16LE,
            (Pcm::Signed, 2, true) => codec::CODEC_ID_PCM_S16BE,
            (Pcm::Signed, 3, false) => codec::CODEC_ID_PCM_S24LE,
            (Pcm::Signed, 3, true) => codec::CODEC_ID_PCM_S24BE,
            (Pcm::Signed, 4, false) => codec::CODEC_ID_PCM_S32LE,
            (Pcm::Signed, 4, true) => codec::CODEC_ID_PCM_S32BE,
            (Pcm::Float, 4, false) => codec::CODEC_ID_PCM_F32LE,
            (Pcm::Float, 4, true) => codec::CODEC_ID_PCM_F32BE,
            (Pcm::Float, 8, false) => codec::CODEC_ID_PCM_F64LE,
            (Pcm::Float, 8, true) => codec::CODEC_ID_PCM_F64BE,
            _ => return None,
        };
        Some(Self { codec, frames_per_block: 1, block_bytes: n_bytes * u64::from(n_channels) })
    }

    /// One byte per sample, in the logarithmic encodings of telephony.
    pub(super) fn companded(codec: AudioCodecId, n_channels: u16) -> Self {
        Self { codec, frames_per_block: 1, block_bytes: u64::from(n_channels) }
    }

    /// QuickTime's ADPCM: 34 bytes per channel for 64 samples.
    pub(super) fn ima4(n_channels: u16) -> Self {
        Self { codec: codec::CODEC_ID_ADPCM_IMA_QT, frames_per_block: 64, block_bytes: 34 * u64::from(n_channels) }
    }
}

/// Position of the audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Its first byte.
    pub(super) start: u64,
    /// Its length, bytes; up to the end if unknown.
    pub(super) len: Option<u64>,
    /// Length claimed by the header if the file is shorter, bytes.
    pub(super) promised: Option<u64>,
    /// Bytes after it that the header does not account for.
    pub(super) n_unread: u64,
}

impl Span {
    /// The audio that begins at the position of `bytes` and is `claimed` bytes long according to its header (`None`: up to the end).
    ///
    /// A recorder that loses power leaves a length of 0; programs that write to a pipe give an impossibly large length, or almost 2 or 4 GiB; and 32-bit
    /// lengths wrap around at 4 GiB. `is_chunk` tells whether the next chunk follows: then the header is right.
    ///
    /// # Errors
    /// An error of the system.
    pub(super) fn of(
        bytes: &mut Bytes,
        claimed: Option<u64>,
        is_32_bits: bool,
        is_chunk: impl Fn(&[u8], u64) -> bool,
    ) -> std::io::Result<Self> {
        let start = bytes.position();
        let left = bytes.n_left();
        let whole = Self { start, len: left, promised: None, n_unread: 0 };
        let exactly = |len| Self { len: Some(len), ..whole };
        let Some(claimed) = claimed else { return Ok(whole) };
        if claimed == 0 {
            let head = bytes.peek(CHUNK_HEADER)?;
            let n_left = left.unwrap_or(u64::MAX);
            return Ok(if head.is_empty() || is_chunk(head, n_left) { exactly(0) } else { whole });
        }
        let is_unknown = means_unknown(claimed, is_32_bits);
        let Some(left) = left else { return Ok(if is_unknown { whole } else { exactly(claimed) }) };
        if claimed >= left {
            return Ok(if is_unknown { whole } else { Self { promised: Some(claimed), ..whole } });
        }
        let mut follows = |len: u64| -> std::io::Result<bool> {
            bytes.go_to(start.saturating_add(len))?;
            let n_left = bytes.n_left().unwrap_or(0);
            let head = bytes.peek(CHUNK_HEADER + 1)?;
            // A byte that makes the length even may be missing.
            Ok(n_left < 2 || is_chunk(head, n_left) || is_chunk(head.get(1..).unwrap_or_default(), n_left - 1))
        };
        let span = if follows(claimed)? {
            exactly(claimed)
        } else if is_unknown {
            whole
        } else if is_32_bits && left > WRAP {
            exactly(claimed + (left - claimed) / WRAP * WRAP)
        } else {
            Self { n_unread: left - claimed, ..exactly(claimed) }
        };
        bytes.go_to(start)?;
        Ok(span)
    }
}

/// Where 32-bit lengths wrap around.
const WRAP: u64 = 1 << 32;
/// Number of bytes that [`Span::of`] passes to `is_chunk`.
pub(super) const CHUNK_HEADER: usize = 24;

/// Lengths written by programs that cannot go back to the header, such as ffmpeg, sox and arecord, minus the data around the audio.
fn means_unknown(claimed: u64, is_32_bits: bool) -> bool {
    const AROUND: u64 = 0x1_0000;
    if is_32_bits {
        let near = |limit: u64| claimed.abs_diff(limit) < AROUND;
        near(WRAP) || near(WRAP / 2)
    } else {
        claimed > i64::MAX as u64 - AROUND
    }
}

/// The information in a header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waveform {
    pub(super) coding: Coding,
    pub(super) sample_rate: u32,
    pub(super) n_channels: u16,
    pub(super) span: Span,
}

impl Waveform {
    /// Duration of the unread audio after it, seconds.
    pub(super) fn unread_seconds(&self) -> f64 {
        self.n_frames(self.span.n_unread) as f64 / f64::from(self.sample_rate.max(1))
    }

    const fn n_frames(&self, n_bytes: u64) -> u64 {
        n_bytes / self.coding.block_bytes * self.coding.frames_per_block
    }
}

/// Cuts blocks into packets. A pipe may carry live speech: its data is passed on as it arrives.
pub(super) struct BlockReader {
    bytes: Bytes,
    tracks: [Track; 1],
    media_info: MediaInfo,
    metadata: MetadataLog,
    coding: Coding,
    blocks_per_packet: u64,
    /// Number of bytes left.
    n_left: Option<u64>,
    timestamp: i64,
}

impl BlockReader {
    /// Reads the audio that `waveform` found in `bytes`.
    ///
    /// # Errors
    /// An error of the system. `waveform` has at least one channel.
    pub(super) fn new(mut bytes: Bytes, waveform: &Waveform) -> std::io::Result<Self> {
        let Waveform { coding, sample_rate, n_channels, span } = *waveform;
        bytes.go_to(span.start)?;
        let blocks_per_packet = (PACKET_BYTES / coding.block_bytes).max(1);
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(coding.codec)
            .with_sample_rate(sample_rate)
            .with_channels(Channels::Discrete(n_channels))
            .with_frames_per_block(coding.frames_per_block)
            .with_max_frames_per_packet(coding.frames_per_block * blocks_per_packet);
        let mut track = Track::new(0);
        track.with_codec_params(CodecParameters::Audio(parameters));
        if let Some(n_bytes) = span.promised.or(span.len) {
            track.with_num_frames(waveform.n_frames(n_bytes));
        }
        Ok(Self {
            bytes: bytes.part(span.len),
            media_info: MediaInfo::from_track(&track),
            tracks: [track],
            metadata: MetadataLog::default(),
            coding,
            blocks_per_packet,
            n_left: span.len,
            timestamp: 0,
        })
    }
}

impl FormatReader for BlockReader {
    fn format_info(&self) -> &FormatInfo {
        &FORMAT
    }

    fn media_info(&self) -> &MediaInfo {
        &self.media_info
    }

    fn metadata(&mut self) -> Metadata<'_> {
        self.metadata.metadata()
    }

    fn seek(&mut self, _: SeekMode, _: SeekTo) -> Result<SeekedTo> {
        seek_error(SeekErrorKind::Unseekable)
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        let Coding { frames_per_block, block_bytes, .. } = self.coding;
        let n_wanted = self.blocks_per_packet * block_bytes;
        let n_bytes = self.n_left.map_or(n_wanted, |left| left.min(n_wanted));
        let mut data = vec![0; n_bytes as usize];
        let mut n_filled = 0;
        while n_filled < data.len() {
            match self.bytes.read(&mut data[n_filled..]) {
                Ok(0) => break,
                Ok(n_read) => n_filled += n_read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
            if !self.bytes.is_file() {
                data.truncate(n_filled.next_multiple_of(block_bytes as usize));
            }
        }
        // An incomplete block is not audio.
        let n_blocks = n_filled as u64 / block_bytes;
        if n_blocks == 0 {
            return Ok(None);
        }
        data.truncate((n_blocks * block_bytes) as usize);
        self.n_left = self.n_left.map(|left| left - data.len() as u64);
        let (timestamp, n_frames) = (self.timestamp, n_blocks * frames_per_block);
        self.timestamp += n_frames as i64;
        Ok(Some(Packet::new(0, Timestamp::new(timestamp), Duration::new(n_frames), data)))
    }

    fn into_inner<'s>(self: Box<Self>) -> MediaSourceStream<'s>
    where
        Self: 's,
    {
        MediaSourceStream::new(Box::new(self.bytes), Default::default())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, SeekFrom, Write as _};

    use super::*;

    /// A file with `n_audio` bytes, then `rest`.
    fn file(n_audio: u64, rest: &[u8]) -> Bytes {
        let mut file = tempfile::tempfile().unwrap();
        file.set_len(n_audio).unwrap();
        file.seek(SeekFrom::Start(n_audio)).unwrap();
        file.write_all(rest).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        Bytes::of_file(file).unwrap()
    }

    fn span(bytes: &mut Bytes, claimed: u64) -> (Option<u64>, Option<u64>, u64) {
        let is_chunk = |head: &[u8], n_left: u64| head.starts_with(b"LIST") && n_left >= 8;
        let Span { len, promised, n_unread, .. } = Span::of(bytes, Some(claimed), true, is_chunk).unwrap();
        assert_eq!(bytes.position(), 0);
        (len, promised, n_unread)
    }

    const CHUNK: &[u8] = b"LIST\x04\0\0\0INFO";

    #[test]
    fn a_right_length_is_taken() {
        for rest in [&b""[..], b"\0", CHUNK, b"\0LIST\x04\0\0\0INFO"] {
            assert_eq!(span(&mut file(1000, rest), 1000), (Some(1000), if rest.is_empty() { Some(1000) } else { None }, 0));
        }
        assert_eq!(span(&mut file(0, CHUNK), 0), (Some(0), None, 0));
        assert_eq!(span(&mut file(0, b""), 0), (Some(0), None, 0));
    }

    #[test]
    fn a_length_that_nobody_knew_is_that_of_the_file() {
        for claimed in [0, 0xffff_ffff, 0xffff_ffdb, 0x7fff_f000, 0x7fff_ffff, 0x8000_0000] {
            assert_eq!(span(&mut file(1000, b""), claimed), (Some(1000), None, 0), "{claimed:x}");
        }
        let mut pipe = Bytes::of_pipe(std::io::Cursor::new(vec![1; 1000]));
        assert_eq!(span(&mut pipe, 0), (None, None, 0));
        assert_eq!(span(&mut pipe, 0xffff_ffff), (None, None, 0));
        assert_eq!(span(&mut pipe, 500), (Some(500), None, 0));
    }

    #[test]
    fn a_length_beyond_the_end_is_a_promise() {
        assert_eq!(span(&mut file(1000, b""), 5000), (Some(1000), Some(5000), 0));
    }

    #[test]
    fn a_length_above_4_gib_wraps() {
        let len = (9 << 30) + 1000;
        for rest in [&b""[..], CHUNK] {
            assert_eq!(span(&mut file(len, rest), len % WRAP), (Some(len), None, 0));
        }
    }

    #[test]
    fn what_no_header_accounts_for_is_counted() {
        assert_eq!(span(&mut file(900, &[7; 100]), 400), (Some(400), None, 600));
    }
}
