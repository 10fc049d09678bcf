//! One training in memory, from a dataset to the network of its best epoch; what cross-validation, sweeps and comparisons repeat.
//!
//! In: a configuration and a [`Dataset`]. Out: [`Fitted`], and [`predict`] for what it says of other clips. Nothing here touches a file; a run that
//! has to survive a crash is [`crate::train::run`].

use std::ops::ControlFlow;

use moodline_core::Emotion;
use moodline_learn::network::{Network, NetworkError};
use ndarray::ArrayView2;

use crate::base::progress::Interrupt;
use crate::data::dataset::{Dataset, Part};
use crate::train::checkpoint::EpochRecord;
use crate::train::config::TrainConfig;
use crate::train::epochs::{End, Watch, run_epochs};
use crate::train::trainer::{BatchRecord, TrainError, Trainable, Trainer};

/// A finished training.
#[derive(Clone, Debug)]
pub struct Fitted<N = Network<f32>> {
    /// With the weights of the best epoch.
    pub network: N,
    /// Number of trained values.
    pub n_parameters: usize,
    /// All epochs that were run, in order.
    pub history: Vec<EpochRecord>,
    /// The epoch the network is of, counted from 1.
    pub best_epoch: usize,
}

impl<N> Fitted<N> {
    /// The figures of the best epoch; none when no epoch was run.
    #[must_use]
    pub fn best(&self) -> Option<&EpochRecord> {
        self.history.get(self.best_epoch.checked_sub(1)?)
    }
}

/// Why there is no network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// The mathematics.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The clips do not fit the network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The user stopped it.
    #[error("interrupted")]
    Interrupted,
}

/// Trains the configured network until the last epoch or early stopping. `watch` is told of every epoch and may end the training there, which is not an error.
///
/// The same configuration and data give the same network to the last bit, whatever else runs on the threads of the pool.
///
/// # Errors
/// [`FitError`]: a number that is not finite, or the user's interrupt, which is looked for after every batch.
pub fn fit(
    config: &TrainConfig,
    data: &Dataset,
    interrupt: &Interrupt,
    watch: &mut dyn FnMut(&EpochRecord) -> ControlFlow<()>,
) -> Result<Fitted, FitError> {
    fit_with(Trainer::new(config, data), interrupt, watch)
}

/// [`fit`] for a trainer of any network.
///
/// # Errors
/// As [`fit`].
pub fn fit_with<N: Trainable>(
    mut trainer: Trainer<'_, N>,
    interrupt: &Interrupt,
    watch: &mut dyn FnMut(&EpochRecord) -> ControlFlow<()>,
) -> Result<Fitted<N>, FitError> {
    let n_epochs = trainer.n_epochs();
    if run_epochs(&mut trainer, n_epochs, &mut InMemory { interrupt, watch })? == End::BrokenOff {
        return Err(FitError::Interrupted);
    }
    let network = trainer.best_network()?;
    let state = trainer.checkpoint().state;
    Ok(Fitted {
        network,
        n_parameters: trainer.n_parameters(),
        history: state.history,
        best_epoch: state.best.map_or(0, |best| best.epoch),
    })
}

/// Looks for the user's interrupt after each batch and tells of each epoch.
struct InMemory<'w> {
    interrupt: &'w Interrupt,
    watch: &'w mut dyn FnMut(&EpochRecord) -> ControlFlow<()>,
}

impl<N: Trainable> Watch<N> for InMemory<'_> {
    type Error = FitError;

    fn batch(&mut self, _: &BatchRecord) -> ControlFlow<()> {
        if self.interrupt.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn epoch(&mut self, _: &Trainer<'_, N>, record: &EpochRecord) -> Result<ControlFlow<()>, FitError> {
        Ok((self.watch)(record))
    }
}

/// What a network says of each clip: probabilities in [`Emotion::ALL`] order.
///
/// # Errors
/// [`NetworkError`] when the clips do not fit it.
pub fn predict(network: &impl Trainable, part: &Part) -> Result<Vec<[f32; Emotion::COUNT]>, NetworkError> {
    let views: Vec<ArrayView2<'_, f32>> = part.features.iter().map(|features| features.view()).collect();
    network.predict(&views)
}
