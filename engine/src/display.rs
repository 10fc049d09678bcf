//! Common parts of all programs that show results: the colour of an emotion, the format of a time, text that is safe to show, and smoothing over time.
//!
//! In: segments. Out: numbers and words to draw. It is independent of screens and drawing libraries, and is here because the
//! plugin, the command and the trainer all draw but must not depend on one another.

pub mod palette;
mod smooth;
mod summary;
pub mod text;
pub mod time;

use crate::segment::{Segment, State};

pub use smooth::smoothed;
pub use summary::Summary;

/// Probability from which an answer is certain: that of the built-in model ([`Contract::certainty`](moodline_core::Contract::certainty)). It also applies to
/// models that do not state one, and until a user chooses another.
pub const CONFIDENCE_THRESHOLD: f32 = 0.57;

/// Whether the network was run but the emotion is uncertain: none has a probability of `certain_from`, or the voice is unlike the training data.
#[must_use]
pub fn is_uncertain(segment: &Segment, certain_from: f32) -> bool {
    match segment.state {
        State::Speech(answer) => answer.of(answer.winner()) < certain_from,
        State::Unfamiliar(_) => true,
        State::NoSpeech | State::Gap(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use moodline_core::Probabilities;

    use super::*;
    use crate::model::Model;

    #[test]
    fn the_threshold_is_that_of_the_built_in_model() {
        let certainty = Model::embedded().contract().certainty.unwrap();
        assert_eq!(certainty.least_probability as f32, CONFIDENCE_THRESHOLD);
        assert_eq!(Model::embedded().certain_from(), CONFIDENCE_THRESHOLD);
    }

    #[test]
    fn what_is_unfamiliar_is_uncertain_however_probable() {
        let segment = |state| Segment { start_s: 0.0, end_s: 5.0, state };
        let answer = Probabilities::new([0.6, 0.4, 0.0, 0.0]).unwrap();
        assert!(!is_uncertain(&segment(State::Speech(answer)), 0.6));
        assert!(is_uncertain(&segment(State::Speech(answer)), 0.61));
        assert!(is_uncertain(&segment(State::Unfamiliar(answer)), 0.5));
        assert!(!is_uncertain(&segment(State::NoSpeech), 0.5));
    }
}
