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

/// Winners below this probability are shown as uncertain, unless the user chooses another threshold.
///
/// With four emotions, a winner of 0.4 leaves an average of 0.2 for each of the other three, so that above this threshold it is at least twice as
/// probable as their average.
/// The model cards say how often the other answers are right.
pub const CONFIDENCE_THRESHOLD: f32 = 0.4;

/// Whether the network was run but the emotion is uncertain: none is probable enough, or the voice is unlike the training data.
#[must_use]
pub fn is_uncertain(segment: &Segment) -> bool {
    match segment.state {
        State::Speech(answer) => answer.of(answer.winner()) < CONFIDENCE_THRESHOLD,
        State::Unfamiliar(_) => true,
        State::NoSpeech | State::Gap(_) => false,
    }
}
