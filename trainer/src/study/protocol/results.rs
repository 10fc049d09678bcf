//! Results of a cross-validation: the schema of `results.json`.
//!
//! In: the predictions of every model, fold and seed. Out: [`CrossvalResults`], which contains all values for tables and figures, so that a report
//! needs no other file. The probabilities of each clip are in `predictions.csv` beside it.
//!
//! A *group* is a set of clips that is evaluated as a whole: all folds together for a k-fold protocol, a cell of a cross-corpus matrix, or one of the
//! protocols compared by `paper`. Every clip of a group is tested once per seed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Protocol;
use super::unseen::{LearningPoint, UnseenRecord, UnseenResults};
use crate::data::manifest::ManifestSource;
use crate::measure::evaluate::SpeakerMetrics;
use crate::measure::metrics::{Calibration, Confusion, Report};

pub use super::spread::Spread;

/// Increased whenever a reader of the previous version would misread the file.
pub const SCHEMA: u32 = 1;

/// All results of a cross-validation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossvalResults {
    /// [`SCHEMA`]
    pub schema: u32,
    /// Program and version that wrote it.
    pub program: String,
    /// How clips were partitioned.
    pub protocol: Protocol,
    /// The same in sentences: test and dev clips, and the data the scaler is fitted on.
    pub description: String,
    /// Name of the recipe.
    pub model: String,
    /// [`crate::train::config::TrainConfig::sha256`] of the recipe.
    pub config_sha256: String,
    /// The manifests.
    pub manifests: Vec<ManifestSource>,
    /// Seed of the random choices for the folds.
    pub split_seed: u64,
    /// Training seeds.
    pub seeds: Vec<u64>,
    /// Clips that could not be used, one sentence each.
    pub left_out: Vec<String>,
    /// The folds; results refer to them by their index in this list, counted from 0.
    pub folds: Vec<FoldSummary>,
    /// The network first, then the baselines.
    pub models: Vec<ModelResults>,
}

/// Clips and speakers of one fold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoldSummary {
    /// Name of the fold.
    pub name: String,
    /// Number of training clips, augmented copies included.
    pub n_train: usize,
    /// Number of dev clips.
    pub n_dev: usize,
    /// Number of test clips in each group.
    pub n_test: BTreeMap<String, usize>,
    /// Training speakers.
    pub train_speakers: Vec<String>,
    /// Dev speakers.
    pub dev_speakers: Vec<String>,
    /// Test speakers, in any group.
    pub test_speakers: Vec<String>,
}

/// Results of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelResults {
    /// `network`, `forest`, `logistic`, `svm-linear`, `svm-rbf`, `knn`, `cnn-bilstm`.
    pub name: String,
    /// Human-readable description.
    pub description: String,
    /// Number of trained values, where it is defined.
    pub n_parameters: Option<usize>,
    /// Inference time of a network per block of the recipe, without the front end, ms: sixteen blocks side by side on one thread, as the trainer
    /// computes them, divided by sixteen. None for other methods, and in files of versions without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_ms: Option<f64>,
    /// The seeds it was trained with: those of the results, or only the first for a model without randomness.
    pub seeds: Vec<u64>,
    /// In the order of the protocol.
    pub groups: Vec<GroupResults>,
    /// What decides between recipes; only for the protocol `cross-corpus`, and none in files of versions without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<UnseenResults>,
    /// The effect of each step of the protocol `paper`; empty for all others.
    pub leak: Vec<LeakStep>,
}

/// Results of one model on one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupResults {
    /// Name of the group: `test` if there is only one.
    pub name: String,
    /// The training corpora, in a cross-corpus matrix.
    pub train_on: Option<String>,
    /// The test corpus, in a cross-corpus matrix.
    pub test_on: Option<String>,
    /// [`Confusion::uar`], over the seeds.
    pub uar: Spread,
    /// [`Confusion::accuracy`], over the seeds.
    pub accuracy: Spread,
    /// [`Confusion::macro_f1`], over the seeds.
    pub macro_f1: Spread,
    /// Recall of each class in [`moodline_core::Emotion::ALL`] order, over the seeds.
    pub recall: [Spread; 4],
    /// All clips once per seed: the summed counts of all seeds, with the interval over speakers.
    pub pooled: Report,
    /// Calibration over all seeds. None in results of versions without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Each seed separately, with its folds pooled.
    pub seeds: Vec<SeedResults>,
    /// Each fold and seed.
    pub folds: Vec<FoldResults>,
    /// All seeds together, by speaker.
    pub per_speaker: BTreeMap<String, SpeakerMetrics>,
    /// All seeds together, by corpus.
    pub per_corpus: BTreeMap<String, SpeakerMetrics>,
    /// The training corpora, if groups differ in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corpora: Vec<String>,
}

/// One seed, with its folds pooled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedResults {
    /// Seed.
    pub seed: u64,
    /// The metrics.
    pub report: Report,
}

/// One training run, evaluated on its part of the group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoldResults {
    /// Index in [`CrossvalResults::folds`].
    pub fold: usize,
    /// Seed.
    pub seed: u64,
    /// The epoch that was kept, counted from 1; none for a method without epochs.
    pub best_epoch: Option<usize>,
    /// Hyper-parameters chosen on the dev clips; empty for a network.
    pub chosen: String,
    /// UAR on the dev clips.
    pub dev_uar: f64,
    /// UAR on the test clips; absent classes count as 0, so it is only comparable between models on the same fold.
    pub uar: f64,
    /// Accuracy on the test clips.
    pub accuracy: f64,
    /// Rows: true class. Columns: predicted class.
    pub confusion: Confusion,
    /// Duration of the training run, s.
    pub seconds: f64,
}

/// Effect of one relaxed rule of the protocol `paper`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeakStep {
    /// The relaxed rule.
    pub name: String,
    /// The stricter group.
    pub from: String,
    /// The less strict group.
    pub to: String,
    /// Difference of the UARs in percentage points, over the seeds, paired by seed.
    pub points: Spread,
}

impl ModelResults {
    /// Mean duration of a training run, s, with others running in parallel.
    #[must_use]
    pub fn training_seconds(&self) -> f64 {
        // A group has one training run per fold; some runs serve several groups.
        let trainings: BTreeMap<(usize, u64), f64> =
            self.groups.iter().flat_map(|group| &group.folds).map(|fold| ((fold.fold, fold.seed), fold.seconds)).collect();
        trainings.values().sum::<f64>() / trainings.len() as f64
    }
}

impl CrossvalResults {
    /// Mean number of training clips over the folds of a group, copies included. None if there is no such group.
    #[must_use]
    pub fn mean_n_train(&self, model: &ModelResults, group: &str) -> Option<f64> {
        let group = model.groups.iter().find(|other| other.name == group)?;
        let counts: Vec<f64> = group.folds.iter().map(|fold| self.folds[fold.fold].n_train as f64).collect();
        (!counts.is_empty()).then(|| counts.iter().sum::<f64>() / counts.len() as f64)
    }

    /// What a model card quotes about one of the models.
    #[must_use]
    pub fn unseen_record(&self, model: &ModelResults, unseen: &UnseenResults) -> UnseenRecord {
        UnseenRecord {
            program: self.program.clone(),
            model: self.model.clone(),
            config_sha256: self.config_sha256.clone(),
            manifests: self.manifests.clone(),
            seeds: model.seeds.clone(),
            n_parameters: model.n_parameters,
            results: unseen.clone(),
        }
    }

    /// As JSON, with a trailing newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        // INVARIANT: numbers, text and maps with text keys serialise.
        serde_json::to_string_pretty(self).expect("results serialise") + "\n"
    }
}

/// UAR by the number of training corpora, for every test corpus that was not among them.
#[must_use]
pub fn learning_curve(groups: &[GroupResults]) -> Vec<LearningPoint> {
    let mut places: BTreeMap<(&str, usize), Vec<&GroupResults>> = BTreeMap::new();
    for group in groups {
        let Some(test_on) = group.test_on.as_deref() else { continue };
        if !group.corpora.is_empty() && !group.corpora.iter().any(|corpus| corpus == test_on) {
            places.entry((test_on, group.corpora.len())).or_default().push(group);
        }
    }
    let point = |((test_on, n_corpora), choices): ((&str, usize), Vec<&GroupResults>)| {
        let n_seeds = choices.iter().map(|group| group.seeds.len()).min().unwrap_or(0);
        let of_seed = |seed: usize| choices.iter().map(|group| group.seeds[seed].report.uar).sum::<f64>() / choices.len() as f64;
        let uar = Spread::of(&(0..n_seeds).map(of_seed).collect::<Vec<_>>());
        LearningPoint { test_on: test_on.to_owned(), n_corpora, n_choices: choices.len(), uar }
    };
    places.into_iter().map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_before_blocks_were_timed_are_still_read() {
        let text = r#"{"name": "network", "description": "", "n_parameters": 1012, "seeds": [], "groups": [], "leak": []}"#;
        let model: ModelResults = serde_json::from_str(text).unwrap();
        assert_eq!(model.block_ms, None);
        assert_eq!(serde_json::to_value(&model).unwrap().get("block_ms"), None);
    }
}
