//! The network's answer: one probability for each emotion.

use crate::emotion::Emotion;

/// Four probabilities in [`Emotion::ALL`] order, finite, each in 0..=1, summing to 1 within [`Probabilities::SUM_TOLERANCE`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probabilities([f32; Emotion::COUNT]);

/// Four numbers that are not a probability distribution.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("expected four probabilities in 0..=1 that sum to 1, found {found:?}")]
pub struct NotProbabilities {
    /// The numbers that were given.
    pub found: [f32; Emotion::COUNT],
}

impl Probabilities {
    /// How far the sum may be from 1.
    pub const SUM_TOLERANCE: f32 = 1e-3;

    /// Checks `values`, in [`Emotion::ALL`] order.
    ///
    /// # Errors
    /// [`NotProbabilities`] when a value is not finite or outside 0..=1, or the sum is not 1.
    pub fn new(values: [f32; Emotion::COUNT]) -> Result<Self, NotProbabilities> {
        let sum: f32 = values.iter().sum();
        let in_range = values.iter().all(|value| (0.0..=1.0).contains(value));
        if in_range && (sum - 1.0).abs() <= Self::SUM_TOLERANCE {
            Ok(Self(values))
        } else {
            Err(NotProbabilities { found: values })
        }
    }

    /// The softmax of four logits, computed so that large logits do not overflow.
    ///
    /// # Errors
    /// [`NotProbabilities`] with the logits when one of them is not finite.
    pub fn softmax(logits: [f32; Emotion::COUNT]) -> Result<Self, NotProbabilities> {
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Err(NotProbabilities { found: logits });
        }
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exponentials = logits.map(|logit| (logit - largest).exp());
        let sum: f32 = exponentials.iter().sum();
        Self::new(exponentials.map(|value| value / sum))
    }

    /// The probability of one emotion.
    #[must_use]
    pub fn of(&self, emotion: Emotion) -> f32 {
        self.0[emotion.index()]
    }

    /// All four, in [`Emotion::ALL`] order.
    #[must_use]
    pub const fn as_array(&self) -> &[f32; Emotion::COUNT] {
        &self.0
    }

    /// Probability that the voice is aroused, that is, angry or happy, 0..=1.
    ///
    /// # Source
    /// The dimension of activation (arousal) of Russell 1980, "A circumplex model of affect", in which anger and happiness are on one side, sadness and a
    /// neutral voice on the other.
    #[must_use]
    pub fn activation(&self) -> f32 {
        (self.of(Emotion::Angry) + self.of(Emotion::Happy)).min(1.0)
    }

    /// The most probable emotion; the first in [`Emotion::ALL`] order when several are equal.
    #[must_use]
    pub fn winner(&self) -> Emotion {
        Emotion::most_probable(&self.0)
    }
}

/// Natural logarithms of the softmax of `logits`; a NaN among them makes all of them NaN.
#[must_use]
pub fn log_softmax(logits: [f32; Emotion::COUNT]) -> [f32; Emotion::COUNT] {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f32 = logits.iter().map(|logit| (logit - largest).exp()).sum();
    logits.map(|logit| logit - largest - total.ln())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_survives_extreme_logits_and_refuses_nan() {
        let answer = Probabilities::softmax([1e4, -1e4, 0.0, 1e4]).unwrap();
        assert_eq!(answer.as_array(), &[0.5, 0.0, 0.0, 0.5]);
        assert_eq!(answer.winner(), Emotion::Angry);
        assert!(Probabilities::softmax([0.0, f32::NAN, 0.0, 0.0]).is_err());
    }

    #[test]
    fn anger_and_happiness_are_excited() {
        let activation = |values| Probabilities::new(values).unwrap().activation();
        assert_eq!([activation([0.5, 0.25, 0.125, 0.125]), activation([0.0, 0.0, 0.5, 0.5])], [0.75, 0.0]);
        assert_eq!(activation([0.6003, 0.4003, 0.0, 0.0]), 1.0, "however sums round");
    }

    #[test]
    fn what_does_not_sum_to_one_is_refused() {
        assert!(Probabilities::new([0.25; 4]).is_ok());
        for bad in [[0.5; 4], [-0.5, 0.5, 0.5, 0.5], [f32::NAN; 4], [f32::INFINITY, 0.0, 0.0, 0.0]] {
            assert!(Probabilities::new(bad).is_err(), "{bad:?}");
        }
    }
}
