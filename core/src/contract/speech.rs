//! The contract of a speech detector: a model that classifies the sound at every step of a stream.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::TrainingRecord;
use super::validate::{check_front_end, check_id, check_normalisation, check_origin};
use crate::config::{FeatureGroup, FrontEndConfig};
use crate::mismatch::{Mismatch, check};
use crate::network::{NetworkConfig, Pooling};
use crate::normalisation::Normalisation;
use crate::sound::Sound;

/// Version of the contract of a speech detector that this program writes, and the only one it reads.
pub const SPEECH_CONTRACT_VERSION: u32 = 1;

/// Largest number of steps a detector may wait before it answers: one second of the shortest steps.
const MAX_DELAY_STEPS: usize = 100;

/// Valid durations, seconds.
const SECONDS: std::ops::RangeInclusive<f64> = 0.0..=5.0;

/// How the probabilities of the steps become intervals of speech, and those a decision for a block.
///
/// An interval of speech begins at a step whose probability of [`Sound::Speech`] is at least `onset` and ends where it falls below `offset`. Within the
/// stretch in question, pauses shorter than `min_pause_seconds` are then closed, and intervals shorter than `min_speech_seconds` are dropped. A stretch
/// counts as speech if it contains at least `min_block_seconds` of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detection {
    /// Probability at which speech begins, 0..1.
    pub onset: f64,
    /// Probability below which it ends, 0..=`onset`.
    pub offset: f64,
    /// Shortest pause, 0..=5 seconds.
    pub min_pause_seconds: f64,
    /// Shortest speech, 0..=5 seconds.
    pub min_speech_seconds: f64,
    /// Seconds of speech that make a block count as speech, 0..=5; for a shorter stretch, half its length.
    pub min_block_seconds: f64,
}

/// Everything a program must know to run a speech detector.
///
/// The state of the network is carried through a stream and starts from zeros at its beginning and at every cut. The answer given at a step refers to the
/// step `delay_steps` earlier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpeechContract {
    /// [`SPEECH_CONTRACT_VERSION`] of the program that wrote the file.
    pub version: u32,
    /// Name of the model, the folder under `models/`.
    pub id: String,
    /// PCM to features.
    pub front_end: FrontEndConfig,
    /// Feature normalisation.
    pub normalisation: Normalisation,
    /// Output order of the network; a permutation of [`Sound::ALL`].
    pub labels: Vec<Sound>,
    /// Steps by which the answers are delayed.
    pub delay_steps: usize,
    /// From probabilities to intervals of speech.
    pub detection: Detection,
    /// The network that outputs logits for every step.
    pub network: NetworkConfig,
    /// Origin of the weights.
    pub training: TrainingRecord,
    /// Licence of the weights, an SPDX expression or a sentence.
    pub licence: String,
    /// Figures measured on the development split while training, by name.
    pub metrics: BTreeMap<String, f64>,
}

impl Detection {
    /// Whether a stretch of `stretch_seconds` with `speech_seconds` of speech counts as speech.
    #[must_use]
    pub fn is_speech(&self, speech_seconds: f64, stretch_seconds: f64) -> bool {
        speech_seconds > 0.0 && speech_seconds >= self.min_block_seconds.min(0.5 * stretch_seconds)
    }

    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first value out of range, as `detection.VALUE`, with what was expected and found.
    pub fn validate(&self) -> Result<(), Mismatch> {
        let Self { onset, offset, min_pause_seconds, min_speech_seconds, min_block_seconds } = *self;
        check(onset > 0.0 && onset < 1.0, "detection.onset", "above 0 and below 1", onset)?;
        check((0.0..=onset).contains(&offset), "detection.offset", format!("in 0..={onset}"), offset)?;
        let times = [
            ("detection.min_pause_seconds", min_pause_seconds),
            ("detection.min_speech_seconds", min_speech_seconds),
            ("detection.min_block_seconds", min_block_seconds),
        ];
        times
            .into_iter()
            .try_for_each(|(field, value)| check(SECONDS.contains(&value), field, format!("in {SECONDS:?} s"), value))
    }
}

impl SpeechContract {
    /// Checks every value against what this version of Moodline can run.
    ///
    /// # Errors
    /// The first value that it cannot run, with what was expected and found.
    pub fn validate(&self) -> Result<(), Mismatch> {
        check_speech_version(self.version)?;
        check_id(&self.id)?;
        check_front_end(&self.front_end)?;
        // The group's level is relative to a block, which a detector does not have.
        let has_prosody = self.front_end.has(FeatureGroup::Prosody);
        check(!has_prosody, "front_end.groups", "without prosody", format!("{:?}", self.front_end.groups))?;
        check(
            self.front_end.speech_margin.is_none(),
            "front_end.speech_margin",
            "absent",
            self.front_end.speech_margin.unwrap_or_default(),
        )?;
        check_normalisation(&self.normalisation, self.front_end.n_features())?;
        let each_once = self.labels.len() == Sound::COUNT && Sound::ALL.iter().all(|sound| self.labels.contains(sound));
        check(each_once, "labels", "each of the four kinds of sound once", format!("{:?}", self.labels))?;
        check(self.delay_steps <= MAX_DELAY_STEPS, "delay_steps", format!("at most {MAX_DELAY_STEPS}"), self.delay_steps)?;
        self.detection.validate()?;
        self.network.validate(self.front_end.n_features())?;
        let reads_steps = self.network.pooling == Pooling::Last;
        check(
            reads_steps,
            "network.pooling",
            "last, so that each step is read for itself",
            format!("{:?}", self.network.pooling),
        )?;
        check_origin(&self.training, 1, &self.licence, &self.metrics)
    }
}

/// Refuses a detector of another version and says what to do with it.
pub(crate) fn check_speech_version(version: u32) -> Result<(), Mismatch> {
    let advice = if version < SPEECH_CONTRACT_VERSION {
        "train the detector again with this version"
    } else {
        "a newer Moodline reads this detector"
    };
    check(version == SPEECH_CONTRACT_VERSION, "version", format!("{SPEECH_CONTRACT_VERSION} ({advice})"), version)
}
