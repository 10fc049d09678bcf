//! The header of WAV and its relatives: RIFF, RIFX (big-endian), RF64 and BW64 (64-bit lengths), Wave64.
//!
//! # Source
//! Multimedia Programming Interface and Data Specifications 1.0 (RIFF, WAVE); Microsoft's `WAVEFORMATEX` and `WAVEFORMATEXTENSIBLE`; EBU Tech 3306
//! (RF64), ITU-R BS.2088 (BW64); Sony Pictures' description of Wave64

use std::io;

use symphonia::core::codecs::audio::{AudioCodecId, well_known as codec};

use super::blocks::{CHUNK_HEADER, Coding, Pcm, Span, Waveform};
use super::bytes::Bytes;
use super::error::DecodeProblem;

/// Bytes after the four letters in the identifiers of Wave64.
const W64_RIFF: [u8; 12] = *b"\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00";
const W64_OTHER: [u8; 12] = *b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a";

/// Bytes after the format code in the identifier of an extensible format: Microsoft's, and that of ambisonics.
const SUBFORMATS: [[u8; 14]; 2] =
    [*b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71", *b"\x00\x00\x21\x07\xd3\x11\x86\x44\xc8\xc1\xca\x00\x00\x00"];

/// Number of bytes of the format chunk that are read; the rest belongs to unsupported codecs.
const FORMAT_BYTES: u64 = 64;

/// Format codes.
mod tag {
    pub(super) const PCM: u16 = 0x0001;
    pub(super) const MS_ADPCM: u16 = 0x0002;
    pub(super) const FLOAT: u16 = 0x0003;
    pub(super) const A_LAW: u16 = 0x0006;
    pub(super) const MU_LAW: u16 = 0x0007;
    pub(super) const IMA_ADPCM: u16 = 0x0011;
    pub(super) const MPEG: u16 = 0x0050;
    pub(super) const MP3: u16 = 0x0055;
    pub(super) const EXTENSIBLE: u16 = 0xfffe;
}

/// Unsupported formats by their code.
const UNREAD: [(u16, &str); 26] = [
    (0x0010, "OKI ADPCM"),
    (0x0014, "G.723 ADPCM"),
    (0x0017, "Dialogic ADPCM"),
    (0x0020, "Yamaha ADPCM"),
    (0x0022, "TrueSpeech"),
    (0x0031, "GSM 6.10"),
    (0x0040, "G.721 ADPCM"),
    (0x0042, "G.723.1"),
    (0x0045, "G.726"),
    (0x0057, "AMR"),
    (0x0058, "AMR-WB"),
    (0x0064, "G.726"),
    (0x0065, "G.722"),
    (0x0083, "G.729"),
    (0x00ff, "AAC in WAV"),
    (0x0160, "Windows Media Audio"),
    (0x0161, "Windows Media Audio"),
    (0x0162, "Windows Media Audio"),
    (0x0163, "Windows Media Audio"),
    (0x0270, "ATRAC3"),
    (0x028f, "G.722"),
    (0x1600, "AAC in WAV"),
    (0x2000, "AC-3"),
    (0x2001, "DTS"),
    (0xa109, "Speex"),
    (0xf1ac, "FLAC in WAV"),
];

/// Content of a WAV file.
pub(super) enum Content {
    /// Samples.
    Waveform(Waveform),
    /// A stream of MPEG audio.
    Mpeg(Span),
}

/// Differences between the relatives of WAV.
#[derive(Clone, Copy)]
struct Family {
    big_endian: bool,
    is_w64: bool,
    /// Whether 64-bit lengths may be in a separate chunk.
    has_ds64: bool,
}

/// Whether a file that begins with `head` is WAV or a relative.
pub(super) fn is_wave(head: &[u8]) -> bool {
    Family::of(head).is_some()
}

impl Family {
    fn of(head: &[u8]) -> Option<Self> {
        let (signature, form) = (head.get(..4)?.to_ascii_uppercase(), head.get(8..12)?);
        let (big_endian, has_ds64) = (signature == b"RIFX", signature == b"RF64" || signature == b"BW64");
        if signature == b"RIFF" && head.get(4..16) == Some(&W64_RIFF[..]) {
            return Some(Self { big_endian: false, is_w64: true, has_ds64: false });
        }
        let is_riff = signature == b"RIFF" || big_endian || has_ds64;
        (is_riff && form.eq_ignore_ascii_case(b"WAVE")).then_some(Self { big_endian, is_w64: false, has_ds64 })
    }

    /// Bytes before the first chunk.
    const fn n_header(self) -> u64 {
        if self.is_w64 { 40 } else { 12 }
    }

    const fn n_chunk_header(self) -> usize {
        if self.is_w64 { CHUNK_HEADER } else { 8 }
    }

    fn u16(self, bytes: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    fn u32(self, bytes: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    /// The chunk whose header is at the start of `head`: its name and its length without the header.
    fn chunk(self, head: &[u8]) -> Option<([u8; 4], u64)> {
        let name = *head.first_chunk()?;
        if !self.is_w64 {
            let is_name = name.iter().all(|byte| matches!(byte, b' '..=b'~'));
            return is_name.then_some((name, u64::from(self.u32(*head[4..].first_chunk()?))));
        }
        let len = u64::from_le_bytes(*head.get(16..)?.first_chunk()?);
        let is_known = head[4..16] == W64_OTHER || head[4..16] == W64_RIFF || len < 1 << 40;
        is_known.then_some((name, len.saturating_sub(CHUNK_HEADER as u64)))
    }

    /// Goes to the chunk after one that ends at `end`. Its position is even (a multiple of 8 in Wave64), which some writers ignore.
    fn go_behind(self, bytes: &mut Bytes, end: u64) -> io::Result<()> {
        if self.is_w64 {
            return bytes.go_to(end.checked_next_multiple_of(8).unwrap_or(u64::MAX));
        }
        bytes.go_to(end)?;
        if end % 2 == 1 {
            let head = bytes.peek(8)?;
            let is_padded = head.first() == Some(&0) || self.chunk(head).is_none();
            bytes.skip(u64::from(is_padded))?;
        }
        Ok(())
    }
}

/// Reads everything up to the audio.
///
/// # Errors
/// A damaged header, an unsupported format, or an error of the system.
pub(super) fn read(bytes: &mut Bytes) -> Result<Content, DecodeProblem> {
    let family = Family::of(bytes.peek(16).map_err(DecodeProblem::Io)?)
        .ok_or_else(|| DecodeProblem::Header { reason: "it is no WAV file".to_owned() })?;
    bytes.go_to(family.n_header()).map_err(DecodeProblem::Io)?;
    let (mut format, mut span, mut long_len) = (None, None, None);
    while format.is_none() || span.is_none() {
        let Some((name, len)) = family.chunk(bytes.peek(CHUNK_HEADER).map_err(DecodeProblem::Io)?) else { break };
        bytes.skip(family.n_chunk_header() as u64).map_err(DecodeProblem::Io)?;
        let start = bytes.position();
        let mut end = start.saturating_add(len);
        match &name.map(|letter| letter.to_ascii_lowercase()) {
            b"ds64" if family.has_ds64 => {
                bytes.skip(8).map_err(DecodeProblem::in_header)?;
                long_len = Some(u64::from_le_bytes(bytes.array().map_err(DecodeProblem::in_header)?));
            }
            b"fmt " if format.is_none() => format = Some(Format::read(bytes, family, len)?),
            b"data" if span.is_none() => {
                let (claimed, is_32_bits) = match long_len {
                    Some(long_len) if len == u64::from(u32::MAX) => (long_len, false),
                    _ => (len, !family.is_w64),
                };
                let is_chunk = |head: &[u8], n_left| is_next_chunk(family, head, n_left);
                let found = Span::of(bytes, Some(claimed), is_32_bits, is_chunk).map_err(DecodeProblem::Io)?;
                end = found.len.map_or(u64::MAX, |len| start.saturating_add(len));
                span = Some(found);
                if format.is_some() || !bytes.is_file() {
                    break;
                }
            }
            _ => {}
        }
        family.go_behind(bytes, end).map_err(DecodeProblem::Io)?;
    }
    let missing = |what: &str| DecodeProblem::Header { reason: format!("it has no {what} chunk") };
    let format = format.ok_or_else(|| missing("format"))?;
    format.content(family, span.ok_or_else(|| missing("data"))?)
}

/// Whether `head` is the start of a chunk that programs write after the audio of WAV files.
fn is_next_chunk(family: Family, head: &[u8], n_left: u64) -> bool {
    family.chunk(head).is_some_and(|(name, len)| {
        let is_word = name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'_' | b'-'));
        is_word && len <= n_left
    })
}

/// The chunk `fmt `.
struct Format {
    tag: u16,
    n_channels: u16,
    sample_rate: u32,
    block_align: u16,
    bits: u16,
}

impl Format {
    fn read(bytes: &mut Bytes, family: Family, len: u64) -> Result<Self, DecodeProblem> {
        let u16 = |bytes: &mut Bytes| bytes.array().map(|array| family.u16(array)).map_err(DecodeProblem::in_header);
        let mut tag = u16(bytes)?;
        let n_channels = u16(bytes)?;
        let sample_rate = bytes.array().map(|array| family.u32(array)).map_err(DecodeProblem::in_header)?;
        bytes.skip(4).map_err(DecodeProblem::in_header)?;
        let (block_align, bits) = (u16(bytes)?, if len >= 16 { u16(bytes)? } else { 8 });
        if tag == tag::EXTENSIBLE && len.min(FORMAT_BYTES) >= 40 {
            // Size of the extension, valid bits, speaker mask.
            bytes.skip(8).map_err(DecodeProblem::in_header)?;
            let code = u16(bytes)?;
            if SUBFORMATS.contains(&bytes.array().map_err(DecodeProblem::in_header)?) {
                tag = code;
            }
        }
        Ok(Self { tag, n_channels, sample_rate, block_align, bits })
    }

    fn content(&self, family: Family, span: Span) -> Result<Content, DecodeProblem> {
        let Self { tag, n_channels, sample_rate, .. } = *self;
        if n_channels == 0 {
            return Err(DecodeProblem::Header { reason: "it promises 0 channels".to_owned() });
        }
        let pcm = |kind| Coding::pcm(kind, self.sample_bytes(), family.big_endian, n_channels);
        let coding = match tag {
            tag::PCM if self.sample_bytes() == 1 => pcm(Pcm::Unsigned),
            tag::PCM => pcm(Pcm::Signed),
            tag::FLOAT => pcm(Pcm::Float),
            tag::A_LAW => Some(Coding::companded(codec::CODEC_ID_PCM_ALAW, n_channels)),
            tag::MU_LAW => Some(Coding::companded(codec::CODEC_ID_PCM_MULAW, n_channels)),
            tag::MS_ADPCM => self.adpcm(codec::CODEC_ID_ADPCM_MS, 7, 2),
            tag::IMA_ADPCM => self.adpcm(codec::CODEC_ID_ADPCM_IMA_WAV, 4, 1),
            tag::MPEG | tag::MP3 => return Ok(Content::Mpeg(span)),
            other => {
                let name = UNREAD.iter().find(|(tag, _)| *tag == other).map(|(_, name)| (*name).to_owned());
                let found = name.unwrap_or_else(|| format!("WAV with format code {other:#06x}"));
                return Err(DecodeProblem::Unsupported { found });
            }
        };
        let kind = if tag == tag::FLOAT { "floating-point" } else { "integer" };
        let coding = coding.ok_or_else(|| {
            let Self { bits, block_align, .. } = self;
            let found = format!("{kind} samples of {bits} bits for {n_channels} channels in blocks of {block_align} bytes");
            DecodeProblem::Unsupported { found }
        })?;
        Ok(Content::Waveform(Waveform { coding, sample_rate, n_channels, span }))
    }

    /// Bytes per sample: according to the block size, or else as many as the bits need.
    fn sample_bytes(&self) -> u64 {
        let needed = self.bits.div_ceil(8).max(1);
        let room = self.block_align / self.n_channels;
        let is_possible = self.block_align.is_multiple_of(self.n_channels) && room >= needed && room <= 8;
        u64::from(if is_possible { room } else { needed })
    }

    /// Four bits per sample after `n_head` bytes per channel, which hold `n_first` samples.
    fn adpcm(&self, codec: AudioCodecId, n_head: u64, n_first: u64) -> Option<Coding> {
        let (block_bytes, n_channels) = (u64::from(self.block_align), u64::from(self.n_channels));
        let frames_per_block = 2 * block_bytes.checked_sub(n_head * n_channels)? / n_channels + n_first;
        (self.bits == 4 && block_bytes > 0).then_some(Coding { codec, frames_per_block, block_bytes })
    }
}
