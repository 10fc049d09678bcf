//! Analysers are expensive to make: one is kept from run to run.

use crate::analysis::{Analyser, AnalysisConfig, AnalysisError};
use crate::classifier::{BackendChoice, Classifier};
use crate::model::Model;

/// Everything that makes one analyser different from another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setup {
    pub(super) model: Model,
    pub(super) backend: BackendChoice,
    pub(super) sample_rate: u32,
    pub(super) config: AnalysisConfig,
}

/// The analyser of the last run, until the next one needs it.
#[derive(Default)]
pub(super) struct Analysers {
    spare: Option<(Setup, Analyser)>,
}

impl Analysers {
    /// An analyser at the start of a stream: the spare one, or a new one with its classifier, as far as they fit.
    pub(super) fn take(&mut self, setup: &Setup) -> Result<Analyser, AnalysisError> {
        let classifier = match self.spare.take() {
            Some((same, analyser)) if same == *setup => return Ok(analyser),
            Some((other, analyser)) if other.model == setup.model && other.backend == setup.backend => analyser.into_classifier(),
            _ => Classifier::new(&setup.model, setup.backend)?,
        };
        Analyser::new(&setup.model, classifier, setup.sample_rate, setup.config)
    }

    /// Keeps `analyser`, which has been reset.
    pub(super) fn put_back(&mut self, setup: Setup, analyser: Analyser) {
        self.spare = Some((setup, analyser));
    }
}
