//! Markers of Adobe Audition, as its Markers panel exports and imports them: tab-separated columns, in a file called `.csv`.

use std::fmt::Write as _;

use crate::display::time::clock_text;
use crate::marks::Mark;

pub(super) const HEADER: &str = "Name\tStart\tDuration\tTime Format\tType\tDescription\n";

pub(super) fn markers(marks: &[Mark]) -> String {
    marks.iter().fold(String::new(), |mut text, mark| {
        let [start, length] = [mark.start_s, mark.length_s()].map(|seconds| clock_text(seconds, 3));
        // INVARIANT: writing to a String cannot fail.
        writeln!(text, "{}\t{start}\t{length}\tdecimal\tCue\t", mark.label()).expect("a String takes any text");
        text
    })
}
