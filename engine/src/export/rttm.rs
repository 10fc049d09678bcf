//! Rich Transcription Time Marked: one line per mark, with the emotion in place of the speaker's name and its probability as the confidence.
//!
//! # Source
//! NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan", appendix A

use std::fmt::Write as _;
use std::num::NonZeroUsize;

use crate::marks::Mark;

/// The lines of the recording called `stem`; marks without a channel refer to `only`, or to the first one.
pub(super) fn lines(stem: &str, only: Option<NonZeroUsize>, marks: &[Mark]) -> String {
    // Columns are separated by blanks.
    let name: String = stem.chars().map(|letter| if letter.is_whitespace() { '_' } else { letter }).collect();
    marks.iter().fold(String::new(), |mut text, mark| {
        let Mark { start_s, emotion, probability, .. } = mark;
        let channel = mark.channel.or(only).map_or(1, NonZeroUsize::get);
        // INVARIANT: writing to a String cannot fail.
        writeln!(text, "SPEAKER {name} {channel} {start_s:.3} {:.3} <NA> <NA> {emotion} {probability:.3} <NA>", mark.length_s())
            .expect("a String takes any text");
        text
    })
}
