//! Finished trainings on disk: `folds/MODEL-FOLD-SEED.json`, each written whole or not at all.

use std::path::{Path, PathBuf};

use moodline_core::Emotion;
use serde::{Deserialize, Serialize};

use super::CrossvalError;
use super::clips::Clips;
use super::job::Job;
use crate::base::files::{self, FileError};
use crate::measure::metrics::Confusion;
use crate::study::protocol::Fold;

/// What is kept of a training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Finished {
    /// [`Job::key`]
    pub(super) key: String,
    pub(super) n_parameters: Option<usize>,
    pub(super) best_epoch: Option<usize>,
    pub(super) chosen: String,
    pub(super) dev_uar: f64,
    pub(super) seconds: f64,
    /// Probabilities of each clip of each test of the fold, in its order.
    pub(super) tests: Vec<Vec<[f32; Emotion::COUNT]>>,
}

impl Finished {
    /// What one test of the fold found.
    pub(super) fn confusion(&self, fold: &Fold, test: usize, clips: &Clips<'_>) -> Confusion {
        let samples = fold.tests[test].samples.iter();
        Confusion::of(
            samples.zip(&self.tests[test]).map(|(sample, found)| (clips.emotion(*sample), Emotion::most_probable(found))),
        )
    }

    fn fits(&self, fold: &Fold) -> bool {
        self.tests.len() == fold.tests.len()
            && self.tests.iter().zip(&fold.tests).all(|(found, test)| found.len() == test.samples.len())
    }
}

/// The folder of the finished trainings.
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    pub(super) fn open(out: &Path) -> Result<Self, FileError> {
        let folder = out.join("folds");
        files::create_folder(&folder)?;
        Ok(Self { folder })
    }

    fn path(&self, job: &Job<'_>) -> PathBuf {
        self.folder.join(format!("{}-{:03}-{}.json", job.model.name(), job.index, job.seed))
    }

    pub(super) fn write(&self, job: &Job<'_>, finished: &Finished) -> Result<(), FileError> {
        // INVARIANT: numbers and text serialise.
        let json = serde_json::to_string(finished).expect("a finished training serialises") + "\n";
        files::write_atomically(&self.path(job), json.as_bytes())
    }

    /// What an interrupted run left of this training; none when it was not finished.
    ///
    /// # Errors
    /// [`CrossvalError::Stale`] for one of another recipe, of other clips, or that cannot be read.
    pub(super) fn read(&self, job: &Job<'_>, key: &str) -> Result<Option<Finished>, CrossvalError> {
        let path = self.path(job);
        if !path.exists() {
            return Ok(None);
        }
        let stale = |reason: String| CrossvalError::Stale { path: path.clone(), reason };
        let finished: Finished = serde_json::from_str(&files::read_text(&path)?)
            .map_err(|error| stale(format!("expected a finished training, found a file that is none ({error})")))?;
        if finished.key != key || !finished.fits(job.fold) {
            return Err(stale("was made with another configuration, protocol, manifest or audio than asked for now".to_owned()));
        }
        Ok(Some(finished))
    }
}
