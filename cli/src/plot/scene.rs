//! What the picture shows, and where.

use moodline_core::Emotion;
use moodline_engine::analysis::AnalysisConfig;
use moodline_engine::display::palette;
use moodline_engine::export::Results;
use moodline_engine::segment::spans;
use moodline_engine::{Segment, State};
use plotters::prelude::DrawingBackend;
use plotters::style::RGBColor;

use super::canvas::{Align, Canvas, Drawn, Frame};
use crate::labels::{self, Label};

const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 460.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = WIDTH - 120.0;
const TITLE_Y: f64 = 26.0;
const SUBTITLE_Y: f64 = 50.0;
const STRIP_TOP: f64 = 72.0;
const STRIP_HEIGHT: f64 = 32.0;
const GAP: f64 = 8.0;
const FOOT: f64 = 58.0;
/// What the strip of true emotions adds to the height.
const TRUTH_HEIGHT: f64 = STRIP_HEIGHT + GAP;

const TITLE_SIZE: f64 = 22.0;
const TEXT_SIZE: f64 = 15.0;
const SMALL_SIZE: f64 = 13.5;
/// Width of an average letter, as a fraction of the size; decides whether a word fits.
const LETTER_WIDTH: f64 = 0.56;
/// Blocks narrower than this have no line between them, units.
const NARROW_BLOCK: f64 = 34.0;
/// Cells of a strip narrower than this have no line between them, units.
const NARROW_CELL: f64 = 8.0;
const MOST_TICKS: f64 = 12.0;

const WHITE: RGBColor = RGBColor(255, 255, 255);
const INK: RGBColor = RGBColor(30, 30, 30);
const FAINT: RGBColor = RGBColor(105, 105, 105);
const GROUND: RGBColor = RGBColor(243, 243, 243);
const HATCH: RGBColor = RGBColor(196, 196, 196);

/// Width and height of the picture, units.
pub(super) const fn size(has_labels: bool) -> (u32, u32) {
    (WIDTH as u32, (HEIGHT + if has_labels { TRUTH_HEIGHT } else { 0.0 }) as u32)
}

fn color(emotion: Emotion) -> RGBColor {
    let [red, green, blue] = palette::rgb(emotion);
    RGBColor(red, green, blue)
}

fn ink_on(emotion: Emotion) -> RGBColor {
    let [red, green, blue] = palette::ink_on(emotion);
    RGBColor(red, green, blue)
}

/// The picture's parts and its time axis.
struct ChartLayout {
    found: Frame,
    truth: Option<Frame>,
    chart: Frame,
    duration_s: f64,
}

impl ChartLayout {
    fn new(duration_s: f64, has_labels: bool) -> Self {
        let strip = |top: f64| Frame { left: LEFT, top, right: RIGHT, bottom: top + STRIP_HEIGHT };
        let found = strip(STRIP_TOP);
        let truth = has_labels.then(|| strip(found.bottom + GAP));
        let chart_top = truth.unwrap_or(found).bottom + 2.0 * GAP;
        let bottom = f64::from(size(has_labels).1) - FOOT;
        Self { found, truth, chart: Frame { left: LEFT, top: chart_top, right: RIGHT, bottom }, duration_s }
    }

    fn x(&self, seconds: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * (seconds / self.duration_s).clamp(0.0, 1.0)
    }

    fn y(&self, probability: f64) -> f64 {
        self.chart.bottom - (self.chart.bottom - self.chart.top) * probability
    }

    fn part(&self, frame: Frame, (start, end): (f64, f64)) -> Frame {
        Frame { left: self.x(start), right: self.x(end), ..frame }
    }
}

/// Paints everything.
pub(super) fn paint<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    results: &Results,
    config: &AnalysisConfig,
    labels: Option<&[Label]>,
) -> Drawn<DB> {
    let layout = ChartLayout::new(results.duration_s, labels.is_some());
    let spans = spans(&results.segments);
    canvas.fill(WHITE)?;
    title(canvas, results, config, labels)?;
    found_strip(canvas, &layout, &results.segments, &spans)?;
    if let (Some(labels), Some(frame)) = (labels, layout.truth) {
        truth_strip(canvas, &layout, frame, labels)?;
    }
    for ((segment, &span), next) in results.segments.iter().zip(&spans).zip((1..).map(|next| spans.get(next))) {
        block(canvas, &layout, segment, span)?;
        let frame = layout.part(layout.chart, span);
        if next.is_some() && frame.width() > NARROW_BLOCK {
            canvas.line((frame.right, frame.top), (frame.right, frame.bottom), WHITE, 1.0)?;
        }
    }
    axes(canvas, &layout)?;
    legend(canvas, &layout, results.segments.iter().any(|segment| segment.state == State::NoSpeech))
}

fn title<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    results: &Results,
    config: &AnalysisConfig,
    labels: Option<&[Label]>,
) -> Drawn<DB> {
    let name = results.file.rsplit(['/', '\\']).next().unwrap_or(&results.file);
    canvas.text(&shortened(name, RIGHT - LEFT, TITLE_SIZE), (LEFT, TITLE_Y), TITLE_SIZE, INK, Align::Left)?;
    let mut subtitle = format!(
        "model {}, {}; blocks of {} s every {} s",
        results.model_id, results.backend, config.window_seconds, config.hop_seconds
    );
    if let Some(labels) = labels {
        let (n_equal, n) = labels::agreement(labels, &results.segments);
        subtitle.push_str(&format!("; {n_equal} of {n} blocks agree with the true emotion"));
    }
    canvas.text(&subtitle, (LEFT, SUBTITLE_Y), TEXT_SIZE, FAINT, Align::Left)
}

/// The winners, neighbours with the same one together.
fn found_strip<DB: DrawingBackend>(
    canvas: &Canvas<'_, DB>,
    layout: &ChartLayout,
    segments: &[Segment],
    spans: &[(f64, f64)],
) -> Drawn<DB> {
    canvas.text("found", (LEFT - GAP, layout.found.centre().1), TEXT_SIZE, INK, Align::Right)?;
    let mut parts: Vec<(Option<Emotion>, (f64, f64))> = Vec::new();
    for (segment, &(start, end)) in segments.iter().zip(spans) {
        match parts.last_mut() {
            Some((emotion, (_, last_end))) if *emotion == segment.emotion() && *last_end >= start => *last_end = end,
            _ => parts.push((segment.emotion(), (start, end))),
        }
    }
    parts.into_iter().try_for_each(|(emotion, span)| cell(canvas, layout.part(layout.found, span), emotion))
}

fn truth_strip<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, layout: &ChartLayout, frame: Frame, labels: &[Label]) -> Drawn<DB> {
    canvas.text("true", (LEFT - GAP, frame.centre().1), TEXT_SIZE, INK, Align::Right)?;
    canvas.rectangle(frame, GROUND)?;
    let shown = labels.iter().filter(|label| label.start_s < layout.duration_s && label.end_s > 0.0);
    shown.into_iter().try_for_each(|label| cell(canvas, layout.part(frame, (label.start_s, label.end_s)), Some(label.emotion)))
}

/// One coloured or hatched part of a strip, with its word where it fits.
fn cell<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, frame: Frame, emotion: Option<Emotion>) -> Drawn<DB> {
    let (word, ink) = emotion.map_or(("no speech", FAINT), |emotion| (emotion.name(), ink_on(emotion)));
    match emotion {
        Some(emotion) => canvas.rectangle(frame, color(emotion))?,
        None => canvas.rectangle(frame, GROUND)?,
    }
    if frame.width() > NARROW_CELL {
        canvas.line((frame.right, frame.top), (frame.right, frame.bottom), WHITE, 1.0)?;
    }
    if fits(word, frame.width(), TEXT_SIZE) { canvas.text(word, frame.centre(), TEXT_SIZE, ink, Align::Centre) } else { Ok(()) }
}

/// The four probabilities of a block, stacked in [`Emotion::ALL`] order from the bottom.
fn block<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, layout: &ChartLayout, segment: &Segment, span: (f64, f64)) -> Drawn<DB> {
    let frame = layout.part(layout.chart, span);
    let Some(probabilities) = segment.probabilities() else {
        return canvas.hatching(frame, GROUND, HATCH);
    };
    // From the top down, each reaching to the bottom: no seam can show between two colours.
    let mut top = 1.0;
    for emotion in Emotion::ALL.into_iter().rev() {
        let (upper, lower) = (layout.y(top), frame.bottom);
        let corners = [(frame.left, upper), (frame.right, upper), (frame.right, lower), (frame.left, lower)];
        canvas.polygon(&corners, color(emotion))?;
        top = (top - f64::from(probabilities.of(emotion))).max(0.0);
    }
    Ok(())
}

fn axes<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, layout: &ChartLayout) -> Drawn<DB> {
    let chart = layout.chart;
    for percent in [0, 25, 50, 75, 100] {
        let y = layout.y(f64::from(percent) / 100.0);
        canvas.text(&format!("{percent} %"), (LEFT - GAP, y), SMALL_SIZE, INK, Align::Right)?;
        if (1..100).contains(&percent) {
            canvas.line((chart.left, y), (chart.right, y), WHITE, 0.6)?;
        }
    }
    let step = tick_step(layout.duration_s);
    let n_ticks = (layout.duration_s / step + 1e-9).floor() as u32;
    for tick in 0..=n_ticks {
        let seconds = f64::from(tick) * step;
        let x = layout.x(seconds);
        canvas.line((x, chart.bottom), (x, chart.bottom + 5.0), INK, 1.0)?;
        canvas.text(&tick_label(seconds, step, layout.duration_s), (x, chart.bottom + 16.0), SMALL_SIZE, INK, Align::Centre)?;
    }
    canvas.line((chart.left, chart.bottom), (chart.right, chart.bottom), INK, 1.0)?;
    canvas.line((chart.left, chart.top), (chart.left, chart.bottom), INK, 1.0)?;
    let title = if layout.duration_s < LONG_SECONDS { "time (s)" } else { "time (min:s)" };
    let title = if layout.duration_s < 3600.0 { title } else { "time (h:min:s)" };
    canvas.text(title, (chart.centre().0, chart.bottom + 40.0), TEXT_SIZE, INK, Align::Centre)
}

fn legend<DB: DrawingBackend>(canvas: &Canvas<'_, DB>, layout: &ChartLayout, has_gaps: bool) -> Drawn<DB> {
    const SWATCH: f64 = 16.0;
    const ROW: f64 = 28.0;
    let left = RIGHT + 16.0;
    let swatch = |row: usize| {
        let top = layout.chart.top + 4.0 + ROW * row as f64;
        Frame { left, top, right: left + SWATCH, bottom: top + SWATCH }
    };
    let word = |frame: Frame, text: &str| canvas.text(text, (frame.right + GAP, frame.centre().1), TEXT_SIZE, INK, Align::Left);
    for (row, emotion) in Emotion::ALL.into_iter().rev().enumerate() {
        canvas.rectangle(swatch(row), color(emotion))?;
        word(swatch(row), emotion.name())?;
    }
    if has_gaps {
        canvas.hatching(swatch(Emotion::COUNT), GROUND, HATCH)?;
        word(swatch(Emotion::COUNT), "no speech")?;
    }
    Ok(())
}

/// From here on times are shown in minutes.
const LONG_SECONDS: f64 = 120.0;

/// The smallest round distance with few enough ticks, seconds.
fn tick_step(duration_s: f64) -> f64 {
    const STEPS: [f64; 17] =
        [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0];
    STEPS
        .into_iter()
        .find(|step| duration_s / step <= MOST_TICKS)
        .unwrap_or_else(|| (duration_s / MOST_TICKS / 3600.0).ceil() * 3600.0)
}

fn tick_label(seconds: f64, step: f64, duration_s: f64) -> String {
    if duration_s < LONG_SECONDS {
        let decimals = usize::from(step < 1.0);
        return format!("{seconds:.decimals$}");
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if duration_s < 3600.0 { format!("{}:{seconds:02}", whole / 60) } else { format!("{hours}:{minutes:02}:{seconds:02}") }
}

fn fits(word: &str, width: f64, size: f64) -> bool {
    word.chars().count() as f64 * LETTER_WIDTH * size + GAP <= width
}

/// `text`, with its middle left out where it is too long.
fn shortened(text: &str, width: f64, size: f64) -> String {
    if fits(text, width, size) {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    let n_half = (width / (LETTER_WIDTH * size) / 2.0) as usize - 2;
    let (head, tail) = (&letters[..n_half], &letters[letters.len() - n_half..]);
    head.iter().chain(&['…']).chain(tail).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        for (duration, step) in [(0.7, 0.1), (20.6, 2.0), (60.0, 5.0), (3600.0, 300.0), (14_400.0, 1800.0), (1e6, 86_400.0)] {
            assert_eq!(tick_step(duration), step, "{duration} s");
        }
        assert_eq!(tick_label(0.5, 0.1, 0.7), "0.5");
        assert_eq!(tick_label(90.0, 30.0, 300.0), "1:30");
        assert_eq!(tick_label(5400.0, 1800.0, 14_400.0), "1:30:00");
    }

    #[test]
    fn long_names_lose_their_middle() {
        let short = shortened(&"abcdefghij".repeat(20), 300.0, 20.0);
        assert!(short.starts_with("abc") && short.ends_with("hij") && short.contains('…'));
        assert!(fits(&short, 300.0, 20.0));
    }
}
