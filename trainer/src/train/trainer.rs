//! The training loop.
//!
//! In: a [`Dataset`] and a configuration. Out: trained parameters, epoch by epoch, with a [`Checkpoint`] after each. Nothing here accesses files,
//! except where each epoch draws new copies.
//!
//! The same seed gives the same weights to the last bit, whatever the number of threads and wherever the run was interrupted: the order of the clips
//! in an epoch is a function of seed and epoch, sums over a batch have a fixed order, and everything else is in the checkpoint.

use std::ops::ControlFlow;
use std::time::Instant;

use crate::measure::metrics::Confusion;
use crate::train::config::{BestBy, FamiliarityConfig, TrainConfig, TrainingConfig};
use crate::train::familiarity;
use moodline_core::network::Tensors;
use moodline_core::{Emotion, Familiarity};
use moodline_learn::network::{Batch, Dropout, Network, NetworkError, Quantity};
use moodline_learn::parameters::first_not_finite;
use moodline_learn::wiring::Masks;
use ndarray::{Array2, ArrayView2};
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::data::augment::Epoch;
use crate::data::dataset::{ClipProblem, Dataset, Part};
use crate::train::checkpoint::{Best, Checkpoint, EpochRecord, TrainingState};
use moodline_learn::loss::l2_penalty;
use moodline_learn::optimiser::{Optimiser, clip_by_global_norm, move_average};
use moodline_learn::schedule::Schedule;

mod draw;
mod trainable;

pub use trainable::Trainable;

/// Stream of the random generator for initialising the parameters; epoch `n` shuffles with stream `n`.
const INITIALISATION_STREAM: u64 = 0;

/// Update `n` of the optimiser draws its dropout from this stream plus `n`.
const DROPOUT_STREAMS: u64 = 1 << 32;

/// Smallest probability used for the dev loss, as in Keras: one confident mistake does not dominate the mean.
const SMALLEST_PROBABILITY: f32 = 1e-7;

/// Why training cannot continue.
#[derive(Debug, thiserror::Error)]
#[error("epoch {epoch}, batch {batch}: {source}")]
pub struct TrainError {
    /// Counted from 1.
    pub epoch: usize,
    /// Counted from 1.
    pub batch: usize,
    /// What went wrong.
    pub source: StepError,
}

/// Why an optimiser step failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// A value that is not finite, by name, or an input that does not fit.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A clip for which this epoch needs a new copy.
    #[error(transparent)]
    Clip(#[from] ClipProblem),
}

/// A completed batch; metrics are over the epoch so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchRecord {
    /// Counted from 1.
    pub epoch: usize,
    /// Mean weighted cross-entropy.
    pub loss: f64,
    /// 0..=1
    pub accuracy: f64,
    /// 0..=1
    pub uar: f64,
    /// Learning rate of this batch.
    pub learning_rate: f64,
}

/// Loss and confusion matrix of a network on a set of clips.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Mean unweighted cross-entropy.
    pub loss: f64,
    /// The confusion matrix.
    pub confusion: Confusion,
}

/// A network being trained.
pub struct Trainer<'a, N = Network<f32>> {
    config: &'a TrainConfig,
    data: &'a Dataset,
    data_sha256: String,
    network: N,
    optimiser: Optimiser<f32>,
    average: Option<Tensors<f32>>,
    schedule: Schedule,
    best: Option<Best>,
    best_weights: Tensors<f32>,
    /// Masks of the wiring.
    masks: Option<Masks>,
    /// Statistics of the training blocks, if they go into the contract.
    familiarity: Option<Familiarity>,
    history: Vec<EpochRecord>,
}

impl<'a> Trainer<'a> {
    /// The configured network with new parameters.
    #[must_use]
    pub fn new(config: &'a TrainConfig, data: &'a Dataset) -> Self {
        let mut network = initial_network(config);
        let masks = masks(config);
        if let Some(masks) = &masks {
            masks.wire(&mut network.parameters);
        }
        Self { masks, ..Self::of(config, data, network) }
    }

    /// A network from a checkpoint, to be resumed with the same configuration and data.
    ///
    /// # Errors
    /// [`NetworkError`] if the parameters are not those of the configured network.
    pub fn resume(config: &'a TrainConfig, data: &'a Dataset, checkpoint: Checkpoint) -> Result<Self, NetworkError> {
        let Checkpoint { state, weights, moments: [first_moment, second_moment], average, best_weights, .. } = checkpoint;
        let TrainingConfig { optimiser, adam, .. } = config.training;
        Ok(Self {
            config,
            data,
            data_sha256: state.data_sha256,
            network: Network::new(config.network.clone(), weights)?,
            masks: masks(config),
            familiarity: state.familiarity,
            optimiser: Optimiser { config: optimiser, adam, updates: state.updates, first_moment, second_moment },
            average,
            schedule: state.schedule,
            best: state.best,
            best_weights,
            history: state.history,
        })
    }
}

impl<'a, N: Trainable> Trainer<'a, N> {
    /// A network of any kind, starting from its current parameters; only the training settings of the configuration are used.
    #[must_use]
    pub fn of(config: &'a TrainConfig, data: &'a Dataset, network: N) -> Self {
        let training = &config.training;
        let n_batches = training.epochs * batches(data, config);
        Self {
            config,
            data,
            data_sha256: data.sha256(),
            optimiser: Optimiser::new(training.optimiser, training.adam, network.parameters()),
            average: training.average.map(|_| network.parameters().clone()),
            schedule: Schedule::new(config.training.schedule, n_batches as u64),
            best: None,
            best_weights: network.parameters().clone(),
            network,
            masks: None,
            familiarity: config
                .familiarity
                .map(|FamiliarityConfig { rejected }| familiarity::fit(&data.train, &data.dev, rejected)),
            history: Vec::new(),
        }
    }

    /// Everything needed to continue from here.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            state: TrainingState {
                config_sha256: self.config.sha256(),
                data_sha256: self.data_sha256.clone(),
                corpora: self.data.corpora.clone(),
                familiarity: self.familiarity.clone(),
                epoch: self.epochs_done(),
                updates: self.optimiser.updates,
                schedule: self.schedule.clone(),
                best: self.best,
                history: self.history.clone(),
            },
            scaler: self.data.scaler.clone(),
            weights: self.network.parameters().clone(),
            moments: [self.optimiser.first_moment.clone(), self.optimiser.second_moment.clone()],
            average: self.average.clone(),
            best_weights: self.best_weights.clone(),
        }
    }

    /// Number of trained values.
    #[must_use]
    pub fn n_parameters(&self) -> usize {
        self.network.parameters().count()
    }

    /// Number of batches per epoch; the last may be smaller.
    #[must_use]
    pub fn batches_per_epoch(&self) -> usize {
        batches(self.data, self.config)
    }

    /// Number of epochs of a complete run.
    #[must_use]
    pub fn n_epochs(&self) -> usize {
        self.config.training.epochs
    }

    /// Completed epochs.
    #[must_use]
    pub fn epochs_done(&self) -> usize {
        self.history.len()
    }

    /// Whether all epochs are done, or early stopping applies.
    #[must_use]
    pub fn finished(&self) -> bool {
        self.config.training.is_over(self.epochs_done(), self.best.map(|best| best.epoch))
    }

    /// The network of the best epoch.
    ///
    /// # Errors
    /// Never for parameters that were trained here.
    pub fn best_network(&self) -> Result<N, NetworkError> {
        self.network.with_parameters(self.best_weights.clone())
    }

    /// One pass over the train split and an evaluation on the dev split. `watch` is called after every batch and may break off; then there is no
    /// record, and the network is left in an intermediate state: drop it and resume from the last checkpoint.
    ///
    /// # Errors
    /// [`TrainError`] for a value that is not finite, data that do not fit the network, or an audio file that no longer exists.
    pub fn epoch(&mut self, watch: &mut dyn FnMut(&BatchRecord) -> ControlFlow<()>) -> Result<Option<EpochRecord>, TrainError> {
        let start = Instant::now();
        let epoch = self.epochs_done() + 1;
        let order = self.order(epoch);

        let (mut loss, mut confusion, mut learning_rate) = (0.0, Confusion::default(), 0.0);
        for (index, clips) in order.chunks(self.config.training.batch_size).enumerate() {
            learning_rate = self.schedule.learning_rate();
            loss += self.learn(clips, &mut confusion).map_err(TrainError::in_batch(epoch, index + 1))? * clips.len() as f64;
            let record = BatchRecord {
                epoch,
                loss: loss / confusion.n() as f64,
                accuracy: confusion.accuracy(),
                uar: confusion.uar(),
                learning_rate,
            };
            if watch(&record).is_break() {
                return Ok(None);
            }
        }
        let in_last_batch = TrainError::in_batch(epoch, self.batches_per_epoch());
        let dev = self.measured_network().and_then(|network| measure(&network, &self.data.dev)).map_err(in_last_batch)?;
        let record = EpochRecord {
            epoch,
            learning_rate,
            train_loss: loss / confusion.n() as f64,
            train_accuracy: confusion.accuracy(),
            train_uar: confusion.uar(),
            regularisation: l2_penalty(self.measured_weights(), self.config.training.l2),
            dev_loss: dev.loss,
            dev_accuracy: dev.confusion.accuracy(),
            dev_uar: dev.confusion.uar(),
            dev_macro_f1: dev.confusion.macro_f1(),
            seconds: start.elapsed().as_secs_f64(),
        };
        self.keep_if_best(&record);
        self.schedule.end_of_epoch(monitored_loss(&record));
        self.history.push(record.clone());
        Ok(Some(record))
    }

    /// The clips of an epoch in training order.
    fn order(&self, epoch: usize) -> Vec<usize> {
        let rng = &mut random_stream(self.config.training.seed, epoch as u64);
        let labels = &self.data.train.labels;
        if let Some(exponent) = self.config.training.corpus_exponent {
            let mut order: Vec<usize> =
                draw::groups(&self.data.train, exponent).iter().flat_map(|group| group.draw(rng)).collect();
            order.shuffle(rng);
            return order;
        }
        let mut order: Vec<usize> = (0..labels.len()).collect();
        if self.config.training.oversample {
            let counts = self.data.train.class_counts();
            let largest = counts.into_iter().max().unwrap_or(0);
            for (class, count) in counts.into_iter().enumerate() {
                let of_class: Vec<usize> = (0..labels.len()).filter(|&clip| labels[clip] == class).collect();
                order.extend((count..largest).filter_map(|_| of_class.choose(rng)));
            }
        }
        order.shuffle(rng);
        order
    }

    /// The weights that are evaluated and kept: their moving average, if there is one.
    fn measured_weights(&self) -> &Tensors<f32> {
        self.average.as_ref().unwrap_or(self.network.parameters())
    }

    fn measured_network(&self) -> Result<N, NetworkError> {
        self.network.with_parameters(self.measured_weights().clone())
    }

    /// One optimiser step; returns the loss of the batch.
    fn learn(&mut self, clips: &[usize], confusion: &mut Confusion) -> Result<f64, StepError> {
        let (train, training) = (&self.data.train, &self.config.training);
        let labels: Vec<usize> = clips.iter().map(|&clip| train.labels[clip]).collect();
        let fresh = self.fresh_copies(clips)?;
        let features = clips.iter().zip(&fresh).map(|(&clip, fresh)| fresh.as_ref().unwrap_or(&train.features[clip]));
        let sequences: Vec<ArrayView2<'_, f32>> = features.map(|features| features.view()).collect();
        let of_batches = self.config.augmentation.as_ref().and_then(|augmentation| augmentation.batch);
        let varied = of_batches.map(|config| config.vary(&sequences, &labels, training.seed, self.optimiser.updates));
        let (sequences, mixed) = match &varied {
            Some(varied) => (varied.features.iter().map(|features| features.view()).collect(), varied.mixed.as_slice()),
            None => (sequences, [].as_slice()),
        };
        let batch = Batch {
            sequences,
            labels: &labels,
            mixed,
            class_weights: self.data.class_weights,
            loss: training.loss,
            dropout: Dropout {
                inputs: training.input_dropout,
                between: training.dropout,
                seed: random_stream(training.seed, DROPOUT_STREAMS + self.optimiser.updates).next_u64(),
            },
        };
        let mut outcome = self.network.loss_and_gradients(&batch, training.l2)?;
        if let Some(masks) = &self.masks {
            masks.hold(&mut outcome.gradients);
        }
        if let Some(max_norm) = training.max_gradient_norm {
            clip_by_global_norm(&mut outcome.gradients, max_norm);
        }
        self.optimiser.update(self.network.parameters_mut(), &outcome.gradients, self.schedule.learning_rate());
        if let Some(parameter) = first_not_finite(self.network.parameters()) {
            return Err(NetworkError::NotFinite { quantity: Quantity::Value, parameter: parameter.to_owned() }.into());
        }
        if let (Some(average), Some(decay)) = (&mut self.average, training.average) {
            move_average(average, self.network.parameters(), decay, self.optimiser.updates);
        }
        self.schedule.end_of_batch();
        for (label, probabilities) in labels.iter().zip(&outcome.probabilities) {
            confusion.add(Emotion::ALL[*label], Emotion::most_probable(probabilities));
        }
        Ok(outcome.loss)
    }

    /// The new copies of this epoch that replace the loaded copies among `clips`.
    fn fresh_copies(&self, clips: &[usize]) -> Result<Vec<Option<Array2<f32>>>, ClipProblem> {
        let epoch = Epoch { seed: self.config.training.seed, number: self.epochs_done() + 1 };
        self.data.fresh.as_ref().map_or_else(|| Ok(vec![None; clips.len()]), |fresh| fresh.draw(clips, epoch))
    }

    fn keep_if_best(&mut self, record: &EpochRecord) {
        let (value, better) = match self.config.training.best {
            BestBy::DevLoss => (monitored_loss(record), self.best.is_none_or(|best| monitored_loss(record) < best.value)),
            BestBy::DevUar => (record.dev_uar, self.best.is_none_or(|best| record.dev_uar > best.value)),
        };
        if better {
            self.best = Some(Best { epoch: record.epoch, value });
            self.best_weights = self.measured_weights().clone();
        }
    }
}

impl TrainError {
    fn in_batch<E: Into<StepError>>(epoch: usize, batch: usize) -> impl FnOnce(E) -> Self {
        move |source| Self { epoch, batch, source: source.into() }
    }
}

/// Runs a network over clips.
///
/// # Errors
/// [`NetworkError`] if the clips do not fit the network.
pub fn measure(network: &impl Trainable, part: &Part) -> Result<Score, NetworkError> {
    let views: Vec<ArrayView2<'_, f32>> = part.features.iter().map(|features| features.view()).collect();
    let mut measured = Score { loss: 0.0, confusion: Confusion::default() };
    for (probabilities, &label) in network.predict(&views)?.iter().zip(&part.labels) {
        measured.loss -= f64::from(probabilities[label].max(SMALLEST_PROBABILITY)).ln() / part.len() as f64;
        measured.confusion.add(Emotion::ALL[label], Emotion::most_probable(probabilities));
    }
    Ok(measured)
}

/// Keras' `val_loss`: the loss that the optimiser minimises, on the dev split and without class weights.
fn monitored_loss(record: &EpochRecord) -> f64 {
    record.dev_loss + record.regularisation
}

fn batches(data: &Dataset, config: &TrainConfig) -> usize {
    let counts = data.train.class_counts();
    let largest = counts.into_iter().max().unwrap_or(0);
    // Every class has clips; otherwise no dataset could have been created.
    let n_clips = match config.training.corpus_exponent {
        Some(exponent) => draw::Share::n_clips(&draw::groups(&data.train, exponent)),
        None if config.training.oversample => largest * counts.len(),
        None => data.train.len(),
    };
    n_clips.div_ceil(config.training.batch_size)
}

fn masks(config: &TrainConfig) -> Option<Masks> {
    config.wiring.map(|wiring| Masks::new(&wiring, &config.network, config.front_end.n_features()))
}

/// The configured network before training, without a wiring.
pub(crate) fn initial_network(config: &TrainConfig) -> Network<f32> {
    let mut rng = initialisation_rng(config.training.seed);
    Network::init(config.network.clone(), config.front_end.n_features(), config.initialisation.tau, &mut rng)
}

/// The generator for the initial parameters of a training.
pub(crate) fn initialisation_rng(seed: u64) -> ChaCha8Rng {
    random_stream(seed, INITIALISATION_STREAM)
}

fn random_stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

#[cfg(test)]
mod copies;
#[cfg(test)]
mod tests;
