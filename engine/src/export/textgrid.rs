//! Praat's TextGrid, long text format: one tier with the emotions and one with their probabilities, for each voice. Time without a mark is an empty interval,
//! because the intervals of a tier must be contiguous.
//!
//! # Source
//! Praat manual, "TextGrid file formats"

use std::fmt::Write as _;

use super::VoiceMarks;
use crate::marks::Mark;

pub(super) fn document(duration_s: f64, voices: &[VoiceMarks]) -> String {
    let marks = || voices.iter().flat_map(|(_, marks)| marks);
    let start_s = marks().map(|mark| mark.start_s).fold(0.0, f64::min);
    let end_s = marks().map(|mark| mark.end_s).fold(duration_s, f64::max);
    let n_tiers = 2 * voices.len();
    let mut text = format!(
        "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\n\
         xmin = {start_s:.6} \nxmax = {end_s:.6} \ntiers? <exists> \nsize = {n_tiers} \nitem []: \n"
    );
    for (index, (channel, marks)) in voices.iter().enumerate() {
        let [emotions, probabilities] = super::TIERS.map(|name| super::tier_name(name, *channel));
        let span = (start_s, end_s);
        tier(&mut text, 2 * index + 1, &emotions, span, marks, |mark| mark.emotion.name().to_owned());
        tier(&mut text, 2 * index + 2, &probabilities, span, marks, |mark| format!("{:.3}", mark.probability));
    }
    text
}

fn tier(
    text: &mut String,
    number: usize,
    name: &str,
    (start_s, end_s): (f64, f64),
    marks: &[Mark],
    label: impl Fn(&Mark) -> String,
) {
    let mut intervals: Vec<(f64, f64, String)> = Vec::new();
    let mut now_s = start_s;
    for mark in marks {
        if micros(mark.start_s) > micros(now_s) {
            intervals.push((now_s, mark.start_s, String::new()));
        }
        // Marks less than a microsecond apart are contiguous.
        let from_s = if micros(mark.start_s) < micros(now_s) { now_s } else { mark.start_s };
        intervals.push((from_s, mark.end_s, label(mark)));
        now_s = mark.end_s;
    }
    if micros(end_s) > micros(now_s) || intervals.is_empty() {
        intervals.push((now_s, end_s, String::new()));
    }
    let mut line = |content: String| {
        // INVARIANT: writing to a String cannot fail.
        writeln!(text, "{content} ").expect("a String takes any text");
    };
    line(format!("    item [{number}]:"));
    line("        class = \"IntervalTier\"".to_owned());
    line(format!("        name = \"{name}\""));
    line(format!("        xmin = {start_s:.6}"));
    line(format!("        xmax = {end_s:.6}"));
    line(format!("        intervals: size = {}", intervals.len()));
    for (index, (from_s, to_s, label)) in intervals.iter().enumerate() {
        line(format!("        intervals [{}]:", index + 1));
        line(format!("            xmin = {from_s:.6}"));
        line(format!("            xmax = {to_s:.6}"));
        line(format!("            text = \"{label}\""));
    }
}

fn micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}
