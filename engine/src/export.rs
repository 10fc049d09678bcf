//! Results as files for other programs.
//!
//! In: a [`Results`]. Out: tables, JSON, subtitles, and marks or labels for audio and video editors; the command and the plugin write the same.
//! Numbers never depend on a locale: the decimal sign is a point, unless a spreadsheet's dialect is requested.
//!
//! Tables and JSON have every block, with microseconds; a block without speech has no emotion and no probabilities: empty in CSV, `null` in JSON. All other
//! formats have marks: non-overlapping stretches of one emotion. If each channel is a separate voice, its number is a column or a field, a tier, or
//! precedes a label.

mod audacity;
mod audition;
mod csv;
mod edl;
mod elan;
mod fcpxml;
mod frames;
mod json;
mod midi;
mod premiere;
mod reaper;
mod rttm;
mod subtitles;
mod textgrid;

use std::ffi::OsStr;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;
use std::str::FromStr;

pub use csv::CsvDialect;
pub use frames::{FrameRate, NotStartTime, StartTime, UnknownFrameRate};
pub use json::{Listening, block_line, gap_line};

use crate::display::Summary;
use crate::display::text::printable;
use crate::marks::{Mark, MarkOptions, marks};
use crate::voices::{Found, Voice};

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
    /// Backend that ran the network: `onnxruntime` or `native`.
    pub backend: String,
    /// Probability from which an answer is certain, 0..=1.
    pub certain_from: f32,
    /// Results without gaps: of one voice, or of each channel.
    pub voices: Vec<Voice>,
}

impl Results {
    /// The name of the file without its folder, safe to show.
    #[must_use]
    pub fn name(&self) -> String {
        printable(self.file.rsplit(['/', '\\']).next().unwrap_or(&self.file)).into_owned()
    }

    /// How the time of all voices is divided.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary { duration_s: self.duration_s, ..Summary::default() };
        self.voices.iter().for_each(|voice| summary.add(&Summary::of(&voice.segments, 0.0, self.certain_from)));
        summary
    }

    /// The blocks of all voices by their start; those with the same start by channel.
    #[must_use]
    pub fn found(&self) -> Vec<Found> {
        let mut found: Vec<Found> = self.voices.iter().flat_map(Voice::found).collect();
        found.sort_by(|a, b| a.segment.start_s.total_cmp(&b.segment.start_s));
        found
    }

    /// The marks of all voices by their start; those with the same start by channel. Marks of one voice never overlap.
    #[must_use]
    pub fn marks(&self, options: &MarkOptions) -> Vec<Mark> {
        let mut marks: Vec<Mark> = self.marks_of_voices(options).into_iter().flat_map(|(_, marks)| marks).collect();
        marks.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
        marks
    }

    /// The marks of each voice, with the number of its channel if there are several.
    fn marks_of_voices(&self, options: &MarkOptions) -> Vec<VoiceMarks> {
        let of_voice = |Voice { channel, segments, .. }: &Voice| {
            let channel = channel.filter(|_| self.voices.len() > 1);
            (channel, marks(segments, options).into_iter().map(|mark| Mark { channel, ..mark }).collect())
        };
        self.voices.iter().map(of_voice).collect()
    }
}

/// Options of exported files.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExportOptions {
    /// How blocks become marks, in all formats but CSV and JSON.
    pub marks: MarkOptions,
    /// How CSV is written.
    pub csv: CsvDialect,
    /// Frames per second of the timeline, in [`Format::Edl`], [`Format::Fcpxml`] and [`Format::Premiere`].
    pub frame_rate: FrameRate,
    /// Time code of the beginning of the recording, in the same formats.
    pub start: StartTime,
}

impl ExportOptions {
    /// Equal neighbours merged, RFC 4180, 25 frames per second, starting at one hour.
    pub const DEFAULT: Self = Self {
        marks: MarkOptions { merge: true, min_length_s: 0.0 },
        csv: CsvDialect::Rfc4180,
        frame_rate: FrameRate::F25,
        start: StartTime::ONE_HOUR,
    };
}

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// One row per block, with a header, in a [`CsvDialect`].
    Csv,
    /// One object per recording, on one line.
    Json,
    /// SubRip subtitles.
    Srt,
    /// Web video text tracks.
    Vtt,
    /// `start TAB end TAB label`, for Audacity's label track.
    Audacity,
    /// Regions for REAPER's Region/Marker Manager, CSV.
    Reaper,
    /// Markers for Adobe Audition, a tab-separated table.
    Audition,
    /// A Standard MIDI File with markers, for Pro Tools and others.
    Midi,
    /// A CMX 3600 marker list, for Resolve and Avid.
    Edl,
    /// A project with markers, for Final Cut Pro and Resolve.
    Fcpxml,
    /// A sequence with markers in Final Cut Pro 7 XML, for Premiere Pro.
    Premiere,
    /// Tiers for Praat.
    TextGrid,
    /// Tiers for ELAN.
    Elan,
    /// Rich Transcription Time Marked, for speech research.
    Rttm,
}

impl Format {
    /// All formats, in the order in which they are offered.
    pub const ALL: [Self; 14] = [
        Self::Csv,
        Self::Json,
        Self::Srt,
        Self::Vtt,
        Self::Audacity,
        Self::Reaper,
        Self::Audition,
        Self::Midi,
        Self::Edl,
        Self::Fcpxml,
        Self::Premiere,
        Self::TextGrid,
        Self::Elan,
        Self::Rttm,
    ];

    /// The name typed by users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
            Self::Audacity => "audacity",
            Self::Reaper => "reaper",
            Self::Audition => "audition",
            Self::Midi => "midi",
            Self::Edl => "edl",
            Self::Fcpxml => "fcpxml",
            Self::Premiere => "premiere",
            Self::TextGrid => "textgrid",
            Self::Elan => "elan",
            Self::Rttm => "rttm",
        }
    }

    /// The usual file name extension, without the point. Formats that share an extension have their name in it, so that one folder can contain both.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Audacity => "txt",
            Self::Reaper => "reaper.csv",
            Self::Audition => "audition.csv",
            Self::Midi => "mid",
            Self::Premiere => "xml",
            Self::TextGrid => "TextGrid",
            Self::Elan => "eaf",
            Self::Csv | Self::Json | Self::Srt | Self::Vtt | Self::Edl | Self::Fcpxml | Self::Rttm => self.name(),
        }
    }

    /// Whether results of several recordings can share one file. Formats with marks cannot, unless each mark names its recording.
    #[must_use]
    pub const fn holds_many(self) -> bool {
        matches!(self, Self::Csv | Self::Json | Self::Rttm)
    }

    /// Whether times are counted in frames of [`ExportOptions::frame_rate`].
    #[must_use]
    pub const fn has_frames(self) -> bool {
        matches!(self, Self::Edl | Self::Fcpxml | Self::Premiere)
    }

    /// The beginning of a file in this format, before any results.
    #[must_use]
    pub fn header(self, options: &ExportOptions) -> String {
        match self {
            Self::Csv => options.csv.header(),
            Self::Vtt => subtitles::VTT_HEADER.to_owned(),
            Self::Reaper => reaper::HEADER.to_owned(),
            Self::Audition => audition::HEADER.to_owned(),
            _ => String::new(),
        }
    }

    /// The results, to follow [`Format::header`]; text in UTF-8, except for [`Format::Midi`].
    #[must_use]
    pub fn body(self, results: &Results, options: &ExportOptions) -> Vec<u8> {
        let &ExportOptions { csv, frame_rate, start, .. } = options;
        let marks = || results.marks(&options.marks);
        let voices = || results.marks_of_voices(&options.marks);
        let (name, duration_s) = (results.name(), results.duration_s);
        let text = match self {
            Self::Midi => return midi::file(&name, &marks()),
            Self::Csv => csv.rows(results),
            Self::Json => json::line(results),
            Self::Srt => subtitles::srt(&marks()),
            Self::Vtt => subtitles::vtt(&marks()),
            Self::Audacity => audacity::labels(&marks()),
            Self::Reaper => reaper::regions(&marks()),
            Self::Audition => audition::markers(&marks()),
            Self::Edl => edl::list(&name, &marks(), frame_rate, start),
            Self::Fcpxml => fcpxml::document(&name, duration_s, &marks(), frame_rate, start),
            Self::Premiere => premiere::document(&name, duration_s, &marks(), frame_rate, start),
            Self::TextGrid => textgrid::document(duration_s, &voices()),
            Self::Elan => elan::document(&name, &voices()),
            Self::Rttm => rttm::lines(stem(&name), results.voices.first().and_then(|voice| voice.channel), &marks()),
        };
        text.into_bytes()
    }

    /// A whole file with the results of one recording.
    #[must_use]
    pub fn file(self, results: &Results, options: &ExportOptions) -> Vec<u8> {
        [self.header(options).into_bytes(), self.body(results, options)].concat()
    }
}

/// The marks of one voice, with the number of its channel.
type VoiceMarks = (Option<NonZeroUsize>, Vec<Mark>);

/// Names of the tiers of a voice.
const TIERS: [&str; 2] = ["emotion", "probability"];

/// The name of a tier, distinct from those of other channels.
fn tier_name(name: &str, channel: Option<NonZeroUsize>) -> String {
    channel.map_or_else(|| name.to_owned(), |channel| format!("{name} {channel}"))
}

/// `name` without its extension.
fn stem(name: &str) -> &str {
    Path::new(name).file_stem().and_then(OsStr::to_str).unwrap_or(name)
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that does not name a format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown format '{found}': expected one of {}", Format::ALL.map(Format::name).join(", "))]
pub struct UnknownFormat {
    /// The word that was found.
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
