//! Audacity's label track: `start TAB end TAB label`, seconds with six decimals.
//!
//! # Source
//! Audacity manual, "Importing and Exporting Labels"

use std::fmt::Write as _;

use crate::marks::Mark;

pub(super) fn labels(marks: &[Mark]) -> String {
    marks.iter().fold(String::new(), |mut text, mark| {
        // INVARIANT: writing to a String cannot fail.
        writeln!(text, "{:.6}\t{:.6}\t{}", mark.start_s, mark.end_s, mark.label()).expect("a String takes any text");
        text
    })
}
