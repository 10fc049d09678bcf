//! Which features a network is trained on, and the weights of the classes.

use moodline_core::{Emotion, FrontEndConfig};
use serde::{Deserialize, Serialize};

use crate::data::augment::AugmentationConfig;
use crate::data::manifest::Utterance;

/// From clips to training data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DataConfig {
    /// PCM to features.
    pub front_end: FrontEndConfig,
    /// Length used of each clip, from its start, seconds.
    pub block_seconds: f64,
    /// Weights of the classes in the loss.
    pub class_weights: ClassWeights,
    /// How training clips are augmented. Absent: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augmentation: Option<AugmentationConfig>,
    /// Whether clips whose listeners did not perceive the intended emotion are left out of training.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub perceived_only: bool,
}

impl DataConfig {
    /// Whether a clip of the training side is learned from.
    #[must_use]
    pub fn learns_from(&self, utterance: &Utterance) -> bool {
        !self.perceived_only || utterance.is_perceived != Some(false)
    }
}

/// Weights of the classes in the loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    rename_all = "lowercase",
    expecting = "expected balanced, none or { angry = 1.0, happy = 1.0, sad = 1.0, neutral = 1.0 }"
)]
pub enum ClassWeights {
    /// `n / (4 n_class)`: scikit-learn's "balanced". All 1 where oversampling balances the classes.
    Balanced,
    /// All 1.
    None,
    /// As given.
    #[serde(untagged)]
    Given(GivenWeights),
}

/// A weight for each class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the classes say it")]
pub struct GivenWeights {
    pub angry: f64,
    pub happy: f64,
    pub sad: f64,
    pub neutral: f64,
}

impl GivenWeights {
    /// The weight of a class.
    #[must_use]
    pub fn of(self, emotion: Emotion) -> f64 {
        match emotion {
            Emotion::Angry => self.angry,
            Emotion::Happy => self.happy,
            Emotion::Sad => self.sad,
            Emotion::Neutral => self.neutral,
        }
    }
}
