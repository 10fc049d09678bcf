//! Samples without a header, in a given format.

use std::fmt;
use std::str::FromStr;

use symphonia::core::codecs::audio::well_known as codec;

use super::SAMPLE_RATES_HZ;
use super::blocks::{Coding, Pcm, Span, Waveform};
use super::bytes::Bytes;

/// How samples without a header are stored: rate, channels and coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawFormat {
    /// Samples per second in each channel, Hz, within [`SAMPLE_RATES_HZ`].
    sample_rate: u32,
    /// At least 1.
    n_channels: u16,
    coding: RawCoding,
}

/// How one sample is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RawCoding {
    Pcm { name: &'static str, kind: Pcm, n_bytes: u64, big_endian: bool },
    MuLaw,
    ALaw,
}

impl RawCoding {
    const ALL: [Self; 14] = [
        Self::pcm("u8", Pcm::Unsigned, 1, false),
        Self::pcm("s8", Pcm::Signed, 1, false),
        Self::pcm("s16le", Pcm::Signed, 2, false),
        Self::pcm("s16be", Pcm::Signed, 2, true),
        Self::pcm("s24le", Pcm::Signed, 3, false),
        Self::pcm("s24be", Pcm::Signed, 3, true),
        Self::pcm("s32le", Pcm::Signed, 4, false),
        Self::pcm("s32be", Pcm::Signed, 4, true),
        Self::pcm("f32le", Pcm::Float, 4, false),
        Self::pcm("f32be", Pcm::Float, 4, true),
        Self::pcm("f64le", Pcm::Float, 8, false),
        Self::pcm("f64be", Pcm::Float, 8, true),
        Self::MuLaw,
        Self::ALaw,
    ];

    const fn pcm(name: &'static str, kind: Pcm, n_bytes: u64, big_endian: bool) -> Self {
        Self::Pcm { name, kind, n_bytes, big_endian }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Pcm { name, .. } => name,
            Self::MuLaw => "mulaw",
            Self::ALaw => "alaw",
        }
    }

    fn of_channels(self, n_channels: u16) -> Coding {
        match self {
            Self::Pcm { kind, n_bytes, big_endian, .. } => {
                // INVARIANT: the list contains only supported encodings.
                Coding::pcm(kind, n_bytes, big_endian, n_channels).expect("a coding of samples")
            }
            Self::MuLaw => Coding::companded(codec::CODEC_ID_PCM_MULAW, n_channels),
            Self::ALaw => Coding::companded(codec::CODEC_ID_PCM_ALAW, n_channels),
        }
    }
}

impl RawFormat {
    /// The names of all codings, identical to those of ffmpeg's raw formats.
    pub const CODINGS: [&str; 14] = {
        let (mut names, mut index) = ([""; 14], 0);
        while index < names.len() {
            names[index] = RawCoding::ALL[index].name();
            index += 1;
        }
        names
    };

    /// The information that a header of `bytes` would give.
    pub(super) fn waveform(self, bytes: &Bytes) -> Waveform {
        let Self { sample_rate, n_channels, coding } = self;
        let span = Span { start: bytes.position(), len: bytes.n_left(), promised: None, n_unread: 0 };
        Waveform { coding: coding.of_channels(n_channels), sample_rate, n_channels, span }
    }
}

impl fmt::Display for RawFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.sample_rate, self.n_channels, self.coding.name())
    }
}

/// A word that does not name a format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected RATE:CHANNELS:CODING as in 48000:2:s16le, with {} to {} Hz, 1 to {} channels and a coding of {}, found '{found}'",
    SAMPLE_RATES_HZ.start(), SAMPLE_RATES_HZ.end(), u16::MAX, RawFormat::CODINGS.join(", ")
)]
pub struct UnknownRawFormat {
    /// The word that was found.
    pub found: String,
}

impl FromStr for RawFormat {
    type Err = UnknownRawFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let [sample_rate, n_channels, coding] = text.split(':').collect::<Vec<_>>()[..] else { return None };
            let sample_rate = sample_rate.parse().ok().filter(|rate| SAMPLE_RATES_HZ.contains(rate))?;
            let n_channels = n_channels.parse().ok().filter(|&n| n > 0)?;
            let coding = RawCoding::ALL.into_iter().find(|known| known.name() == coding)?;
            Some(Self { sample_rate, n_channels, coding })
        };
        read().ok_or_else(|| UnknownRawFormat { found: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_coding_comes_back_and_can_be_read() {
        for coding in RawCoding::ALL {
            let text = format!("48000:2:{}", coding.name());
            let format: RawFormat = text.parse().unwrap();
            assert_eq!(format.to_string(), text);
            let waveform = format.waveform(&Bytes::of_pipe(std::io::empty()));
            assert_eq!((waveform.n_channels, waveform.sample_rate, waveform.span.len), (2, 48_000, None));
            assert!(waveform.coding.block_bytes >= 2, "{text}");
        }
    }

    #[test]
    fn what_is_no_format_is_refused() {
        for text in ["", "48000", "48000:2", "48000:0:s16le", "2:48000:s16le", "48000:2:s16", "48000:2:s16le:", "48k:2:s16le"] {
            let sentence = text.parse::<RawFormat>().unwrap_err().to_string();
            assert!(sentence.ends_with(&format!("found '{text}'")), "{sentence}");
        }
    }
}
