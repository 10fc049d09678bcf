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

/// From which probability on an answer is certain: what the model that is built in says of itself
/// ([`Contract::certainty`](moodline_core::Contract::certainty)), for models that do not say, and until a user chooses another.
pub const CONFIDENCE_THRESHOLD: f32 = 0.53;

/// Whether the network was asked, and no emotion is certain: none has a probability of `certain_from`, or the block is unlike anything that was learned from.
#[must_use]
pub fn is_uncertain(segment: &Segment, certain_from: f32) -> bool {
    match segment.state {
        State::Speech(answer) => answer.of(answer.winner()) < certain_from,
        State::Unfamiliar(_) => true,
        State::NoSpeech | State::Gap(_) => false,
    }
}
