//! The command line of the standalone.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// The name of the operating system's sound system in the wrapper and on the command line.
#[cfg(target_os = "macos")]
pub(super) const SYSTEM: &str = "core-audio";
/// The name of the operating system's sound system in the wrapper and on the command line.
#[cfg(target_os = "windows")]
pub(super) const SYSTEM: &str = "wasapi";
/// The name of the operating system's sound system in the wrapper and on the command line.
#[cfg(not(any(target_os = "macos", target_os = "windows")))]
pub(super) const SYSTEM: &str = "alsa";

const EXIT_CODES: &str = "\
Exit codes: 0 the window was closed; 1 the file, the device or the window could not be opened; 2 the arguments make no sense.";

/// Shows the emotion of a voice over time, from the microphone or from a file that is played
#[derive(Debug, Parser)]
#[command(name = "moodline-standalone", version, after_help = EXIT_CODES, max_term_width = 110)]
pub(super) struct Arguments {
    /// Where audio comes from and goes to; auto uses JACK if it is running, otherwise the system's devices, otherwise none
    #[arg(short, long, value_enum, default_value = "auto")]
    pub(super) backend: BackendArgument,

    /// Samples per second; JACK determines its own [default: the device's; without a device the file's, else 48000]
    #[arg(short = 'r', long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(8_000..=384_000))]
    pub(super) sample_rate: Option<u32>,

    /// Frames per buffer; JACK determines its own
    #[arg(short, long, value_name = "FRAMES", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=8192))]
    pub(super) period: u32,

    /// The microphone: a name from --list-devices, or JACK ports separated by commas [default: the system's microphone]
    #[arg(long, value_name = "NAME", conflicts_with = "input")]
    pub(super) input_device: Option<String>,

    /// Plays an audio file instead of listening to the microphone
    #[arg(long, value_name = "FILE")]
    pub(super) input: Option<PathBuf>,

    /// Makes the input audible; off by default, because a microphone near a loudspeaker causes feedback
    #[arg(long)]
    pub(super) monitor: bool,

    /// Lists the microphones and exits
    #[arg(long)]
    pub(super) list_devices: bool,
}

/// `--backend`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum BackendArgument {
    /// The first of the others that works
    Auto,
    /// A running JACK server
    Jack,
    /// The devices of the system
    #[value(name = SYSTEM)]
    System,
    /// No sound: silence, or the file, in real time
    Dummy,
}

impl Arguments {
    /// Parses the arguments, the first of which is the program. Invalid ones, and `--help`, yield clap's error.
    pub(super) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        Self::try_parse_from(arguments)
    }
}
