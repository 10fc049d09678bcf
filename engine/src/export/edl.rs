//! CMX 3600: an event of one frame per mark, with its name as read by Resolve (Timelines > Import > Timeline Markers from EDL) and as an Avid locator.
//!
//! The list says whether it uses drop-frame time code; the timeline has to use the same.

use std::fmt::Write as _;

use moodline_core::Emotion;

use super::frames::{FrameRate, StartTime};
use crate::marks::Mark;

pub(super) fn list(title: &str, marks: &[Mark], rate: FrameRate, start: StartTime) -> String {
    let counting = if rate.dropped() > 0 { "DROP FRAME" } else { "NON-DROP FRAME" };
    let mut text = format!("TITLE: {title}\nFCM: {counting}\n\n");
    for (index, mark) in marks.iter().enumerate() {
        let frame = start.frame(rate) + rate.frame_at(mark.start_s);
        let n_frames = (start.frame(rate) + rate.frame_at(mark.end_s) - frame).max(1);
        let (from, to) = (rate.time_code(frame), rate.time_code(frame + 1));
        let (number, label, colour) = (index + 1, mark.label(), colour(mark.emotion));
        let upper = colour.to_uppercase();
        // INVARIANT: writing to a String cannot fail.
        write!(
            text,
            "{number:03}  001      V     C        {from} {to} {from} {to}  \n\
             * LOC: {from} {upper:<7} {label}\n \
             |C:ResolveColor{colour} |M:{label} |D:{n_frames}\n\n"
        )
        .expect("a String takes any text");
    }
    text
}

/// The marker colour of both programs that is closest to the emotion's.
const fn colour(emotion: Emotion) -> &'static str {
    match emotion {
        Emotion::Angry => "Red",
        Emotion::Happy => "Yellow",
        Emotion::Sad => "Blue",
        Emotion::Neutral => "Green",
    }
}
