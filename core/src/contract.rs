//! The contract of a model: everything a program must know to run it correctly, with checksums that show whether it was altered.
//!
//! The contract travels inside the ONNX file as `metadata_props` (see [`crate::onnx`]). A program configures its front end and blocks from it and
//! refuses anything it does not know.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::certainty::Certainty;
use crate::config::FrontEndConfig;
use crate::emotion::Emotion;
use crate::familiarity::Familiarity;
use crate::network::Committee;
use crate::voice::VoiceCorrection;

mod speech;
mod validate;

pub use crate::normalisation::Normalisation;
pub use speech::{Detection, SPEECH_CONTRACT_VERSION, SpeechContract};

pub(crate) use speech::check_speech_version;
pub(crate) use validate::check_version;

/// Version of the contract this program writes.
pub const CONTRACT_VERSION: u32 = 3;

/// Oldest version this program reads: a single network, without the fields added in version 3.
pub const OLDEST_CONTRACT_VERSION: u32 = 2;

/// What happens to a block shorter than [`Contract::block_seconds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// It is run at its own length without padding.
    None,
}

/// When the hidden state is reset to zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatePolicy {
    /// At the start of every block.
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
    /// How training, development and test sets were separated, in one sentence.
    pub protocol: String,
    /// Seed of all random choices in the training of the first network.
    pub seed: u64,
    /// Epoch its weights were taken from, counted from 1.
    pub epoch: usize,
    /// SHA-256 of its resolved training configuration, hexadecimal.
    pub config_sha256: String,
    /// The training runs of the other networks, in their order. They used the same clips of the same corpora.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further_runs: Vec<TrainingRun>,
}

/// The training run of one network of a committee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingRun {
    /// Seed of all random choices.
    pub seed: u64,
    /// Epoch the weights were taken from, counted from 1.
    pub epoch: usize,
    /// SHA-256 of the resolved training configuration, hexadecimal.
    pub config_sha256: String,
}

impl TrainingRecord {
    /// The training runs of all networks, in their order.
    pub fn runs(&self) -> impl Iterator<Item = TrainingRun> + Clone {
        let first = TrainingRun { seed: self.seed, epoch: self.epoch, config_sha256: self.config_sha256.clone() };
        [first].into_iter().chain(self.further_runs.iter().cloned())
    }
}

/// Everything a program must know to run a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// [`CONTRACT_VERSION`] of the program that wrote the file, [`OLDEST_CONTRACT_VERSION`] or later.
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
    /// Handling of shorter blocks.
    pub padding: Padding,
    /// Hidden state between blocks.
    pub state: StatePolicy,
    /// What turns a block of feature steps into logits.
    pub networks: Committee,
    /// How answers are corrected from the history of a voice; without it they are not corrected.
    pub voice: Option<VoiceCorrection>,
    /// Statistics of the blocks the model was trained on; without them every block counts as familiar.
    pub familiarity: Option<Familiarity>,
    /// Probability from which answers are certain; without it the program decides.
    pub certainty: Option<Certainty>,
    /// Origin of the weights.
    pub training: TrainingRecord,
    /// Licence of the weights, an SPDX expression or a sentence.
    pub licence: String,
    /// Figures measured on the development split while training, by name (`dev_uar`, `dev_accuracy`, `dev_macro_f1`).
    pub metrics: BTreeMap<String, f64>,
}
