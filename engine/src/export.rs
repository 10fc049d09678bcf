//! What was found, as text for other programs.
//!
//! In: a [`Results`]. Out: CSV, JSON, Audacity labels, SRT or WebVTT; the command and the plugin write the same. Numbers never depend on a
//! locale: the decimal sign is a point.
//!
//! Times have microseconds. A block without speech has no emotion and no probabilities: empty in CSV, `null` in JSON, no cue in subtitles.

mod audacity;
mod csv;
mod json;
mod subtitles;

use std::fmt;
use std::iter;
use std::str::FromStr;

use crate::segment::{Latency, Segment};

/// One analysed recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    /// The file as the user named it, or a title.
    pub file: String,
    /// Rate of the recording, Hz.
    pub sample_rate: u32,
    /// Channels of the recording.
    pub n_channels: usize,
    /// Length of the recording, seconds.
    pub duration_s: f64,
    /// Name of the model.
    pub model_id: String,
    /// Fingerprint of the model.
    pub model_fingerprint: String,
    /// What ran the network: `onnxruntime` or `native`.
    pub backend: String,
    /// The blocks in order, none of them a gap.
    pub segments: Vec<Segment>,
    /// What each of them cost, in their order; empty where that was not kept, as on a timeline: exports then write 0.
    pub latencies: Vec<Latency>,
}

impl Results {
    /// The segments with their latencies.
    fn timed(&self) -> impl Iterator<Item = (&Segment, Latency)> {
        self.segments.iter().zip(self.latencies.iter().copied().chain(iter::repeat(Latency::default())))
    }
}

/// A text format for reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// One row a block, RFC 4180, with a header.
    Csv,
    /// One object a recording, on one line.
    Json,
    /// `start TAB end TAB label`, for Audacity's label track.
    Audacity,
    /// SubRip subtitles.
    Srt,
    /// Web video text tracks.
    Vtt,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 5] = [Self::Csv, Self::Json, Self::Audacity, Self::Srt, Self::Vtt];

    /// The name users type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Audacity => "audacity",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
        }
    }

    /// The usual ending of a file name, without the point.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Audacity => "txt",
            other => other.name(),
        }
    }

    /// Whether several reports can share one file. Labels and subtitles belong to one recording.
    #[must_use]
    pub const fn holds_many(self) -> bool {
        matches!(self, Self::Csv | Self::Json)
    }

    /// What a file in this format starts with, before any results.
    #[must_use]
    pub const fn header(self) -> &'static str {
        match self {
            Self::Csv => csv::HEADER,
            Self::Vtt => subtitles::VTT_HEADER,
            Self::Json | Self::Audacity | Self::Srt => "",
        }
    }

    /// The results as text, to follow [`Format::header`].
    #[must_use]
    pub fn body(self, results: &Results) -> String {
        match self {
            Self::Csv => csv::rows(results),
            Self::Json => json::line(results),
            Self::Audacity => audacity::labels(results),
            Self::Srt => subtitles::srt(results),
            Self::Vtt => subtitles::vtt(results),
        }
    }

    /// A whole file with the results of one recording.
    #[must_use]
    pub fn text(self, results: &Results) -> String {
        format!("{}{}", self.header(), self.body(results))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that names no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown format '{found}': expected csv, json, audacity, srt or vtt")]
pub struct UnknownFormat {
    /// The word as it was found.
    pub found: String,
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| UnknownFormat { found: text.to_owned() })
    }
}

#[cfg(test)]
mod tests;
