//! The arguments of `moodline listen`.

use clap::{Args, ValueEnum};
use moodline_engine::BackendChoice;
use moodline_engine::decode::{RawFormat, STANDARD_INPUT};

use super::{AnalysisArguments, EXIT_CODES, backends};

const EXAMPLES: &str = "\
Examples:
  moodline listen
      A line for each block of what the microphone hears, until Ctrl-C.
  moodline listen --format jsonl --hop 1 | some-bot
      A JSON object a line, every second.
  ffmpeg -v error -i interview.mp4 -f wav - | moodline listen - --format jsonl
      Whatever ffmpeg reads, live streams among it.
  moodline listen - --raw 16000:1:s16le --format jsonl < voice.raw | jq -r '.emotion // empty'
      Samples without a header; of each block with speech the emotion.";

const LINES: &str = "\
Lines of jsonl: the first (event \"start\") says what is listened to and with what: file, sample_rate, channels, source, model, backend, window_s and hop_s. \
Each block (event \"block\") has the fields of a segment of `moodline analyze --format json`. While a microphone was gone there is a gap (event \"gap\"), \
with its reason. The last line (event \"end\") is the first one again, with duration_s. Times are seconds from the start.";

/// Find the emotions in live speech, block by block, from a microphone or a pipe
///
/// Each block is one line, printed within 300 ms of the end of the block. If the microphone disappears, the command waits for it. Ctrl-C or the end of the
/// pipe stops it, with results for everything heard so far.
#[derive(Args)]
#[command(after_help = format!("{EXIT_CODES}\n\n{LINES}\n\n{EXAMPLES}"))]
pub(crate) struct ListenArguments {
    /// - for standard input: WAV or anything else that `moodline analyze` reads, recognised by its content, or raw samples with --raw [default: a microphone]
    #[arg(value_name = "-", value_parser = [STANDARD_INPUT], hide_possible_values = true, conflicts_with = "device")]
    pub(crate) input: Option<String>,

    /// The microphone, by its name in --list-devices [default: the system's]
    #[arg(long, value_name = "NAME")]
    pub(crate) device: Option<String>,

    /// List the microphones and exit
    #[arg(long, conflicts_with_all = ["input", "device"])]
    pub(crate) list_devices: bool,

    #[arg(long, value_name = "RATE:CHANNELS:CODING", requires = "input", help = raw_help())]
    pub(crate) raw: Option<RawFormat>,

    #[command(flatten)]
    pub(crate) analysis: AnalysisArguments,

    /// Backend that runs the network; auto uses onnxruntime where it is installed
    #[arg(long, default_value = BackendChoice::Auto.name(), value_name = "BACKEND", value_parser = backends())]
    pub(crate) backend: BackendChoice,

    /// Format of the lines
    #[arg(long, default_value = "table", value_name = "FORMAT", value_enum)]
    pub(crate) format: Lines,
}

fn raw_help() -> String {
    let codings = RawFormat::CODINGS.join(", ");
    format!(
        "What comes through standard input has no header: its rate, channels and coding, as in 48000:2:s16le. Codings are called as in ffmpeg: {codings}"
    )
}

/// The format of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lines {
    /// For people
    Table,
    /// For programs: JSON objects
    Jsonl,
}
