//! Predictions with a history of each voice.
//!
//! In: the cold predictions for the clips of many speakers, in the order of the manifest. Out: the same predictions, each corrected by a
//! [`VoiceProfile`] of other clips of its speaker. The choice of these clips determines what is measured: typical use, the largest possible gain, or
//! the possible harm.

use std::collections::BTreeMap;
use std::fmt;

use clap::ValueEnum;
use moodline_core::{Emotion, Probabilities, VoiceCorrection, VoiceProfile};
use serde::{Deserialize, Serialize};

use super::Prediction;
use crate::measure::metrics::NATURAL_SHARES;

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
    /// The others, but only few that are not neutral: speech that nobody acts, which must do no harm either
    Natural,
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cold => "cold",
            Self::Before => "before",
            Self::All => "all",
            Self::Same => "same",
            Self::Natural => "natural",
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
            Self::Natural => ", after other clips of the speaker, most of them neutral",
        }
    }

    /// Those of `clips` that were heard before `this`, with their places.
    pub(super) fn heard<'a>(self, clips: &[(usize, &'a Prediction)], this: (usize, &Prediction)) -> Vec<(usize, &'a Prediction)> {
        let others = |of: &dyn Fn(&(usize, &Prediction)) -> bool| -> Vec<(usize, &'a Prediction)> {
            clips.iter().copied().filter(|other| other.0 != this.0 && of(other)).collect()
        };
        match self {
            Self::Cold => Vec::new(),
            Self::Before => others(&|other| other.0 < this.0),
            Self::All => others(&|_| true),
            Self::Same => others(&|other| other.1.utterance.emotion == this.1.utterance.emotion),
            Self::Natural => {
                let of = |emotion: Emotion| others(&|other| other.1.utterance.emotion == emotion);
                let n_neutral = of(Emotion::Neutral).len() as f64;
                let neutral_share = NATURAL_SHARES[Emotion::Neutral.index()];
                let drawn = Emotion::ALL.into_iter().flat_map(|emotion| {
                    let n = (n_neutral * NATURAL_SHARES[emotion.index()] / neutral_share).round() as usize;
                    evenly(of(emotion), n)
                });
                let mut drawn: Vec<_> = drawn.collect();
                drawn.sort_by_key(|(place, _)| *place);
                drawn
            }
        }
    }

    /// Corrects `predictions`, which must be cold and in the order of the manifest.
    pub fn correct(self, predictions: &mut [Prediction], correction: &VoiceCorrection) {
        let mut corrected = Vec::with_capacity(predictions.len());
        for clips in by_speaker(predictions) {
            for &this in &clips {
                let mut profile = VoiceProfile::default();
                for (_, other) in self.heard(&clips, this) {
                    profile.hear(&probabilities(other), other.seconds, correction);
                }
                corrected.push((this.0, profile.correct(&probabilities(this.1), correction)));
            }
        }
        for (place, answer) in corrected {
            predictions[place].probabilities = answer.as_array().map(f64::from);
        }
    }
}

/// `n` of the items at equal distances, or all if there are no more than `n`.
fn evenly<T>(items: Vec<T>, n: usize) -> Vec<T> {
    let len = items.len();
    items.into_iter().enumerate().filter(|(place, _)| place * n / len != (place + 1) * n / len).map(|(_, item)| item).collect()
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

    #[test]
    fn a_natural_history_is_mostly_neutral_and_spread_over_the_recording() {
        let emotions: Vec<Emotion> = Emotion::ALL.into_iter().cycle().take(80).collect();
        let predictions = leaning(&emotions);
        let clips = &by_speaker(&predictions)[0];
        let heard = History::Natural.heard(clips, clips[3]);
        let places = |emotion: Emotion| -> Vec<usize> {
            heard.iter().filter(|(_, other)| other.utterance.emotion == emotion).map(|(place, _)| *place).collect()
        };
        assert_eq!(places(Emotion::Neutral).len(), 19, "all others");
        for emotion in [Emotion::Angry, Emotion::Happy, Emotion::Sad] {
            let places = places(emotion);
            assert_eq!(places.len(), 3, "{emotion}: 19 / 7");
            assert!(places[0] < 30 && (30..55).contains(&places[1]) && places[2] > 55, "{emotion}: {places:?}");
        }
        assert!(heard.is_sorted_by_key(|(place, _)| *place) && heard.iter().all(|(place, _)| *place != 3));
        assert_eq!(evenly(vec![1, 2], 5), [1, 2]);
        assert!(evenly(vec![1, 2], 0).is_empty() && evenly(Vec::<u8>::new(), 1).is_empty());
    }
}
