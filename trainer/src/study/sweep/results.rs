//! Results of a sweep: the record of a trial (`trial.json`) and of the whole sweep (`sweep.json`).
//!
//! Plain data, written as JSON, from which tables and figures are made. Dev metrics are those of a trial's best epoch, whose weights are kept. Test
//! metrics exist only for the chosen configuration.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::{Metric, Strategy};
use crate::data::manifest::ManifestSource;
use crate::measure::metrics::Report;
pub use crate::study::protocol::results::Spread;
use crate::train::checkpoint::EpochRecord;

/// Version of the layout of `sweep.json`.
pub const VERSION: u32 = 1;

/// A sweep, `sweep.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepResults {
    /// [`VERSION`]
    pub version: u32,
    /// Name and version of the program.
    pub program: String,
    /// Name of the sweep: that of its file, without the extension.
    pub name: String,
    /// How the configurations were generated.
    pub strategy: Strategy,
    /// The metric that decides.
    pub metric: Metric,
    /// Every configuration is trained with each of these seeds.
    pub seeds: Vec<u64>,
    /// The manifests.
    pub manifests: Vec<ManifestSource>,
    /// `section.key` of all settings that differ between configurations.
    pub keys: Vec<String>,
    /// Whether every trial is completed; otherwise the sweep can be continued.
    pub complete: bool,
    /// All configurations, in the order they were planned.
    pub configurations: Vec<ConfigurationResult>,
    /// The best configuration on dev; none until the sweep is complete.
    pub chosen: Option<Chosen>,
}

/// One configuration with its trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigurationResult {
    /// Name, unique in the sweep.
    pub name: String,
    /// Its value for each of [`SweepResults::keys`]; null if the configuration has no such key.
    pub settings: BTreeMap<String, Value>,
    /// Published accuracy of this configuration, 0..=1, for comparison with ours.
    pub published_accuracy: Option<f64>,
    /// Number of trained values.
    pub n_parameters: usize,
    /// Over the seeds; none unless training finished with every seed.
    pub dev: Option<DevSpread>,
    /// One per seed.
    pub trials: Vec<TrialRecord>,
}

/// One training run, `trial.json` in its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrialRecord {
    /// Name of the trial's folder under `trials`, which is a run folder.
    pub id: String,
    /// [`ConfigurationResult::name`]
    pub configuration: String,
    /// Seed of all random choices.
    pub seed: u64,
    /// Its progress.
    pub status: TrialStatus,
    /// Why the trial diverged, if it did.
    pub reason: Option<String>,
    /// Epochs trained.
    pub epochs: usize,
    /// Duration of the training, s.
    pub seconds: f64,
    /// SHA-256 of the standardised train and dev data; empty before they were loaded.
    pub data_sha256: String,
    /// Clips that could not be used.
    pub n_left_out: usize,
    /// The best epoch at each halt, in order of epochs; the last is the trial's result. Only successive halving has more than one.
    pub rungs: Vec<Rung>,
}

/// Progress of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialStatus {
    /// Not completed yet; never in a `trial.json`.
    Pending,
    /// Trained up to a rung. Remains in this state if the configuration was not among the best.
    Paused,
    /// Training finished.
    Finished,
    /// A value was not finite: this configuration cannot be trained with this seed.
    Diverged,
}

/// A trial at a halt.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// Target number of epochs for the trial; early stopping may have ended it before.
    pub epochs: usize,
    /// The best epoch so far.
    pub best: DevFigures,
}

/// Dev metrics at one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DevFigures {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Unweighted average recall, 0..=1.
    pub uar: f64,
    /// 0..=1
    pub accuracy: f64,
    /// 0..=1
    pub macro_f1: f64,
    /// Mean unweighted cross-entropy.
    pub loss: f64,
}

/// Dev metrics over the seeds of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DevSpread {
    /// Unweighted average recall.
    pub uar: Spread,
    /// Accuracy.
    pub accuracy: Spread,
    /// Macro-F1.
    pub macro_f1: Spread,
    /// Mean unweighted cross-entropy.
    pub loss: Spread,
}

/// The configuration that is best on dev.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    /// [`ConfigurationResult::name`]
    pub configuration: String,
    /// How it was chosen, in one sentence.
    pub by: String,
    /// Its results on the test split, evaluated once, after the choice; none if the manifests have no test split.
    pub test: Option<TestResult>,
}

/// Test metrics over the seeds of the chosen configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestResult {
    /// Unweighted average recall.
    pub uar: Spread,
    /// Accuracy.
    pub accuracy: Spread,
    /// Macro-F1.
    pub macro_f1: Spread,
    /// Clips that could not be used.
    pub n_left_out: usize,
    /// One per seed.
    pub trials: Vec<TestTrial>,
}

/// Test metrics with one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestTrial {
    /// [`TrialRecord::id`]
    pub id: String,
    /// [`TrialRecord::seed`]
    pub seed: u64,
    /// All metrics.
    pub report: Report,
}

impl SweepResults {
    /// The text of `sweep.json`.
    #[must_use]
    pub fn to_json(&self) -> String {
        // INVARIANT: finite numbers, strings, lists and maps serialise.
        serde_json::to_string_pretty(self).expect("results serialise") + "\n"
    }

    /// The chosen configuration with its trials.
    #[must_use]
    pub fn chosen_configuration(&self) -> Option<&ConfigurationResult> {
        let chosen = self.chosen.as_ref()?;
        self.configurations.iter().find(|configuration| configuration.name == chosen.configuration)
    }
}

impl TrialRecord {
    /// The metrics of the trial if it halts after `epochs`; none if it has not come that far or has diverged.
    #[must_use]
    pub fn after(&self, epochs: usize) -> Option<&DevFigures> {
        let halt = self.rungs.iter().find(|rung| rung.epochs >= epochs);
        let end = self.rungs.last().filter(|_| self.status == TrialStatus::Finished);
        halt.or(end).map(|rung| &rung.best).filter(|_| self.status != TrialStatus::Diverged)
    }

    /// The result of a trial that finished training.
    #[must_use]
    pub fn result(&self) -> Option<&DevFigures> {
        self.rungs.last().filter(|_| self.status == TrialStatus::Finished).map(|rung| &rung.best)
    }
}

impl DevFigures {
    /// The dev metrics of an epoch.
    #[must_use]
    pub fn of(record: &EpochRecord) -> Self {
        Self {
            epoch: record.epoch,
            uar: record.dev_uar,
            accuracy: record.dev_accuracy,
            macro_f1: record.dev_macro_f1,
            loss: record.dev_loss,
        }
    }

    /// The value of the deciding metric.
    #[must_use]
    pub const fn get(&self, metric: Metric) -> f64 {
        match metric {
            Metric::DevUar => self.uar,
            Metric::DevAccuracy => self.accuracy,
            Metric::DevMacroF1 => self.macro_f1,
            Metric::DevLoss => self.loss,
        }
    }
}

impl DevSpread {
    /// Over the seeds; none if there are no trials.
    #[must_use]
    pub fn of(trials: &[&DevFigures]) -> Option<Self> {
        let over = |figure: fn(&DevFigures) -> f64| Spread::of(&trials.iter().map(|trial| figure(trial)).collect::<Vec<_>>());
        (!trials.is_empty()).then(|| Self {
            uar: over(|trial| trial.uar),
            accuracy: over(|trial| trial.accuracy),
            macro_f1: over(|trial| trial.macro_f1),
            loss: over(|trial| trial.loss),
        })
    }

    /// The deciding metric over the seeds.
    #[must_use]
    pub const fn get(&self, metric: Metric) -> Spread {
        match metric {
            Metric::DevUar => self.uar,
            Metric::DevAccuracy => self.accuracy,
            Metric::DevMacroF1 => self.macro_f1,
            Metric::DevLoss => self.loss,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_gives_what_it_had_at_a_halt() {
        let figures = |epoch| DevFigures { epoch, uar: 0.1 * epoch as f64, accuracy: 0.0, macro_f1: 0.0, loss: 1.0 };
        let rung = |epochs| Rung { epochs, best: figures(epochs) };
        let mut record = TrialRecord {
            id: "a".to_owned(),
            configuration: "b".to_owned(),
            seed: 0,
            status: TrialStatus::Paused,
            reason: None,
            epochs: 6,
            seconds: 1.0,
            data_sha256: String::new(),
            n_left_out: 0,
            rungs: vec![rung(2), rung(6)],
        };
        let epoch = |record: &TrialRecord, epochs| record.after(epochs).map(|best| best.epoch);
        assert_eq!((epoch(&record, 2), epoch(&record, 6), epoch(&record, 18)), (Some(2), Some(6), None));
        assert_eq!(record.result(), None);
        record.status = TrialStatus::Finished;
        assert_eq!((epoch(&record, 18), record.result().map(|best| best.epoch)), (Some(6), Some(6)));
        record.status = TrialStatus::Diverged;
        assert_eq!((epoch(&record, 2), record.result()), (None, None));
    }
}
