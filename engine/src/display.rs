//! What every program that shows results has in common: the colour of an emotion, how a time reads, text that is safe to show, and smoothing over time.
//!
//! In: segments as they were found. Out: numbers and words to draw. It knows neither a screen nor a drawing library, and is here because the
//! plugin, the command and the trainer draw and may not know one another.

pub mod palette;
mod smooth;
mod summary;
pub mod text;
pub mod time;

use crate::segment::{Segment, State};

pub use smooth::smoothed;
pub use summary::Summary;

/// Winners below this probability are called uncertain, unless the user chooses another threshold.
///
/// With four emotions, a winner of 0.4 leaves 0.2 on average for each of the other three: from here on it is at least twice as probable as
/// the average of them.
/// The model cards tell how often the others are right.
pub const CONFIDENCE_THRESHOLD: f32 = 0.4;

/// Whether the network was asked, and no emotion can be told without a doubt: none is probable enough, or it is unlike anything that was learned from.
#[must_use]
pub fn is_uncertain(segment: &Segment) -> bool {
    match segment.state {
        State::Speech(answer) => answer.of(answer.winner()) < CONFIDENCE_THRESHOLD,
        State::Unfamiliar(_) => true,
        State::NoSpeech | State::Gap(_) => false,
    }
}
