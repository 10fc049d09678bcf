//! What a cross-validation found: the schema of `results.json`.
//!
//! In: the predictions of every model, fold and seed. Out: [`CrossvalResults`], which holds every figure that tables and pictures are made of, so that
//! a report needs no other file. The probabilities of each clip are in `predictions.csv` beside it.
//!
//! A *group* is a set of clips that is tested as a whole: all folds together for a k-fold protocol, a cell of a cross-corpus matrix, one of the protocols
//! that `paper` compares. Every clip of a group is tested once for each seed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Protocol;
use super::unseen::{LearningPoint, UnseenRecord, UnseenResults};
use crate::data::manifest::ManifestSource;
use crate::measure::evaluate::SpeakerMetrics;
use crate::measure::metrics::{Calibration, Confusion, Report};

pub use super::spread::Spread;

/// Raised whenever a reader of the version before would misread the file.
pub const SCHEMA: u32 = 1;

/// Everything a cross-validation found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossvalResults {
    /// [`SCHEMA`]
    pub schema: u32,
    /// Program and version that wrote it.
    pub program: String,
    /// How clips were told apart.
    pub protocol: Protocol,
    /// The same in sentences: who is tested, who decides, on what the scaler is fitted.
    pub description: String,
    /// Name of the recipe.
    pub model: String,
    /// [`crate::train::config::TrainConfig::sha256`] of the recipe.
    pub config_sha256: String,
    /// The manifests.
    pub manifests: Vec<ManifestSource>,
    /// Seed of what is drawn to make the folds.
    pub split_seed: u64,
    /// Seeds of the trainings.
    pub seeds: Vec<u64>,
    /// Clips that could not be used, one sentence each.
    pub left_out: Vec<String>,
    /// The folds; figures name them by their place in this list, counted from 0.
    pub folds: Vec<FoldSummary>,
    /// The network first, then the baselines.
    pub models: Vec<ModelResults>,
}

/// Who is where in one fold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoldSummary {
    /// Name of the fold.
    pub name: String,
    /// Clips to train on, augmented copies included.
    pub n_train: usize,
    /// Clips that decide.
    pub n_dev: usize,
    /// Clips that are tested in each group.
    pub n_test: BTreeMap<String, usize>,
    /// Speakers to train on.
    pub train_speakers: Vec<String>,
    /// Speakers that decide.
    pub dev_speakers: Vec<String>,
    /// Speakers that are tested, in any group.
    pub test_speakers: Vec<String>,
}

/// What one model reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelResults {
    /// `network`, `forest`, `logistic`, `svm-linear`, `svm-rbf`, `knn`, `cnn-bilstm`.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// Trained values, where they can be counted.
    pub n_parameters: Option<usize>,
    /// Time of a network for one block of the recipe, front end not included, ms: sixteen blocks side by side on one thread, as the trainer computes them,
    /// divided by sixteen. None for methods that are no network, and in files of before it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_ms: Option<f64>,
    /// Seeds it was trained with: those of the results, or the first alone for a model in which nothing is drawn.
    pub seeds: Vec<u64>,
    /// In the order of the protocol.
    pub groups: Vec<GroupResults>,
    /// What decides between recipes; only for the protocol `cross-corpus`, and none in files of before it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<UnseenResults>,
    /// What each step of the protocol `paper` adds; empty for all others.
    pub leak: Vec<LeakStep>,
}

/// What one model reached on one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupResults {
    /// Name of the group: `test` where there is one only.
    pub name: String,
    /// What it was trained on, in a cross-corpus matrix.
    pub train_on: Option<String>,
    /// What it was tested on, in a cross-corpus matrix.
    pub test_on: Option<String>,
    /// [`Confusion::uar`], over the seeds.
    pub uar: Spread,
    /// [`Confusion::accuracy`], over the seeds.
    pub accuracy: Spread,
    /// [`Confusion::macro_f1`], over the seeds.
    pub macro_f1: Spread,
    /// Recall of each class in [`moodline_core::Emotion::ALL`] order, over the seeds.
    pub recall: [Spread; 4],
    /// All clips once for each seed: the counts of all seeds added up, with the interval over speakers.
    pub pooled: Report,
    /// How sure the answers of all seeds are, and how right. None in results that were written before it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Each seed for itself, its folds pooled.
    pub seeds: Vec<SeedResults>,
    /// Each fold and seed.
    pub folds: Vec<FoldResults>,
    /// All seeds together, by speaker.
    pub per_speaker: BTreeMap<String, SpeakerMetrics>,
    /// All seeds together, by corpus.
    pub per_corpus: BTreeMap<String, SpeakerMetrics>,
    /// The corpora that were learned from, where they tell groups apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub corpora: Vec<String>,
}

/// One seed, its folds pooled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedResults {
    /// Seed.
    pub seed: u64,
    /// The figures.
    pub report: Report,
}

/// One training, measured on its part of the group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoldResults {
    /// Place in [`CrossvalResults::folds`].
    pub fold: usize,
    /// Seed.
    pub seed: u64,
    /// Epoch that was kept, counted from 1; none for a method without epochs.
    pub best_epoch: Option<usize>,
    /// Hyper-parameters chosen on the clips that decide; empty for a network.
    pub chosen: String,
    /// UAR on the clips that decide.
    pub dev_uar: f64,
    /// UAR on the tested clips; a class that no clip has counts as 0, so it is comparable between models of one fold only.
    pub uar: f64,
    /// Accuracy on the tested clips.
    pub accuracy: f64,
    /// Rows: true class. Columns: predicted class.
    pub confusion: Confusion,
    /// Duration of the training, s.
    pub seconds: f64,
}

/// What one loosened rule of the protocol `paper` is worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeakStep {
    /// What was loosened.
    pub name: String,
    /// The stricter group.
    pub from: String,
    /// The looser group.
    pub to: String,
    /// Difference of the UARs in points (per cent), over the seeds, each seed with itself.
    pub points: Spread,
}

impl ModelResults {
    /// Mean duration of a training, s, while others ran beside it.
    #[must_use]
    pub fn training_seconds(&self) -> f64 {
        // The folds of a group are as many trainings; some serve several groups.
        let trainings: BTreeMap<(usize, u64), f64> =
            self.groups.iter().flat_map(|group| &group.folds).map(|fold| ((fold.fold, fold.seed), fold.seconds)).collect();
        trainings.values().sum::<f64>() / trainings.len() as f64
    }
}

impl CrossvalResults {
    /// Clips that a training of a group learns from, copies included, as the mean over its folds. None of a group that is not there.
    #[must_use]
    pub fn mean_n_train(&self, model: &ModelResults, group: &str) -> Option<f64> {
        let group = model.groups.iter().find(|other| other.name == group)?;
        let counts: Vec<f64> = group.folds.iter().map(|fold| self.folds[fold.fold].n_train as f64).collect();
        (!counts.is_empty()).then(|| counts.iter().sum::<f64>() / counts.len() as f64)
    }

    /// What a card quotes of one of the models.
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

    /// As JSON, with a line end.
    #[must_use]
    pub fn to_json(&self) -> String {
        // INVARIANT: numbers, text and maps with text keys serialise.
        serde_json::to_string_pretty(self).expect("results serialise") + "\n"
    }
}

/// UAR by the number of corpora that were learned from, for every tested corpus that was not among them.
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
