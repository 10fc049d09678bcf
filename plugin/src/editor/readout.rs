//! The row above a lane: its name at the left, and at the right the values under the pointer, or otherwise the legend.

use egui::text::{LayoutJob, TextWrapping};
use egui::{FontId, Painter, Rect, Shape, pos2, vec2};
use moodline_core::{Emotion, Probabilities};
use moodline_engine::{GapReason, State};

use super::colours::Colours;
use super::columns::Column;
use super::glyph;
use super::headline::percent;
use super::lane::{crossed, no_speech_line, uncertain_bar};
use moodline_engine::display::time::clock_text;

/// Font size, points.
const SIZE: f32 = 11.5;
/// Space for the widest number, points.
const NARROWEST_TEXT: f32 = 34.0;

/// The legend includes "uncertain", "unfamiliar" and "no speech" from this width, points.
const WIDTH_WITH_STATES: f32 = 660.0;

/// Space for the values under the pointer, points.
pub(crate) const READOUT_WIDTH: f32 = 380.0;

/// The values under the pointer.
pub(crate) struct Readout<'a> {
    pub(crate) time_s: f64,
    pub(crate) n_decimals: usize,
    pub(crate) column: &'a Column,
    pub(crate) confidence: f32,
    /// Whether the next block will replace this result.
    pub(crate) is_provisional: bool,
}

/// Why there is no result for a stretch of time, in words.
pub(crate) const fn reason_text(reason: GapReason) -> &'static str {
    match reason {
        GapReason::Overrun => "audio came faster than it could be analysed",
        GapReason::Bypass => "bypassed",
        GapReason::Failure => "no model, or it failed",
        GapReason::NotFinite => "the audio held NaN or infinite samples",
    }
}

impl Readout<'_> {
    /// Paints into the right part of `row` and returns its left edge.
    pub(crate) fn paint(&self, painter: &Painter, row: Rect, colours: &Colours) -> f32 {
        let time = clock_text(self.time_s, self.n_decimals);
        let provisional = if self.is_provisional { " (provisional)" } else { "" };
        match &self.column.state {
            Some(State::Speech(probabilities)) => self.paint_speech(painter, row, colours, &time, probabilities, provisional),
            Some(State::Unfamiliar(_)) => {
                paint_text(painter, row, colours, &format!("{time}   unlike anything the model learned from{provisional}"))
            }
            Some(State::NoSpeech) => paint_text(painter, row, colours, &format!("{time}   no speech{provisional}")),
            Some(State::Gap(reason)) => paint_text(painter, row, colours, &format!("{time}   gap: {}", reason_text(*reason))),
            None => paint_text(painter, row, colours, &format!("{time}   nothing recorded")),
        }
    }

    fn paint_speech(
        &self,
        painter: &Painter,
        row: Rect,
        colours: &Colours,
        time: &str,
        probabilities: &Probabilities,
        provisional: &str,
    ) -> f32 {
        let left = paint_cells(painter, row, colours, |emotion| percent(probabilities.of(emotion)));
        let winner = probabilities.winner();
        let name = if probabilities.of(winner) >= self.confidence { winner.name() } else { "uncertain" };
        paint_text(painter, row.with_max_x(left - 10.0), colours, &format!("{time}   {name}{provisional}"))
    }
}

/// Paints the names of the four emotions and, if there is room, of the other states of a ribbon.
pub(crate) fn paint_legend(painter: &Painter, row: Rect, colours: &Colours) {
    let mut right = paint_cells(painter, row, colours, |emotion| emotion.name().to_owned()) - 12.0;
    if row.width() < WIDTH_WITH_STATES {
        return;
    }
    let filled = |part: Rect| vec![Shape::rect_filled(part, 0.0, colours.hatch)];
    for name in ["no speech", "unfamiliar", "uncertain"] {
        let text = painter.layout_no_wrap(name.to_owned(), FontId::proportional(SIZE), colours.text);
        let left = right - text.size().x;
        painter.galley(pos2(left, row.center().y - text.size().y / 2.0), text, colours.text);
        let swatch = Rect::from_center_size(pos2(left - 12.0, row.center().y), vec2(14.0, 9.0));
        painter.extend(match name {
            "no speech" => filled(no_speech_line(swatch)),
            "unfamiliar" => crossed(swatch, colours),
            _ => filled(uncertain_bar(swatch)),
        });
        right = left - 31.0;
    }
}

fn paint_cells(painter: &Painter, row: Rect, colours: &Colours, text: impl Fn(Emotion) -> String) -> f32 {
    let y = row.center().y;
    let mut right = row.right();
    for emotion in Emotion::ALL.into_iter().rev() {
        let text = painter.layout_no_wrap(text(emotion), FontId::proportional(SIZE), colours.text);
        // Numbers change while the pointer moves, but their cells keep their positions.
        let width = text.size().x.max(NARROWEST_TEXT);
        painter.galley(pos2(right - width, y - text.size().y / 2.0), text, colours.text);
        painter.extend(glyph::shapes(emotion, pos2(right - width - 10.0, y), 5.0, colours.outline));
        right -= width + 28.0;
    }
    right + 12.0
}

/// Paints one line at the right end of `row`, truncated if the row is too short, and returns its left edge.
fn paint_text(painter: &Painter, row: Rect, colours: &Colours, text: &str) -> f32 {
    if row.width() < NARROWEST_TEXT {
        return row.right();
    }
    let mut job = LayoutJob::simple_singleline(text.to_owned(), FontId::proportional(SIZE), colours.text);
    job.wrap = TextWrapping::truncate_at_width(row.width());
    let galley = painter.layout_job(job);
    let at = pos2(row.right() - galley.size().x, row.center().y - galley.size().y / 2.0);
    painter.galley(at, galley, colours.text);
    at.x
}
