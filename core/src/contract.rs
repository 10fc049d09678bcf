//! The contract of a model: everything a program must know to run it right, and the proof that nobody changed it.
//!
//! The contract travels inside the ONNX file as `metadata_props` (see [`crate::onnx`]). A program configures its front end and blocks from it and
//! refuses what it does not know.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::FrontEndConfig;
use crate::emotion::Emotion;
use crate::network::NetworkConfig;

mod validate;

pub use crate::normalisation::Normalisation;

pub(crate) use validate::check_version;

/// Version of the contract this program writes, and the only one it reads.
pub const CONTRACT_VERSION: u32 = 2;

/// What happens to a block shorter than [`Contract::block_seconds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// It is run at its own length; no padding reaches the network.
    None,
}

/// When the hidden state starts from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatePolicy {
    /// At every block.
    ResetEachBlock,
}

/// One corpus a model was trained on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingCorpus {
    /// Name as in the manifest.
    pub name: String,
    /// Utterances trained on.
    pub n_utterances: usize,
    /// Speakers trained on.
    pub n_speakers: usize,
}

/// Where the weights come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRecord {
    /// What it was trained on.
    pub corpora: Vec<TrainingCorpus>,
    /// How train, dev and test were told apart, in one sentence.
    pub protocol: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// Epoch the weights were taken from, counted from 1.
    pub epoch: usize,
    /// SHA-256 of the resolved training configuration, hexadecimal.
    pub config_sha256: String,
}

/// Everything a program must know to run a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// [`CONTRACT_VERSION`] of the program that wrote the file.
    pub version: u32,
    /// Name of the model, the folder under `models/`.
    pub id: String,
    /// PCM to features.
    pub front_end: FrontEndConfig,
    /// Feature normalisation.
    pub normalisation: Normalisation,
    /// Output order of the network; a permutation of [`Emotion::ALL`].
    pub labels: Vec<Emotion>,
    /// Longest block the network was trained on, seconds.
    pub block_seconds: f64,
    /// Shorter blocks.
    pub padding: Padding,
    /// Hidden state between blocks.
    pub state: StatePolicy,
    /// The network that turns a block of feature steps into logits.
    pub network: NetworkConfig,
    /// Origin of the weights.
    pub training: TrainingRecord,
    /// Licence of the weights, an SPDX expression or a sentence.
    pub licence: String,
    /// Figures measured on the development split while training, by name (`dev_uar`, `dev_accuracy`, `dev_macro_f1`).
    pub metrics: BTreeMap<String, f64>,
}
