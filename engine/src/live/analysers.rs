//! Analysers are expensive to make: one is kept from run to run.

use crate::analysis::{Analyser, AnalysisConfig, AnalysisError};
use crate::classifier::{BackendChoice, Classifier};
use crate::model::Model;

/// Everything that makes one analyser different from another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AnalyserKey {
    pub(super) model: Model,
    pub(super) backend: BackendChoice,
    pub(super) sample_rate: u32,
    pub(super) config: AnalysisConfig,
}

/// The analyser of the last run, until the next one needs it.
#[derive(Default)]
pub(super) struct Analysers {
    spare: Option<(AnalyserKey, Analyser)>,
}

impl Analysers {
    /// An analyser at the start of a stream: the spare one, or a new one with its classifier, as far as they fit.
    pub(super) fn take(&mut self, key: &AnalyserKey) -> Result<Analyser, AnalysisError> {
        let classifier = match self.spare.take() {
            Some((same, analyser)) if same == *key => return Ok(analyser),
            Some((other, analyser)) if other.model == key.model && other.backend == key.backend => analyser.into_classifier(),
            _ => Classifier::new(&key.model, key.backend)?,
        };
        Analyser::new(&key.model, classifier, key.sample_rate, key.config)
    }

    /// Keeps `analyser`, which has been reset.
    pub(super) fn put_back(&mut self, key: AnalyserKey, analyser: Analyser) {
        self.spare = Some((key, analyser));
    }
}
