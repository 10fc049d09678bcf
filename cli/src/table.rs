//! Human-readable results.

use std::fmt::Write as _;

use moodline_core::Emotion;
use moodline_engine::display::text::printable;
use moodline_engine::display::time::clock_text;
use moodline_engine::display::{Summary, is_uncertain};
use moodline_engine::export::Results;
use moodline_engine::voices::{Found, Voice};
use moodline_engine::{Segment, State};

use crate::labels::{self, Label};

/// Width of the bar for a probability of 1, characters.
const BAR_WIDTH: f32 = 10.0;

/// The results as a table; with labels, it also has the true emotions, and the agreement at the end.
pub(crate) fn text(results: &Results, labels: Option<&[Label]>) -> String {
    let mut text = heading(results);
    let has_channels = results.voices.len() > 1;
    line(&mut text, &titles(has_channels, labels.is_some()));
    for found in results.found() {
        let mut row = row(&found, has_channels, results.certain_from);
        if let Some(labels) = labels {
            row.push_str(&truth(&found.segment, labels));
        }
        line(&mut text, row.trim_end());
    }
    for Voice { channel, segments, heard, .. } in &results.voices {
        let name = channel.filter(|_| has_channels).map_or_else(String::new, |channel| format!("channel {channel}: "));
        line(&mut text, &format!("  {name}{}", Summary::of(segments, results.duration_s, results.certain_from).text()));
        if let Some(heard) = heard {
            line(&mut text, &format!("  {name}{}", heard.text()));
        }
    }
    if let Some(labels) = labels {
        let (n_equal, n) = labels::agreement(labels, results.voices.iter().flat_map(|voice| &voice.segments));
        let percent = if n == 0 { 0.0 } else { 100.0 * n_equal as f64 / n as f64 };
        line(&mut text, &format!("  agreement with the true emotions: {n_equal} of {n} answers ({percent:.0} %)"));
    }
    text.push('\n');
    text
}

fn heading(results: &Results) -> String {
    let channels = if results.n_channels == 1 { "mono".to_owned() } else { format!("{} channels", results.n_channels) };
    let fingerprint = &results.model_fingerprint[..results.model_fingerprint.len().min(8)];
    format!(
        "{}: {}, {} Hz, {channels}; model {} ({fingerprint}), {}\n",
        printable(&results.file),
        clock_text(results.duration_s, 2),
        results.sample_rate,
        printable(&results.model_id),
        results.backend
    )
}

/// The titles of the columns of [`row`].
pub(crate) fn titles(has_channels: bool, has_labels: bool) -> String {
    let channel = if has_channels { "channel" } else { "" };
    let truth = if has_labels { "  true" } else { "" };
    format!("{channel}      from          to  emotion                angry  happy    sad  neutral{truth}")
}

/// One block, with its channel number if some blocks have one; answers are certain from the probability `certain_from` on.
pub(crate) fn row(found: &Found, has_channels: bool, certain_from: f32) -> String {
    let Found { channel, segment, .. } = found;
    let channel = channel.filter(|_| has_channels).map_or_else(String::new, |channel| channel.to_string());
    let width = if has_channels { "channel".len() } else { 0 };
    let times = format!("{channel:>width$}{}", span(segment.start_s, segment.end_s));
    match &segment.state {
        State::Unfamiliar(_) | State::NoSpeech | State::Gap(_) => {
            format!("{times}  {:<21}{:>7}{:>7}{:>7}{:>9}", segment.label(), "-", "-", "-", "-")
        }
        State::Speech(probabilities) => {
            let percent = |emotion| 100.0 * probabilities.of(emotion);
            let bar = "█".repeat((BAR_WIDTH * probabilities.of(probabilities.winner())).round() as usize);
            let label = format!("{}{}", segment.label(), if is_uncertain(segment, certain_from) { "?" } else { "" });
            format!(
                "{times}  {label:<8} {bar:<12}{:>5.0} %{:>5.0} %{:>5.0} %{:>7.0} %",
                percent(Emotion::Angry),
                percent(Emotion::Happy),
                percent(Emotion::Sad),
                percent(Emotion::Neutral),
            )
        }
    }
}

/// A period without audio.
pub(crate) fn gap_row(start_s: f64, end_s: f64, has_channels: bool) -> String {
    let width = if has_channels { "channel".len() } else { 0 };
    format!("{:width$}{}  gap", "", span(start_s, end_s))
}

fn span(start_s: f64, end_s: f64) -> String {
    format!("{:>10}  {:>10}", clock_text(start_s, 2), clock_text(end_s, 2))
}

/// The true emotions of the block, longest first, and a mark if the first is the one found. A pause has none: a label that spans it describes the speech
/// before and after it.
fn truth(segment: &Segment, labels: &[Label]) -> String {
    if segment.answer().is_none() {
        return String::new();
    }
    let truths = labels::within(labels, segment.start_s, segment.end_s);
    let agrees = truths.first().is_some_and(|(truth, _)| segment.emotion() == Some(*truth));
    let names: Vec<&str> = truths.iter().map(|(emotion, _)| emotion.name()).collect();
    format!("  {}{}", names.join(", "), if agrees { "  =" } else { "" })
}

fn line(text: &mut String, content: &str) {
    // INVARIANT: writing to a String cannot fail.
    writeln!(text, "{content}").expect("a String takes any text");
}

#[cfg(test)]
mod tests {
    use moodline_core::Probabilities;

    use super::*;

    #[test]
    fn a_pause_has_no_true_emotion() {
        let label = Label { start_s: 0.0, end_s: 10.0, emotion: Emotion::Sad };
        let answer = Probabilities::new([0.0, 0.0, 1.0, 0.0]).unwrap();
        let truth = |state| truth(&Segment { start_s: 0.0, end_s: 5.0, state }, &[label]);
        assert_eq!(truth(State::Speech(answer)), "  sad  =");
        assert_eq!(truth(State::Unfamiliar(answer)), "  sad");
        assert_eq!(truth(State::NoSpeech), "");
    }
}
