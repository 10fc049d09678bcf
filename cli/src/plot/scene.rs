//! The contents of the picture.

use std::mem::discriminant;
use std::num::NonZeroUsize;

use moodline_core::Emotion;
use moodline_engine::analysis::AnalysisConfig;
use moodline_engine::display::palette;
use moodline_engine::display::time::{clock_text, decimals_of_step, duration_text, ticks};
use moodline_engine::export::Results;
use moodline_engine::marks::{MarkOptions, Stretch, Told, stretches};
use moodline_engine::segment::spans;
use moodline_engine::voices::Voice;
use moodline_engine::{Segment, State};
use plotters::prelude::DrawingBackend;
use plotters::style::RGBColor;

use super::bands::{Column, columns, smoothing, stacked};
use super::canvas::{Align, Canvas, Drawn, Frame};
use super::layout::{GAP, Layout, Row};
use crate::labels::{self, Label};

const TITLE_Y: f64 = 26.0;
const SUBTITLE_Y: f64 = 50.0;

const TITLE_SIZE: f64 = 22.0;
const TEXT_SIZE: f64 = 15.0;
const SMALL_SIZE: f64 = 13.5;
/// Width of an average letter, as a fraction of the font size.
const LETTER_WIDTH: f64 = 0.56;
/// Blocks narrower than this have no separating line, units.
const NARROW_BLOCK: f64 = 34.0;
/// Minimum width of a part of a strip; shorter ones are merged into their neighbours, units.
const NARROWEST_CELL: f64 = 6.0;
/// Width of a column of smoothed probabilities, units.
const COLUMN: f64 = 2.0;

const WHITE: RGBColor = RGBColor(255, 255, 255);
const INK: RGBColor = RGBColor(30, 30, 30);
const FAINT: RGBColor = RGBColor(105, 105, 105);
const GROUND: RGBColor = RGBColor(243, 243, 243);
const HATCH: RGBColor = RGBColor(196, 196, 196);

fn color(emotion: Emotion) -> RGBColor {
    let [red, green, blue] = palette::rgb(emotion);
    RGBColor(red, green, blue)
}

fn ink_on(emotion: Emotion) -> RGBColor {
    let [red, green, blue] = palette::ink_on(emotion);
    RGBColor(red, green, blue)
}

/// What is drawn.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) results: &'a Results,
    pub(super) config: &'a AnalysisConfig,
    pub(super) labels: Option<&'a [Label]>,
}

/// The data drawn for one voice.
struct Lane<'a> {
    segments: &'a [Segment],
    spans: Vec<(f64, f64)>,
    parts: Vec<Stretch>,
}

/// Paints everything.
pub(super) fn paint<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, scene: Scene<'_>, layout: &Layout) -> Drawn<DB> {
    let (voices, certain_from) = (&scene.results.voices, scene.results.certain_from);
    let options = MarkOptions { merge: true, min_length_s: NARROWEST_CELL * layout.seconds_per_unit };
    let lanes: Vec<Lane<'_>> = voices
        .iter()
        .map(|Voice { segments, .. }| Lane {
            segments,
            spans: spans(segments),
            parts: stretches(segments, &options, certain_from),
        })
        .collect();
    // Blocks of all voices have the same spacing.
    let smooth_s = lanes.first().and_then(|lane| smoothing(lane.segments, layout.seconds_per_unit));
    canvas.fill(WHITE)?;
    title(canvas, scene, layout, smooth_s)?;
    for row in &layout.rows {
        let Lane { segments, spans, parts } = &lanes[row.voice];
        found_strip(canvas, layout, row, parts)?;
        if let (Some(labels), Some(frame)) = (scene.labels, row.truth) {
            truth_strip(canvas, layout, row, frame, labels)?;
        }
        match smooth_s {
            Some(smooth_s) => {
                let columns = columns(segments, spans, (row.start_s, row.end_s), column_s(layout), smooth_s);
                bands(canvas, layout, row, &columns)?;
            }
            None => blocks(canvas, row, segments, spans)?,
        }
        axes(canvas, layout, row, voices[row.voice].channel.filter(|_| voices.len() > 1))?;
    }
    let others = [
        // The emotion inside makes no difference to the legend.
        (Told::Uncertain(Emotion::Neutral), "uncertain"),
        (Told::Unfamiliar, UNFAMILIAR),
        (Told::Nothing, NO_SPEECH),
    ];
    let is_there = |told: &Told| {
        let is_like = |segment: &Segment| discriminant(&Told::of(segment, certain_from)) == discriminant(told);
        lanes.iter().any(|lane| lane.segments.iter().any(is_like))
    };
    legend(canvas, layout, others.into_iter().filter(|(told, _)| is_there(told)))
}

fn column_s(layout: &Layout) -> f64 {
    COLUMN * layout.seconds_per_unit
}

fn title<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, scene: Scene<'_>, layout: &Layout, smooth_s: Option<f64>) -> Drawn<DB> {
    let Scene { results, config, labels } = scene;
    let left = layout.rows[0].chart.left;
    let width = layout.right - left;
    canvas.text(&shortened(&results.name(), width, TITLE_SIZE), (left, TITLE_Y), TITLE_SIZE, INK, Align::Left)?;
    let mut subtitle = format!("model {}, {}; {}", results.model_id, results.backend, config.text());
    if let Some(smooth_s) = smooth_s {
        subtitle.push_str(&format!(", shown as the mean over {smooth_s:.0} s"));
    }
    if !layout.has_one_time() {
        subtitle.push_str(&format!("; a row is {}", duration_text(layout.rows[0].end_s)));
    }
    if let Some(labels) = labels {
        let (n_equal, n) = labels::agreement(labels, results.voices.iter().flat_map(|voice| &voice.segments));
        subtitle.push_str(&format!("; {n_equal} of {n} answers agree with the true emotion"));
    }
    canvas.text(&shortened(&subtitle, width, TEXT_SIZE), (left, SUBTITLE_Y), TEXT_SIZE, FAINT, Align::Left)
}

/// The most probable emotions, with equal neighbours merged.
fn found_strip<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, layout: &Layout, row: &Row, parts: &[Stretch]) -> Drawn<DB> {
    if layout.has_one_time() {
        canvas.text("found", (row.found.left - GAP, row.found.centre().1), TEXT_SIZE, INK, Align::Right)?;
    } else if row.voice == 0 {
        let start = clock_text(row.start_s, 0);
        canvas.text(&start, (row.found.left - GAP, row.found.centre().1), TEXT_SIZE, INK, Align::Right)?;
    }
    parts
        .iter()
        .filter_map(|part| Some((part, row.part(row.found, (part.start_s, part.end_s))?)))
        .try_for_each(|(part, frame)| cell(canvas, frame, part.told))
}

fn truth_strip<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    layout: &Layout,
    row: &Row,
    frame: Frame,
    labels: &[Label],
) -> Drawn<DB> {
    let word = if layout.is_single() || row.start_s == 0.0 { "true" } else { "" };
    canvas.text(word, (frame.left - GAP, frame.centre().1), TEXT_SIZE, INK, Align::Right)?;
    canvas.rectangle(frame, GROUND)?;
    labels
        .iter()
        .filter_map(|label| Some((label.emotion, row.part(frame, (label.start_s, label.end_s))?)))
        .try_for_each(|(emotion, frame)| cell(canvas, frame, Told::Emotion(emotion)))
}

/// One part of a strip, with its word where that fits.
fn cell<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, frame: Frame, told: Told) -> Drawn<DB> {
    let (word, ink) = match told {
        Told::Emotion(emotion) => (emotion.name().to_owned(), ink_on(emotion)),
        Told::Uncertain(emotion) => (format!("{emotion}?"), INK),
        Told::Unfamiliar => (UNFAMILIAR.to_owned(), INK),
        Told::Nothing => (NO_SPEECH.to_owned(), FAINT),
    };
    let has_room = fits(&word, frame.width(), TEXT_SIZE);
    sign(canvas, frame, told, has_room)?;
    if frame.width() >= NARROWEST_CELL {
        canvas.line((frame.right, frame.top), (frame.right, frame.bottom), WHITE, 1.0)?;
    }
    if has_room { canvas.text(&word, frame.centre(), TEXT_SIZE, ink, Align::Centre) } else { Ok(()) }
}

/// The shape of a state, as in the editor: full height, a half-height bar, oblique lines, or one line, which is omitted if there is a word.
fn sign<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, frame: Frame, told: Told, has_word: bool) -> Drawn<DB> {
    let middle = frame.centre().1;
    match told {
        Told::Emotion(emotion) => canvas.rectangle(frame, color(emotion)),
        Told::Uncertain(_) => {
            canvas.rectangle(frame, GROUND)?;
            canvas.rectangle(Frame { top: middle, ..frame }, if has_word { HATCH } else { FAINT })
        }
        Told::Unfamiliar => canvas.hatching(frame, GROUND, if has_word { HATCH } else { FAINT }),
        Told::Nothing => {
            canvas.rectangle(frame, GROUND)?;
            if has_word { Ok(()) } else { canvas.rectangle(Frame { top: middle - 1.0, bottom: middle + 1.0, ..frame }, HATCH) }
        }
    }
}

/// The blocks one by one, each with its four probabilities.
fn blocks<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, row: &Row, segments: &[Segment], spans: &[(f64, f64)]) -> Drawn<DB> {
    for (segment, &span) in segments.iter().zip(spans) {
        let Some(frame) = row.part(row.chart, span) else { continue };
        match segment.probabilities() {
            None => canvas.hatching(frame, GROUND, if is_unfamiliar(&segment.state) { FAINT } else { HATCH })?,
            Some(probabilities) => {
                let tops = stacked(probabilities.as_array().map(f64::from));
                stack(canvas, row, &[frame.left, frame.right], &[tops, tops])?;
            }
        }
        if span.1 < row.end_s && frame.width() > NARROW_BLOCK {
            canvas.line((frame.right, frame.top), (frame.right, frame.bottom), WHITE, 1.0)?;
        }
    }
    Ok(())
}

/// Smoothed probabilities, one band per uninterrupted stretch of speech.
fn bands<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, layout: &Layout, row: &Row, columns: &[Column]) -> Drawn<DB> {
    let kind = |column: &Column| discriminant(column);
    let mut first = 0;
    for run in columns.chunk_by(|a, b| kind(a) == kind(b)) {
        let edge = |index: usize| row.x(row.start_s + index as f64 * column_s(layout));
        let (left, right) = (edge(first), edge(first + run.len()));
        let (mut xs, mut tops) = (vec![left], Vec::new());
        for (index, column) in run.iter().enumerate() {
            if let Some(probabilities) = column.probabilities() {
                xs.push(f64::midpoint(edge(first + index), edge(first + index + 1)));
                tops.push(stacked(probabilities));
            }
        }
        match (run[0], tops.first().copied(), tops.last().copied()) {
            (_, Some(begin), Some(end)) => {
                xs.push(right);
                stack(canvas, row, &xs, &[&[begin][..], &tops, &[end]].concat())?;
            }
            (Column::NoSpeech, ..) => canvas.hatching(Frame { left, right, ..row.chart }, GROUND, HATCH)?,
            (Column::Unfamiliar, ..) => canvas.hatching(Frame { left, right, ..row.chart }, GROUND, FAINT)?,
            _ => {}
        }
        first += run.len();
    }
    Ok(())
}

/// Areas between the points at `xs`, from the top down, each reaching to the bottom so that no seam shows between two colours.
fn stack<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, row: &Row, xs: &[f64], tops: &[[f64; Emotion::COUNT]]) -> Drawn<DB> {
    let (Some(&left), Some(&right)) = (xs.first(), xs.last()) else { return Ok(()) };
    for emotion in Emotion::ALL {
        let upper = xs.iter().zip(tops).map(|(&x, tops)| (x, row.y(tops[emotion.index()])));
        let corners: Vec<(f64, f64)> = upper.chain([(right, row.chart.bottom), (left, row.chart.bottom)]).collect();
        canvas.polygon(&corners, color(emotion))?;
    }
    Ok(())
}

/// Scales, and the channel number if there are several.
fn axes<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, layout: &Layout, row: &Row, channel: Option<NonZeroUsize>) -> Drawn<DB> {
    let chart = row.chart;
    if let Some(channel) = channel {
        canvas.text(&format!("channel {channel}"), (chart.left - GAP, chart.top + SMALL_SIZE), SMALL_SIZE, INK, Align::Right)?;
    }
    let percents: &[u8] = if layout.is_single() { &[0, 25, 50, 75, 100] } else { &[50] };
    for &percent in percents {
        let y = row.y(f64::from(percent) / 100.0);
        canvas.text(
            &format!("{percent} %"),
            (chart.left - GAP, y),
            SMALL_SIZE,
            if layout.is_single() { INK } else { FAINT },
            Align::Right,
        )?;
        if (1..100).contains(&percent) {
            canvas.line((chart.left, y), (chart.right, y), WHITE, 0.6)?;
        }
    }
    for seconds in ticks(row.start_s, row.end_s, layout.tick_s).filter(|_| row.is_lowest) {
        let x = row.x(seconds);
        canvas.line((x, chart.bottom), (x, chart.bottom + 5.0), INK, 1.0)?;
        let label = clock_text(seconds, decimals_of_step(layout.tick_s));
        canvas.text(&label, (x, chart.bottom + 15.0), SMALL_SIZE, INK, Align::Centre)?;
    }
    canvas.line((chart.left, chart.bottom), (chart.right, chart.bottom), INK, 1.0)?;
    canvas.line((chart.left, chart.top), (chart.left, chart.bottom), INK, 1.0)?;
    let is_last = layout.rows.last().is_some_and(|last| last.start_s <= row.start_s);
    if !is_last || !row.is_lowest {
        return Ok(());
    }
    let unit = if row.end_s < 3600.0 { "time (min:s)" } else { "time (h:min:s)" };
    let middle = f64::midpoint(chart.left, layout.right);
    canvas.text(unit, (middle, chart.bottom + 40.0), TEXT_SIZE, INK, Align::Centre)
}

/// The emotions and the other states, with their names.
fn legend<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    layout: &Layout,
    others: impl Iterator<Item = (Told, &'static str)>,
) -> Drawn<DB> {
    const SWATCH: f64 = 16.0;
    const ROW: f64 = 28.0;
    let left = layout.right + 16.0;
    let top = if layout.is_single() { layout.rows[0].chart.top } else { layout.rows[0].found.top };
    let swatch = |row: usize| {
        let top = top + 4.0 + ROW * row as f64;
        Frame { left, top, right: left + SWATCH, bottom: top + SWATCH }
    };
    let word = |frame: Frame, text: &str| canvas.text(text, (frame.right + GAP, frame.centre().1), TEXT_SIZE, INK, Align::Left);
    for (row, emotion) in Emotion::ALL.into_iter().enumerate() {
        canvas.rectangle(swatch(row), color(emotion))?;
        word(swatch(row), emotion.name())?;
    }
    for (row, (told, name)) in (Emotion::COUNT..).zip(others) {
        match told {
            // As in the chart: in the strip, the word replaces the sign.
            Told::Nothing => canvas.hatching(swatch(row), GROUND, HATCH)?,
            told => sign(canvas, swatch(row), told, false)?,
        }
        word(swatch(row), name)?;
    }
    Ok(())
}

/// Label for stretches without speech.
const NO_SPEECH: &str = "no speech";
const UNFAMILIAR: &str = "unfamiliar";

const fn is_unfamiliar(state: &State) -> bool {
    matches!(state, State::Unfamiliar(_))
}

fn fits(word: &str, width: f64, size: f64) -> bool {
    word.chars().map(letter_width).sum::<f64>() * size + GAP <= width
}

/// Width as a fraction of the font size: of an average letter, or of an East Asian one, which is square.
fn letter_width(letter: char) -> f64 {
    if letter >= '\u{1100}' && letter != '…' { 1.0 } else { LETTER_WIDTH }
}

/// `text`, with its middle omitted if it is too long.
fn shortened(text: &str, width: f64, size: f64) -> String {
    let letters: Vec<char> = text.chars().collect();
    let without = |n_left_out: usize| -> String {
        let n_head = (letters.len() - n_left_out).div_ceil(2);
        let tail = &letters[n_head + n_left_out..];
        letters[..n_head].iter().chain(&['…']).chain(tail).collect()
    };
    if fits(text, width, size) {
        return text.to_owned();
    }
    (1..=letters.len()).map(without).find(|short| fits(short, width, size)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_lose_their_middle() {
        let short = shortened(&"abcdefghij".repeat(20), 300.0, 20.0);
        assert!(short.starts_with("abc") && short.ends_with("hij") && short.contains('…'));
        assert!(fits(&short, 300.0, 20.0) && !fits(&format!("{short}xx"), 300.0, 20.0));
        assert!(fits(&shortened(&"日本語".repeat(50), 300.0, 20.0), 300.0, 20.0));
    }
}
