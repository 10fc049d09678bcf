//! Predictions with a history of each voice.
//!
//! In: the cold predictions for the clips of many speakers, in the order of the manifest. Out: the same predictions, each corrected by a
//! [`VoiceProfile`] of other clips of its speaker. The choice of these clips determines what is measured: typical use, the largest possible gain, or
//! the possible harm.

use std::collections::BTreeMap;
use std::fmt;

use clap::ValueEnum;
use moodline_core::{Probabilities, VoiceCorrection, VoiceProfile};
use serde::{Deserialize, Serialize};

use super::Prediction;

/// Which clips of the speaker were heard before the evaluated one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum History {
    /// None
    #[default]
    Cold,
    /// Those before it in the manifest
    Before,
    /// All others
    All,
    /// The others with the same label: a history of the emotion spoken now, which must do no harm
    Same,
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cold => "cold",
            Self::Before => "before",
            Self::All => "all",
            Self::Same => "same",
        })
    }
}

impl History {
    /// Its description in titles; empty for cold predictions.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Cold => "",
            Self::Before => ", after the speaker's earlier clips",
            Self::All => ", after all other clips of the speaker",
            Self::Same => ", after the speaker's other clips of the same emotion",
        }
    }

    fn has(self, other: (usize, &Prediction), this: (usize, &Prediction)) -> bool {
        match self {
            Self::Cold => false,
            Self::Before => other.0 < this.0,
            Self::All => other.0 != this.0,
            Self::Same => other.0 != this.0 && other.1.utterance.emotion == this.1.utterance.emotion,
        }
    }

    /// Corrects `predictions`, which must be cold and in the order of the manifest.
    pub fn correct(self, predictions: &mut [Prediction], correction: &VoiceCorrection) {
        let mut corrected = Vec::with_capacity(predictions.len());
        for clips in by_speaker(predictions) {
            for &this in &clips {
                let mut profile = VoiceProfile::default();
                for &other in clips.iter().filter(|other| self.has(**other, this)) {
                    profile.hear(&probabilities(other.1), other.1.seconds, correction);
                }
                corrected.push((this.0, profile.correct(&probabilities(this.1), correction)));
            }
        }
        for (place, answer) in corrected {
            predictions[place].probabilities = answer.as_array().map(f64::from);
        }
    }
}

/// The clips of each speaker with their positions, in order.
pub(super) fn by_speaker(predictions: &[Prediction]) -> Vec<Vec<(usize, &Prediction)>> {
    let mut speakers: BTreeMap<(&str, &str), Vec<(usize, &Prediction)>> = BTreeMap::new();
    for (place, prediction) in predictions.iter().enumerate() {
        let speaker = (prediction.utterance.corpus.as_str(), prediction.utterance.speaker.as_str());
        speakers.entry(speaker).or_default().push((place, prediction));
    }
    speakers.into_values().collect()
}

/// The probabilities as given by the engine; a mean over blocks is a distribution, too.
pub(super) fn probabilities(prediction: &Prediction) -> Probabilities {
    // INVARIANT: the mean of distributions is a distribution.
    Probabilities::new(prediction.probabilities.map(|probability| probability as f32)).expect("the mean of distributions")
}

#[cfg(test)]
pub(super) mod tests {
    use moodline_core::Emotion;

    use super::*;
    use crate::data::manifest::Utterance;

    pub(in crate::measure::evaluate) const CORRECTION: VoiceCorrection =
        VoiceCorrection { prior_seconds: 3.0, memory_seconds: 600.0, least_variety: 0.15, full_variety: 0.3 };

    /// A speaker for whom the model is biased towards anger.
    pub(in crate::measure::evaluate) fn leaning(emotions: &[Emotion]) -> Vec<Prediction> {
        let prediction = |(number, &emotion): (usize, &Emotion)| {
            let mut logits = [0.0; Emotion::COUNT];
            logits[emotion.index()] += 2.0;
            logits[Emotion::Angry.index()] += 2.3;
            let answer = Probabilities::softmax(logits).unwrap();
            Prediction {
                utterance: Utterance {
                    path: format!("{number}.wav").into(),
                    name: format!("{number}.wav"),
                    corpus: "c".to_owned(),
                    speaker: "s".to_owned(),
                    emotion,
                    split: None,
                    language: None,
                    session: None,
                    text: None,
                    is_perceived: None,
                },
                probabilities: answer.as_array().map(f64::from),
                seconds: 3.0,
                is_unfamiliar: false,
            }
        };
        emotions.iter().enumerate().map(prediction).collect()
    }

    fn n_right(predictions: &[Prediction]) -> usize {
        predictions.iter().filter(|prediction| prediction.emotion() == prediction.utterance.emotion).count()
    }

    #[test]
    fn a_varied_history_helps_and_one_emotion_alone_does_no_harm() {
        let emotions: Vec<Emotion> = Emotion::ALL.into_iter().cycle().take(16).collect();
        let cold = leaning(&emotions);
        let with = |history: History| {
            let mut predictions = cold.clone();
            history.correct(&mut predictions, &CORRECTION);
            predictions
        };
        assert_eq!(with(History::Cold), cold);
        assert_eq!((n_right(&cold), n_right(&with(History::All)), n_right(&with(History::Same))), (4, 16, 4));
        let before = with(History::Before);
        assert_eq!(before[0], cold[0], "nothing was heard yet");
        assert!(n_right(&before[8..]) == 8, "the second half");
    }
}
