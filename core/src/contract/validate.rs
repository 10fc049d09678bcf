//! Checks a contract against what this version of Moodline can run.

use std::collections::BTreeMap;

use super::{CONTRACT_VERSION, Contract, Normalisation, OLDEST_CONTRACT_VERSION, TrainingRecord, TrainingRun};
use crate::certainty::Certainty;
use crate::config::FrontEndConfig;
use crate::emotion::Emotion;
use crate::mismatch::{Mismatch, check};
use crate::voice::VoiceCorrection;

/// Longest name of a model, characters.
const MAX_ID_LEN: usize = 64;

/// Valid block lengths of a model, seconds.
const BLOCK_SECONDS: std::ops::RangeInclusive<f64> = 0.25..=60.0;

impl Contract {
    /// Checks every value against what this version of Moodline can run.
    ///
    /// # Errors
    /// The first value that it cannot run, with what was expected and found.
    pub fn validate(&self) -> Result<(), Mismatch> {
        check_version(self.version)?;
        check_id(&self.id)?;
        check_front_end(&self.front_end)?;
        check_normalisation(&self.normalisation, self.front_end.n_features())?;
        check_labels(&self.labels)?;
        let step_seconds = self.front_end.step_seconds();
        let block_fits = BLOCK_SECONDS.contains(&self.block_seconds) && self.block_seconds >= step_seconds;
        check(
            block_fits,
            "block_seconds",
            format!("in {BLOCK_SECONDS:?} and at least one step of {step_seconds} s"),
            self.block_seconds,
        )?;
        self.networks.validate(self.front_end.n_features())?;
        self.voice.as_ref().map_or(Ok(()), VoiceCorrection::validate)?;
        self.familiarity.as_ref().map_or(Ok(()), |familiarity| familiarity.validate(self.front_end.n_features()))?;
        self.certainty.as_ref().map_or(Ok(()), Certainty::validate)?;
        check_origin(&self.training, self.networks.members().len(), &self.licence, &self.metrics)
    }
}

/// Refuses a model of an unsupported version and says what to do with it.
pub(crate) fn check_version(version: u32) -> Result<(), Mismatch> {
    let known = OLDEST_CONTRACT_VERSION..=CONTRACT_VERSION;
    let advice = if version < OLDEST_CONTRACT_VERSION {
        "export the model again with this version"
    } else {
        "a newer Moodline reads this model"
    };
    check(known.contains(&version), "version", format!("in {known:?} ({advice})"), version)
}

/// Checks the name, which is used as a folder name and appears in reports.
pub(super) fn check_id(id: &str) -> Result<(), Mismatch> {
    let is_id = (1..=MAX_ID_LEN).contains(&id.len())
        && !id.starts_with('.')
        && id.chars().all(|character| character.is_ascii_alphanumeric() || "-_.".contains(character));
    check(is_id, "id", format!("1 to {MAX_ID_LEN} letters, digits, '-', '_' or '.', not starting with '.'"), format!("{id:?}"))
}

pub(super) fn check_front_end(config: &FrontEndConfig) -> Result<(), Mismatch> {
    config.validate().map_err(|error| Mismatch::new(format!("front_end.{}", error.field), error.expected, error.found))
}

pub(super) fn check_normalisation(normalisation: &Normalisation, n_features: usize) -> Result<(), Mismatch> {
    let Normalisation::Standard { mean, scale } = normalisation;
    for (field, values) in [("normalisation.mean", mean), ("normalisation.scale", scale)] {
        check(
            values.len() == n_features,
            field,
            format!("{n_features} values, one for each feature"),
            format!("{} values", values.len()),
        )?;
        let bad = values.iter().position(|value| !value.is_finite());
        check(bad.is_none(), field, "finite numbers", bad.map_or_else(String::new, |at| format!("{} at {at}", values[at])))?;
    }
    let bad = scale.iter().position(|&value| value <= 0.0);
    check(
        bad.is_none(),
        "normalisation.scale",
        "positive numbers",
        bad.map_or_else(String::new, |at| format!("{} at {at}", scale[at])),
    )
}

fn check_labels(labels: &[Emotion]) -> Result<(), Mismatch> {
    let each_once = labels.len() == Emotion::COUNT && Emotion::ALL.iter().all(|emotion| labels.contains(emotion));
    check(each_once, "labels", "each of the four emotions once", format!("{labels:?}"))
}

/// Checks the origin, the licence and the metrics of a model of `n_networks`.
pub(super) fn check_origin(
    training: &TrainingRecord,
    n_networks: usize,
    licence: &str,
    metrics: &BTreeMap<String, f64>,
) -> Result<(), Mismatch> {
    check_training(training, n_networks)?;
    check(!licence.trim().is_empty(), "licence", "an SPDX expression or a sentence", "nothing")?;
    metrics.iter().try_for_each(|(name, value)| check(value.is_finite(), format!("metrics.{name}"), "a finite number", value))
}

fn check_training(training: &TrainingRecord, n_networks: usize) -> Result<(), Mismatch> {
    check(!training.corpora.is_empty(), "training.corpora", "at least one corpus", "none")?;
    let unnamed = training.corpora.iter().position(|corpus| corpus.name.trim().is_empty());
    check(
        unnamed.is_none(),
        "training.corpora",
        "corpora with names",
        format!("an empty name at {}", unnamed.unwrap_or_default()),
    )?;
    check(!training.protocol.trim().is_empty(), "training.protocol", "one sentence", "nothing")?;
    let n_runs = 1 + training.further_runs.len();
    check(
        n_runs == n_networks,
        "training.further_runs",
        format!("{n_networks} trainings with the first, one for each network"),
        n_runs,
    )?;
    for TrainingRun { epoch, config_sha256, .. } in training.runs() {
        check(epoch >= 1, "training.epoch", "at least 1", epoch)?;
        let is_sha256 = config_sha256.len() == 64 && config_sha256.chars().all(|digit| matches!(digit, '0'..='9' | 'a'..='f'));
        check(is_sha256, "training.config_sha256", "64 lower-case hexadecimal digits", format!("{config_sha256:?}"))?;
    }
    Ok(())
}
