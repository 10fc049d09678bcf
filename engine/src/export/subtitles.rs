//! Subtitles: SubRip and WebVTT. A player shows overlapping cues on top of each other, so a cue is a mark.

use std::fmt::Write as _;

use crate::marks::Mark;

/// First lines of a WebVTT file.
pub(super) const VTT_HEADER: &str = "WEBVTT\n\n";

pub(super) fn srt(marks: &[Mark]) -> String {
    marks.iter().enumerate().fold(String::new(), |mut text, (index, mark)| {
        let (start, end) = (time(mark.start_s, ','), time(mark.end_s, ','));
        // INVARIANT: writing to a String cannot fail.
        write!(text, "{}\n{start} --> {end}\n{}\n\n", index + 1, mark.label()).expect("a String takes any text");
        text
    })
}

pub(super) fn vtt(marks: &[Mark]) -> String {
    marks.iter().fold(String::new(), |mut text, mark| {
        let (start, end) = (time(mark.start_s, '.'), time(mark.end_s, '.'));
        // INVARIANT: writing to a String cannot fail.
        write!(text, "{start} --> {end}\n{}\n\n", mark.label()).expect("a String takes any text");
        text
    })
}

/// `hh:mm:ss` and milliseconds after `separator`.
fn time(seconds: f64, separator: char) -> String {
    let milliseconds = (seconds * 1e3).round() as u64;
    let (whole, rest) = (milliseconds / 1000, milliseconds % 1000);
    format!("{:02}:{:02}:{:02}{separator}{rest:03}", whole / 3600, whole / 60 % 60, whole % 60)
}
