//! Puts what was chosen on corpora left out of training into the model file.
//!
//! In: a folder with `model.onnx` and `unseen.json`, with the results of its recipe on corpora left out of training. Out: the same model with
//! [`Contract::certainty`](moodline_core::Contract::certainty) and, if it corrects by voice, the most useful settings of that, under another fingerprint.

use std::path::{Path, PathBuf};

use moodline_core::contract::CONTRACT_VERSION;
use moodline_core::{Certainty, Mismatch, VoiceCorrection, onnx};
use moodline_engine::{Model, OpenModelError};

use crate::base::files::{self, FileError};
use crate::study::protocol::unseen::{RiskPoint, UnseenRecord, UnseenResults, VoiceSetting};

/// Why the model was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// The model.
    #[error(transparent)]
    Model(#[from] OpenModelError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A correction by voice that cannot be.
    #[error(transparent)]
    Voice(#[from] Mismatch),
    /// Not what a cross-validation writes.
    #[error("{path}: {source}; expected what `trainer crossval --protocol cross-corpus` writes", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Varieties for a model that does not correct by voice.
    #[error("{path}: the model does not correct by voice, so --least-variety and --full-variety mean nothing to it; leave them out", path = path.display())]
    NoVoice {
        /// The model.
        path: PathBuf,
    },
    /// The choices of another recipe.
    #[error(
        "{path}: it was chosen for models called {found}, and this one is called {expected}; run the cross-validation with the model's own configuration \
         (--set model.id={expected})",
        path = path.display()
    )]
    AnotherRecipe {
        /// The file.
        path: PathBuf,
        /// Name of the model.
        expected: String,
        /// Name in the file.
        found: String,
    },
    /// A model file that has no room for choices.
    #[error("{path}: its contract has version {found}, which cannot hold these choices (version {CONTRACT_VERSION} can): export the run again", path = path.display())]
    OldContract {
        /// The model.
        path: PathBuf,
        /// Version of its contract.
        found: u32,
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

/// What a model has adopted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adopted {
    /// From which probability on its answers are certain.
    pub certainty: Certainty,
    /// How it corrects by voice; none if it does not.
    pub voice: Option<VoiceCorrection>,
}

/// Puts the choices of `unseen.json` into the model of `folder`. `varieties`, nats, replace [`VoiceCorrection::least_variety`] and
/// [`VoiceCorrection::full_variety`] of the most useful setting.
///
/// # Errors
/// [`AdoptError`]; the model file is as it was then.
pub fn adopt(folder: &Path, varieties: Option<[f64; 2]>) -> Result<(Adopted, Model), AdoptError> {
    let path = folder.join(UnseenRecord::FILE);
    let record: UnseenRecord =
        serde_json::from_str(&files::read_text(&path)?).map_err(|source| AdoptError::Damaged { path: path.clone(), source })?;
    let model = Model::open(&model_file(folder))?;
    let mut contract = model.contract().clone();
    if record.model != contract.id {
        return Err(AdoptError::AnotherRecipe { path, expected: contract.id, found: record.model });
    }
    if contract.version < CONTRACT_VERSION {
        return Err(AdoptError::OldContract { path: model_file(folder), found: contract.version });
    }
    let UnseenResults { threshold, voice_settings, .. } = record.results;
    let Some(RiskPoint { threshold: least_probability, .. }) = threshold.chosen else {
        return Err(AdoptError::NoThreshold { path, risk: threshold.risk });
    };
    let certainty = Certainty { least_probability, risk: threshold.risk };
    contract.certainty = Some(certainty);
    if let (Some(voice), Some(best)) = (&mut contract.voice, VoiceSetting::best(&voice_settings)) {
        *voice = best.correction;
    }
    if let Some([least_variety, full_variety]) = varieties {
        let voice = contract.voice.as_mut().ok_or_else(|| AdoptError::NoVoice { path: model_file(folder) })?;
        *voice = VoiceCorrection { least_variety, full_variety, ..*voice };
        voice.validate()?;
    }
    let adopted = Adopted { certainty, voice: contract.voice };
    let bytes = onnx::write(&contract, model.weights());
    files::write_atomically(&model_file(folder), &bytes)?;
    Ok((adopted, Model::open(&model_file(folder))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::protocol::unseen::testing;

    /// A record of the built-in model's recipe.
    fn record_of(threshold: Option<f64>) -> UnseenRecord {
        UnseenRecord { model: Model::embedded().id().to_owned(), ..testing::record(threshold) }
    }
    use moodline_core::Contract;

    #[test]
    fn what_was_chosen_on_left_out_corpora_becomes_part_of_the_model_and_of_its_fingerprint() {
        let folder = tempfile::tempdir().unwrap();
        let embedded = Model::embedded();
        std::fs::write(model_file(folder.path()), embedded.bytes()).unwrap();
        let error = adopt(folder.path(), None).unwrap_err();
        assert!(error.to_string().contains(UnseenRecord::FILE), "{error}");

        std::fs::write(folder.path().join(UnseenRecord::FILE), record_of(Some(0.61)).to_json()).unwrap();
        let (adopted, model) = adopt(folder.path(), None).unwrap();
        assert_eq!(adopted.certainty, Certainty { least_probability: 0.61, risk: 0.4 });
        assert_eq!((adopted.voice, model.contract().voice), (embedded.contract().voice, embedded.contract().voice));
        assert_eq!((model.certain_from(), model.contract().version), (0.61, CONTRACT_VERSION));
        assert_ne!(model.fingerprint(), embedded.fingerprint());
        assert_eq!(model.weights(), embedded.weights());

        let mut record = record_of(Some(0.61));
        let useful = VoiceCorrection { prior_seconds: 17.0, ..embedded.contract().voice.unwrap() };
        record.results.voice_settings =
            vec![VoiceSetting { correction: useful, before: 0.05, all: 0.06, same: -0.01, natural: 0.0 }];
        std::fs::write(folder.path().join(UnseenRecord::FILE), record.to_json()).unwrap();
        let (adopted, model) = adopt(folder.path(), None).unwrap();
        assert_eq!((adopted.voice, model.contract().voice), (Some(useful), Some(useful)));

        let (adopted, _) = adopt(folder.path(), Some([0.2, 0.4])).unwrap();
        assert_eq!(adopted.voice, Some(VoiceCorrection { least_variety: 0.2, full_variety: 0.4, ..useful }));

        let before = std::fs::read(model_file(folder.path())).unwrap();
        let error = adopt(folder.path(), Some([0.4, 0.2])).unwrap_err();
        assert!(error.to_string().starts_with("voice.full_variety"), "{error}");
        std::fs::write(folder.path().join(UnseenRecord::FILE), record_of(None).to_json()).unwrap();
        let error = adopt(folder.path(), None).unwrap_err();
        assert!(error.to_string().contains("no threshold keeps a risk of 0.4"), "{error}");
        assert_eq!(std::fs::read(model_file(folder.path())).unwrap(), before);

        std::fs::write(folder.path().join(UnseenRecord::FILE), record_of(Some(0.61)).to_json()).unwrap();
        let without_voice = Contract { voice: None, ..embedded.contract().clone() };
        std::fs::write(model_file(folder.path()), onnx::write(&without_voice, embedded.weights())).unwrap();
        assert_eq!(adopt(folder.path(), None).unwrap().0.voice, None);
        let error = adopt(folder.path(), Some([0.2, 0.4])).unwrap_err();
        assert!(error.to_string().contains("does not correct by voice"), "{error}");
    }

    #[test]
    fn choices_of_another_recipe_and_a_file_without_room_for_them_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let embedded = Model::embedded();
        std::fs::write(model_file(folder.path()), embedded.bytes()).unwrap();
        std::fs::write(folder.path().join(UnseenRecord::FILE), testing::record(Some(0.61)).to_json()).unwrap();
        let error = adopt(folder.path(), None).unwrap_err();
        assert!(error.to_string().contains("chosen for models called small, and this one is called liquid-2"), "{error}");
        assert_eq!(std::fs::read(model_file(folder.path())).unwrap(), embedded.bytes());

        let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/liquid-1/model.onnx");
        std::fs::copy(&old, model_file(folder.path())).unwrap();
        let record = UnseenRecord { model: "liquid-1".to_owned(), ..testing::record(Some(0.61)) };
        std::fs::write(folder.path().join(UnseenRecord::FILE), record.to_json()).unwrap();
        let error = adopt(folder.path(), None).unwrap_err();
        assert!(error.to_string().contains("version 2") && error.to_string().contains("export the run again"), "{error}");
        assert_eq!(std::fs::read(model_file(folder.path())).unwrap(), std::fs::read(old).unwrap());
    }
}
