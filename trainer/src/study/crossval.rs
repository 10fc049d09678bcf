//! Cross-validation: every fold of a protocol trained with every seed, measured, and put together.
//!
//! In: a recipe, a manifest, a protocol, seeds and baselines. Out: a folder with `results.json` ([`crate::study::protocol::results`]), `summary.md`, `folds.csv`,
//! `predictions.csv`, confusion matrices and reliability diagrams, for a cross-corpus protocol its matrix and learning curve and `unseen.json`, and in `folds/` one file for each finished training.
//!
//! Features are computed once for all folds; the scaler belongs to each fold. Trainings run side by side on the threads of the pool and each of them
//! uses it too; the results are the same for any number of threads. What is finished survives an interrupt or a crash.

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

/// What to cross-validate, and where to.
#[derive(Clone, Debug)]
pub struct CrossvalOptions<'a> {
    /// The recipe; its seed is replaced.
    pub config: &'a TrainConfig,
    /// The clips, read as [`Protocol::splits`] says.
    pub manifest: &'a Manifest,
    /// How clips are told apart.
    pub protocol: Protocol,
    /// Folds of a protocol that lets them be chosen, at least 2.
    pub folds: usize,
    /// Seed of what is drawn to make the folds.
    pub split_seed: u64,
    /// Only what decides between recipes: [`PlanOptions::unseen_only`].
    pub unseen_only: bool,
    /// Seeds of the trainings, at least one.
    pub seeds: &'a [u64],
    /// What is measured beside the network.
    pub baselines: &'a [Baseline],
    /// Features on disk.
    pub cache: Option<&'a FeatureCache>,
    /// Folder of the results: new or empty, unless it is continued.
    pub out: &'a Path,
    /// Go on with what is finished in `out`.
    pub resume: bool,
}

/// Why there are no results.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrossvalError {
    /// The manifest does not fit the protocol.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The folder.
    #[error(transparent)]
    Folder(#[from] RunFolderError),
    /// A file of it.
    #[error(transparent)]
    File(#[from] FileError),
    /// The clips.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// All that would be tested had to be left out.
    #[error("no clip that can be used is left to test{problems}", problems = if problems.0.is_empty() { String::new() } else { format!("\n{problems}") })]
    NoClips {
        /// Why.
        problems: ClipProblems,
    },
    /// A training failed; the others are stored.
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
    /// What is finished was made with something else.
    #[error("{path}: {reason}; choose another --out, or remove the folder to start anew", path = path.display())]
    Stale {
        /// The file of the finished training.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
    /// A picture.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// The user stopped it.
    #[error("interrupted after {done} of {of} trainings; continue with --resume")]
    Interrupted {
        /// Trainings that are stored.
        done: usize,
        /// All trainings.
        of: usize,
    },
}

/// Why one training failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The clips of the fold.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The training.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The measuring.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A baseline.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// It could not be stored.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A cross-validation that is done.
#[derive(Clone, Debug)]
pub struct Crossval {
    /// The figures.
    pub results: CrossvalResults,
    /// Every tested clip, as CSV.
    pub predictions: String,
}

/// Trains and measures every fold with every seed, and writes the folder.
///
/// # Errors
/// [`CrossvalError`]; trainings that were finished before are stored, and `resume` goes on from there.
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

/// The tables that [`crossval`] writes into its folder, whatever is cross-validated.
#[must_use]
pub fn files(out: &Path) -> [PathBuf; 4] {
    [PREDICTIONS, FOLDS, SUMMARY, RESULTS].map(|name| out.join(name))
}

/// The recipe with the copies of the published protocol, where those are asked for and it has none of its own.
fn resolved(config: &TrainConfig, protocol: Protocol) -> TrainConfig {
    let mut config = config.clone();
    let has_copies = config.augmentation.as_ref().is_some_and(|augmentation| augmentation.copies > 0);
    if protocol == Protocol::Paper && !has_copies {
        config.augmentation = Some(published_copies());
    }
    config
}

/// All trainings, in the order of models, seeds and folds.
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

/// Runs what is not finished yet, as many trainings at a time as there are threads: that bounds the memory, and at the end, when fewer are left,
/// those share the threads.
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

/// What is told of each finished training.
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

/// Groups are named after corpora, whose names are anything: only what a file name takes is kept, and the number tells them apart.
fn picture_name(kind: &str, model: &ModelResults, group: usize) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let name: String = model.groups[group].name.chars().map(keep).collect();
    let number = if model.groups.len() > 1 { format!("{}-", group + 1) } else { String::new() };
    format!("{kind}-{}-{number}{name}", model.name)
}

impl Crossval {
    /// Writes the figures, tables and pictures.
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
        // Last, because whoever finds it may take everything else for complete.
        contents.push((RESULTS.to_owned(), results.to_json()));
        for (name, content) in contents {
            files::write_atomically(&out.join(name), content.as_bytes())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
