//! The configuration of a training run: one TOML file that determines everything except the data, plus overrides from the command line.
//!
//! In: TOML text and `section.key=value` overrides. Out: a validated [`TrainConfig`], whose text form is saved with the run.

use moodline_core::contract::TrainingCorpus;
use moodline_core::network::{NetworkConfig, layer_tensor};
use moodline_core::{Emotion, FrontEndConfig, VoiceCorrection};
use moodline_engine::analysis::WINDOW_SECONDS;
use moodline_learn::loss::LossConfig;
use moodline_learn::optimiser::{AdamConfig, OptimiserConfig};
use moodline_learn::wiring::WiringConfig;
use serde::{Deserialize, Serialize};

use crate::base::config::{self, ConfigError, check, check_front_end};
use crate::data::augment::AugmentationConfig;
use crate::data::config::{ClassWeights, DataConfig};
use crate::data::corpus::Layout;
use moodline_learn::network::TauInit;
use moodline_learn::schedule::ScheduleConfig;

mod overrides;

pub(crate) use overrides::value_at;

/// Everything that determines a run, except the manifests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Name and licence of the model.
    pub model: ModelConfig,
    /// PCM to features.
    pub front_end: FrontEndConfig,
    /// Cell, size and pooling.
    pub network: NetworkConfig,
    /// Which synapses its layers have. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wiring: Option<WiringConfig>,
    /// Initial values of the parameters.
    #[serde(default, skip_serializing_if = "is_default")]
    pub initialisation: Initialisation,
    /// Training settings.
    pub training: TrainingConfig,
    /// How training clips are augmented. Absent: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augmentation: Option<AugmentationConfig>,
    /// How predictions are corrected using what has been heard of a voice; goes into the contract and changes no weights. Absent: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice: Option<VoiceCorrection>,
    /// How blocks unlike the training data are detected; goes into the contract and changes no weights. Absent: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub familiarity: Option<FamiliarityConfig>,
}

/// What counts as similar to the training blocks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FamiliarityConfig {
    /// Fraction of the clips of each corpus in the dev split (speakers not used for training) that may be wrongly called unfamiliar; above 0, at most
    /// 0.5.
    pub rejected: f64,
}

/// Name and licence of the model; goes into the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Name of the model.
    pub id: String,
    /// Licence of the weights, an SPDX expression or a sentence.
    pub licence: String,
    /// How train, dev and test are separated, in one sentence.
    pub protocol: String,
}

impl ModelConfig {
    /// A corpus that the licence names although it is not in the training data, as when a recipe is used for other recordings.
    #[must_use]
    pub fn licence_of_others(&self, corpora: &[TrainingCorpus]) -> Option<Layout> {
        let is_learnt = |layout: &Layout| corpora.iter().any(|corpus| corpus.name == layout.name());
        self.licence
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .filter_map(Layout::of_corpus)
            .find(|layout| !is_learnt(layout))
    }
}

/// Initial values of the trained parameters, where they differ from those of the cell's authors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Initialisation {
    /// Time constants of cells with `tau`. Absent: the default of the cell; in the paper, all start equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tau: Option<TauInit>,
}

/// Training settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// Seed of all random choices.
    pub seed: u64,
    /// Maximum number of passes over the train split.
    pub epochs: usize,
    /// Utterances per optimiser step.
    pub batch_size: usize,
    /// Length used of each clip, from its start, seconds; also the block length of the contract.
    pub block_seconds: f64,
    /// Weights of the classes in the loss.
    pub class_weights: ClassWeights,
    /// Whether clips of smaller classes are repeated, chosen at random in each epoch, until all classes are as large as the largest.
    #[serde(default, skip_serializing_if = "is_default")]
    pub oversample: bool,
    /// Weight of larger corpora: the share of a corpus in an epoch is proportional to its number of clips to the power of this exponent, 0..=1, and
    /// its classes are drawn equally often. 0: all corpora equally. Absent: every clip once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corpus_exponent: Option<f64>,
    /// Whether clips whose listeners did not perceive the intended emotion are left out of training. Clips of which the manifest does not say what was
    /// perceived are learned from.
    #[serde(default, skip_serializing_if = "is_default")]
    pub perceived_only: bool,
    /// The loss function.
    #[serde(default, skip_serializing_if = "is_default")]
    pub loss: LossConfig,
    /// Factor of the sum of squares of the kernels (of cells and readout) in the loss.
    pub l2: f64,
    /// Dropout rate of the features in a training step, per value, 0..1.
    #[serde(default, skip_serializing_if = "is_default")]
    pub input_dropout: f64,
    /// Dropout rate between layers in a training step, 0..1; no effect on a network of one layer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub dropout: f64,
    /// Gradient clipping: a longer gradient (Euclidean norm over all parameters) is scaled down to this norm. Absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_gradient_norm: Option<f64>,
    /// Which epoch's weights are kept.
    pub best: BestBy,
    /// Early stopping after this many epochs without a new best. Absent: all epochs are run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// The optimiser.
    #[serde(default, skip_serializing_if = "is_default")]
    pub optimiser: OptimiserConfig,
    /// Decay rates of Adam and AdamW.
    #[serde(default)]
    pub adam: AdamConfig,
    /// Decay per step of the moving average of the weights, 0..1. The average is what is evaluated, kept and exported. Absent: the weights
    /// themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average: Option<f64>,
    /// Learning rate over time.
    pub schedule: ScheduleConfig,
}

/// Settings with their historical defaults are not written, so that older resolved configurations stay unchanged.
fn is_default<V: Default + PartialEq>(value: &V) -> bool {
    *value == V::default()
}

/// The dev metric that selects the best epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BestBy {
    /// Mean cross-entropy plus the L2 term (Keras' `val_loss`); lower is better.
    DevLoss,
    /// Unweighted average recall; higher is better.
    DevUar,
}

impl TrainConfig {
    /// Reads a configuration and applies overrides to it, in order. `file` is only used in error messages.
    ///
    /// An override is `section.key=value`; the value is TOML, or else taken as text. An empty value removes the key. An override that changes the
    /// `kind` of a section drops the keys of the file that the new kind does not have.
    ///
    /// # Errors
    /// [`ConfigError`]: text that is not a configuration (with its line), an unknown section or key, or a value out of range.
    pub fn parse(file: &str, text: &str, overrides: &[String]) -> Result<Self, ConfigError> {
        let mut config: Self = config::from_toml(file, text)?;
        if !overrides.is_empty() {
            config = overrides::overlaid(&config::from_toml(file, text)?, overrides)?;
        }
        config.validate()?;
        Ok(config)
    }

    /// The resolved configuration as TOML.
    #[must_use]
    pub fn to_toml(&self) -> String {
        config::to_toml(self)
    }

    /// SHA-256 of [`TrainConfig::to_toml`], hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        config::sha256(self)
    }

    /// The part that determines the training data.
    #[must_use]
    pub fn data(&self) -> DataConfig {
        DataConfig {
            front_end: self.front_end.clone(),
            block_seconds: self.training.block_seconds,
            class_weights: match self.training.class_weights {
                // Sampling already balances the classes.
                ClassWeights::Balanced if self.training.oversample || self.training.corpus_exponent.is_some() => {
                    ClassWeights::None
                }
                kind => kind,
            },
            augmentation: self.augmentation.clone(),
            perceived_only: self.training.perceived_only,
        }
    }

    fn validate(&self) -> Result<(), ConfigError> {
        check_front_end(&self.front_end)?;
        let id = &self.model.id;
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        check(
            !id.is_empty() && !id.starts_with('.') && id.chars().all(is_name),
            "model.id",
            "letters, digits, '-', '_' and '.'",
            id,
        )?;
        check(!self.model.licence.trim().is_empty(), "model.licence", "a licence", "''")?;
        check(!self.model.protocol.trim().is_empty(), "model.protocol", "a sentence", "''")?;
        self.validate_network()?;
        self.augmentation.as_ref().map_or(Ok(()), AugmentationConfig::validate)?;
        self.voice.as_ref().map_or(Ok(()), VoiceCorrection::validate)?;
        if let Some(FamiliarityConfig { rejected }) = self.familiarity {
            check(rejected > 0.0 && rejected <= 0.5, "familiarity.rejected", "above 0 and at most 0.5", rejected)?;
        }
        self.training.validate(self.front_end.step_seconds())
    }

    fn validate_network(&self) -> Result<(), ConfigError> {
        self.network.validate(self.front_end.n_features())?;
        self.wiring.map_or(Ok(()), |wiring| wiring.validate(&self.network))?;
        let Some(tau) = self.initialisation.tau else { return Ok(()) };
        let has_tau = self.network.parameter_shapes(1).iter().any(|(name, _)| *name == layer_tensor(0, "tau"));
        check(has_tau, "initialisation.tau", "absent: the cell has no tau", "one")?;
        match tau {
            TauInit::Ones => {}
            TauInit::Even { from, to } => {
                for (field, value) in [("initialisation.tau.from", from), ("initialisation.tau.to", to)] {
                    check((-20.0..=20.0).contains(&value), field, "-20..=20", value)?;
                }
            }
            TauInit::LogSpaced { shortest_steps, longest_steps } => {
                check(positive(shortest_steps), "initialisation.tau.shortest_steps", "a positive number", shortest_steps)?;
                let ordered = longest_steps.is_finite() && longest_steps >= shortest_steps;
                check(ordered, "initialisation.tau.longest_steps", format!("at least {shortest_steps}"), longest_steps)?;
            }
        }
        Ok(())
    }
}

impl TrainingConfig {
    /// Whether a run is over after `epochs` epochs, the best of which is `best` (counted from 1): all are done, or there was no new best for
    /// `patience` epochs.
    #[must_use]
    pub fn is_over(&self, epochs: usize, best: Option<usize>) -> bool {
        let waited = epochs - best.unwrap_or(0);
        epochs >= self.epochs || self.patience.is_some_and(|patience| waited >= patience)
    }

    fn validate(&self, step_seconds: f64) -> Result<(), ConfigError> {
        check((1..=100_000).contains(&self.epochs), "training.epochs", "1..=100000", self.epochs)?;
        check((1..=1_000_000).contains(&self.batch_size), "training.batch_size", "1..=1000000", self.batch_size)?;
        let (shortest, longest) = (WINDOW_SECONDS.start().max(step_seconds), *WINDOW_SECONDS.end());
        let fits = (shortest..=longest).contains(&self.block_seconds);
        check(fits, "training.block_seconds", format!("{shortest}..={longest} s"), self.block_seconds)?;
        check(self.l2.is_finite() && self.l2 >= 0.0, "training.l2", "0 or a positive number", self.l2)?;
        let norm = self.max_gradient_norm.unwrap_or(1.0);
        check(positive(norm), "training.max_gradient_norm", "a positive number, or absent", norm)?;
        let patience = self.patience.unwrap_or(1);
        check(patience >= 1, "training.patience", "at least 1, or absent", patience)?;
        let AdamConfig { beta1, beta2, epsilon } = self.adam;
        for (field, beta) in [("training.adam.beta1", beta1), ("training.adam.beta2", beta2)] {
            check((0.0..1.0).contains(&beta), field, "at least 0 and below 1", beta)?;
        }
        check(positive(epsilon), "training.adam.epsilon", "a positive number", epsilon)?;
        self.validate_choices()?;
        self.schedule.validate().map_err(|error| ConfigError::Range {
            field: format!("training.schedule.{}", error.field),
            expected: error.expected.to_owned(),
            found: error.found.to_string(),
        })
    }

    fn validate_choices(&self) -> Result<(), ConfigError> {
        let part = |field: &str, value: f64| check((0.0..1.0).contains(&value), field, "at least 0 and below 1", value);
        part("training.input_dropout", self.input_dropout)?;
        part("training.dropout", self.dropout)?;
        if let Some(exponent) = self.corpus_exponent {
            check((0.0..=1.0).contains(&exponent), "training.corpus_exponent", "at least 0 and at most 1", exponent)?;
            check(!self.oversample, "training.oversample", "false beside training.corpus_exponent", self.oversample)?;
        }
        if let ClassWeights::Given(weights) = self.class_weights {
            for emotion in Emotion::ALL {
                let weight = weights.of(emotion);
                check(positive(weight), &format!("training.class_weights.{emotion}"), "a positive number", weight)?;
            }
        }
        match self.loss {
            LossConfig::CrossEntropy => {}
            LossConfig::LabelSmoothing { epsilon } => part("training.loss.epsilon", epsilon)?,
            LossConfig::Focal { gamma } => {
                check(positive(gamma) && gamma <= 10.0, "training.loss.gamma", "above 0 and at most 10", gamma)?;
            }
        }
        match self.optimiser {
            OptimiserConfig::Adam => {}
            OptimiserConfig::AdamW { weight_decay } => {
                let ok = weight_decay.is_finite() && weight_decay >= 0.0;
                check(ok, "training.optimiser.weight_decay", "0 or a positive number", weight_decay)?;
            }
            OptimiserConfig::Sgd { momentum, .. } => part("training.optimiser.momentum", momentum)?,
        }
        self.average.map_or(Ok(()), |decay| part("training.average", decay))
    }
}

fn positive(value: f64) -> bool {
    value.is_finite() && value > 0.0
}
