//! A training run from manifests to the last checkpoint.
//!
//! In: [`TrainOptions`]. Out: a [`RunFolder`] and an [`TrainedRun`].

use std::ops::ControlFlow;
use std::path::PathBuf;

use crate::train::run::log::{RunLog, host};
use moodline_core::Emotion;
use moodline_learn::parallel::with_awake_helpers;

use crate::base::files::FileError;
use crate::base::progress::{Bar, Interrupt, Progress};
use crate::data::cache::FeatureCache;
use crate::data::dataset::{ClipProblems, Dataset, DatasetError, LoadedDataset};
use crate::data::manifest::{Manifest, ManifestError, Splits};
use crate::train::checkpoint::{Checkpoint, EpochRecord};
use crate::train::config::TrainConfig;
use crate::train::epochs::{End, Watch, run_epochs};
use crate::train::fit::FitError;
use crate::train::run::folder::{Provenance, RunFolder, RunFolderError};
use crate::train::trainer::{BatchRecord, TrainError, Trainable, Trainer};
use moodline_learn::network::{LANES, NetworkError};

pub mod folder;
pub mod list;
pub mod log;

/// What to train, on which data, and where.
#[derive(Clone, Debug)]
pub struct TrainOptions {
    /// The resolved configuration.
    pub config: TrainConfig,
    /// Name of the file it was read from.
    pub config_file: String,
    /// Overrides that are already applied to it.
    pub overrides: Vec<String>,
    /// The manifests.
    pub manifests: Vec<PathBuf>,
    /// The run folder.
    pub out: PathBuf,
    /// Resume the run in `out`.
    pub resume: bool,
    /// Folder of the feature cache, if any.
    pub cache: Option<PathBuf>,
    /// Also write the epochs for TensorBoard; a run that started doing so continues.
    pub tensorboard: bool,
}

/// How a run ended.
#[derive(Debug)]
pub struct TrainedRun {
    /// Whether the user stopped it; otherwise it is finished.
    pub interrupted: bool,
    /// All epochs.
    pub history: Vec<EpochRecord>,
    /// The best epoch, counted from 1.
    pub best_epoch: Option<usize>,
    /// Clips that were left out.
    pub problems: ClipProblems,
}

/// Why a run did not start or finish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The manifests.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The run folder.
    #[error(transparent)]
    Folder(#[from] RunFolderError),
    /// The data; clips that were left out may be the reason.
    #[error("{source}{problems}", problems = if problems.0.is_empty() { String::new() } else { format!("\n{problems}") })]
    Dataset {
        /// What is missing.
        source: DatasetError,
        /// What was left out.
        problems: ClipProblems,
    },
    /// The computation failed.
    #[error("{0} (the checkpoint of the epoch before is intact)")]
    Train(#[from] TrainError),
    /// The checkpoint is of another network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The user stopped the run.
    #[error("interrupted; nothing was written")]
    Interrupted,
    /// An epoch could not be stored.
    #[error("epoch {epoch} could not be stored, all before it are: {source}; make room and continue with --resume")]
    Store {
        /// Counted from 1.
        epoch: usize,
        /// What failed.
        source: FileError,
    },
}

impl From<FitError> for RunError {
    fn from(error: FitError) -> Self {
        match error {
            FitError::Train(error) => Self::Train(error),
            FitError::Network(error) => Self::Network(error),
            FitError::Interrupted => Self::Interrupted,
        }
    }
}

/// Trains until the last epoch, early stopping, or an interrupt.
///
/// # Errors
/// [`RunError`]; everything completed before is in the run folder.
pub fn train(options: &TrainOptions, progress: Progress, interrupt: &Interrupt) -> Result<TrainedRun, RunError> {
    train_watched(options, progress, interrupt, &mut |_| ())
}

/// As [`train`], calling `watch` with the number of each epoch as soon as it is stored.
///
/// # Errors
/// As in [`train`].
pub fn train_watched(
    options: &TrainOptions,
    progress: Progress,
    interrupt: &Interrupt,
    watch: &mut dyn FnMut(usize),
) -> Result<TrainedRun, RunError> {
    let folder = if options.resume { RunFolder::open(&options.out)? } else { RunFolder::claim(&options.out)? };
    let outcome = train_logged(&folder, options, progress, interrupt, watch);
    if outcome.is_err() && !options.resume && !RunFolder::is_run(&options.out) {
        folder.abandon();
    }
    outcome
}

/// As [`train_watched`], in a folder that is locked by this process, with its log.
fn train_logged(
    folder: &RunFolder,
    options: &TrainOptions,
    progress: Progress,
    interrupt: &Interrupt,
    watch: &mut dyn FnMut(usize),
) -> Result<TrainedRun, RunError> {
    let _lock = folder.lock()?;
    let log = RunLog::open(&folder.log_path()).map_err(RunFolderError::from)?;
    log.during(|| {
        tracing::info!("{} on {}", if options.resume { "resumed" } else { "started" }, host());
        let outcome = train_in(folder, options, progress, interrupt, watch);
        match &outcome {
            Ok(outcome) => tracing::info!("{}", end_line(outcome)),
            // The caller receives the error itself.
            Err(error) => tracing::info!("ended: {error}"),
        }
        outcome
    })
}

fn train_in(
    folder: &RunFolder,
    options: &TrainOptions,
    progress: Progress,
    interrupt: &Interrupt,
    watch: &mut dyn FnMut(usize),
) -> Result<TrainedRun, RunError> {
    let (LoadedDataset { dataset, problems }, manifest) = prepare(options, folder, progress, interrupt)?;
    if !problems.0.is_empty() {
        progress.line(&problems.to_string());
        tracing::info!("{problems}");
    }
    let mut trainer = if options.resume {
        resume(folder, &options.config, &dataset)?
    } else {
        let trainer = Trainer::new(&options.config, &dataset);
        let provenance =
            Provenance::of(&options.config_file, options.overrides.clone(), &manifest.sources, &dataset, problems.sentences());
        folder.start(&options.config, &provenance, &trainer.checkpoint())?;
        trainer
    };
    let state = trainer.checkpoint().state;
    if options.tensorboard {
        folder.write_tensorboard(&state.history).map_err(RunFolderError::from)?;
    }
    tracing::info!("configuration {} ({:.12}), seed {}", options.config_file, state.config_sha256, options.config.training.seed);
    for source in &manifest.sources {
        tracing::info!("manifest {} ({:.12})", source.name, source.sha256);
    }
    let description = describe(&dataset, &trainer);
    tracing::info!("{description}");
    progress.line(&format!("{description}; run folder {}", folder.root().display()));
    if let Some(warning) = classes_missing_in_dev(&dataset) {
        progress.line(&warning);
        tracing::info!("{warning}");
    }
    if let Some(layout) = options.config.model.licence_of_others(&dataset.corpora) {
        let warning = format!(
            "warning: model.licence speaks of {layout}, which this model does not learn from; \
             say whose your recordings are: --set model.licence=TEXT"
        );
        progress.line(&warning);
        tracing::info!("{warning}");
    }
    let n_helpers = options.config.training.batch_size.div_ceil(LANES) - 1;
    let interrupted = with_awake_helpers(n_helpers, || train_to_the_end(&mut trainer, folder, progress, interrupt, watch))?;
    let state = trainer.checkpoint().state;
    Ok(TrainedRun { interrupted, history: state.history, best_epoch: state.best.map(|best| best.epoch), problems })
}

/// Everything before the first epoch that can fail without leaving a trace in the run folder.
fn prepare(
    options: &TrainOptions,
    folder: &RunFolder,
    progress: Progress,
    interrupt: &Interrupt,
) -> Result<(LoadedDataset, Manifest), RunError> {
    let manifest = Manifest::read(&options.manifests, Splits::Required)?;
    if options.resume {
        folder.check_unchanged(&options.config, &manifest.sources)?;
    }
    let config = &options.config;
    let cache = options.cache.as_ref().map(|path| FeatureCache::new(path, &config.front_end, config.training.block_seconds));
    let loaded = Dataset::load(&manifest, &config.data(), cache.as_ref(), progress, interrupt)
        .map_err(|(source, problems)| RunError::Dataset { source, problems })?;
    Ok((loaded, manifest))
}

fn resume<'a>(folder: &RunFolder, config: &'a TrainConfig, dataset: &'a Dataset) -> Result<Trainer<'a>, RunError> {
    let checkpoint = Checkpoint::read(&folder.last_checkpoint()).map_err(RunFolderError::from)?;
    let (expected, found) = (&checkpoint.state.data_sha256, dataset.sha256());
    if *expected != found {
        return Err(RunFolderError::DataChanged { path: folder.root().to_owned(), expected: expected.clone(), found }.into());
    }
    folder.rewrite_metrics(&checkpoint.state.history).map_err(RunFolderError::from)?;
    Ok(Trainer::resume(config, dataset, checkpoint)?)
}

fn describe(dataset: &Dataset, trainer: &Trainer<'_>) -> String {
    let n_clips: usize = dataset.corpora.iter().map(|corpus| corpus.n_utterances).sum();
    let copies = match dataset.train.len() - n_clips {
        0 => String::new(),
        n if dataset.fresh.is_some() => format!(" and {n} varied copies, drawn anew in each epoch,"),
        n => format!(" and {n} varied copies"),
    };
    format!("{n_clips} clips{copies} to train on, {} to decide by; {} parameters", dataset.dev.len(), trainer.n_parameters())
}

/// A warning if the dev split cannot show how well a class is recognised.
fn classes_missing_in_dev(dataset: &Dataset) -> Option<String> {
    let missing: Vec<&str> =
        Emotion::ALL.into_iter().filter(|emotion| !dataset.dev.labels.contains(&emotion.index())).map(Emotion::name).collect();
    let n = Emotion::COUNT;
    (!missing.is_empty()).then(|| {
        format!(
            "warning: the dev split has no clip that is {}: the dev UAR is the mean over all {n} classes with recall 0 there, at most {:.2}; \
             put speakers with such clips into dev",
            missing.join(" or "),
            (n - missing.len()) as f64 / n as f64
        )
    })
}

fn end_line(outcome: &TrainedRun) -> String {
    let end = if outcome.interrupted { "interrupted" } else { "finished" };
    let best = outcome.best_epoch.and_then(|epoch| outcome.history.get(epoch - 1));
    let best = best.map_or_else(String::new, |best| format!("; best epoch {}: dev UAR {:.4}", best.epoch, best.dev_uar));
    format!("{end} after {} epochs{best}", outcome.history.len())
}

/// Runs the remaining epochs and stores each one. Returns whether it was interrupted.
fn train_to_the_end(
    trainer: &mut Trainer<'_>,
    folder: &RunFolder,
    progress: Progress,
    interrupt: &Interrupt,
    watch: &mut dyn FnMut(usize),
) -> Result<bool, RunError> {
    let (n_batches, n_epochs) = (trainer.batches_per_epoch(), trainer.n_epochs());
    let bar = progress.bar("training", n_epochs * n_batches);
    bar.skip(trainer.epochs_done() * n_batches);
    let mut stored = Stored { folder, bar: &bar, interrupt, watch };
    let end = run_epochs(trainer, n_epochs, &mut stored)?;
    bar.finish();
    Ok(end != End::Done)
}

/// Displays every batch and stores every epoch. The user's first interrupt ends the training between two epochs, the second immediately.
struct Stored<'w> {
    folder: &'w RunFolder,
    bar: &'w Bar,
    interrupt: &'w Interrupt,
    watch: &'w mut dyn FnMut(usize),
}

impl<N: Trainable> Watch<N> for Stored<'_> {
    type Error = RunError;

    fn before_epoch(&mut self) -> ControlFlow<()> {
        go_on_unless(self.interrupt.requested())
    }

    fn batch(&mut self, record: &BatchRecord) -> ControlFlow<()> {
        show(self.bar, record);
        go_on_unless(self.interrupt.insisted())
    }

    fn epoch(&mut self, trainer: &Trainer<'_, N>, record: &EpochRecord) -> Result<ControlFlow<()>, RunError> {
        let store = |source| RunError::Store { epoch: record.epoch, source };
        self.folder.write_epoch(&trainer.checkpoint()).map_err(store)?;
        let line = epoch_line(record, trainer.n_epochs());
        tracing::info!("{line}");
        self.bar.line(&line);
        (self.watch)(record.epoch);
        Ok(ControlFlow::Continue(()))
    }
}

fn go_on_unless(stop: bool) -> ControlFlow<()> {
    if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

fn show(bar: &Bar, batch: &BatchRecord) {
    bar.advance();
    bar.message(format!(
        "epoch {} loss {:.3} accuracy {:.3} UAR {:.3} rate {:.1e}",
        batch.epoch, batch.loss, batch.accuracy, batch.uar, batch.learning_rate
    ));
}

fn epoch_line(record: &EpochRecord, n_epochs: usize) -> String {
    format!(
        "epoch {:>3}/{n_epochs}  loss {:.4} accuracy {:.3} UAR {:.3} | dev loss {:.4} accuracy {:.3} UAR {:.3} | rate {:.1e} | {:.1} s",
        record.epoch,
        record.train_loss,
        record.train_accuracy,
        record.train_uar,
        record.dev_loss,
        record.dev_accuracy,
        record.dev_uar,
        record.learning_rate,
        record.seconds
    )
}
