//! The command line.

mod listen;
mod voice;

use std::ffi::OsStr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use moodline_engine::BackendChoice;
use moodline_engine::analysis::{AnalysisConfig, HOP_SECONDS, Segmentation, WINDOW_SECONDS};
use moodline_engine::decode::DecoderChoice;
use moodline_engine::export::{CsvDialect, ExportOptions, Format, FrameRate, StartTime};
use moodline_engine::marks::MarkOptions;
use moodline_engine::source::FileSource;

use crate::page::PageAudio;
use crate::plot::{self, PlotOptions};
pub(crate) use listen::{Lines, ListenArguments};
use voice::voice;
pub(crate) use voice::{LearnArguments, VoiceArgument, VoiceCommand};

const EXAMPLES: &str = "\
Examples:
  moodline analyze interview.wav
      A table of the emotions, block by block.
  moodline analyze --hop 0.5 --format csv --output timeline.csv talk.mp3
      Overlapping blocks, twice a second, as CSV.
  moodline analyze --format json --output results/ --plot results/ recordings/
      Every recording in a folder: one JSON file and one SVG picture each.
  moodline analyze --save srt=talk.srt --save json=talk.json talk.flac
      The table on the terminal, and two files.
  moodline analyze --format html --output pages/ recordings/
      A page for each recording, to read, listen and print, and an index of them.
  moodline analyze --hop 0.5 --format reaper --min-mark 2 --output talk.reaper.csv talk.wav
      Regions for REAPER, none shorter than two seconds.
  moodline voice learn --out anna.voice anna/
  moodline analyze --voice anna.voice take-7.wav
      What the model hears of a voice over many recordings, used for one.
  moodline analyze --segments phrases --format srt --marks blocks --output talk.srt talk.wav
      A subtitle for each phrase.
  moodline analyze --source left --from 12:30 --to 20:00 interview.mp4
      One channel of a part of a video.

Emotion recognition is an estimate learnt from acted speech. In the EU it must not be used on people at work or in education
(AI Act, Article 5(1)(f)).";

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 some input failed, the others are done all the same; 2 the arguments make no sense.";

/// The emotion of a voice over time.
#[derive(Parser)]
#[command(name = "moodline", version, about, after_help = EXIT_CODES, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Analyze(AnalyzeArguments),
    Listen(ListenArguments),
    Features(FeaturesArguments),
    Model(ModelArguments),
    #[command(subcommand)]
    Voice(VoiceCommand),
}

/// Find the emotions in recordings
///
/// Reads WAV (RF64, BW64, Wave64 and ADPCM too), AIFF, CAF, FLAC, MP3, MP2, Ogg (Vorbis, Opus, FLAC), WebM, Matroska, MP4, M4A and MOV (AAC, ALAC, Opus) and AAC at
/// 8 to 384 kHz with any number of channels, which are mixed. A recording is divided into blocks; a block without speech is `no_speech` and has no emotion.
#[derive(Args)]
#[command(after_help = format!("{EXIT_CODES}\n\n{EXAMPLES}"))]
pub(crate) struct AnalyzeArguments {
    /// Audio files, folders (searched recursively for audio files), and - for standard input
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// Number of the audio track to analyse in a file that has several [default: the one that players choose]
    #[arg(long, value_name = "N")]
    pub(crate) track: Option<NonZeroUsize>,

    /// Start of the part that is analysed: seconds, or hours, minutes and seconds as in 1:02:03.5
    #[arg(long, default_value = "0", value_name = "TIME", value_parser = time, allow_negative_numbers = true)]
    pub(crate) from: f64,

    /// End of the part that is analysed [default: the end of the recording]
    #[arg(long, value_name = "TIME", value_parser = time, allow_negative_numbers = true)]
    pub(crate) to: Option<f64>,

    /// Decoder: auto uses an installed ffmpeg for formats that are not built in, and says so
    #[arg(long, default_value = "auto", value_name = "DECODER", value_parser = decoders())]
    pub(crate) decoder: DecoderChoice,

    /// What each answer covers: a block of the window's length every hop, or a phrase (the speech between two pauses of at least 0.3 s, split where the voice
    /// is weakest if it is longer than the window)
    #[arg(long, default_value = "blocks", value_name = "WHAT", value_enum)]
    pub(crate) segments: SegmentsArgument,

    #[command(flatten)]
    pub(crate) analysis: AnalysisArguments,

    /// Backend that runs the network: native is the fastest here and loads no library, auto uses onnxruntime where it is installed; the answers are the same
    #[arg(long, default_value = BackendChoice::Native.name(), value_name = "BACKEND", value_parser = backends())]
    pub(crate) backend: BackendChoice,

    /// Voice for which the model's bias towards one emotion is corrected: the voice in each recording (file), the one in each channel (channel, with --source
    /// each), none (none), or one saved by `moodline voice learn` (a file ending in .voice)
    #[arg(long, default_value = "file", value_name = "VOICE", value_parser = voice)]
    pub(crate) voice: VoiceArgument,

    /// Format of the results
    #[arg(long, default_value = "table", value_name = "FORMAT", value_parser = shapes())]
    pub(crate) format: Shape,

    /// Where to write the results instead of the terminal: a file, or a folder (existing, or written with a trailing /), which gets one file per recording,
    /// named after it. Only table, csv, json and rttm can hold several recordings in one file; JSON then has one object per line
    #[arg(long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,

    /// Also write the results in another format; can be given several times
    #[arg(long, value_name = "FORMAT=PATH", value_parser = saved)]
    pub(crate) save: Vec<SaveArgument>,

    /// Draw the timeline: a file ending in .svg or .png, or a folder, which gets one SVG file per recording
    #[arg(long, value_name = "PATH")]
    pub(crate) plot: Option<PathBuf>,

    /// Minutes of time per row of the picture [default: the whole recording if it lasts up to ten minutes, otherwise enough for at most twelve rows]
    #[arg(long, value_name = "MINUTES", value_parser = row_minutes)]
    pub(crate) plot_row: Option<f64>,

    /// Width of the picture, in SVG units; a PNG has two pixels per unit
    #[arg(long, default_value_t = plot::WIDTH, value_name = "UNITS", value_parser = RangedU64ValueParser::<u32>::new().range(600..=20_000))]
    pub(crate) plot_width: u32,

    #[command(flatten)]
    pub(crate) export: ExportArguments,

    /// True emotions to compare with, for one recording: Audacity labels, or a table (commas, semicolons or tabs) with the columns start_s, end_s and emotion
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: Option<PathBuf>,

    /// Let outputs replace recordings, manifests, models and configurations; what this run reads is never replaced
    #[arg(long)]
    pub(crate) force: bool,

    /// Number of recordings analysed at the same time [default: the number of processor cores]
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
}

impl AnalyzeArguments {
    pub(crate) fn plot_options(&self) -> PlotOptions {
        PlotOptions { width: self.plot_width, row_s: self.plot_row.map(|minutes| 60.0 * minutes) }
    }
}

/// What each answer covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SegmentsArgument {
    Blocks,
    Phrases,
}

impl From<SegmentsArgument> for Segmentation {
    fn from(segments: SegmentsArgument) -> Self {
        match segments {
            SegmentsArgument::Blocks => Self::Blocks,
            SegmentsArgument::Phrases => Self::Phrases,
        }
    }
}

/// What is analysed, and with what
#[derive(Args)]
pub(crate) struct AnalysisArguments {
    /// Which channels are analysed: mix (their mean), left, right, mid, side, a channel number, or each as a separate voice
    #[arg(long, default_value = "mix", value_name = "SOURCE")]
    pub(crate) source: FileSource,

    /// Length of a block, and of the longest phrase, seconds
    #[arg(long, default_value_t = 5.0, value_name = "SECONDS", value_parser = window, allow_negative_numbers = true)]
    window: f64,

    /// Distance between the starts of consecutive blocks, seconds; the plugin's is shorter, to follow a voice, so set both alike to compare [default: the
    /// window, so that every second counts once]
    #[arg(long, value_name = "SECONDS", value_parser = hop, allow_negative_numbers = true)]
    pub(crate) hop: Option<f64>,

    /// Model file to use instead of the one built in
    #[arg(long, value_name = "FILE")]
    pub(crate) model: Option<PathBuf>,
}

impl AnalysisArguments {
    pub(crate) fn config(&self, segmentation: Segmentation) -> AnalysisConfig {
        let hop_seconds = self.hop.unwrap_or(self.window);
        AnalysisConfig { window_seconds: self.window, hop_seconds, segmentation, ..AnalysisConfig::default() }
    }
}

/// How results are written
#[derive(Args)]
#[command(next_help_heading = "Formats")]
pub(crate) struct ExportArguments {
    /// CSV dialect: for programs (rfc4180: commas, decimal points), or for opening by double click where decimals have a comma (excel: byte order mark,
    /// semicolons, decimal commas)
    #[arg(long, default_value = "rfc4180", value_name = "DIALECT", value_parser = dialects())]
    csv_dialect: CsvDialect,

    /// Marks, labels and subtitles: one per run of neighbouring blocks with the same emotion (merged), or one per block (blocks)
    #[arg(long, default_value = "merged", value_name = "WHAT", value_parser = ["merged", "blocks"])]
    marks: String,

    /// Merged marks shorter than this are absorbed by their longer neighbour, seconds
    #[arg(long, default_value_t = 0.0, value_name = "SECONDS", value_parser = min_mark, allow_negative_numbers = true)]
    min_mark: f64,

    /// Frames per second of the timeline, in edl, fcpxml and premiere
    #[arg(long, default_value = FrameRate::F25.name(), value_name = "RATE", value_parser = frame_rates())]
    frame_rate: FrameRate,

    /// How an HTML page plays the recording: from its own file (link, relative to the page), from within the page (embed: as Opus, 28 MB for an hour of
    /// stereo), or not at all (none)
    #[arg(long, default_value = "link", value_name = "HOW", value_enum)]
    pub(crate) page_audio: PageAudio,

    /// Timecode at which the recording begins on the timeline, in edl, fcpxml and premiere
    #[arg(long, default_value_t = StartTime::ONE_HOUR, value_name = "HH:MM:SS")]
    start_timecode: StartTime,
}

impl ExportArguments {
    pub(crate) fn options(&self) -> ExportOptions {
        ExportOptions {
            marks: MarkOptions { merge: self.marks == "merged", min_length_s: self.min_mark },
            csv: self.csv_dialect,
            frame_rate: self.frame_rate,
            start: self.start_timecode,
        }
    }
}

/// Write a recording's features as the network sees them, step by step
///
/// Steps in which nobody speaks are left out where the model does not hear them either, as the built-in one. The values are those the trainer caches for
/// the same clip, before normalisation, which is part of the weights. `moodline model` shows what the front end computes, in librosa's terms: mfcc_N is row N of librosa.feature.mfcc with these settings, top_db=None and pad_mode="constant"; delta_N and delta2_N are
/// those of librosa.feature.delta with order 1 and 2; a step is the mean of the number of frames given there. f0 (semitones above 27.5 Hz), f0_delta,
/// voicing, level (dB) and level_delta are the prosody; pitch has no gaps and level is relative to the loudest step of its block.
#[derive(Args)]
pub(crate) struct FeaturesArguments {
    /// Audio file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// csv: one row per step, with its time, and column names; npy: float32 [steps, features] for numpy.load, names and times on stderr
    #[arg(long, default_value = "csv", value_name = "FORMAT", value_enum)]
    pub(crate) format: FeaturesFormat,

    /// File to write to instead of the terminal
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Length of the blocks that pitch and level are relative to, seconds [default: the model's]
    #[arg(long, value_name = "SECONDS", value_parser = window, allow_negative_numbers = true)]
    pub(crate) window: Option<f64>,

    /// Model file whose front end is used [default: the model built in]
    #[arg(long, value_name = "FILE")]
    pub(crate) model: Option<PathBuf>,

    /// Let the output replace a recording, manifest, model or configuration; what this run reads is never replaced
    #[arg(long)]
    pub(crate) force: bool,
}

/// File format of the features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FeaturesFormat {
    Csv,
    Npy,
}

/// Show the contract of a model: what it was trained on and what it needs
#[derive(Args)]
pub(crate) struct ModelArguments {
    /// Model file [default: the model built in]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The form of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// For people.
    Table,
    /// For programs.
    Export(Format),
    /// For people with a browser.
    Page,
}

impl Shape {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Export(format) => format.name(),
            Self::Page => "html",
        }
    }

    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Table => "txt",
            Self::Export(format) => format.extension(),
            Self::Page => "html",
        }
    }

    pub(crate) const fn holds_many(self) -> bool {
        match self {
            Self::Table => true,
            Self::Export(format) => format.holds_many(),
            Self::Page => false,
        }
    }

    fn of(name: &str) -> Option<Self> {
        let own = [Self::Table, Self::Page].into_iter().find(|shape| shape.name() == name);
        own.or_else(|| name.parse().ok().map(Self::Export))
    }
}

/// One `--save`.
#[derive(Clone, Debug)]
pub(crate) struct SaveArgument {
    pub(crate) shape: Shape,
    pub(crate) path: PathBuf,
}

fn shape_names() -> impl Iterator<Item = &'static str> {
    [Shape::Table, Shape::Page].into_iter().map(Shape::name).chain(Format::ALL.into_iter().map(Format::name))
}

fn shapes() -> impl TypedValueParser<Value = Shape> {
    // INVARIANT: the parser only lets these names through.
    PossibleValuesParser::new(shape_names()).map(|name| Shape::of(&name).expect("a name of a shape"))
}

fn dialects() -> impl TypedValueParser<Value = CsvDialect> {
    // INVARIANT: the parser only lets these names through.
    let dialect = |name: String| CsvDialect::ALL.into_iter().find(|dialect| dialect.name() == name).expect("a name of a dialect");
    PossibleValuesParser::new(CsvDialect::ALL.map(CsvDialect::name)).map(dialect)
}

fn frame_rates() -> impl TypedValueParser<Value = FrameRate> {
    PossibleValuesParser::new(FrameRate::ALL.map(FrameRate::name)).try_map(|name| name.parse::<FrameRate>())
}

fn backends() -> impl TypedValueParser<Value = BackendChoice> {
    PossibleValuesParser::new(BackendChoice::ALL.map(BackendChoice::name)).try_map(|name| name.parse::<BackendChoice>())
}

fn decoders() -> impl TypedValueParser<Value = DecoderChoice> {
    let named = |name: &str| DecoderChoice::ALL.into_iter().find(|choice| choice.name() == name);
    // INVARIANT: the parser only lets these names through.
    PossibleValuesParser::new(DecoderChoice::ALL.map(DecoderChoice::name))
        .map(move |name| named(&name).expect("a name of a decoder"))
}

/// Seconds, or up to three numbers with colons between them, of which the last may have a fraction.
fn time(text: &str) -> Result<f64, String> {
    let expected = || "expected seconds, or hours, minutes and seconds as in 1:02:03.5".to_owned();
    let parts: Vec<&str> = text.split(':').collect();
    let is_number = |part: &&str| part.starts_with(|first: char| first.is_ascii_digit());
    if parts.len() > 3 || !parts.iter().all(is_number) || parts[..parts.len() - 1].iter().any(|part| part.parse::<u32>().is_err())
    {
        return Err(expected());
    }
    let seconds = parts.iter().try_fold(0.0, |sum, part| Some(60.0 * sum + part.parse::<f64>().ok()?));
    seconds.filter(|seconds| seconds.is_finite()).ok_or_else(expected)
}

fn saved(text: &str) -> Result<SaveArgument, String> {
    let expected = || format!("expected FORMAT=PATH with a format of {}", shape_names().collect::<Vec<_>>().join(", "));
    let (name, path) = text.split_once('=').ok_or_else(expected)?;
    let shape = Shape::of(name).ok_or_else(expected)?;
    if path.is_empty() { Err(expected()) } else { Ok(SaveArgument { shape, path: PathBuf::from(OsStr::new(path)) }) }
}

fn window(text: &str) -> Result<f64, String> {
    seconds(text, WINDOW_SECONDS)
}

fn hop(text: &str) -> Result<f64, String> {
    seconds(text, HOP_SECONDS)
}

fn row_minutes(text: &str) -> Result<f64, String> {
    let expected = || "expected 0.1 to 1440 minutes".to_owned();
    text.parse().ok().filter(|minutes| (0.1..=1440.0).contains(minutes)).ok_or_else(expected)
}

fn min_mark(text: &str) -> Result<f64, String> {
    const LONGEST_S: f64 = 3600.0;
    seconds(text, 0.0..=LONGEST_S)
}

fn seconds(text: &str, range: std::ops::RangeInclusive<f64>) -> Result<f64, String> {
    let expected = || format!("expected {} to {} seconds", range.start(), range.end());
    text.parse().ok().filter(|value| range.contains(value)).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser as _};

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }

    #[test]
    fn the_help_says_that_the_plugin_starts_with_another_hop() {
        let mut command = super::Arguments::command();
        let help = command.find_subcommand_mut("analyze").unwrap().render_long_help().to_string();
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains("the plugin's is shorter") && help.contains("[default: the window"), "{help}");
    }

    #[test]
    fn the_long_help_says_more_than_the_list_of_commands() {
        let mut command = super::Arguments::command();
        for (path, words) in [
            (&["analyze"][..], "Reads WAV"),
            (&["listen"], "printed within 300 ms"),
            (&["features"], "librosa.feature.mfcc"),
            (&["voice", "learn"], "Ten sentences are enough"),
        ] {
            let of_path = path.iter().fold(&mut command, |command, name| command.find_subcommand_mut(name).unwrap());
            let help = of_path.render_long_help().to_string();
            assert!(help.split_whitespace().collect::<Vec<_>>().join(" ").contains(words), "{path:?}: {help}");
        }
    }

    #[test]
    fn times_are_seconds_or_have_colons() {
        for (text, seconds) in [("0", 0.0), ("90.5", 90.5), ("1:30", 90.0), ("1:02:03.5", 3723.5), ("0:90", 90.0)] {
            assert_eq!(super::time(text), Ok(seconds), "{text}");
        }
        let negative = super::Arguments::try_parse_from(["moodline", "analyze", "--window", "-1", "a.wav"]).err().unwrap();
        assert!(negative.to_string().contains("invalid value '-1' for '--window <SECONDS>'"), "{negative}");
        for text in ["", "-1", "1:", ":1", "1:2:3:4", "1.5:00", "inf", "nan", "1e999", "two"] {
            assert!(super::time(text).is_err(), "{text}");
        }
    }
}
