//! Metrics without the uncertain predictions, and how well calm voices are separated from excited ones.
//!
//! In: the predictions of a model. Out: metrics that show whether a user can rely on predictions shown without a question mark.

use moodline_core::Emotion;
use serde::{Deserialize, Serialize};

use super::answers::Answer;
use crate::measure::metrics::Calibration;

/// The retained predictions and their accuracy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// Fraction of all predictions, 0..=1.
    pub coverage: f64,
    /// Fraction of these that are correct, 0..=1; 0 if there are none.
    pub accuracy: f64,
}

/// Calm (sad or neutral) against excited (angry or happy).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivationMetrics {
    /// Mean of the two recalls, over the classes that occur.
    pub balanced_accuracy: f64,
    /// [`Calibration::ece`] of the two classes.
    pub ece: f64,
}

/// Whether a model recognises its own uncertainty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Honesty {
    /// Probability from which a prediction is certain, as stated by the model, 0..=1.
    pub certain_from: f32,
    /// The certain predictions.
    pub certain: Answered,
    /// The most confident half.
    pub surest_50: Answered,
    /// The most confident 70 %.
    pub surest_70: Answered,
    /// Calm against excited.
    pub activation: ActivationMetrics,
}

impl Honesty {
    /// Computes the metrics of at least one prediction; predictions are certain from the probability `certain_from` on.
    #[must_use]
    pub fn of(answers: &[Answer], certain_from: f32) -> Self {
        let sure = |answer: &Answer| answer.probabilities.into_iter().fold(0.0, f64::max);
        let mut by_sureness: Vec<&Answer> = answers.iter().collect();
        by_sureness.sort_by(|a, b| sure(b).total_cmp(&sure(a)));
        let surest = |n: usize| {
            let n_right = by_sureness[..n].iter().filter(|answer| answer.found == answer.truth).count();
            Answered { coverage: n as f64 / answers.len().max(1) as f64, accuracy: n_right as f64 / n.max(1) as f64 }
        };
        let part = |part: f64| surest((part * answers.len() as f64).round() as usize);
        let n_certain = by_sureness.partition_point(|answer| sure(answer) >= f64::from(certain_from));
        Self {
            certain_from,
            certain: surest(n_certain),
            surest_50: part(0.5),
            surest_70: part(0.7),
            activation: ActivationMetrics::of(answers),
        }
    }
}

impl ActivationMetrics {
    fn of(answers: &[Answer]) -> Self {
        let is_excited = |emotion: Emotion| matches!(emotion, Emotion::Angry | Emotion::Happy);
        let excited =
            |answer: &Answer| answer.probabilities[Emotion::Angry.index()] + answer.probabilities[Emotion::Happy.index()];
        let recall = |of: bool| {
            let those: Vec<bool> = answers
                .iter()
                .filter(|answer| is_excited(answer.truth) == of)
                .map(|answer| (excited(answer) > 0.5) == of)
                .collect();
            (!those.is_empty()).then(|| those.iter().filter(|right| **right).count() as f64 / those.len() as f64)
        };
        let recalls: Vec<f64> = [true, false].into_iter().filter_map(recall).collect();
        // Represents the two classes as the first and the third of four; the others never occur.
        let as_class = |excited: bool| if excited { Emotion::Angry } else { Emotion::Sad };
        let two =
            answers.iter().map(|answer| (as_class(is_excited(answer.truth)), [excited(answer), 0.0, 1.0 - excited(answer), 0.0]));
        Self { balanced_accuracy: recalls.iter().sum::<f64>() / recalls.len().max(1) as f64, ece: Calibration::of(two).ece }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(truth: Emotion, probabilities: [f64; Emotion::COUNT]) -> Answer {
        let found = Emotion::most_probable(&probabilities);
        let [name, corpus, speaker] = ["a.wav", "c", "s"].map(str::to_owned);
        Answer { name, corpus, speaker, split: None, truth, found, probabilities }
    }

    #[test]
    fn the_surest_count_and_calm_and_excited_are_told_apart() {
        let answers = [
            answer(Emotion::Angry, [0.8, 0.1, 0.1, 0.0]),
            answer(Emotion::Happy, [0.6, 0.2, 0.1, 0.1]),
            answer(Emotion::Sad, [0.1, 0.1, 0.5, 0.3]),
            answer(Emotion::Neutral, [0.39, 0.31, 0.1, 0.2]),
        ];
        let Honesty { certain, surest_50, surest_70, activation, .. } = Honesty::of(&answers, 0.4);
        assert_eq!(certain, Answered { coverage: 0.75, accuracy: 2.0 / 3.0 });
        assert_eq!(surest_50, Answered { coverage: 0.5, accuracy: 0.5 });
        assert_eq!(surest_70, certain, "2.8 of four answers are three");
        // Both excited ones and one of two calm ones are found; confidences 0.9, 0.8, 0.8 and 0.7, of which the last is wrong.
        assert_eq!(activation.balanced_accuracy, 0.75);
        assert!((activation.ece - (0.1 + 0.4 + 0.7) / 4.0).abs() < 1e-12, "{}", activation.ece);
    }
}
