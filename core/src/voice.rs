//! The history of one voice, and how it corrects a model's answers.
//!
//! In: the model's probabilities for blocks of one voice. Out: a [`VoiceProfile`], and probabilities corrected by it. A model is biased: one voice sounds angry
//! to it whatever is said, another sad. Over a history in which every emotion occurs, the mean of its answers shows the lean, and dividing by it removes
//! the lean. Over a history of one emotion the mean shows that emotion, and dividing by it would turn right answers into wrong ones. The two are distinguished
//! by how much the answers differ among themselves: [`VoiceProfile::variety`].
//!
//! Independent of audio and files; the caller adds answers to the profile and decides when to use it.

use serde::{Deserialize, Serialize};

use crate::emotion::Emotion;
use crate::mismatch::{Mismatch, check};
use crate::probabilities::Probabilities;

/// How a model's answers are corrected; fitted on corpora that the model was not trained on, and part of its contract.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoiceCorrection {
    /// Weight of the model's own prior, equal probabilities, relative to the history, seconds of speech.
    pub prior_seconds: f64,
    /// Length of the history beyond which older answers gradually lose weight, seconds of speech.
    pub memory_seconds: f64,
    /// Variety up to which nothing is corrected, nats.
    pub least_variety: f64,
    /// Variety from which the lean is corrected in full, nats.
    pub full_variety: f64,
}

impl VoiceCorrection {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first value out of range, as `voice.NAME`.
    pub fn validate(&self) -> Result<(), Mismatch> {
        let Self { prior_seconds, memory_seconds, least_variety, full_variety } = *self;
        let most_variety = (Emotion::COUNT as f64).ln();
        check((0.1..=600.0).contains(&prior_seconds), "voice.prior_seconds", "in 0.1..=600", prior_seconds)?;
        check((10.0..=86_400.0).contains(&memory_seconds), "voice.memory_seconds", "in 10..=86400", memory_seconds)?;
        check(
            (0.0..most_variety).contains(&least_variety),
            "voice.least_variety",
            format!("in 0..{most_variety:.3}"),
            least_variety,
        )?;
        let in_order = full_variety > least_variety && full_variety <= most_variety;
        let expected = format!("above least_variety and at most {most_variety:.3}");
        check(in_order, "voice.full_variety", expected, full_variety)
    }
}

/// The history of one voice: sums over its blocks, each weighted by the seconds of speech that it added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoiceProfile {
    /// Weight of all blocks, seconds of speech.
    seconds: f64,
    /// Sum of the probabilities, in [`Emotion::ALL`] order.
    probabilities: [f64; Emotion::COUNT],
    /// Sum of the entropies of the answers, nats.
    entropies: f64,
}

impl VoiceProfile {
    /// Weight of the history, seconds of speech; at most [`VoiceCorrection::memory_seconds`].
    #[must_use]
    pub const fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Adds the answer for a block that held `seconds` of speech not heard before.
    pub fn hear(&mut self, answer: &Probabilities, seconds: f64, correction: &VoiceCorrection) {
        if !(seconds.is_finite() && seconds > 0.0) {
            return;
        }
        let kept = (correction.memory_seconds / (self.seconds + seconds)).min(1.0);
        let answer = answer.as_array().map(f64::from);
        for (sum, probability) in self.probabilities.iter_mut().zip(answer) {
            *sum = kept * (*sum + seconds * probability);
        }
        self.entropies = kept * (self.entropies + seconds * entropy(&answer));
        self.seconds = kept * (self.seconds + seconds);
    }

    /// How much the answers differ among themselves: the entropy of their mean minus the mean of their entropies, nats. 0 for identical answers and for
    /// an empty history; at most the logarithm of 4.
    ///
    /// # Source
    /// The Jensen-Shannon divergence of the answers, which is the mutual information of block and emotion (Lin 1991, "Divergence measures based on the
    /// Shannon entropy").
    #[must_use]
    pub fn variety(&self) -> f64 {
        if self.seconds <= 0.0 {
            return 0.0;
        }
        let mean = self.probabilities.map(|sum| sum / self.seconds);
        (entropy(&mean) - self.entropies / self.seconds).max(0.0)
    }

    /// The fraction of the lean that is corrected, 0..=1.
    #[must_use]
    pub fn trust(&self, correction: &VoiceCorrection) -> f64 {
        let VoiceCorrection { least_variety, full_variety, .. } = correction;
        ((self.variety() - least_variety) / (full_variety - least_variety)).clamp(0.0, 1.0)
    }

    /// The weights that remove the model's lean on this voice from its answers.
    ///
    /// # Source
    /// Division by the estimated prior as in Saerens, Latinne and Decaestecker 2002 ("Adjusting the outputs of a classifier to new a priori
    /// probabilities", equation 4, one step), to the power of [`trust`](Self::trust).
    #[must_use]
    pub fn weights(&self, correction: &VoiceCorrection) -> VoiceWeights {
        let trust = self.trust(correction);
        let prior = correction.prior_seconds;
        let total = prior + self.seconds;
        let lean = self.probabilities.map(|sum| (prior / Emotion::COUNT as f64 + sum) / total);
        VoiceWeights(lean.map(|lean| lean.powf(-trust)))
    }

    /// The answer without the model's lean on this voice. For many answers, compute the [`weights`](Self::weights) once.
    #[must_use]
    pub fn correct(&self, answer: &Probabilities, correction: &VoiceCorrection) -> Probabilities {
        self.weights(correction).apply(answer)
    }

    /// Checks a profile from an external source.
    ///
    /// # Errors
    /// The first value that no history can have.
    pub fn validate(&self) -> Result<(), Mismatch> {
        let Self { seconds, probabilities, entropies } = *self;
        check(seconds.is_finite() && seconds >= 0.0, "seconds", "a time of at least 0", seconds)?;
        let total: f64 = probabilities.iter().sum();
        let fits = probabilities.iter().all(|sum| *sum >= 0.0) && (total - seconds).abs() <= 1e-3 * seconds.max(1.0);
        check(fits, "probabilities", format!("four sums that are together {seconds}"), format!("{probabilities:?}"))?;
        let most = (Emotion::COUNT as f64).ln() * seconds + 1e-9;
        check((0.0..=most).contains(&entropies), "entropies", format!("in 0..={most}"), entropies)
    }
}

/// Factors of the probabilities of an answer, in [`Emotion::ALL`] order; all 1 when nothing is known of the voice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VoiceWeights([f64; Emotion::COUNT]);

impl Default for VoiceWeights {
    fn default() -> Self {
        Self([1.0; Emotion::COUNT])
    }
}

impl VoiceWeights {
    /// Whether answers remain unchanged.
    #[must_use]
    pub fn change_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// The answer, weighted.
    #[must_use]
    pub fn apply(&self, answer: &Probabilities) -> Probabilities {
        if self.change_nothing() {
            return *answer;
        }
        let weighted: [f64; Emotion::COUNT] =
            std::array::from_fn(|emotion| self.0[emotion] * f64::from(answer.as_array()[emotion]).max(LEAST_PROBABILITY));
        let total: f64 = weighted.iter().sum();
        // Positive values divided by their sum are a distribution.
        Probabilities::new(weighted.map(|share| (share / total) as f32)).unwrap_or(*answer)
    }
}

/// Smaller probabilities are raised to this value, so that a single answer of 0 cannot be final.
const LEAST_PROBABILITY: f64 = 1e-6;

/// The entropy of a distribution, nats.
fn entropy(probabilities: &[f64]) -> f64 {
    probabilities.iter().filter(|probability| **probability > 0.0).map(|probability| -probability * probability.ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORRECTION: VoiceCorrection =
        VoiceCorrection { prior_seconds: 3.0, memory_seconds: 600.0, least_variety: 0.15, full_variety: 0.3 };

    fn answer(values: [f32; 4]) -> Probabilities {
        Probabilities::new(values).unwrap()
    }

    /// Answers of a model that recognises every emotion in this voice, but overestimates anger by a factor of two.
    fn leaning(emotion: usize) -> Probabilities {
        let mut logits = [0.0_f32; 4];
        logits[emotion] += 3.0;
        logits[0] += 1.5;
        Probabilities::softmax(logits).unwrap()
    }

    fn history(emotions: impl IntoIterator<Item = usize>) -> VoiceProfile {
        let mut profile = VoiceProfile::default();
        for emotion in emotions {
            profile.hear(&leaning(emotion), 3.0, &CORRECTION);
        }
        profile
    }

    #[test]
    fn a_varied_history_takes_the_lean_away() {
        let profile = history((0..12).map(|block| block % 4));
        assert_eq!(profile.trust(&CORRECTION), 1.0);
        let unsure = answer([0.4, 0.1, 0.3, 0.2]);
        let corrected = profile.correct(&unsure, &CORRECTION);
        assert_eq!(corrected.winner(), Emotion::Sad, "{corrected:?}");
        assert!(corrected.of(Emotion::Angry) < unsure.of(Emotion::Angry));
        // The same in logarithms, as the paper has it.
        let lean = profile.probabilities.map(|sum| (3.0 / 4.0 + sum) / (3.0 + profile.seconds()));
        let logits = std::array::from_fn(|emotion| (f64::from(unsure.as_array()[emotion]).ln() - lean[emotion].ln()) as f32);
        for (found, expected) in corrected.as_array().iter().zip(Probabilities::softmax(logits).unwrap().as_array()) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        assert!(!profile.weights(&CORRECTION).change_nothing());
    }

    #[test]
    fn a_history_of_one_emotion_changes_nothing() {
        for emotion in 0..4 {
            let profile = history([emotion; 40]);
            assert!(profile.variety() < 1e-9 && profile.seconds() > 100.0);
            assert_eq!(profile.correct(&leaning(emotion), &CORRECTION), leaning(emotion));
        }
        assert_eq!(VoiceProfile::default().correct(&leaning(1), &CORRECTION), leaning(1), "nothing was heard");
        assert_eq!(VoiceProfile::default().weights(&CORRECTION), VoiceWeights::default());
    }

    #[test]
    fn variety_is_the_mutual_information_of_block_and_emotion() {
        let certain = |emotion: usize| answer(std::array::from_fn(|other| if other == emotion { 1.0 } else { 0.0 }));
        let mut profile = VoiceProfile::default();
        for emotion in 0..4 {
            profile.hear(&certain(emotion), 1.0, &CORRECTION);
        }
        assert!((profile.variety() - 4.0_f64.ln()).abs() < 1e-12);
        let mut profile = VoiceProfile::default();
        profile.hear(&answer([0.25; 4]), 5.0, &CORRECTION);
        assert!(profile.variety() < 1e-9);
        profile.hear(&answer([0.25; 4]), f64::NAN, &CORRECTION);
        profile.hear(&answer([0.25; 4]), -1.0, &CORRECTION);
        assert_eq!(profile.seconds(), 5.0);
    }

    #[test]
    fn the_oldest_is_forgotten_by_degrees() {
        let mut profile = history([0; 400]);
        assert!((profile.seconds() - 600.0).abs() < 1e-9);
        profile.validate().unwrap();
        for _ in 0..400 {
            profile.hear(&leaning(2), 3.0, &CORRECTION);
        }
        let sad = profile.probabilities[2] / profile.seconds();
        assert!(sad > 0.6, "{sad}");
        profile.validate().unwrap();
    }

    #[test]
    fn what_no_history_can_have_is_refused() {
        let good = history([0, 1, 2]);
        good.validate().unwrap();
        for (field, bad) in [
            ("seconds", VoiceProfile { seconds: f64::NAN, ..good }),
            ("seconds", VoiceProfile { seconds: -1.0, ..good }),
            ("probabilities", VoiceProfile { probabilities: [9.0, 0.0, 0.0, 9.0], ..good }),
            ("probabilities", VoiceProfile { probabilities: [12.0, -3.0, 0.0, 0.0], ..good }),
            ("entropies", VoiceProfile { entropies: 13.0, ..good }),
        ] {
            assert_eq!(bad.validate().unwrap_err().field, field);
        }
        let bad = VoiceCorrection { full_variety: 0.1, ..CORRECTION };
        assert_eq!(bad.validate().unwrap_err().field, "voice.full_variety");
        CORRECTION.validate().unwrap();
    }
}
