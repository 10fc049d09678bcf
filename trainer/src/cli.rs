//! The command line of the trainer: its arguments and exit codes.
//!
//! Exit codes: 0 success; 1 some input failed (the others were processed) or the work could not be done; 2 the command line or the configuration is
//! wrong; 130 interrupted, with a checkpoint to continue from.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use moodline_engine::{BackendChoice, Model};
use moodline_engine::{panics, stop};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::base::config::ConfigError;
use crate::base::files::{FilePlan, Refusal, Replace};
use crate::base::progress::{Interrupt, Progress};
use crate::base::{console, files};
use crate::data::cache::FeatureCache;
use crate::data::manifest::{Manifest, Split, Splits};
use crate::measure::evaluate;
use crate::measure::evaluate::{History, Measured};
use crate::publish::card;
use crate::study::sweep::SweepError;
use crate::train::config::TrainConfig;
use crate::train::export::{self, OnnxRuntimeLeg};
use crate::train::run::folder::RunFolder;
use crate::train::run::log::to_standard_error;
use crate::train::run::{self, TrainOptions};

mod adopt;
mod augment;
mod compare;
mod corpus;
mod crossval;
mod report;
mod robustness;
mod runs;
mod speech;
mod streams;
mod sweep;
#[cfg(test)]
mod tests;

/// Exit code of a run stopped by the user, as shells use for Ctrl-C.
const INTERRUPTED: u8 = 130;

#[derive(Parser)]
#[command(name = "trainer", version, about = "Trains, evaluates and exports Moodline's models", after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
A manifest is a CSV file with the columns path (relative to the manifest), speaker, emotion (angry, happy, sad, neutral), split (train, dev,
test) and optionally corpus, language, session, text and perceived (what most listeners heard).

Examples, from corpus to model:
  trainer corpus manifest crema-d CREMA-D --out corpora/crema-d.csv --split 0.7,0.15,0.15
  trainer corpus stats corpora/crema-d.csv --svg stats.svg
  trainer train --config trainer/configs/paper-ltc-16.toml --manifest corpora/crema-d.csv --out runs/first
  trainer train --config trainer/configs/paper-ltc-16.toml --manifest a.csv --manifest b.csv --out runs/second --set training.epochs=20
  trainer train --manifest corpora/crema-d.csv --out runs/first --resume
  trainer sweep --config trainer/configs/table-1.toml --manifest corpora/crema-d.csv --out sweeps/table-1
  trainer export runs/first --out models/first/model.onnx
  trainer evaluate --model models/first/model.onnx --manifest corpora/crema-d.csv --split test --report models/first
  trainer card models/first
  trainer crossval --protocol speaker --config trainer/configs/paper-ltc-16.toml --manifest corpora/emodb.csv --out results/emodb
  trainer runs runs
  trainer report runs/first models/first --out report.html

Exit codes: 0 success, 1 some input failed, 2 wrong usage, 130 interrupted.";

#[derive(Subcommand)]
enum Command {
    Corpus(corpus::CorpusArgs),
    Augment(augment::AugmentArgs),
    Train(TrainArgs),
    Sweep(sweep::SweepArgs),
    SweepTrial(sweep::SweepTrialArgs),
    Evaluate(EvaluateArgs),
    Export(ExportArgs),
    Card(CardArgs),
    Adopt(adopt::AdoptArgs),
    Compare(compare::CompareArgs),
    Crossval(crossval::CrossvalArgs),
    Runs(runs::RunsArgs),
    Report(report::ReportArgs),
    Robustness(robustness::RobustnessArgs),
    Speech(speech::SpeechArgs),
    Streams(streams::StreamsArgs),
}

/// Trains a network into a run folder
#[derive(Args)]
#[command(after_help = "\
Ctrl-C (or SIGTERM, or a closed terminal) finishes the epoch and stores it; pressed twice, it stops at once, and the last finished epoch is stored. Either way, --resume continues
with the same result, to the last bit, as a run that was never stopped.

Choices of [network]:
  layers         1 to 3 of the same cell; training.dropout acts between them, training.input_dropout on the features
  pooling        \"last\", \"mean\", \"mean_deviation\", \"attention\"
  cell           {kind=\"paper_ltc\", ...} as in trainer/configs/paper.toml, {kind=\"liquid_gate\"}, {kind=\"gru\"}, {kind=\"lstm\"},
                 {kind=\"ltc\", solver=\"semi_implicit\", unfolds=6, elapsed=1.0}; also \"euler\", \"rk4\",
                 {kind=\"cfc\", mode=\"gated\", elapsed=1.0}; also \"no_gate\", \"pure\"; with backbone={units=128, layers=1} as in ncps, or without

Choices of [training]:
  class_weights  \"balanced\", \"none\", {angry=1.0, happy=1.2, sad=1.0, neutral=0.8}; oversample = true repeats clips of small classes
                 instead, so that \"balanced\" has no further effect
  corpus_exponent  0.5: the share of a corpus in an epoch is proportional to the square root of its size, and its classes come equally often; 0: equal shares
  loss           {kind=\"cross_entropy\"}, {kind=\"label_smoothing\", epsilon=0.1}, {kind=\"focal\", gamma=2.0}
  optimiser      {kind=\"adam\"}, {kind=\"adam_w\", weight_decay=0.01}, {kind=\"sgd\", momentum=0.9, nesterov=true}
  schedule       {kind=\"one_cycle\", max_learning_rate=0.01}, {kind=\"cosine\", learning_rate=0.01, warm_up=0.1}, {kind=\"plateau\", learning_rate=5e-4}
  average        decay of a moving average of the weights, such as 0.999
  best           \"dev_uar\", \"dev_loss\"; patience = epochs without a new best after which training stops

Examples:
  trainer train --config trainer/configs/paper-ltc-16.toml --manifest corpora/crema-d.csv --out runs/first
  trainer train --config my.toml --manifest a.csv b.csv --out runs/seed-7 --seed 7 --set network.units=32 --set training.patience=
  trainer train --manifest corpora/crema-d.csv --out runs/first --resume")]
struct TrainArgs {
    /// Configuration; may be omitted with --resume, which uses that of the run
    #[arg(long, value_name = "TOML", required_unless_present = "resume")]
    config: Option<PathBuf>,
    /// Manifest of labelled clips; several are merged
    #[arg(long, value_name = "CSV", required = true, num_args = 1..)]
    manifest: Vec<PathBuf>,
    /// Run folder; must be new or empty without --resume
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Overrides a value of the configuration; an empty value removes an optional one
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    overrides: Vec<String>,
    /// Seed of all random choices (the same as --set training.seed=N)
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    pool: Pool,
    /// Continues the run in --out
    #[arg(long)]
    resume: bool,
    /// Also writes the epochs for TensorBoard to the run folder; a resumed run keeps doing so
    #[arg(long)]
    tensorboard: bool,
    #[command(flatten)]
    cache: Cache,
}

#[derive(Args)]
struct Pool {
    /// Threads to use; the result does not depend on it [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

#[derive(Args)]
struct Cache {
    /// Folder of the feature cache, or "none" [default: moodline/features in the user's cache folder]
    #[arg(long = "cache", value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

#[derive(Args)]
struct Force {
    /// Allows outputs to replace recordings, manifests, models and configurations; files that this command reads are never replaced
    #[arg(long)]
    force: bool,
}

/// Evaluates a model file on labelled clips, through the engine
#[derive(Args)]
#[command(after_help = "\
The gate is off, because every clip has a label. A clip longer than the model's block gets the mean of its blocks, weighted by their duration.
The interval is a 95 % bootstrap over speakers.

Examples:
  trainer evaluate --model models/paper-ltc-16/model.onnx --manifest corpora/crema-d.csv --split test
  trainer evaluate --model m.onnx --manifest a.csv b.csv --split all --json --report runs/first/report")]
struct EvaluateArgs {
    /// Model file
    #[arg(long, value_name = "ONNX")]
    model: PathBuf,
    /// Manifest of labelled clips; several are merged
    #[arg(long, value_name = "CSV", required = true, num_args = 1..)]
    manifest: Vec<PathBuf>,
    /// Clips to evaluate; with "all" the manifests need no split column
    #[arg(long, value_enum)]
    split: SplitArg,
    /// Which clips of the same speaker are heard before each clip
    #[arg(long, value_enum, default_value_t = History::Cold)]
    voice: History,
    /// Prints JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Also writes metrics.json, predictions.csv and confusion.svg there
    #[arg(long, value_name = "FOLDER")]
    report: Option<PathBuf>,
    /// Backend that runs the network: auto, onnxruntime or native
    #[arg(long, default_value_t = BackendChoice::Auto)]
    backend: BackendChoice,
    #[command(flatten)]
    pool: Pool,
    #[command(flatten)]
    force: Force,
}

#[derive(Clone, Copy, ValueEnum)]
enum SplitArg {
    Train,
    Dev,
    Test,
    All,
}

/// Writes the best epoch of a run as a verified model file
#[derive(Args)]
#[command(after_help = "\
Trainer, native kernel and ONNX Runtime must agree to 1e-5 on every probability, or nothing is written. The resolved configuration is written
beside the model as train.toml.

Example:
  trainer export runs/first --out models/first/model.onnx")]
struct ExportArgs {
    /// Run folder; several are combined into one model of several networks, whose predictions are averaged
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// Model file to write
    #[arg(long, value_name = "ONNX")]
    out: PathBuf,
    /// Fails if ONNX Runtime is missing, instead of comparing only the trainer and the native kernel
    #[arg(long)]
    require_onnxruntime: bool,
    #[command(flatten)]
    force: Force,
}

/// Writes MODEL_CARD.md from the model and its metrics
#[derive(Args)]
#[command(after_help = "\
The folder holds model.onnx, metrics.json (and other metrics-NAME.json) as `trainer evaluate --report` writes them, and maybe units.md, the
summary.md of a sweep over numbers of units. With --seeds it gets seeds.csv, which the card tells of from then on.

Examples:
  trainer card models/first
  trainer card models/first --seeds models/first-seed-1 models/first-seed-2")]
struct CardArgs {
    /// Folder of the model
    folder: PathBuf,
    /// Folders of the same recipe trained with other seeds, evaluated on the same clips
    #[arg(long, value_name = "FOLDER", num_args = 1..)]
    seeds: Vec<PathBuf>,
}

/// Runs the command with the arguments of the process.
#[must_use]
pub fn main() -> ExitCode {
    tracing_subscriber::registry().with(to_standard_error()).init();
    panics::hide_expected();
    let interrupt = Interrupt::default();
    let requested = interrupt.clone();
    if let Err(error) = stop::on_request(move |_| requested.request()) {
        tracing::warn!("Ctrl-C will end the program without a checkpoint of its own: {error}");
    }
    run(std::env::args_os(), Progress::detect(), &interrupt)
}

/// Runs the command with these arguments, starting with the name of the program.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>, progress: Progress, interrupt: &Interrupt) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            error.print().ok();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let outcome = match cli.command {
        Command::Corpus(arguments) => corpus::run(&arguments, progress, interrupt),
        Command::Augment(arguments) => augment::run(&arguments, progress),
        Command::Train(arguments) => train(&arguments, progress, interrupt),
        Command::Sweep(arguments) => sweep::run(&arguments, progress, interrupt),
        Command::SweepTrial(arguments) => sweep::run_trial(&arguments, progress, interrupt),
        Command::Evaluate(arguments) => evaluate(&arguments, progress, interrupt),
        Command::Export(arguments) => export(&arguments),
        Command::Card(arguments) => card(&arguments),
        Command::Adopt(arguments) => adopt::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Crossval(arguments) => crossval::run(&arguments, progress, interrupt),
        Command::Runs(arguments) => runs::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Robustness(arguments) => robustness::run(&arguments, progress, interrupt),
        Command::Speech(arguments) => speech::run(&arguments, progress, interrupt),
        Command::Streams(arguments) => streams::run(&arguments, progress),
    };
    outcome.unwrap_or_else(|error| {
        // Every error of this program includes its cause in its message.
        console::note(format_args!("error: {error}"));
        ExitCode::from(match error {
            error if is_wrong_usage(&error) => 2,
            _ if interrupt.requested() => INTERRUPTED,
            _ => 1,
        })
    })
}

/// Whether the error lies in the command line or the configuration rather than the work.
fn is_wrong_usage(error: &anyhow::Error) -> bool {
    let refused = error.chain().any(|error| error.is::<Refusal>());
    refused || error.is::<ConfigError>() || matches!(error.downcast_ref(), Some(SweepError::Config(_)))
}

fn train(arguments: &TrainArgs, progress: Progress, interrupt: &Interrupt) -> anyhow::Result<ExitCode> {
    let mut overrides = arguments.overrides.clone();
    overrides.extend(arguments.seed.map(|seed| format!("training.seed={seed}")));
    let path = match &arguments.config {
        Some(path) => path.clone(),
        None => RunFolder::open(&arguments.out)?.config_path(),
    };
    let options = TrainOptions {
        config: TrainConfig::parse(&path.display().to_string(), &files::read_text(&path)?, &overrides)?,
        config_file: path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        overrides,
        manifests: arguments.manifest.clone(),
        out: arguments.out.clone(),
        resume: arguments.resume,
        cache: arguments.cache.folder(),
        tensorboard: arguments.tensorboard,
    };
    let files = FilePlan::new(Replace::Never).read([&path]).read(&arguments.manifest);
    files.write_own(RunFolder::files_of_training(&options.out)).check()?;
    let outcome = arguments.pool.install(|| run::train(&options, progress, interrupt))??;
    let out = options.out.display();
    if let Some(best) = outcome.best_epoch.and_then(|epoch| outcome.history.get(epoch - 1)) {
        console::print_line(format_args!(
            "best epoch {}: dev UAR {:.3}, dev accuracy {:.3}, dev loss {:.4}",
            best.epoch, best.dev_uar, best.dev_accuracy, best.dev_loss
        ))?;
    }
    if outcome.interrupted {
        console::note(format_args!("interrupted after {} epochs; continue with --out {out} --resume", outcome.history.len()));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    console::print_line(format_args!("run finished: {out}"))?;
    Ok(ExitCode::from(u8::from(!outcome.problems.0.is_empty())))
}

fn evaluate(arguments: &EvaluateArgs, progress: Progress, interrupt: &Interrupt) -> anyhow::Result<ExitCode> {
    let model = Model::open(&arguments.model)?;
    let split = arguments.split.split();
    let manifest = Manifest::read(&arguments.manifest, if split.is_some() { Splits::Required } else { Splits::Ignored })?;
    let files = arguments.force.plan().read([&arguments.model]).read(&arguments.manifest).read(manifest.audio());
    files.write(arguments.report.iter().flat_map(|folder| Measured::report_files(folder))).check()?;
    let measured = arguments
        .pool
        .install(|| evaluate::evaluate(&model, &manifest, split, arguments.backend, arguments.voice, progress, interrupt))??;
    if let Some(folder) = &arguments.report {
        for path in measured.write_report(folder)? {
            progress.line(&format!("wrote {}", path.display()));
        }
    }
    let evaluation = &measured.evaluation;
    if arguments.json {
        console::print(evaluation.to_json())?;
    } else {
        console::print_line(format_args!(
            "{} on {} ({}), voice {}, backend {}",
            evaluation.model.id,
            evaluation.manifests.join(", "),
            evaluation.split,
            evaluation.voice,
            evaluation.backend
        ))?;
        console::print_line(&evaluation.report)?;
        if let Some(perceived) = &evaluation.perceived {
            console::print_line(format_args!(
                "\nwhere listeners perceived the intended emotion: UAR {:.3}, accuracy {:.3}, utterances {}",
                perceived.uar, perceived.accuracy, perceived.n
            ))?;
        }
    }
    for problem in &measured.problems {
        console::note(format_args!("error: {problem}"));
    }
    Ok(ExitCode::from(u8::from(!measured.problems.is_empty())))
}

fn export(arguments: &ExportArgs) -> anyhow::Result<ExitCode> {
    let leg = if arguments.require_onnxruntime { OnnxRuntimeLeg::Required } else { OnnxRuntimeLeg::IfFound };
    let folders = arguments.runs.iter().map(|run| RunFolder::open(run)).collect::<Result<Vec<_>, _>>()?;
    let reads = folders.iter().flat_map(|folder| RunFolder::files(folder.root()));
    arguments.force.plan().read(reads).write(export::files(&arguments.out, folders.len())).check()?;
    let exported = export::export(&folders, &arguments.out, leg)?;
    let configs: Vec<String> = exported.configs.iter().map(|config| config.display().to_string()).collect();
    console::print_line(format_args!("wrote {} and {}", exported.model.display(), configs.join(", ")))?;
    console::print_line(format_args!("fingerprint {}", exported.fingerprint))?;
    let compared = match &exported.skipped {
        None => "trainer, native kernel and ONNX Runtime",
        Some(reason) => {
            console::note(format_args!("warning: SKIPPED the comparison with ONNX Runtime: {reason}"));
            "trainer and native kernel"
        }
    };
    console::print_line(format_args!(
        "{} parameters; {compared} agree to {:.1e}",
        exported.n_parameters, exported.largest_difference
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn card(arguments: &CardArgs) -> anyhow::Result<ExitCode> {
    let CardArgs { folder, seeds } = arguments;
    let writes = card::files(folder, seeds);
    let reads = seeds.iter().chain([folder]).flat_map(|folder| files::files_in(folder));
    FilePlan::new(Replace::Never).read(reads.filter(|path| !writes.contains(path))).write(&writes).check()?;
    console::print_line(format_args!("wrote {}", card::write_card(&arguments.folder, &arguments.seeds)?.display()))?;
    Ok(ExitCode::SUCCESS)
}

impl Force {
    /// A file plan with this option applied.
    const fn plan(&self) -> FilePlan {
        FilePlan::new(Replace::forced(self.force))
    }
}

impl SplitArg {
    const fn split(self) -> Option<Split> {
        match self {
            Self::Train => Some(Split::Train),
            Self::Dev => Some(Split::Dev),
            Self::Test => Some(Split::Test),
            Self::All => None,
        }
    }
}

impl Cache {
    fn folder(&self) -> Option<PathBuf> {
        match &self.folder {
            Some(folder) if folder.as_os_str() == "none" => None,
            Some(folder) => Some(folder.clone()),
            None => FeatureCache::default_folder(),
        }
    }
}

impl Pool {
    /// Executes `work` on the chosen number of threads.
    fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> anyhow::Result<R> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.threads.map_or(0, usize::from)).build();
        Ok(pool.map_err(|error| anyhow::anyhow!("cannot start the threads: {error}"))?.install(work))
    }
}
