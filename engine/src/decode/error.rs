//! Problems of an audio file, each in one sentence.

use std::io;
use std::path::{Path, PathBuf};

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::{AudioCodecParameters, well_known as codec};
use symphonia::core::errors::Error as SymphoniaError;

use super::{LARGEST_SAMPLE, SAMPLE_RATES_HZ};

/// The formats in words, for messages.
const FORMATS: &str = "WAV, AIFF, CAF, FLAC, MP3, Ogg Vorbis, Opus, WebM, M4A or MP4 (AAC or ALAC), AAC";

/// A file that cannot be analysed, with the reason.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct DecodeError {
    /// The file.
    pub path: PathBuf,
    /// The problem.
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
    /// The file does not exist.
    #[error("there is no such file")]
    Missing,
    /// A folder where a file was expected.
    #[error("expected an audio file, found a folder")]
    Folder,
    /// 0 bytes.
    #[error("the file is empty (0 bytes)")]
    Empty,
    /// The format is unknown.
    #[error("expected audio ({FORMATS}), found something else")]
    NotAudio,
    /// A track that the file does not have.
    #[error("expected an audio track of 1 to {expected}, found {found}")]
    Track {
        /// Number of tracks.
        expected: usize,
        /// The requested track, counted from 1.
        found: usize,
    },
    /// A known container without audio in it.
    #[error("the file holds no audio track")]
    NoAudioTrack,
    /// The header cannot be read.
    #[error("the file's header is damaged or cut off ({reason}); export the file again")]
    Header {
        /// The parser's message.
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
    /// The header announces audio, but the file ends before it.
    #[error("the file is cut off before its first sample")]
    CutBeforeAudio,
    /// No packet could be decoded.
    #[error("nothing in the file can be decoded ({reason})")]
    Undecodable {
        /// The decoder's first message.
        reason: String,
    },
    /// NaN, infinity or impossible values: in more than half of the samples, or where none are allowed.
    #[error(
        "expected finite samples up to {LARGEST_SAMPLE:e}, found {n_samples} that are not, the first one {found} in channel {channel} at \
         {at_seconds:.3} s; export the file again"
    )]
    Samples {
        /// Number of such samples.
        n_samples: u64,
        /// The first one.
        found: f32,
        /// Its channel, counted from 1.
        channel: usize,
        /// Its position in the file, seconds.
        at_seconds: f64,
    },
    /// The rate cannot be converted.
    #[error("{0}")]
    Resample(String),
    /// ffmpeg was requested, but is not installed.
    #[error("ffmpeg was asked for and is not installed")]
    NoFfmpeg,
    /// ffmpeg was requested for a pipe, but it is only given files.
    #[error("ffmpeg reads files alone here; pipe what it writes into moodline instead")]
    FfmpegOfPipe,
    /// The requested part is after the end.
    #[error("the recording ends at {end_seconds:.3} s, and the part from {from_seconds:.3} s on was asked for")]
    NoPart {
        /// Length of the recording, seconds.
        end_seconds: f64,
        /// Where the part would begin, seconds.
        from_seconds: f64,
    },
    /// A channel that the recording does not have.
    #[error("expected a channel of 1 to {expected}, found {found}")]
    Channel {
        /// Number of channels.
        expected: usize,
        /// The requested channel, counted from 1.
        found: usize,
    },
    /// The operating system refused.
    #[error("cannot be read: {0}")]
    Io(#[source] io::Error),
}

impl DecodeProblem {
    /// An error of symphonia in the header.
    pub(super) fn of_header(error: SymphoniaError) -> Self {
        match error {
            SymphoniaError::Unsupported(text) => {
                Self::Unsupported { found: format!("in a form the reader does not know ({text})") }
            }
            SymphoniaError::IoError(error) => Self::in_header(error),
            other => Self::Header { reason: other.to_string() },
        }
    }

    /// An error of the system in the header.
    pub(super) fn in_header(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Header { reason: "the file ends inside it".to_owned() },
            _ => Self::Io(error),
        }
    }

    /// The error for `parameters` without a decoder.
    pub(super) fn of_decoder(error: &SymphoniaError, parameters: &AudioCodecParameters) -> Self {
        match error {
            SymphoniaError::Unsupported(text) => {
                Self::Unsupported { found: codec_name(parameters).unwrap_or_else(|| (*text).to_owned()) }
            }
            other => Self::Header { reason: other.to_string() },
        }
    }
}

/// Names of codecs that occur in the supported containers.
fn codec_name(parameters: &AudioCodecParameters) -> Option<String> {
    let n_channels = parameters.channels.as_ref().map_or(0, Channels::count);
    let name = match parameters.codec {
        codec::CODEC_ID_OPUS => return Some(format!("Opus with {n_channels} channels")),
        codec::CODEC_ID_SPEEX => "Speex",
        codec::CODEC_ID_AC3 => "AC-3",
        codec::CODEC_ID_EAC3 => "E-AC-3",
        codec::CODEC_ID_AC4 => "AC-4",
        codec::CODEC_ID_DCA => "DTS",
        codec::CODEC_ID_AAC => return Some(aac_name(parameters, n_channels)),
        codec::CODEC_ID_ADPCM_MS => return Some(format!("Microsoft ADPCM with {n_channels} channels")),
        codec::CODEC_ID_ADPCM_IMA_WAV | codec::CODEC_ID_ADPCM_IMA_QT => {
            return Some(format!("IMA ADPCM with {n_channels} channels"));
        }
        codec::CODEC_ID_ADPCM_G722 => "G.722",
        codec::CODEC_ID_ADPCM_G726 | codec::CODEC_ID_ADPCM_G726LE => "G.726",
        codec::CODEC_ID_WMA => "Windows Media Audio",
        codec::CODEC_ID_WAVPACK => "WavPack",
        codec::CODEC_ID_TTA => "True Audio",
        codec::CODEC_ID_TRUEHD => "TrueHD",
        codec::CODEC_ID_ATRAC3 | codec::CODEC_ID_ATRAC3PLUS => "ATRAC",
        codec::CODEC_ID_COOK | codec::CODEC_ID_SIPR | codec::CODEC_ID_RA10 | codec::CODEC_ID_RA20 => "RealAudio",
        _ => return None,
    };
    Some(name.to_owned())
}

/// The kind of AAC, from the object type at the start of its configuration.
///
/// # Source
/// ISO/IEC 14496-3, 1.6.2.1 and table 1.17; the extension 0x2b7 indicates that the high band is coded separately, as in HE-AAC
fn aac_name(parameters: &AudioCodecParameters, n_channels: usize) -> String {
    let configuration = parameters.extra_data.as_deref().unwrap_or_default();
    let bits = configuration.iter().take(8).fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte));
    let n_bits = 8 * configuration.len().min(8);
    let field = |at: usize, n: usize| (n_bits >= at + n).then(|| bits >> (n_bits - at - n) & ((1 << n) - 1));
    let kind = match field(0, 5) {
        Some(1) => "AAC Main",
        Some(2) if field(16, 11) == Some(0x2b7) && field(32, 1) == Some(1) => "HE-AAC",
        Some(2) | None if n_channels > 2 => return format!("AAC-LC with {n_channels} channels"),
        Some(3) => "AAC SSR",
        Some(4) => "AAC LTP",
        Some(5) => "HE-AAC",
        Some(29) => "HE-AAC v2",
        Some(31) => match field(5, 6) {
            Some(7) => "AAC-ELD",
            Some(10) => "xHE-AAC",
            _ => "AAC of a profile other than LC",
        },
        Some(23) => "AAC-LD",
        _ => "AAC of a profile other than LC",
    };
    kind.to_owned()
}

/// Problems of a file that was analysed nevertheless.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeWarning {
    /// Packets that could not be decoded were replaced by silence.
    #[error("{n_packets} corrupt packet(s), the first at {first_at_seconds:.3} s, were replaced by silence")]
    CorruptPackets {
        /// Number of packets.
        n_packets: u64,
        /// Position of the first, seconds.
        first_at_seconds: f64,
    },
    /// The container could not be read any further.
    #[error("the file could only be read up to {at_seconds:.3} s ({reason})")]
    Stopped {
        /// Position of the end, seconds.
        at_seconds: f64,
        /// The parser's message.
        reason: String,
    },
    /// The file is shorter than its header says.
    #[error("the file is cut short: its header promises {expected_seconds:.3} s, found {found_seconds:.3} s")]
    Truncated {
        /// Length in the header, seconds.
        expected_seconds: f64,
        /// Length found, seconds.
        found_seconds: f64,
    },
    /// Bytes after the audio that look like more of it.
    #[error("the header ends the audio {seconds:.3} s before the file ends, and nothing says what the rest is; it was not read")]
    Unread {
        /// Duration of these bytes, seconds.
        seconds: f64,
    },
    /// Single samples that are NaN, infinite or too large for audio were replaced by silence.
    #[error(
        "{n_samples} sample(s) that are no finite number up to {LARGEST_SAMPLE:e} were replaced by silence, the first one {found} in \
         channel {channel} at {at_seconds:.3} s"
    )]
    Samples {
        /// Number of such samples.
        n_samples: u64,
        /// The first one.
        found: f32,
        /// Its channel, counted from 1.
        channel: usize,
        /// Its position in the file, seconds.
        at_seconds: f64,
    },
    /// Rate or channels change within the file.
    #[error("from {at_seconds:.3} s on the audio has {found}; it was brought to {expected}, as the beginning is")]
    LayoutChanged {
        /// Position of the first change, seconds.
        at_seconds: f64,
        /// Rate and channels at the beginning.
        expected: String,
        /// Rate and channels from there on.
        found: String,
    },
    /// The file asks for more silence than any recording begins with or has in its middle.
    #[error("left out {seconds:.0} s of silence that the file asks for: its list of edits or its times are damaged")]
    Silence {
        /// Its length.
        seconds: f64,
    },
    /// Another program decoded the file.
    #[error("decoded by ffmpeg ({reason})")]
    ByFfmpeg {
        /// The reason.
        reason: String,
    },
    /// The file has other tracks.
    #[error("the file has {n_tracks} audio tracks; track {taken} was read, the others are: {others}")]
    Tracks {
        /// Number of tracks with audio.
        n_tracks: usize,
        /// The one that was read, counted from 1.
        taken: usize,
        /// Description of the others.
        others: String,
    },
}
