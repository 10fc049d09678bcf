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

pub(crate) use validate::{check, check_version};

/// Version of the contract this program writes, and the only one it reads.
pub const CONTRACT_VERSION: u32 = 2;

/// How features are normalised before the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Normalisation {
    /// `(x - mean) / scale` for each feature, fitted on the training split: scikit-learn's `StandardScaler`. It is folded into the weights of the
    /// file; the values are kept to be shown and checked.
    Standard {
        /// `[n_features]`
        mean: Vec<f64>,
        /// `[n_features]`, positive
        scale: Vec<f64>,
    },
}

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

/// A value that is not what it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} must be {expected}, found {found}")]
pub struct Mismatch {
    /// Which value: a field of [`Contract`] with the path below it, an initializer, or a place in the graph.
    pub field: String,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

impl Mismatch {
    /// Longest text taken from a file, characters.
    const MAX_TEXT: usize = 300;

    #[expect(clippy::needless_pass_by_value, reason = "callers pass numbers and new texts")]
    pub(crate) fn new(field: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self { field: printable(&field.into()), expected: printable(&expected.to_string()), found: printable(&found.to_string()) }
    }
}

/// Text from a hostile file must neither steer a terminal nor fill it.
fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len().min(Mismatch::MAX_TEXT));
    for character in text.chars().take(Mismatch::MAX_TEXT) {
        if character.is_control() { printable.extend(character.escape_default()) } else { printable.push(character) }
    }
    if text.chars().nth(Mismatch::MAX_TEXT).is_some() {
        printable.push_str("...");
    }
    printable
}

/// Lower-case hexadecimal digits of `bytes`.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // INVARIANT: writing to a String cannot fail.
        write!(text, "{byte:02x}").expect("a String takes any text");
        text
    })
}
