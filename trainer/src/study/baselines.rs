//! Baseline methods, evaluated on the same clips and in the same way as the network.
//!
//! In: a recipe, a [`Dataset`] and the test clips. Out: [`BaselineAnswers`]. For the classical methods, a clip becomes one row of statistics of its
//! features over time ([`statistics`]); each hyper-parameter is chosen by the UAR on the dev clips, the first in case of a tie, before any test clip
//! is used. Class weights and batch augmentation of the recipe do not apply to them; augmented copies of training clips do. The other network is
//! trained on the features themselves (`cnn_bilstm`).

mod cnn_bilstm;
mod methods;
mod statistics;

use std::fmt;

use clap::ValueEnum;
use moodline_core::Emotion;

use crate::base::progress::Interrupt;
use crate::data::dataset::{Dataset, Part};
use crate::measure::metrics::Confusion;
use crate::train::config::TrainConfig;
use crate::train::fit::FitError;

pub use cnn_bilstm::reference_network;
use methods::Settings;
use statistics::{Columns, Table};
pub use statistics::{STATISTICS, statistics};

/// A baseline method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Baseline {
    /// Random forest
    Forest,
    /// Multinomial logistic regression with an L2 penalty
    Logistic,
    /// Linear support vector machine
    SvmLinear,
    /// Support vector machine with a Gaussian kernel
    SvmRbf,
    /// k nearest neighbours
    Knn,
    /// Convolutions and a bidirectional LSTM, trained on the features themselves
    CnnBilstm,
}

impl Baseline {
    /// The name on the command line and in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forest => "forest",
            Self::Logistic => "logistic",
            Self::SvmLinear => "svm-linear",
            Self::SvmRbf => "svm-rbf",
            Self::Knn => "knn",
            Self::CnnBilstm => "cnn-bilstm",
        }
    }

    /// Human-readable description of the method and of its probabilities.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Forest => "random forest on statistics of the features; probabilities are the parts of the trees",
            Self::Logistic => "multinomial logistic regression with an L2 penalty on statistics of the features",
            Self::SvmLinear => {
                "linear support vector machines, one for each pair of classes, on statistics of the features; probabilities are the parts of \
                 the votes"
            }
            Self::SvmRbf => {
                "support vector machines with a Gaussian kernel, one for each pair of classes, on statistics of the features; probabilities are \
                 the parts of the votes"
            }
            Self::Knn => "k nearest neighbours on statistics of the features; probabilities are the parts of the neighbours",
            Self::CnnBilstm => {
                "four convolutions over time and a bidirectional LSTM on the features, after Etienne et al. 2018, sized for one core; the \
                 recipe's clips, epochs and loss, its own optimiser"
            }
        }
    }

    /// Whether the method uses random numbers.
    #[must_use]
    pub const fn is_seeded(self) -> bool {
        match self {
            Self::Forest | Self::SvmLinear | Self::SvmRbf | Self::CnnBilstm => true,
            Self::Logistic | Self::Knn => false,
        }
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a baseline has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BaselineError {
    /// The library failed.
    #[error("{baseline}, {settings}: {reason}")]
    Library {
        /// The method.
        baseline: Baseline,
        /// Its hyper-parameters.
        settings: String,
        /// Message of the library.
        reason: String,
    },
    /// The baseline network could not be trained.
    #[error(transparent)]
    Fit(FitError),
    /// The user stopped it.
    #[error("interrupted")]
    Interrupted,
}

impl From<FitError> for BaselineError {
    fn from(error: FitError) -> Self {
        if matches!(error, FitError::Interrupted) { Self::Interrupted } else { Self::Fit(error) }
    }
}

/// Result of a baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct BaselineAnswers {
    /// Number of fitted values, for methods with a fixed number.
    pub n_parameters: Option<usize>,
    /// The epoch that was kept, counted from 1, for methods with epochs.
    pub best_epoch: Option<usize>,
    /// The chosen hyper-parameters; empty if there are none.
    pub chosen: String,
    /// UAR on the dev clips.
    pub dev_uar: f64,
    /// Probabilities for each clip of each test, in the order of [`Emotion::ALL`].
    pub tests: Vec<Vec<[f32; Emotion::COUNT]>>,
}

/// Chooses the hyper-parameters on `data.dev`, fits on `data.train` only, and predicts the tests. The same seed of the recipe gives the same outcome
/// for any number of threads.
///
/// # Errors
/// [`BaselineError`]
pub fn fit_and_predict(
    baseline: Baseline,
    config: &TrainConfig,
    data: &Dataset,
    tests: &[Part],
    interrupt: &Interrupt,
) -> Result<BaselineAnswers, BaselineError> {
    if baseline == Baseline::CnnBilstm {
        return cnn_bilstm::fit_and_predict(config, data, tests, interrupt);
    }
    let columns = Columns::fit(&data.train);
    let (train, dev) = (columns.table(&data.train), columns.table(&data.dev));
    let tests: Vec<Table> = tests.iter().map(|test| columns.table(test)).collect();
    let answer = |settings: &Settings, tables: &[&Table]| {
        if interrupt.requested() {
            return Err(BaselineError::Interrupted);
        }
        settings.answer(&train, tables, config.training.seed).map_err(|reason| BaselineError::Library {
            baseline,
            settings: settings.to_string(),
            reason: reason.to_string(),
        })
    };
    let mut best: Option<(Settings, f64)> = None;
    for settings in Settings::of(baseline, train.width()) {
        let found = answer(&settings, &[&dev])?.swap_remove(0);
        let uar = Confusion::of(dev.emotions().zip(found.iter().map(Emotion::most_probable))).uar();
        if best.as_ref().is_none_or(|(_, highest)| uar > *highest) {
            best = Some((settings, uar));
        }
    }
    // INVARIANT: every classical method has settings to choose from.
    let (settings, dev_uar) = best.expect("settings to choose from");
    Ok(BaselineAnswers {
        n_parameters: (baseline == Baseline::Logistic).then_some((train.width() + 1) * Emotion::COUNT),
        best_epoch: None,
        chosen: settings.to_string(),
        dev_uar,
        tests: answer(&settings, &tests.iter().collect::<Vec<_>>())?,
    })
}

#[cfg(test)]
mod tests;
