//! `trainer crossval`: every fold of a protocol, with several seeds, compared with baselines.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{Cache, INTERRUPTED, Pool};
use crate::base::console;
use crate::base::files::{self, FilePlan, Replace};
use crate::base::progress::{Interrupt, Progress};
use crate::data::cache::FeatureCache;
use crate::data::manifest::{Manifest, Splits};
use crate::measure::metrics::interval_text;
use crate::study::baselines::Baseline;
use crate::study::crossval::{self, CrossvalError, CrossvalOptions, crossval};
use crate::study::protocol::Protocol;
use crate::train::config::TrainConfig;

/// Default number of folds: four fifths for training, as published.
const FOLDS: usize = 5;

/// Trains and evaluates every fold of a protocol with several seeds
#[derive(Args)]
#[command(after_help = "\
Protocols:
  fixed         the manifest's own split
  kfold         --folds groups of speakers, each tested once
  session       leave one session out (column session; 5 folds on IEMOCAP)
  speaker       leave one speaker out (10 folds on EmoDB)
  cross-corpus  what decides between recipes: train on all corpora but one, test on that one, cold and with a voice; and on each corpus and on all,
                test on the test split of every one
  text          groups of speakers x groups of texts, both unknown to the network that is tested on them (column text)
  paper         the published protocol, which leaks, next to the honest one and the steps between them

If folds are drawn, epoch and hyper-parameters are chosen on a dev set: whole speakers held out of training, about 15 % of each corpus's clips, and
never a tested speaker. The scaler is fitted on the training clips. Of a clip longer than a block, only the first block is used, in training and in tests
alike (`trainer evaluate` takes the mean over its blocks). Only the protocol paper breaks these rules, to measure what that is worth.

Writes summary.md, results.json, folds.csv, predictions.csv, confusion matrices and, in folds/, a file for each finished training. After Ctrl-C, what is
finished is kept; --resume continues.

Examples:
  trainer crossval --protocol speaker --config trainer/configs/paper-ltc-16.toml --manifest emodb.csv --out results/emodb
  trainer crossval --protocol kfold --folds 10 --config my.toml --manifest a.csv b.csv --out results/kfold --seeds 0,1,2,3,4
  trainer crossval --protocol fixed --config my.toml --manifest a.csv --out results/fixed --baselines forest,logistic,svm-linear,svm-rbf,knn
  trainer crossval --protocol speaker --config my.toml --manifest a.csv --out results/size --seeds 0 --baselines cnn-bilstm
  trainer crossval --protocol cross-corpus --unseen-only --config my.toml --manifest a.csv b.csv c.csv --out results/unseen
  trainer crossval --protocol cross-corpus --config my.toml --manifest a.csv b.csv --tested-only c.csv --out results/matrix
  trainer crossval --protocol paper --config my.toml --manifest crema-d.csv emodb.csv --out results/leak

Exit codes: 0 success, 1 some clips were left out or the work could not be done, 2 wrong usage, 130 interrupted.")]
pub(super) struct CrossvalArgs {
    /// How clips are divided into training and test
    #[arg(long, value_enum)]
    protocol: Protocol,
    /// Configuration; its seed is replaced
    #[arg(long, value_name = "TOML")]
    config: PathBuf,
    /// Manifest of labelled clips; several are merged
    #[arg(long, value_name = "CSV", required = true, num_args = 1..)]
    manifest: Vec<PathBuf>,
    /// Manifest of clips that are only used for testing, whatever their split: another column of cross-corpus
    #[arg(long, value_name = "CSV", num_args = 1..)]
    tested_only: Vec<PathBuf>,
    /// Folder of the results; must be new or empty without --resume
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Training seeds
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "0,1,2")]
    seeds: Vec<u64>,
    /// Number of folds of kfold, text and paper [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=1000))]
    folds: Option<u16>,
    /// Only what decides between recipes: each corpus in turn, held out from training, without its test split; only for cross-corpus
    #[arg(long)]
    unseen_only: bool,
    /// Seed of the folds, the same for all training runs
    #[arg(long, value_name = "N", default_value_t = 0)]
    split_seed: u64,
    /// Methods to compare with the network: classical ones on statistics of the same features, and cnn-bilstm on the features
    #[arg(long, value_enum, value_name = "METHOD", value_delimiter = ',')]
    baselines: Vec<Baseline>,
    /// Overrides a value of the configuration; an empty value removes an optional one
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    overrides: Vec<String>,
    #[command(flatten)]
    pool: Pool,
    /// Continues from the finished training runs in --out
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    cache: Cache,
}

pub(super) fn run(arguments: &CrossvalArgs, progress: Progress, interrupt: &Interrupt) -> anyhow::Result<ExitCode> {
    let CrossvalArgs { protocol, config: path, out, .. } = arguments;
    if arguments.folds.is_some() && !protocol.has_folds() {
        console::note(format_args!(
            "error: --folds: the protocol {protocol} decides itself how many folds there are; leave it out"
        ));
        return Ok(ExitCode::from(2));
    }
    let across = [("--unseen-only", arguments.unseen_only), ("--tested-only", !arguments.tested_only.is_empty())];
    if let Some((option, _)) = across.into_iter().find(|(_, given)| *given && *protocol != Protocol::CrossCorpus) {
        console::note(format_args!("error: {option}: the protocol {protocol} does not cross corpora; use it with cross-corpus"));
        return Ok(ExitCode::from(2));
    }
    if arguments.unseen_only && !arguments.tested_only.is_empty() {
        console::note("error: --tested-only: with --unseen-only no test split is looked at; leave one of the two out");
        return Ok(ExitCode::from(2));
    }
    let config = TrainConfig::parse(&path.display().to_string(), &files::read_text(path)?, &arguments.overrides)?;
    let learned = arguments.manifest.iter().map(|path| (path.as_path(), protocol.splits()));
    let tested_only = arguments.tested_only.iter().map(|path| (path.as_path(), Splits::AllTest));
    let manifest = Manifest::read_each(learned.chain(tested_only))?;
    let files =
        FilePlan::new(Replace::Never).read([path]).read(&arguments.manifest).read(&arguments.tested_only).read(manifest.audio());
    files.write_own(crossval::files(out)).check()?;
    let cache =
        arguments.cache.folder().map(|folder| FeatureCache::new(&folder, &config.front_end, config.training.block_seconds));
    let options = CrossvalOptions {
        config: &config,
        manifest: &manifest,
        protocol: *protocol,
        folds: arguments.folds.map_or(FOLDS, usize::from),
        split_seed: arguments.split_seed,
        unseen_only: arguments.unseen_only,
        seeds: &unique(&arguments.seeds),
        baselines: &unique(&arguments.baselines),
        cache: cache.as_ref(),
        out,
        resume: arguments.resume,
    };
    let results = match arguments.pool.install(|| crossval(&options, progress, interrupt))? {
        Ok(crossval) => crossval.results,
        Err(error @ CrossvalError::Interrupted { .. }) => {
            console::note(&error);
            return Ok(ExitCode::from(INTERRUPTED));
        }
        Err(error) => return Err(error.into()),
    };
    for model in &results.models {
        if let Some(unseen) = &model.unseen {
            let with_voice = unseen.uar_with_voice.map_or_else(String::new, |uar| format!(", with a voice {uar}"));
            console::print_line(format_args!("{}, corpora never heard: UAR {}{with_voice}", model.name, unseen.uar))?;
        }
        for group in &model.groups {
            console::print_line(format_args!(
                "{}, {}: UAR {} (interval over speakers {}), accuracy {}, macro-F1 {}",
                model.name,
                group.name,
                group.uar,
                interval_text(group.pooled.uar_interval),
                group.accuracy,
                group.macro_f1
            ))?;
        }
        for step in &model.leak {
            console::print_line(format_args!(
                "{}, {} to {}: {:+.1} points ({})",
                model.name, step.from, step.to, step.points, step.name
            ))?;
        }
    }
    console::print_line(format_args!("wrote {}", out.display()))?;
    Ok(ExitCode::from(u8::from(!results.left_out.is_empty())))
}

/// Removes duplicate seeds or methods.
fn unique<V: PartialEq + Copy>(values: &[V]) -> Vec<V> {
    let mut unique = Vec::with_capacity(values.len());
    for &value in values {
        if !unique.contains(&value) {
            unique.push(value);
        }
    }
    unique
}
