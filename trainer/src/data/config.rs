//! What decides the features a network sees and what each class weighs.

use moodline_core::{Emotion, FrontEndConfig};
use serde::{Deserialize, Serialize};

use crate::data::augment::AugmentationConfig;

/// From clips to what is learned from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DataConfig {
    /// PCM to features.
    pub front_end: FrontEndConfig,
    /// Only the first so many seconds of a clip are used.
    pub block_seconds: f64,
    /// Weights of the classes in the loss.
    pub class_weights: ClassWeights,
    /// How training clips are varied. Absent: they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augmentation: Option<AugmentationConfig>,
}

/// Weights of the classes in the loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    rename_all = "lowercase",
    expecting = "expected balanced, none or { angry = 1.0, happy = 1.0, sad = 1.0, neutral = 1.0 }"
)]
pub enum ClassWeights {
    /// `n / (4 n_class)`: scikit-learn's "balanced". All 1 where oversampling makes the classes equal.
    Balanced,
    /// All 1.
    None,
    /// As they are given.
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
    /// By [`Emotion::index`].
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
