//! The configuration of a speech detector: one TOML file that determines everything except the recordings.

use std::collections::BTreeMap;

use moodline_core::contract::Detection;
use moodline_core::network::{NetworkConfig, Pooling};
use moodline_core::{FrontEndConfig, Sound};
use moodline_learn::loss::LossConfig;
use moodline_learn::network::TauInit;
use moodline_learn::optimiser::{AdamConfig, OptimiserConfig};
use moodline_learn::schedule::ScheduleConfig;
use serde::{Deserialize, Serialize};

use crate::base::config::{self, ConfigError, check, check_front_end};
use crate::data::speech::config::ScenesConfig;
use crate::train::config::ModelConfig;

/// Everything that determines a detector, except the recordings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpeechConfig {
    /// Delay of the outputs in steps: how much of the following audio the network hears before it decides.
    pub delay_steps: usize,
    /// Name and licence of the model.
    pub model: ModelConfig,
    /// PCM to features.
    pub front_end: FrontEndConfig,
    /// From probabilities to speech segments.
    pub detection: Detection,
    /// Cell and size.
    pub network: NetworkConfig,
    /// Training settings.
    pub training: SpeechTraining,
    /// Training scenes.
    pub scenes: ScenesConfig,
}

/// Training settings of a detector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpeechTraining {
    /// Seed of all random choices except those of the scenes.
    pub seed: u64,
    /// Passes over the scenes.
    pub epochs: usize,
    /// Scenes per epoch.
    pub scenes: usize,
    /// Number of epochs after which new scenes are drawn.
    pub epochs_of_scenes: usize,
    /// Number of dev scenes, which select the epoch.
    pub dev_scenes: usize,
    /// Scenes per optimiser step.
    pub batch_size: usize,
    /// Weights of the classes in the loss; 1 if not given.
    #[serde(default)]
    pub class_weights: BTreeMap<Sound, f32>,
    /// The loss function.
    #[serde(default)]
    pub loss: LossConfig,
    /// Factor of the sum of squares of the kernels in the loss.
    #[serde(default)]
    pub l2: f64,
    /// Dropout rate of the features in a training step, 0..1.
    #[serde(default)]
    pub input_dropout: f64,
    /// Dropout rate between layers in a training step, 0..1.
    #[serde(default)]
    pub dropout: f64,
    /// Gradient clipping: largest norm.
    pub max_gradient_norm: f64,
    /// Decay per step of the moving average of the weights, 0..1; the average is what is evaluated and kept.
    pub average: f64,
    /// Initial time constants, for cells that have them. Absent: the default of the cell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tau: Option<TauInit>,
    /// The optimiser.
    #[serde(default)]
    pub optimiser: OptimiserConfig,
    /// Decay rates of Adam and AdamW.
    #[serde(default)]
    pub adam: AdamConfig,
    /// Learning rate over time.
    pub schedule: ScheduleConfig,
}

impl SpeechConfig {
    /// Reads a configuration. `file` is only used in error messages.
    ///
    /// # Errors
    /// [`ConfigError`]: text that is not a configuration (with its line), or a value out of range.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        let config: Self = config::from_toml(file, text)?;
        config.validate()?;
        Ok(config)
    }

    /// The configuration as TOML.
    #[must_use]
    pub fn to_toml(&self) -> String {
        config::to_toml(self)
    }

    /// SHA-256 of [`SpeechConfig::to_toml`], hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        config::sha256(self)
    }

    fn validate(&self) -> Result<(), ConfigError> {
        check_front_end(&self.front_end)?;
        self.detection.validate()?;
        self.network.validate(self.front_end.n_features())?;
        if self.network.pooling != Pooling::Last {
            let found = format!("{:?}", self.network.pooling);
            return Err(ConfigError::Range {
                field: "network.pooling".to_owned(),
                expected: "absent: every step is read".to_owned(),
                found,
            });
        }
        self.training.validate()?;
        self.scenes.validate()
    }
}

impl SpeechTraining {
    /// The class weights, by [`Sound::index`].
    #[must_use]
    pub fn weights(&self) -> [f32; Sound::COUNT] {
        Sound::ALL.map(|sound| self.class_weights.get(&sound).copied().unwrap_or(1.0))
    }

    fn validate(&self) -> Result<(), ConfigError> {
        let counts = [
            ("training.epochs", self.epochs),
            ("training.scenes", self.scenes),
            ("training.epochs_of_scenes", self.epochs_of_scenes),
            ("training.dev_scenes", self.dev_scenes),
            ("training.batch_size", self.batch_size),
        ];
        counts.into_iter().try_for_each(|(field, value)| check((1..=1_000_000).contains(&value), field, "1..=1000000", value))?;
        let parts = [
            ("training.input_dropout", self.input_dropout),
            ("training.dropout", self.dropout),
            ("training.average", self.average),
        ];
        parts
            .into_iter()
            .try_for_each(|(field, value)| check((0.0..1.0).contains(&value), field, "at least 0 and below 1", value))?;
        check(self.max_gradient_norm > 0.0, "training.max_gradient_norm", "a positive number", self.max_gradient_norm)?;
        check(self.l2.is_finite() && self.l2 >= 0.0, "training.l2", "0 or a positive number", self.l2)?;
        for (sound, weight) in &self.class_weights {
            check(weight.is_finite() && *weight > 0.0, &format!("training.class_weights.{sound}"), "a positive number", *weight)?;
        }
        self.schedule.validate().map_err(|error| ConfigError::Range {
            field: format!("training.schedule.{}", error.field),
            expected: error.expected.to_owned(),
            found: error.found.to_string(),
        })
    }
}
