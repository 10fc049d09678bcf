//! The best epoch of a run as a checked model file.
//!
//! In: a [`RunFolder`]. Out: the ONNX file and, beside it, the resolved configuration as `train.toml`. Before anything is written, the trainer's
//! forward pass, the native kernel and ONNX Runtime run the same features; if any two differ by more than [`TOLERANCE`] there is no file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use moodline_core::contract::{CONTRACT_VERSION, Contract, Normalisation, Padding, StatePolicy, TrainingRecord};
use moodline_core::frontend::Scaler;
use moodline_core::onnx::{self, ModelError};
use moodline_core::{Emotion, Probabilities};
use moodline_engine::{BackendChoice, Classifier, ClassifierError, Model};
use moodline_learn::network::{Network, NetworkError};
use ndarray::Array2;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::base::files::{self, AtomicFile, FileError, WriteError};
use crate::train::checkpoint::{Best, Checkpoint, CheckpointError};
use crate::train::config::TrainConfig;
use crate::train::run::folder::{RunFolder, RunFolderError};

#[cfg(test)]
mod parity;

/// Largest difference of a probability between two of trainer, native kernel and ONNX Runtime.
pub const TOLERANCE: f32 = 1e-5;

/// Blocks of features that are compared, and how far their values go, in standard deviations of the training data.
const N_BLOCKS: usize = 64;
const SPREAD: f64 = 3.0;
const PARITY_SEED: u64 = 17;

/// Whether ONNX Runtime must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnnxRuntimeLeg {
    /// Without it there is no export.
    Required,
    /// Without it the comparison is between trainer and native kernel only, and [`Exported::skipped`] says so.
    IfFound,
}

/// A model that was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// The model file.
    pub model: PathBuf,
    /// The configuration beside it.
    pub config: PathBuf,
    /// [`Model::fingerprint`]
    pub fingerprint: String,
    /// Trained values.
    pub n_parameters: usize,
    /// Largest difference of a probability that was found.
    pub largest_difference: f32,
    /// Why ONNX Runtime was not compared, if it was not.
    pub skipped: Option<String>,
}

/// Why there is no model file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The run folder.
    #[error(transparent)]
    Folder(#[from] RunFolderError),
    /// The checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// No epoch was finished.
    #[error("{path}: the run has no finished epoch to export; train it first", path = path.display())]
    NoEpoch {
        /// The run.
        path: PathBuf,
    },
    /// The configuration in the run folder was edited after the training.
    #[error(
        "{path}: the configuration is not the one the checkpoint was trained with: expected SHA-256 {expected}, found {found}",
        path = path.display()
    )]
    ConfigChanged {
        /// The configuration.
        path: PathBuf,
        /// In the checkpoint.
        expected: String,
        /// In the folder.
        found: String,
    },
    /// The weights do not fit the network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The file does not read back.
    #[error("the exported model does not read back: {0}")]
    Model(#[from] ModelError),
    /// A backend failed.
    #[error(transparent)]
    Classifier(#[from] ClassifierError),
    /// Two of the three disagree.
    #[error(
        "{a} and {b} disagree on block {block}: expected a difference of at most {TOLERANCE:e}, found {found:e}; nothing was written"
    )]
    Parity {
        /// First.
        a: &'static str,
        /// Second.
        b: &'static str,
        /// Which of the blocks.
        block: usize,
        /// The difference.
        found: f32,
    },
    /// ONNX Runtime was required.
    #[error("ONNX Runtime is required but not there: {reason}")]
    OnnxRuntimeMissing {
        /// Why.
        reason: String,
    },
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Writes the best epoch of a run to `out`, and its configuration beside it.
///
/// # Errors
/// [`ExportError`]; nothing is written then.
pub fn export(folder: &RunFolder, out: &Path, onnxruntime: OnnxRuntimeLeg) -> Result<Exported, ExportError> {
    let config = folder.config()?;
    let no_epoch = || ExportError::NoEpoch { path: folder.root().to_owned() };
    if !folder.best_checkpoint().is_file() {
        return Err(no_epoch());
    }
    let checkpoint = Checkpoint::read(&folder.best_checkpoint())?;
    let best = checkpoint.state.best.ok_or_else(no_epoch)?;
    let (expected, found) = (checkpoint.state.config_sha256.clone(), config.sha256());
    if expected != found {
        return Err(ExportError::ConfigChanged { path: folder.config_path(), expected, found });
    }
    let contract = contract_of(&config, &checkpoint, best);
    let network = Network::new(config.network.clone(), checkpoint.best_weights)?;
    let weights = config.network.fold(&network.parameters, &contract.normalisation);
    let bytes = onnx::write(&contract, &weights);
    let model = Model::from_bytes(bytes)?;
    let (largest_difference, skipped) = check_parity(&model, &network, &checkpoint.scaler, onnxruntime)?;

    let [_, train_toml] = files(out);
    files::create_folder(files::folder_of(out))?;
    write_both([(&train_toml, &files::read(&folder.config_path())?), (out, model.bytes())]).map_err(FileError::from)?;
    Ok(Exported {
        model: out.to_owned(),
        config: train_toml,
        fingerprint: model.fingerprint().to_owned(),
        n_parameters: network.parameters.count(),
        largest_difference,
        skipped,
    })
}

/// The files that [`export`] writes for a model at `out`: the model and its configuration.
#[must_use]
pub fn files(out: &Path) -> [PathBuf; 2] {
    [out.to_owned(), files::folder_of(out).join("train.toml")]
}

/// Both are complete before either takes its place: a model never lies beside the configuration of another because the disk was full.
fn write_both(contents: [(&Path, &[u8]); 2]) -> Result<(), WriteError> {
    let mut complete = Vec::with_capacity(contents.len());
    for (path, bytes) in contents {
        let mut file = AtomicFile::create(path)?;
        file.write(bytes)?;
        complete.push(file);
    }
    complete.into_iter().try_for_each(AtomicFile::commit)
}

/// The contract of the best epoch.
fn contract_of(config: &TrainConfig, checkpoint: &Checkpoint, best: Best) -> Contract {
    let Scaler { mean, scale } = checkpoint.scaler.clone();
    let record = &checkpoint.state.history[best.epoch - 1];
    Contract {
        version: CONTRACT_VERSION,
        id: config.model.id.clone(),
        front_end: config.front_end.clone(),
        normalisation: Normalisation::Standard { mean, scale },
        labels: Emotion::ALL.to_vec(),
        block_seconds: config.training.block_seconds,
        padding: Padding::None,
        state: StatePolicy::ResetEachBlock,
        network: config.network.clone(),
        training: TrainingRecord {
            corpora: checkpoint.state.corpora.clone(),
            protocol: config.model.protocol.clone(),
            seed: config.training.seed,
            epoch: best.epoch,
            config_sha256: checkpoint.state.config_sha256.clone(),
        },
        licence: config.model.licence.clone(),
        metrics: BTreeMap::from([
            ("dev_uar".to_owned(), record.dev_uar),
            ("dev_accuracy".to_owned(), record.dev_accuracy),
            ("dev_macro_f1".to_owned(), record.dev_macro_f1),
        ]),
    }
}

/// Compares trainer, native kernel and ONNX Runtime. The largest difference, and why ONNX Runtime was left out, if it was.
pub(crate) fn check_parity(
    model: &Model,
    network: &Network<f32>,
    scaler: &Scaler,
    leg: OnnxRuntimeLeg,
) -> Result<(f32, Option<String>), ExportError> {
    let longest = (model.contract().block_seconds / model.contract().front_end.step_seconds()).round() as usize;
    let blocks = parity_blocks(scaler, longest.max(1));
    let mut native = Classifier::new(model, BackendChoice::Native)?;
    let (mut onnxruntime, skipped) = match (Classifier::new(model, BackendChoice::OnnxRuntime), leg) {
        (Ok(classifier), _) => (Some(classifier), None),
        (Err(ClassifierError::OnnxRuntimeUnavailable { .. }), OnnxRuntimeLeg::IfFound) => {
            (None, Some("ONNX Runtime was not found".to_owned()))
        }
        (Err(error @ ClassifierError::OnnxRuntimeUnavailable { .. }), OnnxRuntimeLeg::Required) => {
            return Err(ExportError::OnnxRuntimeMissing { reason: error.to_string() });
        }
        (Err(error), _) => return Err(error.into()),
    };
    let mut largest = 0.0_f32;
    for (block, features) in blocks.iter().enumerate() {
        let trainer = forward(network, scaler, features)?;
        let (steps, values) = (features.nrows(), features.as_slice().unwrap_or_default());
        let mut answers = vec![("the trainer", trainer), ("the native kernel", native.classify(values, steps)?)];
        if let Some(onnxruntime) = &mut onnxruntime {
            answers.push(("ONNX Runtime", onnxruntime.classify(values, steps)?));
        }
        for (index, (a, first)) in answers.iter().enumerate() {
            for (b, second) in &answers[index + 1..] {
                let found = difference(first, second);
                if found > TOLERANCE {
                    return Err(ExportError::Parity { a, b, block, found });
                }
                largest = largest.max(found);
            }
        }
    }
    Ok((largest, skipped))
}

/// Features as they come from a front end: seeded, around the mean of the training data, in blocks from one step to the longest.
fn parity_blocks(scaler: &Scaler, longest: usize) -> Vec<Array2<f32>> {
    let mut rng = ChaCha8Rng::seed_from_u64(PARITY_SEED);
    (0..N_BLOCKS)
        .map(|block| {
            let steps = 1 + block * (longest - 1) / (N_BLOCKS - 1);
            Array2::from_shape_fn((steps, scaler.mean.len()), |(_, feature)| {
                (scaler.mean[feature] + scaler.scale[feature] * rng.random_range(-SPREAD..SPREAD)) as f32
            })
        })
        .collect()
}

fn forward(network: &Network<f32>, scaler: &Scaler, features: &Array2<f32>) -> Result<Probabilities, ExportError> {
    let mut standardised = features.clone();
    // INVARIANT: the blocks were made in row-major order.
    scaler.apply(standardised.as_slice_mut().expect("row-major features"));
    let answer = network.predict(&[standardised.view()])?[0];
    Probabilities::new(answer).map_err(|error| ClassifierError::from(error).into())
}

fn difference(a: &Probabilities, b: &Probabilities) -> f32 {
    a.as_array().iter().zip(b.as_array()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}
