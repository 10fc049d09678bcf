//! Cross-validation: trains every fold of a protocol with every seed, evaluates it, and combines the results.
//!
//! In: a recipe, a manifest, a protocol, seeds and baselines. Out: a folder with `results.json` ([`crate::study::protocol::results`]), `summary.md`,
//! `folds.csv`, `predictions.csv`, confusion matrices and reliability diagrams, for a cross-corpus protocol its matrix and learning curve and
//! `unseen.json`, and in `folds/` one file for each finished training run.
//!
//! Features are computed once for all folds; each fold has its own scaler. Training runs execute in parallel on the threads of the pool, and each of
//! them also uses the pool; the results are the same for any number of threads. Finished runs survive an interrupt or a crash.

mod clips;
mod finished;
mod job;
mod markdown;
mod speed;
mod store;
mod summary;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use moodline_learn::network::NetworkError;
use rayon::prelude::*;

use crate::base::files::{self, FileError};
use crate::base::plot::{Figure, PlotError};
use crate::base::progress::{Interrupt, Progress};
use crate::data::cache::FeatureCache;
use crate::data::dataset::{ClipProblems, DatasetError};
use crate::data::manifest::Manifest;
use crate::measure::{ConfusionFigure, Reliability};
use crate::study::baselines::{Baseline, BaselineError};
use crate::study::paper::protocol::published_copies;
use crate::study::plan::plan;
use crate::study::protocol::results::{CrossvalResults, ModelResults};
use crate::study::protocol::unseen::{UnseenRecord, learning_figure};
use crate::study::protocol::{Fold, Plan, PlanOptions, Protocol, ProtocolError, matrix_figure};
use crate::train::config::TrainConfig;
use crate::train::fit::FitError;
use crate::train::run::folder::{RunFolder, RunFolderError};

use clips::Clips;
use finished::Finished;
use job::{Job, Model};
use store::Store;

const PREDICTIONS: &str = "predictions.csv";
const FOLDS: &str = "folds.csv";
const SUMMARY: &str = "summary.md";
const RESULTS: &str = "results.json";

/// What to cross-validate, and where to write the results.
#[derive(Clone, Debug)]
pub struct CrossvalOptions<'a> {
    /// The recipe; its seed is replaced.
    pub config: &'a TrainConfig,
    /// The clips, read according to [`Protocol::splits`].
    pub manifest: &'a Manifest,
    /// The protocol that partitions the clips.
    pub protocol: Protocol,
    /// Number of folds, for protocols where it can be chosen; at least 2.
    pub folds: usize,
    /// Seed of the random choices for the folds.
    pub split_seed: u64,
    /// Only evaluate what decides between recipes: [`PlanOptions::unseen_only`].
    pub unseen_only: bool,
    /// Training seeds, at least one.
    pub seeds: &'a [u64],
    /// The baselines.
    pub baselines: &'a [Baseline],
    /// The feature cache.
    pub cache: Option<&'a FeatureCache>,
    /// Folder of the results: new or empty unless resumed.
    pub out: &'a Path,
    /// Resume from the finished runs in `out`.
    pub resume: bool,
}

/// Why there are no results.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrossvalError {
    /// The manifest does not fit the protocol.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] RunFolderError),
    /// One of its files cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The clips cannot be used.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// All test clips had to be left out.
    #[error("no clip that can be used is left to test{problems}", problems = if problems.0.is_empty() { String::new() } else { format!("\n{problems}") })]
    NoClips {
        /// Why.
        problems: ClipProblems,
    },
    /// A training run failed; the others are stored.
    #[error("{model}, fold '{fold}', seed {seed}: {source}")]
    Job {
        /// `network`, or the name of a baseline.
        model: &'static str,
        /// Name of the fold.
        fold: String,
        /// Seed.
        seed: u64,
        /// What failed.
        source: Box<JobError>,
    },
    /// A finished run was made with different settings or data.
    #[error("{path}: {reason}; choose another --out, or remove the folder to start anew", path = path.display())]
    Stale {
        /// The file of the finished run.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
    /// A figure cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// The user stopped it.
    #[error("interrupted after {done} of {of} trainings; continue with --resume")]
    Interrupted {
        /// Number of stored training runs.
        done: usize,
        /// Number of all training runs.
        of: usize,
    },
}

/// Why a training run failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The clips of the fold cannot be used.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// Training failed.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// Evaluation failed.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A baseline failed.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// It could not be stored.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A completed cross-validation.
#[derive(Clone, Debug)]
pub struct Crossval {
    /// The results.
    pub results: CrossvalResults,
    /// The predictions for all test clips, as CSV.
    pub predictions: String,
}

/// Trains and evaluates every fold with every seed, and writes the folder.
///
/// # Errors
/// [`CrossvalError`]; runs finished before are stored, and `resume` continues from them.
pub fn crossval(options: &CrossvalOptions<'_>, progress: Progress, interrupt: &Interrupt) -> Result<Crossval, CrossvalError> {
    let config = &resolved(options.config, options.protocol);
    let options = &CrossvalOptions { config, ..options.clone() };
    let copies = config.augmentation.as_ref().map_or(0, |augmentation| augmentation.copies);
    let plan_options =
        PlanOptions { folds: options.folds, split_seed: options.split_seed, copies, unseen_only: options.unseen_only };
    let mut plan = plan(options.protocol, options.manifest, &plan_options)?;
    let folder = if options.resume { RunFolder::open(options.out)? } else { RunFolder::claim(options.out)? };
    let clips = match Clips::load(&mut plan, options, progress, interrupt) {
        Ok(clips) => clips,
        Err(error) => {
            if !options.resume {
                folder.abandon();
            }
            return Err(error);
        }
    };
    if !clips.problems.0.is_empty() {
        progress.line(&clips.problems.to_string());
    }
    if !options.resume {
        files::write_atomically(&folder.config_path(), config.to_toml().as_bytes())?;
    }
    let store = Store::open(options.out)?;
    let finished = train_all(options, &plan, &clips, &store, progress, interrupt)?;
    let crossval = summary::summarise(options, &plan, &clips, &finished);
    crossval.write(options.out)?;
    Ok(crossval)
}

/// The tables that [`crossval`] writes into its folder, whatever the protocol.
#[must_use]
pub fn files(out: &Path) -> [PathBuf; 4] {
    [PREDICTIONS, FOLDS, SUMMARY, RESULTS].map(|name| out.join(name))
}

/// The recipe, with the copies of the published protocol if these are required and it has none of its own.
fn resolved(config: &TrainConfig, protocol: Protocol) -> TrainConfig {
    let mut config = config.clone();
    let has_copies = config.augmentation.as_ref().is_some_and(|augmentation| augmentation.copies > 0);
    if protocol == Protocol::Paper && !has_copies {
        config.augmentation = Some(published_copies());
    }
    config
}

/// All training runs, in the order of models, seeds and folds.
fn jobs<'a>(options: &CrossvalOptions<'_>, plan: &'a Plan) -> Vec<Job<'a>> {
    let models = [Model::Network].into_iter().chain(options.baselines.iter().copied().map(Model::Baseline));
    models
        .flat_map(|model| {
            let seeds = model.seeds(options.seeds).to_vec();
            seeds.into_iter().flat_map(move |seed| {
                plan.folds.iter().enumerate().map(move |(index, fold): (usize, &Fold)| Job { model, seed, index, fold })
            })
        })
        .collect()
}

/// Executes the unfinished runs, at most as many at a time as there are threads, which bounds the memory; when fewer are left at the end, they share
/// the threads.
fn train_all(
    options: &CrossvalOptions<'_>,
    plan: &Plan,
    clips: &Clips<'_>,
    store: &Store,
    progress: Progress,
    interrupt: &Interrupt,
) -> Result<Vec<Finished>, CrossvalError> {
    let jobs = jobs(options, plan);
    let keys: Vec<String> = jobs.iter().map(|job| job.key(options.config, clips)).collect();
    let mut finished = Vec::with_capacity(jobs.len());
    for (job, key) in jobs.iter().zip(&keys) {
        finished.push(store.read(job, key)?);
    }
    let open: Vec<usize> = (0..jobs.len()).filter(|&index| finished[index].is_none()).collect();
    let watch =
        Watch { bar: progress.bar("trainings", jobs.len()), start: Instant::now(), done: AtomicUsize::new(0), open: open.len() };
    watch.bar.skip(jobs.len() - open.len());
    let mut outcome = Ok(());
    for wave in open.chunks(rayon::current_num_threads()) {
        let trained: Vec<_> = wave
            .par_iter()
            .map(|&index| {
                let (job, key) = (&jobs[index], keys[index].clone());
                let finished = job.run(options.config, clips, key, interrupt).and_then(|finished| {
                    store.write(job, &finished)?;
                    Ok(finished)
                })?;
                watch.tell(job, &finished, clips);
                Ok::<Finished, JobError>(finished)
            })
            .collect();
        for (&index, trained) in wave.iter().zip(trained) {
            match trained {
                Ok(trained) => finished[index] = Some(trained),
                Err(JobError::Fit(FitError::Interrupted) | JobError::Baseline(BaselineError::Interrupted)) => {}
                Err(source) => {
                    let Job { model, seed, fold, .. } = jobs[index];
                    let failed =
                        CrossvalError::Job { model: model.name(), fold: fold.name.clone(), seed, source: Box::new(source) };
                    outcome = outcome.and(Err(failed));
                }
            }
        }
        if outcome.is_err() || interrupt.requested() {
            break;
        }
    }
    watch.bar.finish();
    outcome?;
    let done = finished.iter().flatten().count();
    finished.into_iter().collect::<Option<Vec<_>>>().ok_or(CrossvalError::Interrupted { done, of: jobs.len() })
}

/// What is reported for each finished run.
struct Watch {
    bar: crate::base::progress::Bar,
    start: Instant,
    done: AtomicUsize,
    open: usize,
}

impl Watch {
    fn tell(&self, job: &Job<'_>, finished: &Finished, clips: &Clips<'_>) {
        self.bar.advance();
        let done = 1 + self.done.fetch_add(1, Ordering::Relaxed);
        let left = self.start.elapsed().mul_f64((self.open - done) as f64 / done as f64);
        let uar = finished.confusion(job.fold, 0, clips).uar();
        self.bar.line(&format!(
            "{}, fold '{}', seed {}: dev UAR {:.3}, test UAR {uar:.3} ({done} of {}, {} left)",
            job.model.name(),
            job.fold.name,
            job.seed,
            finished.dev_uar,
            self.open,
            minutes(left)
        ));
    }
}

fn minutes(left: Duration) -> String {
    let seconds = left.as_secs();
    if seconds < 90 { format!("{seconds} s") } else { format!("{} min", seconds.div_ceil(60)) }
}

/// Groups are named after corpora with arbitrary names: only characters that are safe in file names are kept, and the number makes the result unique.
fn picture_name(kind: &str, model: &ModelResults, group: usize) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = model.groups[group].name.chars().map(keep).collect();
    let number = if model.groups.len() > 1 { format!("{}-", group + 1) } else { String::new() };
    format!("{kind}-{}-{number}{name}", model.name)
}

impl Crossval {
    /// Writes the results, tables and figures.
    fn write(&self, out: &Path) -> Result<(), CrossvalError> {
        let results = &self.results;
        let mut contents = vec![
            (PREDICTIONS.to_owned(), self.predictions.clone()),
            (FOLDS.to_owned(), results.to_folds_csv()),
            (SUMMARY.to_owned(), results.to_markdown()),
        ];
        for model in &results.models {
            for (index, group) in model.groups.iter().enumerate() {
                let title = format!("{} of {}, {}: {}", model.name, results.model, results.protocol, group.name);
                let mut add = |kind: &str, figure: &dyn Figure| {
                    let name = picture_name(kind, model, index);
                    contents.push((format!("{name}.svg"), figure.svg()?));
                    contents.push((format!("{name}.csv"), figure.table().to_csv()));
                    Ok::<(), PlotError>(())
                };
                add("confusion", &ConfusionFigure::of(title.clone(), &group.pooled))?;
                if let Some(calibration) = group.calibration.clone() {
                    add("reliability", &Reliability { title, calibration })?;
                }
            }
            if let Some(csv) = model.to_matrix_csv() {
                contents.push((format!("matrix-{}.csv", model.name), csv));
                let title = format!("{} of {}: UAR, trained on (row), tested on (column)", model.name, results.model);
                if let Some(figure) = matrix_figure(model, &title) {
                    contents.push((format!("matrix-{}.svg", model.name), figure.svg()?));
                }
            }
            if let Some(unseen) = &model.unseen {
                let title = format!("{} of {}: what another corpus is worth", model.name, results.model);
                if model.name == Model::Network.name() {
                    contents.push((UnseenRecord::FILE.to_owned(), results.unseen_record(model, unseen).to_json()));
                }
                if let Some(figure) = learning_figure(&unseen.learning_curve, &title) {
                    contents.push((format!("learning-curve-{}.csv", model.name), figure.table().to_csv()));
                    contents.push((format!("learning-curve-{}.svg", model.name), figure.svg()?));
                }
            }
        }
        // Written last, because its presence means that everything else is complete.
        contents.push((RESULTS.to_owned(), results.to_json()));
        for (name, content) in contents {
            files::write_atomically(&out.join(name), content.as_bytes())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
