//! What is stored of a finished training run.

use moodline_core::Emotion;
use serde::{Deserialize, Serialize};

use super::clips::Clips;
use crate::measure::metrics::Confusion;
use crate::study::protocol::Fold;

/// The stored result of a training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Finished {
    /// Identifies everything that determined the result: [`Job::key`](super::job::Job::key).
    pub(super) key: String,
    pub(super) n_parameters: Option<usize>,
    pub(super) best_epoch: Option<usize>,
    pub(super) chosen: String,
    pub(super) dev_uar: f64,
    pub(super) seconds: f64,
    /// Probabilities for each clip of each test of the fold, in its order.
    pub(super) tests: Vec<Vec<[f32; Emotion::COUNT]>>,
}

impl Finished {
    /// The confusion matrix of one test of the fold.
    pub(super) fn confusion(&self, fold: &Fold, test: usize, clips: &Clips<'_>) -> Confusion {
        let samples = fold.tests[test].samples.iter();
        Confusion::of(
            samples.zip(&self.tests[test]).map(|(sample, found)| (clips.emotion(*sample), Emotion::most_probable(found))),
        )
    }

    /// Whether there is a prediction for each test clip of the fold.
    pub(super) fn fits(&self, fold: &Fold) -> bool {
        self.tests.len() == fold.tests.len()
            && self.tests.iter().zip(&fold.tests).all(|(found, test)| found.len() == test.samples.len())
    }
}
