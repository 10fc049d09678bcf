//! Results for people.

use std::fmt::Write as _;

use moodline_core::Emotion;
use moodline_engine::display::text::printable;
use moodline_engine::display::time::clock_text;
use moodline_engine::display::{Summary, is_uncertain};
use moodline_engine::export::Results;
use moodline_engine::{Segment, State};

use crate::labels::{self, Label};

/// Width of the bar of a certain answer, characters.
const BAR_WIDTH: f32 = 10.0;

/// The results as a table; with labels, beside the true emotions and with the agreement at its end.
pub(crate) fn text(results: &Results, labels: Option<&[Label]>) -> String {
    let mut text = heading(results);
    let truth_title = if labels.is_some() { "  true" } else { "" };
    line(&mut text, &format!("      from          to  emotion                angry  happy    sad  neutral{truth_title}"));
    for segment in &results.segments {
        let mut row = row(segment);
        if let Some(labels) = labels {
            row.push_str(&truth(segment, labels));
        }
        line(&mut text, row.trim_end());
    }
    line(&mut text, &format!("  {}", Summary::of(&results.segments, results.duration_s).text()));
    if let Some(voice) = &results.voice {
        line(&mut text, &format!("  {}", voice.text()));
    }
    if let Some(labels) = labels {
        let (n_equal, n) = labels::agreement(labels, &results.segments);
        let percent = if n == 0 { 0.0 } else { 100.0 * n_equal as f64 / n as f64 };
        line(&mut text, &format!("  agreement with the true emotions: {n_equal} of {n} blocks of speech ({percent:.0} %)"));
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

fn row(segment: &Segment) -> String {
    let times = format!("{:>10}  {:>10}", clock_text(segment.start_s, 2), clock_text(segment.end_s, 2));
    match &segment.state {
        State::NoSpeech | State::Gap(_) => format!("{times}  {:<21}{:>7}{:>7}{:>7}{:>9}", segment.label(), "-", "-", "-", "-"),
        State::Speech(probabilities) => {
            let percent = |emotion| 100.0 * probabilities.of(emotion);
            let bar = "█".repeat((BAR_WIDTH * probabilities.of(probabilities.winner())).round() as usize);
            let label = format!("{}{}", segment.label(), if is_uncertain(probabilities) { "?" } else { "" });
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

/// The true emotions of the block, longest first, and a mark where the first is the one found.
fn truth(segment: &Segment, labels: &[Label]) -> String {
    let truths = labels::within(labels, segment.start_s, segment.end_s);
    let agrees = truths.first().is_some_and(|(truth, _)| segment.emotion() == Some(*truth));
    let names: Vec<&str> = truths.iter().map(|(emotion, _)| emotion.name()).collect();
    format!("  {}{}", names.join(", "), if agrees { "  =" } else { "" })
}

fn line(text: &mut String, content: &str) {
    // INVARIANT: writing to a String cannot fail.
    writeln!(text, "{content}").expect("a String takes any text");
}
