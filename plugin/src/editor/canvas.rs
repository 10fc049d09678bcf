//! Maps a lane to the screen and caches its picture until something changes.

use egui::{Rect, Shape};
use moodline_core::VoiceWeights;

use super::columns::{Column, Grid};
use super::lane::LaneStyle;
use super::view::View;

/// The mapping between times and screen positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    pub(crate) left: f32,
    pub(crate) width: f32,
    pub(crate) grid: Grid,
}

impl Scale {
    /// The scale on which `view` covers the width of `rect`, with one column per pixel.
    pub(crate) fn new(view: &View, rect: Rect, pixels_per_point: f32) -> Self {
        let n = (rect.width() * pixels_per_point).round().max(1.0) as usize;
        Self { left: rect.left(), width: rect.width().max(1.0), grid: Grid::new(view.start_s, view.span_s, n) }
    }

    pub(crate) fn seconds_per_point(&self) -> f64 {
        (self.grid.end_s() - self.grid.start_s()) / f64::from(self.width)
    }

    pub(crate) fn x(&self, time_s: f64) -> f32 {
        self.left + ((time_s - self.grid.start_s()) / self.seconds_per_point()) as f32
    }

    pub(crate) fn time(&self, x: f32) -> f64 {
        self.grid.start_s() + f64::from(x - self.left) * self.seconds_per_point()
    }

    /// The number of the column at `x`, if there is one.
    pub(crate) fn column(&self, x: f32) -> Option<usize> {
        let position = (x - self.left) / self.width * self.grid.n as f32;
        (position >= 0.0 && (position as usize) < self.grid.n).then_some(position as usize)
    }
}

/// All inputs of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Subject {
    /// Identifies the data and its state.
    pub(crate) version: (u64, u64),
    pub(crate) grid: Grid,
    pub(crate) rect: Rect,
    pub(crate) style: LaneStyle,
    pub(crate) smoothing_s: f64,
    /// The weights by which the voice changes the answers.
    pub(crate) weights: VoiceWeights,
}

/// The cached picture of a lane.
#[derive(Default)]
pub(crate) struct Picture {
    subject: Option<Subject>,
    columns: Vec<Column>,
    shapes: Vec<Shape>,
}

impl Picture {
    /// Discards the picture, for a change that its subject does not reflect.
    pub(crate) fn forget(&mut self) {
        self.subject = None;
    }

    /// The shapes; if the subject changed, they are painted again by `paint` from `columns`.
    pub(crate) fn shapes(
        &mut self,
        subject: Subject,
        columns: impl FnOnce(&Grid) -> Vec<Column>,
        paint: impl FnOnce(&[Column], Rect, &LaneStyle) -> Vec<Shape>,
    ) -> &[Shape] {
        if self.subject != Some(subject) {
            self.columns = columns(&subject.grid);
            self.shapes = paint(&self.columns, subject.rect, &subject.style);
            self.subject = Some(subject);
        }
        &self.shapes
    }

    /// The column of the picture at `index`.
    pub(crate) fn column(&self, index: usize) -> Option<&Column> {
        self.columns.get(index)
    }
}

#[cfg(test)]
mod tests {
    use egui::{pos2, vec2};

    use super::*;
    use crate::editor::colours::Colours;
    use crate::session::TimelineStyle;

    #[test]
    fn times_and_places_belong_together() {
        let rect = Rect::from_min_size(pos2(8.0, 0.0), vec2(300.0, 10.0));
        let view = View { start_s: 30.0, span_s: 60.0, follow: false };
        let scale = Scale::new(&view, rect, 2.0);
        assert_eq!(scale.grid.n, 600);
        assert!((scale.x(60.0) - 158.0).abs() < 0.01);
        assert!((scale.time(158.0) - 60.0).abs() < 0.01);
        assert_eq!(scale.column(158.2), Some(300));
        assert_eq!((scale.column(7.0), scale.column(308.5)), (None, None));
    }

    #[test]
    fn a_picture_is_made_only_when_something_changed() {
        let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(100.0, 50.0));
        let view = View { start_s: 0.0, span_s: 10.0, follow: false };
        let scale = Scale::new(&view, rect, 1.0);
        let style = LaneStyle { colours: Colours::DARK, timeline: TimelineStyle::Areas, confidence: 0.4 };
        let mut picture = Picture::default();
        let mut n_made = 0;
        let mut show = |picture: &mut Picture, version, smoothing_s, rect| {
            let subject =
                Subject { version: (version, 0), grid: scale.grid, rect, style, smoothing_s, weights: VoiceWeights::default() };
            picture.shapes(
                subject,
                |_| Vec::new(),
                |_, _, _| {
                    n_made += 1;
                    Vec::new()
                },
            );
        };
        show(&mut picture, 1, 0.0, rect);
        show(&mut picture, 1, 0.0, rect);
        show(&mut picture, 2, 0.0, rect);
        show(&mut picture, 2, 1.0, rect);
        show(&mut picture, 2, 1.0, rect.translate(vec2(0.0, 1.0)));
        picture.forget();
        show(&mut picture, 2, 1.0, rect.translate(vec2(0.0, 1.0)));
        assert_eq!(n_made, 5);
    }
}
