//! One training run: one fold with one seed.

use std::ops::ControlFlow;
use std::time::Instant;

use sha2::{Digest as _, Sha256};

use super::JobError;
use super::clips::Clips;
use super::finished::Finished;
use crate::base::progress::Interrupt;
use crate::study::baselines::{self, Baseline};
use crate::study::protocol::results::SCHEMA;
use crate::study::protocol::{Fold, ScalerOn};
use crate::train::config::TrainConfig;
use crate::train::fit::{fit, predict};

/// Increased whenever the same recipe on the same clips gives a different result than before, so that `--resume` does not mix the two.
const REVISION: u32 = 1;

/// The model to train.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Model {
    /// The network of the recipe.
    Network,
    /// A baseline.
    Baseline(Baseline),
}

impl Model {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Baseline(baseline) => baseline.name(),
        }
    }

    /// The seeds that make a difference: only the first for a model without randomness.
    pub(super) fn seeds(self, seeds: &[u64]) -> &[u64] {
        match self {
            Self::Baseline(baseline) if !baseline.is_seeded() => &seeds[..1],
            Self::Network | Self::Baseline(_) => seeds,
        }
    }
}

/// A training run to be executed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job<'a> {
    pub(super) model: Model,
    pub(super) seed: u64,
    /// Index of the fold in the plan.
    pub(super) index: usize,
    pub(super) fold: &'a Fold,
}

impl Job<'_> {
    /// SHA-256 of everything that determines the result, hexadecimal.
    pub(super) fn key(&self, config: &TrainConfig, clips: &Clips<'_>) -> String {
        let mut hash = Sha256::new();
        let scaler = match self.fold.scaler {
            ScalerOn::Train => "train",
            ScalerOn::Everything => "everything",
        };
        for text in [&SCHEMA.to_string(), &REVISION.to_string(), self.model.name(), &self.seeded(config).to_toml(), scaler] {
            hash.update(text.len().to_le_bytes());
            hash.update(text);
        }
        for samples in [&self.fold.train, &self.fold.dev].into_iter().chain(self.fold.tests.iter().map(|test| &test.samples)) {
            clips.hash(samples, &mut hash);
        }
        moodline_core::digest::hex(&hash.finalize())
    }

    fn seeded(&self, config: &TrainConfig) -> TrainConfig {
        let mut config = config.clone();
        config.training.seed = self.seed;
        config
    }

    pub(super) fn run(
        &self,
        config: &TrainConfig,
        clips: &Clips<'_>,
        key: String,
        interrupt: &Interrupt,
    ) -> Result<Finished, JobError> {
        let start = Instant::now();
        let config = self.seeded(config);
        let (data, tests) = clips.dataset(self.fold, &config)?;
        let finished = match self.model {
            Model::Network => {
                let fitted = fit(&config, &data, interrupt, &mut |_| ControlFlow::Continue(()))?;
                Finished {
                    n_parameters: Some(fitted.n_parameters),
                    best_epoch: Some(fitted.best_epoch),
                    chosen: String::new(),
                    dev_uar: fitted.best().map_or(0.0, |epoch| epoch.dev_uar),
                    tests: tests.iter().map(|test| predict(&fitted.network, test)).collect::<Result<_, _>>()?,
                    key,
                    seconds: start.elapsed().as_secs_f64(),
                }
            }
            Model::Baseline(baseline) => {
                let outcome = baselines::fit_and_predict(baseline, &config, &data, &tests, interrupt)?;
                Finished {
                    n_parameters: outcome.n_parameters,
                    best_epoch: outcome.best_epoch,
                    chosen: outcome.chosen,
                    dev_uar: outcome.dev_uar,
                    tests: outcome.tests,
                    key,
                    seconds: start.elapsed().as_secs_f64(),
                }
            }
        };
        Ok(finished)
    }
}
