//! The history of a voice, learnt from segments and kept in a file.
//!
//! In: segments from the analysis, or the path of a `.voice` file. Out: a [`VoiceProfile`], and segments corrected by it. [`moodline_core::voice`] defines
//! profiles and when they may change an answer; this module adds time and files.
//!
//! A profile refers to the answers of one model, so its file names the model, and other models refuse it.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use moodline_core::{Mismatch, VoiceCorrection, VoiceProfile, VoiceWeights};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::display::time::duration_text;
use crate::files::{WriteError, open_regular, write_atomically};
use crate::model::Model;
use crate::segment::{Segment, State};

/// File name extension of these files.
pub const EXTENSION: &str = "voice";

/// Version of the file that this program writes, and the latest it reads.
const VERSION: u32 = 1;

/// Largest file that is accepted; a valid one has a few hundred bytes.
const MAX_BYTES: u64 = 64 << 10;

/// Adds the answers of `segments`, which are in order of time, each weighted by the time that no earlier one covered.
pub fn learn<'a>(profile: &mut VoiceProfile, segments: impl IntoIterator<Item = &'a Segment>, correction: &VoiceCorrection) {
    let mut heard_until = f64::NEG_INFINITY;
    for segment in segments {
        if let State::Speech(answer) = &segment.state {
            profile.hear(answer, segment.end_s - segment.start_s.max(heard_until), correction);
        }
        heard_until = heard_until.max(segment.end_s);
    }
}

/// A summary of a voice's history, for display.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeardVoice {
    /// Duration of the speech heard, seconds.
    pub seconds: f64,
    /// How much the answers differ among themselves, nats; see [`VoiceProfile::variety`].
    pub variety: f64,
    /// Fraction of the model's lean on this voice that is removed, 0..=1; see [`VoiceProfile::trust`].
    pub trust: f64,
}

impl HeardVoice {
    /// The summary of `profile`.
    #[must_use]
    pub fn of(profile: &VoiceProfile, correction: &VoiceCorrection) -> Self {
        Self { seconds: profile.seconds(), variety: profile.variety(), trust: profile.trust(correction) }
    }

    /// `voice: 42 s heard`
    #[must_use]
    pub fn seconds_text(&self) -> String {
        let seconds = self.seconds;
        let heard = if seconds < 100.0 { format!("{seconds:.0} s") } else { duration_text(seconds) };
        format!("voice: {heard} heard")
    }

    /// Whether the answers are too much alike to be used, except for a negligible effect.
    #[must_use]
    pub fn is_too_alike(&self) -> bool {
        100.0 * self.trust < 0.5
    }

    /// `voice: 42 s heard`, and the consequence.
    #[must_use]
    pub fn text(&self) -> String {
        let used = match 100.0 * self.trust {
            _ if self.is_too_alike() => ", too much alike to learn from".to_owned(),
            percent if percent > 99.5 => String::new(),
            percent => format!(", used by {percent:.0} %"),
        };
        format!("{}{used}", self.seconds_text())
    }
}

/// Removes the model's lean on this voice from every answer.
pub fn correct(segments: &mut [Segment], profile: &VoiceProfile, correction: &VoiceCorrection) {
    apply(segments, &profile.weights(correction));
}

/// Weights every answer by `weights`.
pub fn apply(segments: &mut [Segment], weights: &VoiceWeights) {
    for segment in segments {
        if let State::Speech(answer) | State::Unfamiliar(answer) = &mut segment.state {
            *answer = weights.apply(answer);
        }
    }
}

/// Why a voice cannot be used or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VoiceError {
    /// The file cannot be read.
    #[error("cannot read the voice {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The content of the file cannot be used.
    #[error("cannot use the voice {}: {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: VoiceProblem,
    },
    /// The model cannot use a voice.
    #[error(
        "the model '{id}' corrects nothing by what it heard of a voice; use a model that does, such as the built-in one, or --voice none"
    )]
    NoCorrection {
        /// The model.
        id: String,
    },
    /// The file cannot be written.
    #[error("cannot write the voice: {0}")]
    Write(#[from] WriteError),
}

/// Why a voice's history cannot be used, wherever it was stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VoiceProblem {
    /// It is something else, or damaged.
    #[error("expected a voice that Moodline learnt, found {reason}; learn the voice again")]
    NotVoice {
        /// Description of the problem.
        reason: String,
    },
    /// It was written by a newer program.
    #[error("expected version {VERSION} or older, found {found}; a newer Moodline reads it")]
    Future {
        /// Its version.
        found: u32,
    },
    /// It was learnt with another model.
    #[error("it was learnt with the model '{found}', and this is '{expected}'; learn it again with this one")]
    OtherModel {
        /// The model in use, name and start of the fingerprint.
        expected: String,
        /// The model with which it was learnt.
        found: String,
    },
}

/// The history of a voice learnt by one model, as stored in files and sessions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "VoiceFile")]
pub struct LearntVoice {
    model_id: String,
    model_fingerprint: String,
    profile: VoiceProfile,
}

impl LearntVoice {
    /// The history that `model` has learnt.
    #[must_use]
    pub fn new(profile: VoiceProfile, model: &Model) -> Self {
        Self { model_id: model.id().to_owned(), model_fingerprint: model.fingerprint().to_owned(), profile }
    }

    /// The history, for the model that learnt it.
    ///
    /// # Errors
    /// [`VoiceProblem::OtherModel`]
    pub fn profile_for(&self, model: &Model) -> Result<VoiceProfile, VoiceProblem> {
        if self.model_fingerprint == model.fingerprint() {
            return Ok(self.profile);
        }
        let named = |id: &str, fingerprint: &str| format!("{id} {}", fingerprint.get(..8).unwrap_or_default());
        Err(VoiceProblem::OtherModel {
            expected: named(model.id(), model.fingerprint()),
            found: named(&self.model_id, &self.model_fingerprint),
        })
    }
}

impl TryFrom<Value> for LearntVoice {
    type Error = VoiceProblem;

    fn try_from(value: Value) -> Result<Self, VoiceProblem> {
        // The version first: a newer file may have fields that this program does not know.
        let version = value.get("version").and_then(Value::as_u64).and_then(|version| u32::try_from(version).ok());
        if let Some(found) = version.filter(|version| *version > VERSION) {
            return Err(VoiceProblem::Future { found });
        }
        let VoiceFile { model_id, model_fingerprint, profile, .. } = serde_json::from_value(value).map_err(something_else)?;
        profile.validate().map_err(|Mismatch { field, expected, found }| VoiceProblem::NotVoice {
            reason: format!("{field} {found} where {expected} is possible"),
        })?;
        Ok(Self { model_id, model_fingerprint, profile })
    }
}

fn something_else(error: serde_json::Error) -> VoiceProblem {
    VoiceProblem::NotVoice { reason: format!("something else ({error})") }
}

/// The content of a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VoiceFile {
    version: u32,
    model_id: String,
    model_fingerprint: String,
    profile: VoiceProfile,
}

impl From<LearntVoice> for VoiceFile {
    fn from(LearntVoice { model_id, model_fingerprint, profile }: LearntVoice) -> Self {
        Self { version: VERSION, model_id, model_fingerprint, profile }
    }
}

/// The voice correction of `model`.
///
/// # Errors
/// [`VoiceError::NoCorrection`] for a model without one.
pub fn correction_of(model: &Model) -> Result<VoiceCorrection, VoiceError> {
    model.contract().voice.ok_or_else(|| VoiceError::NoCorrection { id: model.id().to_owned() })
}

/// Writes the history of a voice heard by `model`, completely or not at all.
///
/// # Errors
/// [`VoiceError::Write`]
pub fn save(path: &Path, profile: &VoiceProfile, model: &Model) -> Result<(), VoiceError> {
    // INVARIANT: numbers and texts serialise.
    let text = serde_json::to_string_pretty(&LearntVoice::new(*profile, model)).expect("a voice serialises") + "\n";
    Ok(write_atomically(path, text.as_bytes())?)
}

/// Reads the history of a voice heard by `model`.
///
/// # Errors
/// [`VoiceError`] with the path.
pub fn open(path: &Path, model: &Model) -> Result<VoiceProfile, VoiceError> {
    correction_of(model)?;
    let mut text = String::new();
    let read = open_regular(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
    let unusable = |problem| VoiceError::Unusable { path: path.to_owned(), problem };
    match read {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(unusable(VoiceProblem::NotVoice { reason: "bytes that are no text".to_owned() }));
        }
        Err(source) => return Err(VoiceError::Unreadable { path: path.to_owned(), source }),
    }
    let value: Value = serde_json::from_str(&text).map_err(|error| unusable(something_else(error)))?;
    LearntVoice::try_from(value).and_then(|voice| voice.profile_for(model)).map_err(unusable)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use moodline_core::Probabilities;

    use super::*;

    fn speech(start_s: f64, end_s: f64, emotion: usize) -> Segment {
        let mut logits = [0.0; 4];
        logits[emotion] += 3.0;
        logits[0] += 1.5;
        Segment { start_s, end_s, state: State::Speech(Probabilities::softmax(logits).unwrap()) }
    }

    #[test]
    fn overlapping_blocks_count_their_new_time_only() {
        let correction = correction_of(&Model::embedded()).unwrap();
        let mut profile = VoiceProfile::default();
        let silence = Segment { start_s: 7.0, end_s: 12.0, state: State::NoSpeech };
        learn(&mut profile, &[speech(0.0, 5.0, 1), speech(1.0, 6.0, 2), speech(2.0, 7.0, 3), silence], &correction);
        assert!((profile.seconds() - 7.0).abs() < 1e-12, "{}", profile.seconds());
        learn(&mut profile, &[speech(0.0, 5.0, 1)], &correction);
        assert!((profile.seconds() - 12.0).abs() < 1e-12, "another recording");
    }

    #[test]
    fn a_voice_is_read_as_it_was_written_and_nothing_else_is_read() {
        let (model, folder) = (Model::embedded(), tempfile::tempdir().unwrap());
        let correction = correction_of(&model).unwrap();
        let path = folder.path().join("anna.voice");
        let mut profile = VoiceProfile::default();
        learn(
            &mut profile,
            &(0..20).map(|n| speech(5.0 * f64::from(n), 5.0 * f64::from(n + 1), n as usize % 4)).collect::<Vec<_>>(),
            &correction,
        );
        save(&path, &profile, &model).unwrap();
        assert_eq!(open(&path, &model).unwrap(), profile);

        let text = fs::read_to_string(&path).unwrap();
        let refused = |text: &str| {
            fs::write(&path, text).unwrap();
            open(&path, &model).unwrap_err().to_string()
        };
        for (changed, words) in [
            (text.replace("\"version\": 1", "\"version\": 7, \"more\": true"), "a newer Moodline"),
            (text.replace(model.fingerprint(), &"0".repeat(64)), "learn it again with this one"),
            (text.replace("\"seconds\": 100.0", "\"seconds\": -100.0"), "seconds -100"),
            (text.replace("\"entropies\"", "\"entropy\""), "something else"),
            (text[..text.len() / 2].to_owned(), "something else"),
            (String::new(), "something else"),
        ] {
            assert_ne!(changed, text);
            let message = refused(&changed);
            assert!(message.contains("anna.voice") && message.contains(words), "{message}");
        }
        fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
        assert!(open(&path, &model).unwrap_err().to_string().contains("no text"));
        assert!(open(folder.path(), &model).unwrap_err().to_string().contains("cannot read"));
    }
}
