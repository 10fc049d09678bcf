//! The header: the emotion as shape, word and probability, the four probabilities as bars, and the level of the input.

use std::f32::consts::TAU;

use egui::{Align2, Color32, FontId, Painter, Pos2, Rect, Sense, Shape, Stroke, StrokeKind, Ui, Vec2, pos2, vec2};
use moodline_core::{Emotion, Probabilities};
use moodline_engine::live::Level;
use nice_plug::plugin::TrackInfo;

use super::colours::{self, Colours};
use super::glyph;
use super::headline::{Headline, percent};

/// Lowest level on the meter, dBFS.
const METER_FLOOR_DB: f32 = -60.0;
/// Peak level from which the meter warns, dBFS.
const CLIPPING_DB: f32 = -0.1;
/// Width of the meter with its numbers, points.
const METER_WIDTH: f32 = 132.0;
/// The same if the header is at least [`WIDE`]; most tracks have a longer name than "Input".
const WIDE_METER_WIDTH: f32 = 200.0;
/// Width from which the header has spare room, points.
const WIDE: f32 = 800.0;
/// Width of the longest text of a level, points.
const LEVEL_WIDTH: f32 = 74.0;
/// Distance from the middle of the meter up to its text, points.
const METER_ABOVE: f32 = 19.0;
/// Width of the four bars, points.
const BARS_WIDTH: f32 = 176.0;

/// The contents of the header.
pub(crate) struct Header<'a> {
    pub(crate) headline: &'a Headline,
    /// The smaller line below the word.
    pub(crate) detail: &'a str,
    /// Whether the smaller line reports a problem.
    pub(crate) is_problem: bool,
    pub(crate) level: Level,
    pub(crate) track: &'a TrackInfo,
    pub(crate) held: bool,
    pub(crate) with_bars: bool,
    pub(crate) colours: &'a Colours,
}

impl Header<'_> {
    /// Paints the header in `rect`.
    pub(crate) fn show(&self, ui: &mut Ui, rect: Rect) {
        let painter = ui.painter().with_clip_rect(rect);
        painter.rect_filled(rect, 0.0, self.colours.surface);
        painter.hline(rect.x_range(), rect.bottom() - 0.5, Stroke::new(1.0, self.colours.line));
        let inner = rect.shrink2(vec2(12.0, 8.0));
        let meter = inner.with_min_x(inner.right() - if rect.width() >= WIDE { WIDE_METER_WIDTH } else { METER_WIDTH });
        self.meter(&painter, meter);
        self.source(ui, &painter, meter);
        let mut words_end = meter.left() - 20.0;
        if let Some(probabilities) = self.headline.probabilities().filter(|_| self.with_bars) {
            let bars = Rect::from_x_y_ranges(words_end - BARS_WIDTH..=words_end, inner.y_range());
            self.bars(&painter, bars, probabilities);
            words_end = bars.left() - 16.0;
        }
        self.words(ui, &painter, inner.with_max_x(words_end));
    }

    fn words(&self, ui: &mut Ui, painter: &Painter, rect: Rect) {
        let radius = rect.height() * 0.44;
        let center = pos2(rect.left() + radius, rect.center().y);
        match (self.headline.emotion(), self.headline) {
            (Some(emotion), Headline::Emotion(_)) => {
                painter.extend(glyph::shapes(emotion, center, radius, self.colours.outline));
            }
            _ => self.no_shape(painter, center, radius),
        }
        let left = rect.left() + 2.0 * radius + 12.0;
        let large = FontId::proportional(if rect.height() >= 48.0 { 25.0 } else { 21.0 });
        let middle = if self.detail.is_empty() { rect.center().y + 14.0 } else { rect.center().y + 2.0 };
        let word = painter.text(pos2(left, middle), Align2::LEFT_BOTTOM, self.headline.word(), large, self.colours.text);
        let font = FontId::proportional(if self.headline.word() == "uncertain" { 14.0 } else { 20.0 });
        let remark = painter.layout_no_wrap(self.headline.remark(), font, self.colours.text);
        let at = pos2(word.right() + 10.0, word.bottom() - remark.size().y - if remark.size().y < 20.0 { 3.5 } else { 1.0 });
        let mut end = word.right();
        if !remark.is_empty() {
            end = at.x + remark.size().x;
            painter.galley(at, remark, self.colours.text);
        }
        if self.held {
            self.hold_mark(painter, pos2(end + 12.0, word.center().y));
        }
        let ink = if self.is_problem { self.colours.error } else { self.colours.weak };
        elided(ui, painter, Rect::from_min_max(pos2(left, middle + 3.0), rect.max), self.detail, FontId::proportional(12.0), ink);
    }

    /// A dashed circle if there is no emotion to name: containing the most probable one if it is uncertain, or the timeline's line if there is no speech.
    fn no_shape(&self, painter: &Painter, center: Pos2, radius: f32) {
        let stroke = Stroke::new(1.5, self.colours.weak);
        let point = |index: u8| center + radius * 0.86 * Vec2::angled(TAU * f32::from(index) / 48.0);
        let circle: Vec<_> = (0..=48).map(point).collect();
        painter.extend(Shape::dashed_line(&circle, stroke, 4.0, 3.5));
        if let (Some(emotion), Headline::Uncertain(_)) = (self.headline.emotion(), self.headline) {
            painter.extend(glyph::shapes(emotion, center, radius * 0.5, self.colours.outline));
        }
        if *self.headline == Headline::NoSpeech {
            painter.hline(center.x - radius * 0.5..=center.x + radius * 0.5, center.y, Stroke::new(2.0, self.colours.weak));
        }
    }

    fn hold_mark(&self, painter: &Painter, left_center: Pos2) {
        let text = painter.layout_no_wrap("HOLD".to_owned(), FontId::proportional(11.0), self.colours.on_accent);
        let rect = Rect::from_min_size(left_center - vec2(0.0, 8.0), vec2(text.size().x + 12.0, 16.0));
        painter.rect_filled(rect, 4.0, self.colours.accent);
        painter.galley(rect.center() - text.size() / 2.0, text, self.colours.on_accent);
    }

    fn bars(&self, painter: &Painter, rect: Rect, probabilities: &Probabilities) {
        let row = rect.height() / Emotion::COUNT as f32;
        for (index, emotion) in Emotion::ALL.into_iter().enumerate() {
            let line = Rect::from_min_size(rect.min + vec2(0.0, row * index as f32), vec2(rect.width(), row));
            painter.extend(glyph::shapes(emotion, pos2(line.left() + 5.0, line.center().y), 4.5, self.colours.outline));
            let small = FontId::proportional(11.0);
            painter.text(
                pos2(line.left() + 15.0, line.center().y),
                Align2::LEFT_CENTER,
                emotion.name(),
                small.clone(),
                self.colours.text,
            );
            let share = probabilities.of(emotion);
            painter.text(line.right_center(), Align2::RIGHT_CENTER, percent(share), small, self.colours.text);
            let track = Rect::from_center_size(line.center(), vec2(0.0, 6.0))
                .with_min_x(line.left() + 60.0)
                .with_max_x(line.right() - 36.0);
            painter.rect_filled(track, 2.0, self.colours.button);
            let bar = track.with_max_x(egui::lerp(track.x_range(), share));
            painter.rect_filled(bar, 2.0, colours::of_emotion(emotion));
        }
    }

    /// The source of the meter: the track in its colour, if the host provides it.
    fn source(&self, ui: &mut Ui, painter: &Painter, meter: Rect) {
        let mut rect = Rect::from_min_size(meter.left_center() - vec2(0.0, METER_ABOVE), vec2(meter.width() - LEVEL_WIDTH, 13.0));
        if let Some(colour) = self.track.color() {
            let (red, green, blue, _) = colour.rgba();
            let mark = Rect::from_min_size(rect.min + vec2(0.0, 2.0), vec2(9.0, 9.0));
            painter.rect(mark, 2.0, Color32::from_rgb(red, green, blue), Stroke::new(1.0, self.colours.line), StrokeKind::Inside);
            rect.min.x = mark.right() + 4.0;
        }
        let name = if self.track.name().is_empty() { "Input" } else { self.track.name() };
        elided(ui, painter, rect, name, FontId::proportional(11.0), self.colours.weak);
    }

    fn meter(&self, painter: &Painter, rect: Rect) {
        let small = FontId::proportional(11.0);
        let top = rect.center().y - METER_ABOVE;
        let clipping = self.level.peak_db >= CLIPPING_DB;
        let ink = if clipping { self.colours.error } else { self.colours.text };
        painter.text(pos2(rect.right(), top), Align2::RIGHT_TOP, level_text(self.level.peak_db), small, ink);
        let track = Rect::from_min_size(pos2(rect.left(), top + 16.0), vec2(rect.width(), 9.0));
        painter.rect(track, 2.0, self.colours.plot, Stroke::new(1.0, self.colours.line), StrokeKind::Outside);
        let x = |db: f32| egui::remap_clamp(db, METER_FLOOR_DB..=0.0, track.x_range());
        let fill = if clipping { self.colours.error } else { self.colours.accent };
        painter.rect_filled(track.with_max_x(x(self.level.peak_db)), 2.0, fill.gamma_multiply(0.45));
        painter.rect_filled(track.with_max_x(x(self.level.rms_db)), 2.0, fill);
        if self.level.peak_db > METER_FLOOR_DB {
            painter.vline(x(self.level.peak_db), track.y_range(), Stroke::new(1.5, ink));
        }
        for db in [-60.0, -40.0, -20.0, 0.0] {
            let at = pos2(x(db), track.bottom() + 2.0);
            let align = match db {
                -60.0 => Align2::LEFT_TOP,
                0.0 => Align2::RIGHT_TOP,
                _ => Align2::CENTER_TOP,
            };
            painter.text(at, align, format!("{db:.0}"), FontId::proportional(9.5), self.colours.weak);
        }
    }
}

/// A level with its unit; silence has none.
fn level_text(db: f32) -> String {
    if db <= Level::FLOOR_DB { "silent".to_owned() } else { format!("{db:.1} dB peak") }
}

/// One line of text, truncated with "…" if it is too long; the whole text on hover.
pub(crate) fn elided(ui: &mut Ui, painter: &Painter, rect: Rect, text: &str, font: FontId, ink: Color32) {
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, ink);
    job.wrap = egui::text::TextWrapping::truncate_at_width(rect.width().max(0.0));
    let galley = painter.layout_job(job);
    let is_cut = galley.elided;
    let area = Rect::from_min_size(rect.min, galley.size());
    painter.galley(rect.min, galley, ink);
    if is_cut {
        ui.interact(area, ui.scope_id().with(("elided", text)), Sense::hover()).on_hover_text(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_not_a_number() {
        assert_eq!(level_text(Level::FLOOR_DB), "silent");
        assert_eq!(level_text(-12.34), "-12.3 dB peak");
    }
}
