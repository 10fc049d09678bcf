//! One trial: a run folder that is trained up to a halt, from scratch or from its last epoch, and its record.

use std::ops::ControlFlow;

use super::SweepError;
use super::folder::SweepFolder;
use super::plan::{Configuration, Plan, Trial};
use super::results::{DevFigures, Rung, TrialRecord, TrialStatus};
use crate::base::files::FileError;
use crate::base::progress::{Interrupt, Progress};
use crate::data::cache::FeatureCache;
use crate::data::dataset::{Dataset, LoadedDataset};
use crate::data::manifest::Manifest;
use crate::train::checkpoint::{Checkpoint, EpochRecord, TrainingState};
use crate::train::config::TrainConfig;
use crate::train::epochs::{End, Watch, run_epochs};
use crate::train::run::RunError;
use crate::train::run::folder::{Provenance, RunFolder};
use crate::train::trainer::{BatchRecord, StepError, TrainError, Trainable, Trainer};
use moodline_learn::network::NetworkError;

/// A trial, and how far to train it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job<'a> {
    pub(crate) configuration: &'a Configuration,
    pub(crate) trial: &'a Trial,
    /// Epochs up to the halt, at most those of a complete run.
    pub(crate) epochs: usize,
}

impl Job<'_> {
    /// The trial's record, if it has reached this halt or never will.
    pub(crate) fn done(&self, folder: &SweepFolder) -> Option<TrialRecord> {
        let record = folder.record(&self.trial.id)?;
        (record.status == TrialStatus::Diverged || record.after(self.epochs).is_some()).then_some(record)
    }

    /// Human-readable name of the trial.
    pub(crate) fn name(&self) -> String {
        format!("{}, seed {}", self.configuration.name, self.trial.seed)
    }
}

/// The source of the data for trials.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DataSource<'a> {
    pub(crate) manifest: &'a Manifest,
    /// Folder of the feature cache.
    pub(crate) cache: Option<&'a std::path::Path>,
}

/// The data of trials.
#[derive(Debug)]
pub(crate) struct TrialData {
    pub(crate) dataset: Dataset,
    /// [`Dataset::sha256`]
    pub(crate) sha256: String,
    /// Clips that could not be used, and why.
    pub(crate) left_out: Vec<String>,
}

impl DataSource<'_> {
    pub(crate) fn cache(&self, config: &TrainConfig) -> Option<FeatureCache> {
        self.cache.map(|folder| FeatureCache::new(folder, &config.front_end, config.training.block_seconds))
    }

    /// Loads the data of a configuration.
    pub(crate) fn load(&self, config: &TrainConfig, progress: Progress, interrupt: &Interrupt) -> Result<TrialData, SweepError> {
        let LoadedDataset { dataset, problems } =
            Dataset::load(self.manifest, &config.data(), self.cache(config).as_ref(), progress, interrupt)
                .map_err(|(source, problems)| RunError::Dataset { source, problems })?;
        let left_out = problems.sentences();
        Ok(TrialData { sha256: dataset.sha256(), dataset, left_out })
    }
}

/// Trains a trial up to its halt and writes its record; none if `stop` aborted it, which discards the current epoch.
///
/// # Errors
/// [`SweepError`]; completed epochs are in the trial's folder, from which it resumes.
pub(crate) fn train(
    folder: &SweepFolder,
    plan: &Plan,
    job: &Job<'_>,
    data: &TrialData,
    stop: &dyn Fn() -> bool,
    watch: &mut dyn FnMut(&EpochRecord),
) -> Result<Option<TrialRecord>, SweepError> {
    let store = |source: SweepError| SweepError::Store { trial: job.name(), source: Box::new(source) };
    let config = job.trial.train_config()?;
    let (run, mut trainer) = match resumable(folder, job, &config, data) {
        Some((run, checkpoint)) => {
            run.rewrite_metrics(&checkpoint.state.history).map_err(|error| store(error.into()))?;
            (run, Trainer::resume(&config, &data.dataset, checkpoint)?)
        }
        None => start(folder, plan, job, &config, data).map_err(store)?,
    };
    let _lock = run.lock().map_err(|error| store(error.into()))?;
    let mut stored = Stored { run: &run, stop, watch };
    let reason = match run_epochs(&mut trainer, job.epochs, &mut stored) {
        Ok(End::Done) => None,
        Ok(End::Stopped | End::BrokenOff) => return Ok(None),
        Err(Failure::Training(error)) if matches!(error.source, StepError::Network(NetworkError::NotFinite { .. })) => {
            Some(error.to_string())
        }
        Err(Failure::Training(error)) => return Err(RunError::from(error).into()),
        Err(Failure::Storing(error)) => return Err(store(error.into())),
    };
    let status = match (&reason, trainer.finished()) {
        (Some(_), _) => TrialStatus::Diverged,
        (None, true) => TrialStatus::Finished,
        (None, false) => TrialStatus::Paused,
    };
    let state = trainer.checkpoint().state;
    let mut rungs = folder.record(&job.trial.id).map_or_else(Vec::new, |before| before.rungs);
    rungs.extend(best(&state).map(|best| Rung { epochs: job.epochs, best }));
    let record = TrialRecord {
        id: job.trial.id.clone(),
        configuration: job.configuration.name.clone(),
        seed: job.trial.seed,
        status,
        reason,
        epochs: state.epoch,
        seconds: state.history.iter().map(|epoch| epoch.seconds).sum(),
        data_sha256: data.sha256.clone(),
        n_left_out: data.left_out.len(),
        rungs,
    };
    folder.write_record(&record).map_err(|error| store(error.into()))?;
    Ok(Some(record))
}

/// Stores and reports every epoch. `stop` is checked after each batch.
struct Stored<'w> {
    run: &'w RunFolder,
    stop: &'w dyn Fn() -> bool,
    watch: &'w mut dyn FnMut(&EpochRecord),
}

/// Why a trial ended before its halt.
enum Failure {
    Training(TrainError),
    Storing(FileError),
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        Self::Training(error)
    }
}

impl<N: Trainable> Watch<N> for Stored<'_> {
    type Error = Failure;

    fn batch(&mut self, _: &BatchRecord) -> ControlFlow<()> {
        if (self.stop)() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn epoch(&mut self, trainer: &Trainer<'_, N>, record: &EpochRecord) -> Result<ControlFlow<()>, Failure> {
        self.run.write_epoch(&trainer.checkpoint()).map_err(Failure::Storing)?;
        (self.watch)(record);
        Ok(ControlFlow::Continue(()))
    }
}

fn best(state: &TrainingState) -> Option<DevFigures> {
    let epoch = state.best?.epoch;
    Some(DevFigures::of(state.history.get(epoch.checked_sub(1)?)?))
}

/// The folder and last epoch of a trial that was aborted or has reached an earlier halt; none if the folder does not contain exactly that.
fn resumable(folder: &SweepFolder, job: &Job<'_>, config: &TrainConfig, data: &TrialData) -> Option<(RunFolder, Checkpoint)> {
    let run = RunFolder::open(&folder.trial(&job.trial.id)).ok()?;
    let checkpoint = Checkpoint::read(&run.last_checkpoint()).ok()?;
    let state = &checkpoint.state;
    let fits = state.config_sha256 == config.sha256() && state.data_sha256 == data.sha256 && state.epoch <= job.epochs;
    fits.then_some((run, checkpoint))
}

/// Starts a trial from scratch; existing files in its folder are discarded.
fn start<'a>(
    folder: &SweepFolder,
    plan: &Plan,
    job: &Job<'_>,
    config: &'a TrainConfig,
    data: &'a TrialData,
) -> Result<(RunFolder, Trainer<'a>), SweepError> {
    let root = folder.trial(&job.trial.id);
    if root.exists() {
        std::fs::remove_dir_all(&root).map_err(FileError::at("remove", &root))?;
    }
    let run = RunFolder::claim(&root)?;
    let seed = format!("training.seed={}", job.trial.seed);
    let overrides = job.configuration.overrides.iter().cloned().chain([seed]).collect();
    let provenance = Provenance::of(&plan.base, overrides, &plan.manifests, &data.dataset, data.left_out.clone());
    let trainer = Trainer::new(config, &data.dataset);
    run.start(config, &provenance, &trainer.checkpoint())?;
    Ok((run, trainer))
}
