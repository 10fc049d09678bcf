//! Sweeps: many training runs of one recipe with different settings, and the choice between them.
//!
//! In: a [`config::SweepConfig`], manifests and a folder. Out: [`results::SweepResults`] with tables and a figure in that folder. The whole sweep is
//! planned and checked first ([`plan`]); every trial has its own run folder ([`folder`]); an executor trains the trials on this machine or on a
//! cluster. The mean dev metric over the seeds decides. Only after the choice is the chosen configuration evaluated on the test split, once: its
//! results are stored and never recomputed.
//!
//! A sweep can be killed at any moment and continues when it is started again: a trial with a `trial.json` is never repeated, and one that was in
//! progress resumes from its last epoch.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use moodline_learn::network::NetworkError;

use crate::base::config::ConfigError;
use crate::base::files::{self, FileError, FilePlan, Refusal, Replace};
use crate::base::plot::PlotError;
use crate::base::progress::{Interrupt, Progress};
use crate::data::manifest::{Manifest, ManifestError, Splits};
use crate::train::run::RunError;
use crate::train::run::folder::RunFolderError;

mod choice;
pub mod config;
mod executor;
pub mod folder;
mod local;
mod output;
pub mod plan;
mod plot;
pub mod results;
mod scoreboard;
pub mod slurm;
mod tables;
mod trial;

#[cfg(test)]
pub(crate) mod testing;

use executor::Executor;
use folder::SweepFolder;
use local::Local;
use plan::{Configuration, Halt, Plan, Source};
use results::{SweepResults, TrialRecord};
use scoreboard::Scoreboard;
use slurm::{Slurm, SlurmOptions};
use trial::{DataSource, Job};

/// What to try, on which data, and where.
#[derive(Clone, Debug)]
pub struct SweepOptions {
    /// The sweep configuration file.
    pub config: PathBuf,
    /// Overrides of all configurations.
    pub overrides: Vec<String>,
    /// The manifests.
    pub manifests: Vec<PathBuf>,
    /// The folder of the sweep.
    pub out: PathBuf,
    /// Folder of the feature cache, if any.
    pub cache: Option<PathBuf>,
    /// How trials are executed.
    pub executor: ExecutorOptions,
}

/// How trials are executed.
#[derive(Clone, Debug)]
pub enum ExecutorOptions {
    /// On the threads of the pool, one per trial.
    Local,
    /// On a cluster.
    Slurm(SlurmOptions),
}

/// Why a sweep did not finish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// The sweep configuration is invalid.
    #[error(transparent)]
    Config(#[from] config::SweepConfigError),
    /// The manifests cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It would overwrite what it reads.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The folder of a trial cannot be used.
    #[error(transparent)]
    Folder(#[from] RunFolderError),
    /// The data cannot be loaded, or a training run failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A network cannot be used.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The figure cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// The configuration of a trial in the plan is invalid.
    #[error("the plan was edited: {0}")]
    Plan(#[from] ConfigError),
    /// A file of the sweep is damaged.
    #[error("{path}: {reason}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Another process is using the folder.
    #[error("a sweep is running in {path}: wait for it, or choose another --out", path = path.display())]
    Running {
        /// The folder.
        path: PathBuf,
    },
    /// The folder contains another sweep.
    #[error("{path} holds another sweep ({what}): choose another --out", path = path.display())]
    OtherSweep {
        /// The folder.
        path: PathBuf,
        /// The first difference.
        what: String,
    },
    /// The folder is not empty.
    #[error("{path} is not empty and holds no sweep: choose another --out", path = path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The audio has changed.
    #[error(
        "{path} was trained on other audio: expected features with SHA-256 {expected}, found {found}; choose another --out",
        path = path.display()
    )]
    DataChanged {
        /// A trial.
        path: PathBuf,
        /// In the trial.
        expected: String,
        /// Computed now.
        found: String,
    },
    /// A trial could not be stored.
    #[error("{trial}: {source}; all trials that are done are safe: make room and start the same command again")]
    Store {
        /// The trial.
        trial: String,
        /// What failed.
        source: Box<SweepError>,
    },
    /// The threads for the trials cannot be started.
    #[error("cannot start the threads: {reason}")]
    Threads {
        /// Message of the operating system.
        reason: String,
    },
    /// A Slurm command failed.
    #[error("{command}: {reason}")]
    Slurm {
        /// The command.
        command: String,
        /// Its message.
        reason: String,
    },
    /// Trials that failed repeatedly on the cluster.
    #[error(
        "{n} of the trials failed {times} times, first {first}; {log} says why; the others are done, and the same command tries again",
        log = log.display()
    )]
    TasksFailed {
        /// Number of trials.
        n: usize,
        /// Attempts.
        times: usize,
        /// One of these trials.
        first: String,
        /// The end of its output.
        log: PathBuf,
    },
    /// No configuration finished training with every seed.
    #[error("every configuration diverged with some seed, so none can be chosen; {path} says where", path = path.display())]
    NoneFinished {
        /// The table.
        path: PathBuf,
    },
    /// The user stopped the sweep.
    #[error("interrupted; start the same command again to go on")]
    Interrupted,
}

/// Runs a sweep, or the remainder of it.
///
/// # Errors
/// [`SweepError`]; even then, completed trials are recorded and included in the tables.
pub fn sweep(options: &SweepOptions, progress: Progress, interrupt: &Interrupt) -> Result<SweepResults, SweepError> {
    let manifest = Manifest::read(&options.manifests, Splits::Required)?;
    let plan = plan_of(options, &manifest)?;
    let folder = SweepFolder::new(&options.out);
    let files = FilePlan::new(Replace::Never).read([&options.config]).read(&options.manifests).read(manifest.audio());
    files.write_own(folder.files()).check()?;
    let _lock = folder.claim(&plan)?;
    let source = DataSource { manifest: &manifest, cache: options.cache.as_deref() };
    let mut local;
    let mut slurm;
    let executor: &mut dyn Executor = match &options.executor {
        ExecutorOptions::Local => {
            local = Local::new(&folder, &plan, source, progress);
            &mut local
        }
        ExecutorOptions::Slurm(slurm_options) => {
            slurm = Slurm::new(&folder, slurm_options, &options.manifests, options.cache.as_deref())?;
            &mut slurm
        }
    };
    let trained = train_all(&folder, &plan, executor, progress, interrupt);
    // In any case, the tables show the completed trials.
    let mut results = tables::collect(&folder, &plan);
    let written = output::write(&folder, &results);
    trained?;
    written?;
    results.chosen = Some(choice::choose(&folder, &plan, &results, source, progress, interrupt)?);
    results.complete = true;
    output::write(&folder, &results)?;
    Ok(results)
}

fn plan_of(options: &SweepOptions, manifest: &Manifest) -> Result<Plan, SweepError> {
    let file = &options.config;
    let sweep = config::SweepConfig::parse(
        &file.display().to_string(),
        &files::read_text(file).map_err(config::SweepConfigError::File)?,
    )?;
    let base = files::folder_of(file).join(&sweep.base);
    let text = |path: &Path| path.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let source = Source {
        name: &text(file),
        base_file: &sweep.base,
        base_text: &files::read_text(&base).map_err(config::SweepConfigError::File)?,
        overrides: &options.overrides,
        manifests: &manifest.sources,
    };
    Ok(Plan::new(&sweep, &source)?)
}

/// Trains every trial as far as its configuration advances.
fn train_all(
    folder: &SweepFolder,
    plan: &Plan,
    executor: &mut dyn Executor,
    progress: Progress,
    interrupt: &Interrupt,
) -> Result<(), SweepError> {
    let mut configurations: Vec<&Configuration> = plan.configurations.iter().collect();
    for Halt { epochs, n } in plan.halts() {
        configurations.truncate(n);
        let job = |configuration| move |trial| Job { configuration, trial, epochs: epochs.min(configuration.epochs) };
        let all: Vec<Job<'_>> = configurations.iter().flat_map(|&of| of.trials.iter().map(job(of))).collect();
        let known: Vec<TrialRecord> = all.iter().filter_map(|job| job.done(folder)).collect();
        let left: Vec<Job<'_>> = all.iter().filter(|job| job.done(folder).is_none()).copied().collect();
        if !known.is_empty() {
            progress.line(&format!("{} of {} trials are done already", known.len(), all.len()));
        }
        if !left.is_empty() {
            let board = Scoreboard::new(plan, left.len(), &known, progress);
            let outcome = executor.run(&left, &board, interrupt);
            board.close();
            outcome?;
        }
        rank(folder, plan, &mut configurations, epochs);
    }
    Ok(())
}

/// Sorts configurations by their mean after `epochs` epochs, best first; those with a diverged trial come last.
fn rank(folder: &SweepFolder, plan: &Plan, configurations: &mut [&Configuration], epochs: usize) {
    configurations.sort_by_cached_key(|configuration| {
        let figures = configuration.trials.iter().map(|trial| {
            let record = folder.record(&trial.id)?;
            Some(record.after(epochs.min(configuration.epochs))?.get(plan.metric))
        });
        let mean = figures.sum::<Option<f64>>().map(|sum| sum / plan.seeds.len() as f64);
        Rank { mean, metric: plan.metric }
    });
}

/// Orders means, best first, none last.
struct Rank {
    mean: Option<f64>,
    metric: config::Metric,
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        match (self.mean, other.mean) {
            (Some(a), Some(b)) => self.metric.better_first(a, b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Rank {}

/// The content of a mutex; it is valid even if a thread panicked while holding it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
