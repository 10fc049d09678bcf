//! Reuse of analysers from run to run, because creating one is expensive.

use crate::analysis::{Analyser, AnalysisConfig, AnalysisError};
use crate::classifier::{BackendChoice, Classifier};
use crate::model::Model;

/// All properties that distinguish one analyser from another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AnalyserKey {
    pub(super) model: Model,
    pub(super) backend: BackendChoice,
    pub(super) sample_rate: u32,
    pub(super) config: AnalysisConfig,
}

/// The analyser of the last run, until the next run needs it.
#[derive(Default)]
pub(super) struct Analysers {
    spare: Option<(AnalyserKey, Analyser)>,
}

impl Analysers {
    /// An analyser at the start of a stream: the spare one, or a new one that reuses the spare's classifier if it fits.
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
