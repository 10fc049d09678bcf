//! Regions of REAPER's Region/Marker Manager, as it exports and imports them: CSV.

use std::fmt::Write as _;

use crate::display::{palette, time::clock_text};
use crate::marks::Mark;

pub(super) const HEADER: &str = "#,Name,Start,End,Length,Color\n";

/// One region per mark; the colour is RRGGBB. A time with a colon is minutes and seconds in every project, whatever the unit of its ruler.
pub(super) fn regions(marks: &[Mark]) -> String {
    marks.iter().enumerate().fold(String::new(), |mut text, (index, mark)| {
        let [start, end, length] = [mark.start_s, mark.end_s, mark.length_s()].map(|seconds| clock_text(seconds, 3));
        let [red, green, blue] = palette::rgb(mark.emotion);
        // INVARIANT: writing to a String cannot fail.
        writeln!(text, "R{},{},{start},{end},{length},{red:02X}{green:02X}{blue:02X}", index + 1, mark.label())
            .expect("a String takes any text");
        text
    })
}
