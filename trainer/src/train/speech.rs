//! One training of a speech detector, from its configuration to a model file.
//!
//! In: a [`SpeechConfig`] and [`SpeechData`]. Out: a [`Detector`], the network of the best epoch as the bytes of a file that was read back and
//! compared with the trainer's own forward pass. Training scenes are redrawn every few epochs; the dev scenes, with other speakers and recordings,
//! stay the same and select the epoch.

use std::collections::BTreeMap;

use moodline_core::Sound;
use moodline_core::contract::{Normalisation, SPEECH_CONTRACT_VERSION, SpeechContract, TrainingCorpus, TrainingRecord};
use moodline_core::frontend::{Scaler, ScalerError, ScalerFit};
use moodline_core::network::{NetworkKernel, Tensors};
use moodline_core::onnx::{ModelError, speech};
use moodline_learn::loss::softmax;
use moodline_learn::network::{Dropout, Network, NetworkError, StepBatch};
use moodline_learn::optimiser::{Optimiser, clip_by_global_norm, move_average};
use moodline_learn::schedule::Schedule;
use ndarray::{Array2, ArrayView2};
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::base::progress::{Interrupt, Progress};
use crate::data::manifest::Split;
use crate::data::speech::{Example, SpeechData, SpeechDataError};

mod config;

pub use config::{SpeechConfig, SpeechTraining};

/// Largest permitted difference of a probability between trainer and native kernel.
pub const TOLERANCE: f32 = 1e-5;

/// Number of scenes for comparing trainer and kernel.
const N_COMPARED: usize = 4;

/// Stream of the random generator for initialising the parameters; epoch `n` shuffles with stream `n`, and update `n` draws its dropout from
/// [`DROPOUT_STREAMS`] plus `n`.
const INITIALISATION_STREAM: u64 = 0;
const DROPOUT_STREAMS: u64 = 1 << 32;

/// Metrics of one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SpeechEpoch {
    /// Counted from 1.
    pub epoch: usize,
    /// Mean weighted loss over the steps.
    pub train_loss: f64,
    /// Metrics on the dev scenes.
    #[serde(flatten)]
    pub dev: StepFigures,
}

/// Metrics of the classification of steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct StepFigures {
    /// Mean cross-entropy.
    pub loss: f64,
    /// Fraction of the steps with speech whose probability of speech is below one half.
    pub missed: f64,
    /// Fraction of the other steps whose probability of speech is at least one half.
    pub false_alarms: f64,
}

/// A trained detector.
#[derive(Clone, Debug)]
pub struct Detector {
    /// The model file.
    pub bytes: Vec<u8>,
    /// All epochs.
    pub history: Vec<SpeechEpoch>,
    /// The epoch stored in the file, counted from 1.
    pub best_epoch: usize,
    /// Number of trained values.
    pub n_parameters: usize,
    /// Largest difference of a probability between trainer and native kernel.
    pub largest_difference: f32,
}

/// Why there is no detector.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpeechTrainError {
    /// The scenes.
    #[error(transparent)]
    Data(#[from] SpeechDataError),
    /// The scaler.
    #[error(transparent)]
    Scaler(#[from] ScalerError),
    /// The computation failed.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The file cannot be read back.
    #[error("the detector does not read back: {0}")]
    Model(#[from] ModelError),
    /// Trainer and kernel disagree.
    #[error(
        "the trainer and the native kernel disagree: expected a difference of at most {TOLERANCE:e}, found {found:e}; nothing was written"
    )]
    Parity {
        /// The difference.
        found: f32,
    },
    /// The user stopped the training.
    #[error("interrupted; nothing was written")]
    Interrupted,
}

/// Trains the configured detector.
///
/// # Errors
/// [`SpeechTrainError`]; an interrupt is checked for after every batch.
pub fn train(
    config: &SpeechConfig,
    data: &SpeechData,
    progress: Progress,
    interrupt: &Interrupt,
) -> Result<Detector, SpeechTrainError> {
    let training = &config.training;
    let mut scenes = data.examples(Split::Train, 0, training.scenes, progress, interrupt)?;
    let scaler = fit(&scenes)?;
    let mut dev = data.examples(Split::Dev, 0, training.dev_scenes, progress, interrupt)?;
    standardise(&scaler, &mut scenes);
    standardise(&scaler, &mut dev);
    let mut trainer = Trainer::new(config);
    for epoch in 1..=training.epochs {
        if epoch > 1 && (epoch - 1).is_multiple_of(training.epochs_of_scenes) {
            let first = (epoch - 1) / training.epochs_of_scenes * training.scenes;
            scenes = data.examples(Split::Train, first, training.scenes, progress, interrupt)?;
            standardise(&scaler, &mut scenes);
        }
        let train_loss = trainer.epoch(epoch, &scenes, interrupt)?;
        let record = SpeechEpoch { epoch, train_loss, dev: figures(&trainer.measured()?, &dev)? };
        let StepFigures { loss, missed, false_alarms } = record.dev;
        progress.line(&format!(
            "epoch {epoch}: loss {train_loss:.4}, dev loss {loss:.4}, missed {:.2} %, false {:.2} %",
            100.0 * missed,
            100.0 * false_alarms
        ));
        trainer.keep(record);
    }
    let network = trainer.best_network()?;
    let contract = contract_of(config, &scaler, data.corpora(), &trainer);
    let bytes = speech::write(&contract, &config.network.fold(&network.parameters, &contract.normalisation));
    let largest_difference = compare(&bytes, &network, &scaler, &dev)?;
    Ok(Detector {
        bytes,
        best_epoch: trainer.best_epoch,
        n_parameters: network.parameters.count(),
        history: trainer.history,
        largest_difference,
    })
}

/// A detector being trained.
struct Trainer<'a> {
    config: &'a SpeechConfig,
    network: Network<f32>,
    optimiser: Optimiser<f32>,
    average: Tensors<f32>,
    schedule: Schedule,
    history: Vec<SpeechEpoch>,
    best_epoch: usize,
    best_weights: Tensors<f32>,
}

impl<'a> Trainer<'a> {
    fn new(config: &'a SpeechConfig) -> Self {
        let training = &config.training;
        let mut rng = stream(training.seed, INITIALISATION_STREAM);
        let network = Network::init(config.network.clone(), config.front_end.n_features(), training.tau, &mut rng);
        let n_batches = training.epochs * training.scenes.div_ceil(training.batch_size);
        let parameters = network.parameters.clone();
        Self {
            config,
            optimiser: Optimiser::new(training.optimiser, training.adam, &parameters),
            average: parameters.clone(),
            schedule: Schedule::new(training.schedule, n_batches as u64),
            network,
            history: Vec::new(),
            best_epoch: 0,
            best_weights: parameters,
        }
    }

    /// One pass over the scenes; returns the mean loss.
    fn epoch(&mut self, epoch: usize, scenes: &[Example], interrupt: &Interrupt) -> Result<f64, SpeechTrainError> {
        let mut order: Vec<usize> = (0..scenes.len()).collect();
        order.shuffle(&mut stream(self.config.training.seed, epoch as u64));
        let (mut loss, mut n) = (0.0, 0.0);
        for batch in order.chunks(self.config.training.batch_size) {
            loss += self.learn(batch.iter().map(|scene| &scenes[*scene]))? * batch.len() as f64;
            n += batch.len() as f64;
            if interrupt.requested() {
                return Err(SpeechTrainError::Interrupted);
            }
        }
        Ok(loss / n)
    }

    fn learn<'s>(&mut self, scenes: impl Iterator<Item = &'s Example> + Clone) -> Result<f64, NetworkError> {
        let training = &self.config.training;
        let batch = StepBatch {
            sequences: scenes.clone().map(|scene| scene.features.view()).collect(),
            labels: scenes.map(|scene| scene.labels.as_slice()).collect(),
            class_weights: training.weights(),
            loss: training.loss,
            dropout: Dropout {
                inputs: training.input_dropout,
                between: training.dropout,
                seed: stream(training.seed, DROPOUT_STREAMS + self.optimiser.updates).next_u64(),
            },
        };
        let mut outcome = self.network.step_loss_and_gradients(&batch, training.l2)?;
        clip_by_global_norm(&mut outcome.gradients, training.max_gradient_norm);
        self.optimiser.update(&mut self.network.parameters, &outcome.gradients, self.schedule.learning_rate());
        move_average(&mut self.average, &self.network.parameters, training.average, self.optimiser.updates);
        self.schedule.end_of_batch();
        Ok(outcome.loss)
    }

    /// The network with the averaged weights.
    fn measured(&self) -> Result<Network<f32>, NetworkError> {
        self.network.with_parameters(self.average.clone())
    }

    fn keep(&mut self, record: SpeechEpoch) {
        let best = self.best_epoch.checked_sub(1).map(|best| self.history[best].dev.loss);
        self.history.push(record);
        if best.is_none_or(|best| record.dev.loss < best) {
            self.best_epoch = record.epoch;
            self.best_weights = self.average.clone();
        }
    }

    fn best_network(&self) -> Result<Network<f32>, NetworkError> {
        self.network.with_parameters(self.best_weights.clone())
    }
}

fn stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

fn fit(scenes: &[Example]) -> Result<Scaler, ScalerError> {
    let mut fit = ScalerFit::new(scenes.first().map_or(0, |scene| scene.features.ncols()));
    scenes.iter().for_each(|scene| fit.update(values(&scene.features)));
    fit.finish()
}

fn standardise(scaler: &Scaler, scenes: &mut [Example]) {
    for scene in scenes {
        // INVARIANT: features are created in row-major order.
        scaler.apply(scene.features.as_slice_mut().expect("row-major features"));
    }
}

fn values(features: &Array2<f32>) -> &[f32] {
    // INVARIANT: features are created in row-major order.
    features.as_slice().expect("row-major features")
}

/// Metrics of a network on the steps of standardised scenes.
fn figures(network: &Network<f32>, scenes: &[Example]) -> Result<StepFigures, NetworkError> {
    let views: Vec<ArrayView2<'_, f32>> = scenes.iter().map(|scene| scene.features.view()).collect();
    let (mut loss, mut n) = (0.0, 0.0);
    // Number of steps and of errors, each without speech and with.
    let (mut steps, mut wrong) = ([0.0; 2], [0.0; 2]);
    for (answers, scene) in network.predict_steps(&views)?.iter().zip(scenes) {
        for (answer, label) in answers.rows().into_iter().zip(&scene.labels) {
            let Some(label) = *label else { continue };
            loss -= f64::from(answer[label].max(f32::MIN_POSITIVE)).ln();
            n += 1.0;
            let is_speech = label == Sound::Speech.index();
            let found = answer[Sound::Speech.index()] >= 0.5;
            steps[usize::from(is_speech)] += 1.0;
            wrong[usize::from(is_speech)] += f64::from(u8::from(found != is_speech));
        }
    }
    let share = |class: usize| if steps[class] > 0.0 { wrong[class] / steps[class] } else { 0.0 };
    Ok(StepFigures { loss: loss / f64::max(n, 1.0), missed: share(1), false_alarms: share(0) })
}

fn contract_of(config: &SpeechConfig, scaler: &Scaler, corpora: Vec<TrainingCorpus>, trainer: &Trainer<'_>) -> SpeechContract {
    let dev = trainer.history[trainer.best_epoch - 1].dev;
    SpeechContract {
        version: SPEECH_CONTRACT_VERSION,
        id: config.model.id.clone(),
        front_end: config.front_end.clone(),
        normalisation: Normalisation::Standard { mean: scaler.mean.clone(), scale: scaler.scale.clone() },
        labels: Sound::ALL.to_vec(),
        delay_steps: config.delay_steps,
        detection: config.detection,
        network: config.network.clone(),
        training: TrainingRecord {
            corpora,
            protocol: config.model.protocol.clone(),
            seed: config.training.seed,
            epoch: trainer.best_epoch,
            config_sha256: config.sha256(),
            further_runs: Vec::new(),
        },
        licence: config.model.licence.clone(),
        metrics: BTreeMap::from([
            ("dev_loss".to_owned(), dev.loss),
            ("dev_missed".to_owned(), dev.missed),
            ("dev_false_alarms".to_owned(), dev.false_alarms),
        ]),
    }
}

/// Reads the file back and runs it with the native kernel on scenes that were standardised for `network`; returns the largest difference of a
/// probability.
fn compare(bytes: &[u8], network: &Network<f32>, scaler: &Scaler, scenes: &[Example]) -> Result<f32, SpeechTrainError> {
    let file = speech::read(bytes)?;
    let mut kernel = NetworkKernel::new(&file.contract.network, &file.weights);
    let mut largest = 0.0_f32;
    for scene in &scenes[..N_COMPARED.min(scenes.len())] {
        let expected = &network.predict_steps(&[scene.features.view()])?[0];
        let raw: Vec<f32> = values(&scene.features)
            .iter()
            .enumerate()
            .map(|(at, value)| {
                let feature = at % scaler.mean.len();
                (f64::from(*value) * scaler.scale[feature] + scaler.mean[feature]) as f32
            })
            .collect();
        let (mut state, mut rows) = (vec![0.0; file.contract.network.state_size()], expected.rows().into_iter());
        kernel.run_each(&raw, &mut state, &mut |logits| {
            let expected = rows.next();
            let found = softmax(logits);
            for (found, expected) in found.iter().zip(expected.iter().flatten()) {
                largest = largest.max((found - expected).abs());
            }
        });
    }
    if largest <= TOLERANCE { Ok(largest) } else { Err(SpeechTrainError::Parity { found: largest }) }
}
