//! What a person reads off a block: an emotion, or the plain statement that there is none to read.

use moodline_core::{Emotion, Probabilities};

use crate::segment::State;

/// The answer shown for a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reading {
    /// The winner is at least as probable as the confidence threshold.
    Emotion {
        /// The winner.
        emotion: Emotion,
        /// Its probability, 0..=1.
        probability: f32,
    },
    /// Somebody speaks, but no emotion reaches the confidence threshold.
    Uncertain {
        /// The most probable emotion all the same.
        leaning: Emotion,
        /// Its probability, 0..=1.
        probability: f32,
    },
    /// Nobody speaks.
    NoSpeech,
}

impl Reading {
    /// Reads `state` with `confidence_threshold` (0..=1; 0 never says uncertain).
    #[must_use]
    pub fn of(state: &State, confidence_threshold: f32) -> Self {
        match state {
            State::Speech(probabilities) => Self::of_probabilities(probabilities, confidence_threshold),
            State::NoSpeech => Self::NoSpeech,
        }
    }

    fn of_probabilities(probabilities: &Probabilities, confidence_threshold: f32) -> Self {
        let emotion = probabilities.winner();
        let probability = probabilities.of(emotion);
        if probability >= confidence_threshold {
            Self::Emotion { emotion, probability }
        } else {
            Self::Uncertain { leaning: emotion, probability }
        }
    }
}
