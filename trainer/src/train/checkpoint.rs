//! Checkpoints: everything needed to resume a run as if it had never stopped.
//!
//! One safetensors file holds the weights, the optimiser moments, the best weights so far, the scaler and, as JSON in its metadata, the rest of the
//! state, so that the parts cannot become inconsistent. It is written atomically; a checksum detects damage on disk. The random stream of an epoch is
//! a function of seed and epoch.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use moodline_core::Familiarity;
use moodline_core::contract::TrainingCorpus;
use moodline_core::frontend::Scaler;
use moodline_core::network::{Tensor, Tensors};
use moodline_learn::schedule::Schedule;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::base::files::FileError;

/// Version of the layout.
const VERSION: u32 = 2;
/// Key of the JSON in the metadata.
const STATE: &str = "moodline";
/// Prefix of the tensors of the moving average.
const AVERAGE: &str = "average";

/// Metrics of one epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochRecord {
    /// Counted from 1.
    pub epoch: usize,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Mean weighted cross-entropy on the train split during the epoch.
    pub train_loss: f64,
    /// Accuracy on the train split during the epoch.
    pub train_accuracy: f64,
    /// UAR on the train split during the epoch.
    pub train_uar: f64,
    /// L2 term of the loss after the epoch.
    pub regularisation: f64,
    /// Mean unweighted cross-entropy on the dev split after the epoch.
    pub dev_loss: f64,
    /// Accuracy on the dev split.
    pub dev_accuracy: f64,
    /// UAR on the dev split.
    pub dev_uar: f64,
    /// Macro-F1 on the dev split.
    pub dev_macro_f1: f64,
    /// Duration of the epoch, s.
    pub seconds: f64,
}

/// The best epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Best {
    /// Counted from 1.
    pub epoch: usize,
    /// The monitored metric.
    pub value: f64,
}

/// The state of a run, except its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingState {
    /// [`crate::train::config::TrainConfig::sha256`]
    pub config_sha256: String,
    /// SHA-256 of the standardised train and dev data.
    pub data_sha256: String,
    /// The training corpora.
    pub corpora: Vec<TrainingCorpus>,
    /// Statistics of the training blocks, if configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub familiarity: Option<Familiarity>,
    /// Completed epochs.
    pub epoch: usize,
    /// Completed updates of the optimiser.
    pub updates: u64,
    /// The learning rate and the state it depends on.
    pub schedule: Schedule,
    /// The best epoch so far.
    pub best: Option<Best>,
    /// All epochs so far.
    pub history: Vec<EpochRecord>,
}

/// A run at the end of an epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Everything except the tensors.
    pub state: TrainingState,
    /// Feature normalisation.
    pub scaler: Scaler,
    /// The weights.
    pub weights: Tensors<f32>,
    /// The optimiser's first and second moments.
    pub moments: [Tensors<f32>; 2],
    /// The moving average of the weights, if the run keeps one.
    pub average: Option<Tensors<f32>>,
    /// Weights of the best epoch so far.
    pub best_weights: Tensors<f32>,
}

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// It cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is damaged or not a checkpoint.
    #[error("{path}: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// Content of the metadata under [`STATE`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u32,
    sha256: String,
    state: TrainingState,
}

/// Content of the file by name: shape, type and bytes.
type Stored = BTreeMap<String, (Vec<usize>, Dtype, Vec<u8>)>;

impl Checkpoint {
    /// Writes the checkpoint to a file, atomically.
    ///
    /// # Errors
    /// [`FileError`]; an earlier checkpoint in `path` is then intact.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        crate::base::files::write_atomically(path, &self.to_bytes())
    }

    /// The content of the file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut tensors = Stored::new();
        for (prefix, parameters) in
            [("weights", &self.weights), ("adam_m", &self.moments[0]), ("adam_v", &self.moments[1]), ("best", &self.best_weights)]
        {
            insert_parameters(&mut tensors, prefix, parameters);
        }
        if let Some(average) = &self.average {
            insert_parameters(&mut tensors, AVERAGE, average);
        }
        for (name, values) in [("scaler.mean", &self.scaler.mean), ("scaler.scale", &self.scaler.scale)] {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            tensors.insert(name.to_owned(), (vec![values.len()], Dtype::F64, bytes));
        }
        let header = Header { version: VERSION, sha256: checksum(&self.state, &tensors), state: self.state.clone() };
        // INVARIANT: numbers, strings and vectors serialise, and every tensor has as many bytes as its shape requires.
        let header = serde_json::to_string(&header).expect("a state serialises");
        let views: Vec<(&String, TensorView<'_>)> = tensors
            .iter()
            .map(|(name, (shape, dtype, bytes))| (name, TensorView::new(*dtype, shape.clone(), bytes).expect("a whole tensor")))
            .collect();
        serialize(views, Some(HashMap::from([(STATE.to_owned(), header)]))).expect("tensors with distinct names")
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError`] if the file is missing, damaged, or of another version.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let bytes = crate::base::files::read(path)?;
        Self::from_bytes(&bytes).map_err(|reason| CheckpointError::Damaged { path: path.to_owned(), reason })
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let damaged = |error: safetensors::SafeTensorError| format!("the checkpoint is damaged ({error})");
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let json = metadata
            .metadata()
            .as_ref()
            .and_then(|entries| entries.get(STATE))
            .ok_or("this is not a checkpoint of the trainer")?;
        let version: Version =
            serde_json::from_str(json).map_err(|error| format!("the checkpoint's state is damaged ({error})"))?;
        if version.version != VERSION {
            return Err(format!("expected a checkpoint of version {VERSION}, found version {}", version.version));
        }
        let header: Header =
            serde_json::from_str(json).map_err(|error| format!("the checkpoint's state is damaged ({error})"))?;
        let tensors: Stored = SafeTensors::deserialize(bytes)
            .map_err(damaged)?
            .iter()
            .map(|(name, view)| (name.to_owned(), (view.shape().to_vec(), view.dtype(), view.data().to_vec())))
            .collect();
        let found = checksum(&header.state, &tensors);
        if found != header.sha256 {
            return Err(format!("the checkpoint is damaged: expected content with SHA-256 {}, found {found}", header.sha256));
        }
        Ok(Self {
            state: header.state,
            scaler: Scaler { mean: reals(&tensors, "scaler.mean")?, scale: reals(&tensors, "scaler.scale")? },
            weights: parameters(&tensors, "weights")?,
            moments: [parameters(&tensors, "adam_m")?, parameters(&tensors, "adam_v")?],
            average: if tensors.keys().any(|name| name.starts_with(AVERAGE)) {
                Some(parameters(&tensors, AVERAGE)?)
            } else {
                None
            },
            best_weights: parameters(&tensors, "best")?,
        })
    }
}

/// Only the version of a header, whose other fields may come from a newer program.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Each tensor as `prefix.NUMBER.name`: the number preserves the order, which names alone would not.
fn insert_parameters(tensors: &mut Stored, prefix: &str, parameters: &Tensors<f32>) {
    for (index, tensor) in parameters.iter().enumerate() {
        let bytes = tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        tensors.insert(format!("{prefix}.{index:03}.{}", tensor.name), (tensor.shape.clone(), Dtype::F32, bytes));
    }
}

fn parameters(tensors: &Stored, prefix: &str) -> Result<Tensors<f32>, String> {
    let mut found = Vec::new();
    for (stored, (shape, dtype, bytes)) in tensors {
        let Some((number, name)) = stored.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')?.split_once('.')) else {
            continue;
        };
        let complete = *dtype == Dtype::F32 && number == format!("{:03}", found.len());
        if !complete || found.iter().any(|tensor: &Tensor<f32>| tensor.name == name) {
            return Err(format!("tensor '{stored}' is not one of a checkpoint"));
        }
        let values = bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
        found.push(Tensor { name: name.to_owned(), shape: shape.clone(), values });
    }
    if found.is_empty() { Err(format!("the tensors '{prefix}' are missing")) } else { Ok(Tensors::new(found)) }
}

fn reals(tensors: &Stored, name: &str) -> Result<Vec<f64>, String> {
    match tensors.get(name) {
        Some((_, Dtype::F64, bytes)) => Ok(bytes.as_chunks().0.iter().map(|eight| f64::from_le_bytes(*eight)).collect()),
        _ => Err(format!("tensor '{name}' is missing")),
    }
}

/// SHA-256 over the state and the names, shapes and bytes of all tensors, sorted by name.
fn checksum(state: &TrainingState, tensors: &Stored) -> String {
    let mut hash = Sha256::new();
    // INVARIANT: numbers, strings and vectors serialise, and JSON restores every number exactly.
    hash.update(serde_json::to_vec(state).expect("a state serialises"));
    for (name, (shape, _, bytes)) in tensors {
        hash.update(format!("{name} {shape:?} {};", bytes.len()));
        hash.update(bytes);
    }
    moodline_core::digest::hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More than ten tensors, with unsorted names.
    fn parameters_of(value: f32) -> Tensors<f32> {
        let shapes = (0..12).map(|index| (format!("layer{}.{}", index / 6, 100 - index), vec![1 + index % 3, 2])).collect();
        let mut parameters = Tensors::filled(shapes, &value);
        parameters.get_mut("layer0.99").values[1] += 1.0;
        parameters
    }

    fn checkpoint() -> Checkpoint {
        let schedule = toml::from_str("kind = \"one_cycle\"\nmax_learning_rate = 1e-3").unwrap();
        let record = EpochRecord {
            epoch: 1,
            learning_rate: 1e-3 / 3.0,
            train_loss: 0.1 + 0.2,
            train_accuracy: 1.0 / 3.0,
            train_uar: 0.25,
            regularisation: 0.0,
            dev_loss: std::f64::consts::LN_2,
            dev_accuracy: 0.5,
            dev_uar: 0.5,
            dev_macro_f1: 0.5,
            seconds: 0.1,
        };
        Checkpoint {
            state: TrainingState {
                config_sha256: "c".repeat(64),
                data_sha256: "d".repeat(64),
                corpora: vec![TrainingCorpus { name: "emodb".to_owned(), n_utterances: 3, n_speakers: 2 }],
                familiarity: Some(Familiarity {
                    mean: vec![0.1; 6],
                    between: vec![1.0; 6],
                    within: vec![0.0; 6],
                    limit: 1.0 / 3.0,
                }),
                epoch: 1,
                updates: 7,
                schedule: Schedule::new(schedule, 9),
                best: Some(Best { epoch: 1, value: 0.5 }),
                history: vec![record],
            },
            scaler: Scaler { mean: vec![0.1, 0.2, 0.3], scale: vec![1.0, 2.0, 1.0 / 3.0] },
            weights: parameters_of(0.1),
            moments: [parameters_of(0.2), parameters_of(0.3)],
            average: Some(parameters_of(0.35)),
            best_weights: parameters_of(0.4),
        }
    }

    #[test]
    fn a_checkpoint_comes_back_to_the_last_bit() {
        let bytes = checkpoint().to_bytes();
        assert_eq!(Checkpoint::from_bytes(&bytes), Ok(checkpoint()));
        assert_eq!(bytes, checkpoint().to_bytes());
    }

    #[test]
    fn every_damage_is_an_error_or_changes_nothing() {
        let good = checkpoint().to_bytes();
        for index in 0..good.len() {
            let mut bad = good.clone();
            bad[index] ^= 0x01;
            if let Ok(read) = Checkpoint::from_bytes(&bad) {
                assert_eq!(read, checkpoint(), "byte {index}");
            }
            assert!(Checkpoint::from_bytes(&good[..index]).is_err(), "cut at {index}");
        }
    }
}
