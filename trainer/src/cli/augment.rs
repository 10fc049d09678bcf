//! `trainer augment`: what an augmentation does to a recording.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Force;
use crate::base::console;
use crate::base::files;
use crate::base::progress::Progress;
use crate::data::preview::preview;
use crate::train::config::TrainConfig;

/// Shows what an augmentation does to a recording
#[derive(Args)]
pub(super) struct AugmentArgs {
    #[command(subcommand)]
    command: AugmentCommand,
}

#[derive(Subcommand)]
enum AugmentCommand {
    Preview(PreviewArgs),
}

/// Writes the copies of a recording as WAV files, and a picture of their spectrograms
#[derive(Args)]
#[command(after_help = "\
Writes the copies of this file that training would see, cut to its block length; with mode = \"chain\", also each transform alone. The titles in the
picture say what was drawn.

Transforms of [augmentation], each with an optional probability; a parameter is a number or [least, most]:
  pitch_shift   semitones             time_stretch  rate, cut=true     speed        rate
  vocal_tract   alpha                 gain          db                 tilt         db_per_octave
  equaliser     bands, db             band_limit    low_hz, high_hz    reverb       t60_seconds, direct_db
  noise         colours, snr_db       noise_files   folder, snr_db     hiss         sigma
  clipping      threshold_db          gate          threshold_db, range_db
  codec         law, bits, high_hz

The folder of noise_files is relative to the current folder. With fresh = true, each epoch of a training draws new copies from the same ranges.

Example:
  trainer augment preview voice.wav --config my.toml --out preview --set augmentation.copies=6")]
struct PreviewArgs {
    /// Audio file
    file: PathBuf,
    /// Training configuration with an [augmentation]
    #[arg(long, value_name = "TOML")]
    config: PathBuf,
    /// Folder to write to
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Seed of all draws (the same as --set augmentation.seed=N)
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Overrides a value of the configuration; an empty value removes an optional one
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    overrides: Vec<String>,
    #[command(flatten)]
    force: Force,
}

pub(super) fn run(arguments: &AugmentArgs, progress: Progress) -> anyhow::Result<ExitCode> {
    let AugmentCommand::Preview(PreviewArgs { file, config: path, out, seed, overrides, force }) = &arguments.command;
    let mut overrides = overrides.clone();
    overrides.extend(seed.map(|seed| format!("augmentation.seed={seed}")));
    let config = TrainConfig::parse(&path.display().to_string(), &files::read_text(path)?, &overrides)?;
    let made = preview(file, &config.data(), out, force.plan().read([path]))?;
    for path in &made.written {
        progress.line(&format!("wrote {}", path.display()));
    }
    for problem in &made.problems {
        console::note(format_args!("error: {problem}"));
    }
    Ok(ExitCode::from(u8::from(!made.problems.is_empty())))
}
