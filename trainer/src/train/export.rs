//! Exports the best epochs of one or more runs as a verified model file.
//!
//! In: a [`RunFolder`] for each network of the model. Out: the ONNX file and, beside it, the resolved configurations as `train.toml`, `train-2.toml`
//! and so on. Before anything is written, the trainer's forward pass, the native kernel and ONNX Runtime are run on the same features; if any two
//! differ by more than [`TOLERANCE`], no file is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use moodline_core::contract::{CONTRACT_VERSION, Contract, Normalisation, Padding, StatePolicy, TrainingRecord, TrainingRun};
use moodline_core::frontend::Scaler;
use moodline_core::network::Committee;
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

/// Largest permitted difference of a probability between any two of trainer, native kernel and ONNX Runtime.
pub const TOLERANCE: f32 = 1e-5;

/// Number of feature blocks compared; their range, in standard deviations of the training data; and their seed.
const N_BLOCKS: usize = 64;
const SPREAD: f64 = 3.0;
const PARITY_SEED: u64 = 17;

/// Whether ONNX Runtime is required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnnxRuntimeLeg {
    /// Without it, the export fails.
    Required,
    /// Without it, only trainer and native kernel are compared, and [`Exported::skipped`] says so.
    IfFound,
}

/// An exported model.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// The model file.
    pub model: PathBuf,
    /// The configurations beside it, one for each network.
    pub configs: Vec<PathBuf>,
    /// [`Model::fingerprint`]
    pub fingerprint: String,
    /// Number of trained values.
    pub n_parameters: usize,
    /// Largest difference of a probability in the comparison.
    pub largest_difference: f32,
    /// Why ONNX Runtime was not part of the comparison, if it was not.
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
    /// The configuration in the run folder was edited after training.
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
    /// The networks have different inputs.
    #[error(
        "{path}: the networks of a model must hear the same: expected the {what} of the first run, found another; train them with the same \
         [front_end], [training] block_seconds, [augmentation] and manifests",
        path = path.display()
    )]
    Unequal {
        /// The run that differs.
        path: PathBuf,
        /// What differs.
        what: &'static str,
    },
    /// The weights do not fit the network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The file cannot be read back.
    #[error("the exported model does not read back: {0}")]
    Model(#[from] ModelError),
    /// A backend failed.
    #[error(transparent)]
    Classifier(#[from] ClassifierError),
    /// Two of the three implementations disagree.
    #[error(
        "{a} and {b} disagree on block {block}: expected a difference of at most {TOLERANCE:e}, found {found:e}; nothing was written"
    )]
    Parity {
        /// First.
        a: &'static str,
        /// Second.
        b: &'static str,
        /// Index of the block.
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

/// A trained network.
struct TrainedNetwork {
    config: TrainConfig,
    checkpoint: Checkpoint,
    best: Best,
    network: Network<f32>,
}

impl TrainedNetwork {
    fn of(folder: &RunFolder) -> Result<Self, ExportError> {
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
        let network = Network::new(config.network.clone(), checkpoint.best_weights.clone())?;
        Ok(Self { config, checkpoint, best, network })
    }

    /// The first property that all networks of a model must share but these do not, if any.
    fn differs_from(&self, first: &Self) -> Option<&'static str> {
        let what = [
            ("front end", self.config.front_end == first.config.front_end),
            ("block length", self.config.training.block_seconds.to_bits() == first.config.training.block_seconds.to_bits()),
            ("corpora", self.checkpoint.state.corpora == first.checkpoint.state.corpora),
            ("scaler, that is the same clips and copies", self.checkpoint.scaler == first.checkpoint.scaler),
        ];
        what.into_iter().find_map(|(what, same)| (!same).then_some(what))
    }

    fn record(&self) -> TrainingRun {
        TrainingRun {
            seed: self.config.training.seed,
            epoch: self.best.epoch,
            config_sha256: self.checkpoint.state.config_sha256.clone(),
        }
    }
}

/// Writes the best epoch of each run to `out`, one network per run, with their configurations beside it. Name, protocol, licence and dev metrics are
/// those of the first.
///
/// # Panics
/// When no run is given.
///
/// # Errors
/// [`ExportError`]; nothing is written then.
pub fn export(folders: &[RunFolder], out: &Path, onnxruntime: OnnxRuntimeLeg) -> Result<Exported, ExportError> {
    let trained = folders.iter().map(TrainedNetwork::of).collect::<Result<Vec<_>, _>>()?;
    for (folder, other) in folders.iter().zip(&trained) {
        if let Some(what) = other.differs_from(&trained[0]) {
            return Err(ExportError::Unequal { path: folder.root().to_owned(), what });
        }
    }
    let contract = contract_of(&trained);
    let weights = trained.iter().map(|one| one.config.network.fold(&one.network.parameters, &contract.normalisation)).collect();
    let model = Model::from_bytes(onnx::write(&contract, &contract.networks.join(weights)))?;
    let networks: Vec<&Network<f32>> = trained.iter().map(|one| &one.network).collect();
    let (largest_difference, skipped) = check_parity(&model, &networks, &trained[0].checkpoint.scaler, onnxruntime)?;

    let [_, configs @ ..] = &*files(out, folders.len()) else { unreachable!("a model has files") };
    files::create_folder(files::folder_of(out))?;
    let texts = folders.iter().map(|folder| files::read(&folder.config_path())).collect::<Result<Vec<_>, _>>()?;
    let contents = configs.iter().map(PathBuf::as_path).zip(texts.iter().map(Vec::as_slice));
    write_all(contents.chain([(out, model.bytes())])).map_err(FileError::from)?;
    Ok(Exported {
        model: out.to_owned(),
        configs: configs.to_vec(),
        fingerprint: model.fingerprint().to_owned(),
        n_parameters: networks.iter().map(|network| network.parameters.count()).sum(),
        largest_difference,
        skipped,
    })
}

/// The files that [`export`] writes for a model of `n_networks` networks at `out`: the model and the configurations.
#[must_use]
pub fn files(out: &Path, n_networks: usize) -> Vec<PathBuf> {
    let config = |network: usize| match network {
        1 => "train.toml".to_owned(),
        _ => format!("train-{network}.toml"),
    };
    let configs = (1..=n_networks).map(|network| files::folder_of(out).join(config(network)));
    [out.to_owned()].into_iter().chain(configs).collect()
}

/// All files are written completely before any takes its place, so that a full disk never leaves a model beside the configuration of another.
fn write_all<'a>(contents: impl Iterator<Item = (&'a Path, &'a [u8])>) -> Result<(), WriteError> {
    let mut complete = Vec::new();
    for (path, bytes) in contents {
        let mut file = AtomicFile::create(path)?;
        file.write(bytes)?;
        complete.push(file);
    }
    complete.into_iter().try_for_each(AtomicFile::commit)
}

/// The contract of a model made from the best epochs.
fn contract_of(trained: &[TrainedNetwork]) -> Contract {
    let TrainedNetwork { config, checkpoint, best, .. } = &trained[0];
    let Scaler { mean, scale } = checkpoint.scaler.clone();
    let record = &checkpoint.state.history[best.epoch - 1];
    let TrainingRun { seed, epoch, config_sha256 } = trained[0].record();
    Contract {
        version: CONTRACT_VERSION,
        id: config.model.id.clone(),
        front_end: config.front_end.clone(),
        normalisation: Normalisation::Standard { mean, scale },
        labels: Emotion::ALL.to_vec(),
        block_seconds: config.training.block_seconds,
        padding: Padding::None,
        state: StatePolicy::ResetEachBlock,
        networks: Committee::new(trained.iter().map(|one| one.config.network.clone()).collect()),
        voice: config.voice,
        familiarity: checkpoint.state.familiarity.clone(),
        certainty: None,
        training: TrainingRecord {
            corpora: checkpoint.state.corpora.clone(),
            protocol: config.model.protocol.clone(),
            seed,
            epoch,
            config_sha256,
            further_runs: trained[1..].iter().map(TrainedNetwork::record).collect(),
        },
        licence: config.model.licence.clone(),
        metrics: BTreeMap::from([
            ("dev_uar".to_owned(), record.dev_uar),
            ("dev_accuracy".to_owned(), record.dev_accuracy),
            ("dev_macro_f1".to_owned(), record.dev_macro_f1),
        ]),
    }
}

/// Compares trainer, native kernel and ONNX Runtime. Returns the largest difference, and why ONNX Runtime was left out, if it was.
pub(crate) fn check_parity(
    model: &Model,
    networks: &[&Network<f32>],
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
        let trainer = forward(networks, scaler, features)?;
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

/// Features resembling those of a front end: seeded, around the mean of the training data, in blocks from one step to the longest.
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

/// The combined prediction of the trained networks.
fn forward(networks: &[&Network<f32>], scaler: &Scaler, features: &Array2<f32>) -> Result<Probabilities, ExportError> {
    let mut standardised = features.clone();
    // INVARIANT: the blocks were created in row-major order.
    scaler.apply(standardised.as_slice_mut().expect("row-major features"));
    let mut sum = [0.0; Emotion::COUNT];
    for network in networks {
        for (sum, probability) in sum.iter_mut().zip(network.predict(&[standardised.view()])?[0]) {
            *sum += probability.ln();
        }
    }
    let answer = Probabilities::softmax(sum.map(|sum| sum / networks.len() as f32));
    answer.map_err(|error| ClassifierError::from(error).into())
}

fn difference(a: &Probabilities, b: &Probabilities) -> f32 {
    a.as_array().iter().zip(b.as_array()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}
