//! Training of [`CnnBilstm`] as a baseline.

use std::ops::ControlFlow;

use crate::train::config::{BestBy, TrainConfig};
use crate::train::trainer::{Trainer, initialisation_rng};
use moodline_learn::schedule::ScheduleConfig;

use super::{BaselineAnswers, BaselineError};
use crate::base::progress::Interrupt;
use crate::data::dataset::{Dataset, Part};
use crate::train::fit::{FitError, fit_with, predict};
use moodline_learn::network::{CnnBilstm, CnnBilstmConfig};
use moodline_learn::optimiser::{AdamConfig, OptimiserConfig};

/// Highest learning rate: the value proposed by the authors of Adam.
const LEARNING_RATE: f64 = 1e-3;

/// Fraction of the training in which it rises.
const WARM_UP: f64 = 0.1;

/// As in the trainer's recipes for its own networks.
const MAX_GRADIENT_NORM: f64 = 1.0;

/// The network before training.
#[must_use]
pub fn reference_network(config: &TrainConfig) -> CnnBilstm<f32> {
    let rng = &mut initialisation_rng(config.training.seed);
    CnnBilstm::init(CnnBilstmConfig::default(), config.front_end.n_features(), rng)
}

/// Trains on the clips of the recipe, with its augmentation and number of epochs, and keeps the epoch with the best UAR on the dev clips.
///
/// # Errors
/// [`BaselineError::Fit`], [`BaselineError::Interrupted`]
pub(super) fn fit_and_predict(
    config: &TrainConfig,
    data: &Dataset,
    tests: &[Part],
    interrupt: &Interrupt,
) -> Result<BaselineAnswers, BaselineError> {
    let config = &with_own_optimiser(config);
    let trainer = Trainer::of(config, data, reference_network(config));
    let fitted = fit_with(trainer, interrupt, &mut |_| ControlFlow::Continue(()))?;
    let tests = tests.iter().map(|test| predict(&fitted.network, test)).collect::<Result<_, _>>();
    Ok(BaselineAnswers {
        n_parameters: Some(fitted.n_parameters),
        best_epoch: Some(fitted.best_epoch),
        chosen: String::new(),
        dev_uar: fitted.best().map_or(0.0, |epoch| epoch.dev_uar),
        tests: tests.map_err(FitError::from)?,
    })
}

/// The recipe with an optimiser suitable for this network, as the recipe's own was chosen for another one.
fn with_own_optimiser(config: &TrainConfig) -> TrainConfig {
    let mut config = config.clone();
    let training = &mut config.training;
    training.optimiser = OptimiserConfig::Adam;
    training.adam = AdamConfig::default();
    training.max_gradient_norm = Some(MAX_GRADIENT_NORM);
    training.l2 = 0.0;
    training.best = BestBy::DevUar;
    training.schedule = ScheduleConfig::Cosine { learning_rate: LEARNING_RATE, warm_up: WARM_UP, final_learning_rate: 0.0 };
    config
}
