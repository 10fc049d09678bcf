//! What can be wrong with an audio file, each in one sentence.

use std::io;
use std::path::{Path, PathBuf};

use symphonia::core::codecs::audio::{AudioCodecId, well_known as codec};
use symphonia::core::errors::Error as SymphoniaError;

use super::{LARGEST_SAMPLE, SAMPLE_RATES_HZ};

/// The formats in words, for messages.
const FORMATS: &str = "WAV (PCM), FLAC, MP3, Ogg Vorbis, M4A (AAC or ALAC), AAC, AIFF";

/// A file that cannot be analysed, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct DecodeError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: DecodeProblem,
}

impl DecodeError {
    pub(super) fn new(path: &Path, problem: DecodeProblem) -> Self {
        Self { path: path.to_owned(), problem }
    }
}

/// Why a file cannot be analysed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeProblem {
    /// Nothing is there.
    #[error("there is no such file")]
    Missing,
    /// A folder where a file was expected.
    #[error("expected an audio file, found a folder")]
    Folder,
    /// 0 bytes.
    #[error("the file is empty (0 bytes)")]
    Empty,
    /// No known format.
    #[error("expected audio ({FORMATS}), found something else")]
    NotAudio,
    /// A known container without audio in it.
    #[error("the file holds no audio track")]
    NoAudioTrack,
    /// The header cannot be read.
    #[error("the file's header is damaged or cut off ({reason}); export the file again")]
    Header {
        /// What the parser stumbled over.
        reason: String,
    },
    /// The container or codec is known, but not decoded.
    #[error("the audio is {found}, which is not supported; convert it to one of {FORMATS}")]
    Unsupported {
        /// The codec or feature.
        found: String,
    },
    /// A rate outside [`SAMPLE_RATES_HZ`].
    #[error("expected a sample rate of {} to {} Hz, found {found} Hz", SAMPLE_RATES_HZ.start(), SAMPLE_RATES_HZ.end())]
    SampleRate {
        /// The rate in the header, Hz.
        found: u32,
    },
    /// A valid file of length zero.
    #[error("the file holds no audio: its length is 0 seconds")]
    NoSamples,
    /// The header promises audio, and the file ends.
    #[error("the file is cut off before its first sample")]
    CutBeforeAudio,
    /// No packet could be decoded.
    #[error("nothing in the file can be decoded ({reason})")]
    Undecodable {
        /// What the decoder stumbled over first.
        reason: String,
    },
    /// NaN, infinity or a value no recording has.
    #[error(
        "expected finite samples up to {LARGEST_SAMPLE:e}, found {found} in channel {channel} at {at_seconds:.3} s; export the file again"
    )]
    Sample {
        /// The sample.
        found: f32,
        /// Counted from 1.
        channel: usize,
        /// Position in the file, seconds.
        at_seconds: f64,
    },
    /// A chained file whose parts differ.
    #[error("the audio changes at {at_seconds:.3} s: expected {expected}, found {found}; split the file there")]
    LayoutChanged {
        /// Position in the file, seconds.
        at_seconds: f64,
        /// Rate and channels so far.
        expected: String,
        /// Rate and channels from there on.
        found: String,
    },
    /// The rate cannot be converted.
    #[error("{0}")]
    Resample(String),
    /// The operating system refused.
    #[error("cannot be read: {0}")]
    Io(#[source] io::Error),
}

impl DecodeProblem {
    pub(super) fn of_probe(error: SymphoniaError) -> Self {
        match error {
            SymphoniaError::Unsupported(text) if text.contains("no suitable format reader") => Self::NotAudio,
            SymphoniaError::Unsupported(text) => {
                Self::Unsupported { found: format!("in a form the reader does not know ({text})") }
            }
            SymphoniaError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Header { reason: "the file ends inside it".to_owned() }
            }
            SymphoniaError::IoError(error) => Self::Io(error),
            other => Self::Header { reason: other.to_string() },
        }
    }

    pub(super) fn of_decoder(error: &SymphoniaError, codec: AudioCodecId) -> Self {
        match error {
            SymphoniaError::Unsupported(text) => {
                Self::Unsupported { found: codec_name(codec).map_or_else(|| (*text).to_owned(), str::to_owned) }
            }
            other => Self::Header { reason: other.to_string() },
        }
    }
}

/// Codecs that turn up in the containers that are read.
fn codec_name(id: AudioCodecId) -> Option<&'static str> {
    Some(match id {
        codec::CODEC_ID_OPUS => "Opus",
        codec::CODEC_ID_SPEEX => "Speex",
        codec::CODEC_ID_AC3 => "AC-3",
        codec::CODEC_ID_EAC3 => "E-AC-3",
        codec::CODEC_ID_AC4 => "AC-4",
        codec::CODEC_ID_DCA => "DTS",
        codec::CODEC_ID_MP1 => "MPEG audio layer 1",
        codec::CODEC_ID_MP2 => "MPEG audio layer 2",
        codec::CODEC_ID_AAC => "AAC of a profile other than LC",
        codec::CODEC_ID_ADPCM_MS => "Microsoft ADPCM",
        codec::CODEC_ID_ADPCM_IMA_WAV | codec::CODEC_ID_ADPCM_IMA_QT => "IMA ADPCM",
        codec::CODEC_ID_ADPCM_G722 => "G.722",
        codec::CODEC_ID_ADPCM_G726 | codec::CODEC_ID_ADPCM_G726LE => "G.726",
        codec::CODEC_ID_WMA => "Windows Media Audio",
        _ => return None,
    })
}

/// What is wrong with a file that was analysed all the same.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeWarning {
    /// Packets that could not be decoded; silence stands in for them.
    #[error("{n_packets} corrupt packet(s), the first at {first_at_seconds:.3} s, were replaced by silence")]
    CorruptPackets {
        /// How many.
        n_packets: u64,
        /// Position of the first, seconds.
        first_at_seconds: f64,
    },
    /// The container could not be read on.
    #[error("the file could only be read up to {at_seconds:.3} s ({reason})")]
    Stopped {
        /// Position of the end, seconds.
        at_seconds: f64,
        /// What the parser stumbled over.
        reason: String,
    },
    /// The file is shorter than it says.
    #[error("the file is cut short: its header promises {expected_seconds:.3} s, found {found_seconds:.3} s")]
    Truncated {
        /// Length in the header, seconds.
        expected_seconds: f64,
        /// Length found, seconds.
        found_seconds: f64,
    },
}
