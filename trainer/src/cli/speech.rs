//! `trainer speech`: trains and evaluates the speech detector.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use moodline_engine::SpeechModel;
use serde::Serialize;

use super::{Force, Pool};
use crate::base::progress::{Interrupt, Progress};
use crate::base::table::Table;
use crate::base::{console, files};
use crate::data::manifest::{Manifest, Splits};
use crate::data::speech::SpeechData;
use crate::data::speech::sounds::{Origin, origins};
use crate::measure::speech::{Peer, Recordings, SpeechFigures, markdown, measure, measure_peer};
use crate::publish::{CARD, speech_card};
use crate::train::speech::{SpeechConfig, train};

/// Kinds of sound that are voices without words, by the beginning of their names.
const VOICES: [&str; 4] = ["baby_cry", "singing", "sung_note", "vocal_burst"];

const MODEL: &str = "model.onnx";
const CONFIG: &str = "train.toml";
const HISTORY: &str = "epochs.csv";
const FIGURES: &str = "metrics.json";
const SOUNDS: &str = "sounds.csv";
/// Sources of free speech, as the recipe writes them; a detector that learned from corpora alone has none.
const SPOKEN: &str = "speech.csv";

/// Trains and evaluates a speech detector
#[derive(Args)]
pub(super) struct SpeechArgs {
    #[command(subcommand)]
    command: SpeechCommand,
}

#[derive(Subcommand)]
enum SpeechCommand {
    Train(TrainArgs),
    Evaluate(EvaluateArgs),
}

/// Trains a detector and writes it as a verified model file
#[derive(Args)]
#[command(after_help = "\
The times of speech and the free sounds are made by the recipe in trainer/recipes/speech-2. Writes model.onnx, train.toml, epochs.csv, and sounds.csv: the sources of the sounds it learned
from, with their licences.

Example:
  trainer speech train --config trainer/configs/speech-2.toml --manifest crema-d.csv emodb.csv banglaser.csv --times times.csv \\
      --sounds nonspeech.csv sounds/sounds.csv --out models/speech-2")]
struct TrainArgs {
    /// Configuration
    #[arg(long, value_name = "TOML")]
    config: PathBuf,
    /// Manifest of clips of speech; several are merged
    #[arg(long, value_name = "CSV", required = true, num_args = 1..)]
    manifest: Vec<PathBuf>,
    /// Times of speech of these clips
    #[arg(long, value_name = "CSV", required = true, num_args = 1..)]
    times: Vec<PathBuf>,
    /// Table of recordings without speech, with the columns path, kind and licence
    #[arg(long, value_name = "CSV", required = true, num_args = 1..)]
    sounds: Vec<PathBuf>,
    /// Folder to write to
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    #[command(flatten)]
    pool: Pool,
    #[command(flatten)]
    force: Force,
}

/// Evaluates a detector, optionally in comparison with others
#[derive(Args)]
#[command(after_help = "\
Writes metrics.json and MODEL_CARD.md into the folder of the model, which `trainer speech train` made. If speech.csv lies there (the recipe's sources.csv: kind, licence,
source, recordings), the card has the free speech in it. A peer is a table with times of speech in all these recordings, and a JSON file of the same name with the peer's name
and computing time, as the recipe writes them for Silero.

Example:
  trainer speech evaluate models/speech-2 --sounds nonspeech.csv --labelled vad.csv --labels vad-labels.csv \\
      --manifest crema-d.csv emodb.csv --peer silero.csv")]
struct EvaluateArgs {
    /// Folder of the model
    folder: PathBuf,
    /// Table of recordings without speech
    #[arg(long, value_name = "CSV", num_args = 1..)]
    sounds: Vec<PathBuf>,
    /// Table of recordings with known times of speech
    #[arg(long, value_name = "CSV", requires = "labels")]
    labelled: Option<PathBuf>,
    /// Times of speech of these recordings
    #[arg(long, value_name = "CSV")]
    labels: Option<PathBuf>,
    /// Manifest of clips of speech; all splits are used
    #[arg(long, value_name = "CSV", num_args = 1..)]
    manifest: Vec<PathBuf>,
    /// Times of speech that another detector found
    #[arg(long, value_name = "CSV", num_args = 1..)]
    peer: Vec<PathBuf>,
    #[command(flatten)]
    pool: Pool,
    #[command(flatten)]
    force: Force,
}

/// Content of `metrics.json`.
#[derive(Serialize)]
struct Metrics<'a> {
    fingerprint: &'a str,
    detectors: &'a [SpeechFigures],
}

pub(super) fn run(arguments: &SpeechArgs, progress: Progress, interrupt: &Interrupt) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        SpeechCommand::Train(arguments) => run_train(arguments, progress, interrupt),
        SpeechCommand::Evaluate(arguments) => run_evaluate(arguments, progress),
    }
}

fn run_train(arguments: &TrainArgs, progress: Progress, interrupt: &Interrupt) -> anyhow::Result<ExitCode> {
    let TrainArgs { manifest, times, sounds, out, pool, .. } = arguments;
    let config = parse(&arguments.config)?;
    let clips = Manifest::read(manifest, Splits::Required)?;
    let files = arguments.force.plan().read([&arguments.config]).read(manifest).read(times).read(sounds).read(clips.audio());
    files.write([MODEL, CONFIG, HISTORY, SOUNDS].map(|name| out.join(name))).check()?;
    let (detector, learned_from) = pool.install(|| -> anyhow::Result<_> {
        let data = SpeechData::read(&config.scenes, &config.front_end, config.delay_steps, &clips, times, sounds, progress)?;
        let mut table = Table::new(Origin::COLUMNS);
        Origin::of(data.sounds()).iter().for_each(|origin| table.push(origin.cells()));
        Ok((train(&config, &data, progress, interrupt)?, table.to_csv()))
    })??;
    files::create_folder(out)?;
    let mut history = "epoch,train_loss,dev_loss,dev_missed,dev_false_alarms\n".to_owned();
    for record in &detector.history {
        let dev = record.dev;
        writeln!(history, "{},{},{},{},{}", record.epoch, record.train_loss, dev.loss, dev.missed, dev.false_alarms)?;
    }
    let text = config.to_toml();
    for (name, content) in [
        (MODEL, &detector.bytes[..]),
        (CONFIG, text.as_bytes()),
        (HISTORY, history.as_bytes()),
        (SOUNDS, learned_from.as_bytes()),
    ] {
        write(&out.join(name), content, progress)?;
    }
    console::print_line(format_args!(
        "epoch {} of {}; {} parameters; trainer and native kernel agree to {:.1e}",
        detector.best_epoch,
        detector.history.len(),
        detector.n_parameters,
        detector.largest_difference
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn run_evaluate(arguments: &EvaluateArgs, progress: Progress) -> anyhow::Result<ExitCode> {
    let EvaluateArgs { folder, sounds, labelled, labels, manifest, peer, pool, .. } = arguments;
    let (model_file, config_file) = (folder.join(MODEL), folder.join(CONFIG));
    let model = SpeechModel::open(&model_file)?;
    let config = parse(&config_file)?;
    let clips = if manifest.is_empty() { None } else { Some(Manifest::read(manifest, Splits::Ignored)?) };
    let files = arguments.force.plan().read([&model_file, &config_file]).read(sounds).read(manifest).read(peer);
    files.write([FIGURES, CARD].map(|name| folder.join(name))).check()?;
    let recordings = Recordings {
        sounds: sounds.clone(),
        labelled: labelled.clone().zip(labels.clone()).into_iter().collect(),
        manifest: clips,
    };
    let detectors = pool.install(|| -> anyhow::Result<Vec<SpeechFigures>> {
        let mut detectors = vec![measure(&model, &recordings, progress)?];
        for times in peer {
            detectors.push(measure_peer(&Peer::read(times)?, &model, &recordings, progress)?);
        }
        Ok(detectors)
    })??;
    let tables = markdown(&detectors, &config.scenes.kinds, &VOICES.map(str::to_owned));
    let learned_from = origins(&folder.join(SOUNDS))?;
    let spoken = folder.join(SPOKEN);
    let spoken = if spoken.is_file() { origins(&spoken)? } else { Vec::new() };
    let card = speech_card::card(&model, &config.scenes.kinds, &learned_from, &spoken, &tables);
    let figures = serde_json::to_string_pretty(&Metrics { fingerprint: model.fingerprint(), detectors: &detectors })? + "\n";
    for (name, content) in [(FIGURES, &figures), (CARD, &card)] {
        write(&folder.join(name), content.as_bytes(), progress)?;
    }
    console::print(tables)?;
    Ok(ExitCode::SUCCESS)
}

fn parse(path: &Path) -> anyhow::Result<SpeechConfig> {
    Ok(SpeechConfig::parse(&path.display().to_string(), &files::read_text(path)?)?)
}

fn write(path: &Path, content: &[u8], progress: Progress) -> anyhow::Result<()> {
    files::write_atomically(path, content)?;
    progress.line(&format!("wrote {}", path.display()));
    Ok(())
}
