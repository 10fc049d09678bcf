//! One training in memory, from a dataset to the network of its best epoch; used repeatedly by cross-validation, sweeps and comparisons.
//!
//! In: a configuration and a [`Dataset`]. Out: [`Fitted`], and [`predict`] for its predictions on other clips. Nothing here accesses files, except
//! where each epoch draws new copies; runs that must survive a crash use [`crate::train::run`].

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
    /// The epoch of the network's weights, counted from 1.
    pub best_epoch: usize,
}

impl<N> Fitted<N> {
    /// Metrics of the best epoch; none if no epoch was run.
    #[must_use]
    pub fn best(&self) -> Option<&EpochRecord> {
        self.history.get(self.best_epoch.checked_sub(1)?)
    }
}

/// Why there is no network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// The computation failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The clips do not fit the network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The user stopped the training.
    #[error("interrupted")]
    Interrupted,
}

/// Trains the configured network until the last epoch or early stopping. `watch` is called after every epoch and may end the training there, which is
/// not an error.
///
/// The same configuration and data give the same network to the last bit, whatever else runs on the threads of the pool.
///
/// # Errors
/// [`FitError`]: a value that is not finite, or an interrupt by the user, which is checked after every batch.
pub fn fit(
    config: &TrainConfig,
    data: &Dataset,
    interrupt: &Interrupt,
    watch: &mut dyn FnMut(&EpochRecord) -> ControlFlow<()>,
) -> Result<Fitted, FitError> {
    fit_with(Trainer::new(config, data), interrupt, watch)
}

/// [`fit`] for a trainer of any kind of network.
///
/// # Errors
/// As in [`fit`].
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

/// Checks for an interrupt after each batch and reports each epoch.
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

/// The network's predictions for each clip: probabilities in the order of [`Emotion::ALL`].
///
/// # Errors
/// [`NetworkError`] if the clips do not fit the network.
pub fn predict(network: &impl Trainable, part: &Part) -> Result<Vec<[f32; Emotion::COUNT]>, NetworkError> {
    let views: Vec<ArrayView2<'_, f32>> = part.features.iter().map(|features| features.view()).collect();
    network.predict(&views)
}
