//! Puts the probability from which a model's answers are certain into the model file.
//!
//! In: a folder with `model.onnx` and `unseen.json`, with the results of its recipe on corpora left out of training. Out: the same model with
//! [`Contract::certainty`](moodline_core::Contract::certainty), under another fingerprint.

use std::path::{Path, PathBuf};

use moodline_core::{Certainty, onnx};
use moodline_engine::{Model, OpenModelError};

use crate::base::files::{self, FileError};
use crate::study::protocol::unseen::{RiskPoint, UnseenRecord};

/// Why the model was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertaintyError {
    /// The model.
    #[error(transparent)]
    Model(#[from] OpenModelError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not what a cross-validation writes.
    #[error("{path}: {source}; expected what `trainer crossval --protocol cross-corpus` writes", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Too many answers are wrong at every threshold.
    #[error("{path}: no threshold keeps a risk of {risk}: on left-out corpora even the surest answers are wrong more often", path = path.display())]
    NoThreshold {
        /// The file.
        path: PathBuf,
        /// The accepted risk.
        risk: f64,
    },
}

/// The model file of a folder.
#[must_use]
pub fn model_file(folder: &Path) -> PathBuf {
    folder.join("model.onnx")
}

/// Puts the threshold of `unseen.json` into the model of `folder`.
///
/// # Errors
/// [`CertaintyError`]; the model file is as it was then.
pub fn set_certainty(folder: &Path) -> Result<(Certainty, Model), CertaintyError> {
    let path = folder.join(UnseenRecord::FILE);
    let record: UnseenRecord = serde_json::from_str(&files::read_text(&path)?)
        .map_err(|source| CertaintyError::Damaged { path: path.clone(), source })?;
    let threshold = record.results.threshold;
    let Some(RiskPoint { threshold: least_probability, .. }) = threshold.chosen else {
        return Err(CertaintyError::NoThreshold { path, risk: threshold.risk });
    };
    let certainty = Certainty { least_probability, risk: threshold.risk };
    let model = Model::open(&model_file(folder))?;
    let mut contract = model.contract().clone();
    contract.certainty = Some(certainty);
    let bytes = onnx::write(&contract, model.weights());
    files::write_atomically(&model_file(folder), &bytes)?;
    Ok((certainty, Model::open(&model_file(folder))?))
}

#[cfg(test)]
mod tests {
    use moodline_core::contract::CONTRACT_VERSION;

    use super::*;
    use crate::study::protocol::unseen::testing;

    #[test]
    fn the_threshold_of_the_left_out_corpora_becomes_part_of_the_model_and_of_its_fingerprint() {
        let folder = tempfile::tempdir().unwrap();
        let embedded = Model::embedded();
        std::fs::write(model_file(folder.path()), embedded.bytes()).unwrap();
        let error = set_certainty(folder.path()).unwrap_err();
        assert!(error.to_string().contains(UnseenRecord::FILE), "{error}");

        std::fs::write(folder.path().join(UnseenRecord::FILE), testing::record(Some(0.61)).to_json()).unwrap();
        let (certainty, model) = set_certainty(folder.path()).unwrap();
        assert_eq!(certainty, Certainty { least_probability: 0.61, risk: 0.4 });
        assert_eq!((model.certain_from(), model.contract().version), (0.61, CONTRACT_VERSION));
        assert_ne!(model.fingerprint(), embedded.fingerprint());
        assert_eq!(model.weights(), embedded.weights());

        let before = std::fs::read(model_file(folder.path())).unwrap();
        std::fs::write(folder.path().join(UnseenRecord::FILE), testing::record(None).to_json()).unwrap();
        let error = set_certainty(folder.path()).unwrap_err();
        assert!(error.to_string().contains("no threshold keeps a risk of 0.4"), "{error}");
        assert_eq!(std::fs::read(model_file(folder.path())).unwrap(), before);
    }
}
