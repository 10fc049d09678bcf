//! A lane of the timeline as shapes: a ribbon that names the emotion, and below it the four probabilities as stacked areas or lines.
//!
//! In: columns of one pixel. Out: shapes, which are cached until something changes, so that an unchanged frame costs nothing.

use egui::{Color32, Mesh, Pos2, Rect, Shape, Stroke, pos2, vec2};
use moodline_core::{Emotion, Probabilities};
use moodline_engine::State;

use super::colours::{self, Colours};
use super::columns::{Column, runs, runs_by};
use super::glyph;
use crate::session::TimelineStyle;

/// Height of the ribbon, points.
pub(crate) const RIBBON: f32 = 12.0;
/// Lanes of a smaller height have no ribbon, points.
const SMALLEST_WITH_RIBBON: f32 = 44.0;
/// Distance between the stripes of a gap, points.
const STRIPES: f32 = 7.0;
/// Radius of the symbol at the end of a line, points.
const LINE_END: f32 = 5.0;

/// How a lane is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LaneStyle {
    pub(crate) colours: Colours,
    pub(crate) timeline: TimelineStyle,
    /// Probability below which the ribbon shows "uncertain".
    pub(crate) confidence: f32,
}

/// What the ribbon shows for a column.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ribbon {
    /// A full-height bar.
    Emotion(Emotion),
    /// A half-height bar.
    Uncertain,
    /// Crossed lines.
    Unfamiliar,
    /// A line.
    NoSpeech,
    Nothing,
}

/// The lane of `columns`, filling the width of `rect`.
pub(crate) fn shapes(columns: &[Column], rect: Rect, style: &LaneStyle) -> Vec<Shape> {
    if columns.is_empty() || !rect.is_positive() {
        return Vec::new();
    }
    let has_ribbon = rect.height() >= SMALLEST_WITH_RIBBON;
    let (ribbon, plot) = rect.split_top_bottom_at_y(rect.top() + if has_ribbon { RIBBON + 2.0 } else { 0.0 });
    let painter = LanePainter { rect: plot, column: rect.width() / columns.len() as f32, style };
    let mut shapes = painter.grounds(columns);
    match style.timeline {
        TimelineStyle::Areas => shapes.push(painter.areas(columns)),
        TimelineStyle::Lines => shapes.extend(painter.lines(columns)),
    }
    shapes.extend(painter.gap_marks(columns));
    if has_ribbon {
        let ribbon = ribbon.with_max_y(ribbon.top() + RIBBON);
        shapes.extend(LanePainter { rect: ribbon, ..painter }.ribbon(columns));
    }
    shapes
}

/// Low bars in the colour of the most probable emotion, for the overview.
pub(crate) fn overview_shapes(columns: &[Column], rect: Rect, style: &LaneStyle) -> Vec<Shape> {
    if columns.is_empty() || !rect.is_positive() {
        return Vec::new();
    }
    let painter = LanePainter { rect, column: rect.width() / columns.len() as f32, style };
    let mut shapes = painter.grounds(columns);
    shapes.push(painter.areas(columns));
    shapes.extend(painter.gap_marks(columns));
    shapes
}

/// Overlay for the part of a lane that the next block will replace: dimmed, striped, with a dashed border at its start.
pub(crate) fn provisional_shapes(rect: Rect, style: &LaneStyle) -> Vec<Shape> {
    let veil = Shape::rect_filled(rect, 0.0, style.colours.plot.gamma_multiply(0.4));
    let dark = Stroke::new(1.2, style.colours.plot.gamma_multiply(0.8));
    let border = Shape::dashed_line(&[rect.left_top(), rect.left_bottom()], Stroke::new(1.0, style.colours.text), 3.0, 3.0);
    std::iter::once(veil).chain(stripes(rect, dark)).chain(border).collect()
}

/// The emotions from the bottom up: the first one is on top, as in the command's pictures.
fn from_bottom() -> impl Iterator<Item = Emotion> {
    Emotion::ALL.into_iter().rev()
}

#[derive(Clone, Copy)]
struct LanePainter<'a> {
    rect: Rect,
    /// Width of a column, points.
    column: f32,
    style: &'a LaneStyle,
}

impl LanePainter<'_> {
    /// The part of the rectangle covered by `n` columns starting at `first`.
    fn part(&self, first: usize, n: usize) -> Rect {
        let x = self.rect.left() + first as f32 * self.column;
        Rect::from_min_size(pos2(x, self.rect.top()), vec2(n as f32 * self.column, self.rect.height()))
    }

    /// The background of silence and gaps.
    fn grounds(&self, columns: &[Column]) -> Vec<Shape> {
        let colours = &self.style.colours;
        let mut mesh = Mesh::default();
        let mut shapes = Vec::new();
        for (first, n, kind) in runs_by(columns, |column| column.state.map(|state| std::mem::discriminant(&state))) {
            let part = self.part(first, n);
            match kind.state {
                Some(State::NoSpeech) => {
                    mesh.add_colored_rect(part, colours.line.gamma_multiply(0.35));
                    mesh.add_colored_rect(no_speech_line(part), colours.hatch);
                }
                Some(State::Gap(_)) => {
                    mesh.add_colored_rect(part, colours.line.gamma_multiply(0.5));
                    shapes.extend(stripes(part, Stroke::new(1.2, colours.hatch)));
                }
                Some(State::Unfamiliar(_)) => {
                    mesh.add_colored_rect(part, colours.line.gamma_multiply(0.35));
                    shapes.extend(crossed(part, colours));
                }
                Some(State::Speech(_)) | None => {}
            }
        }
        shapes.insert(0, Shape::mesh(mesh));
        shapes
    }

    fn areas(&self, columns: &[Column]) -> Shape {
        let mut mesh = Mesh::default();
        let border = Color32::from_black_alpha(70);
        for (first, n, column) in runs(columns) {
            let Some(probabilities) = probabilities(column) else { continue };
            let part = self.part(first, n);
            let mut bottom = part.bottom();
            for emotion in from_bottom() {
                let top = (bottom - probabilities.of(emotion) * part.height()).max(part.top());
                let area = Rect::from_x_y_ranges(part.x_range(), top..=bottom);
                mesh.add_colored_rect(area, colours::of_emotion(emotion));
                // Borders between columns that all differ would be noise.
                if area.height() > 2.0 && n > 1 {
                    mesh.add_colored_rect(area.with_max_y(top + 0.75), border);
                }
                bottom = top;
            }
        }
        Shape::mesh(mesh)
    }

    fn lines(&self, columns: &[Column]) -> Vec<Shape> {
        let mut shapes = Vec::new();
        let mut index = 0;
        for speech in columns.chunk_by(|a, b| is_speech(a) == is_speech(b)) {
            if is_speech(&speech[0]) {
                let case = Stroke::new(3.0, self.style.colours.outline.gamma_multiply(0.8));
                for emotion in from_bottom() {
                    let points = self.line(index, speech, emotion);
                    shapes.push(Shape::line(points.clone(), case));
                    shapes.push(Shape::line(points, Stroke::new(1.8, colours::of_emotion(emotion))));
                }
                shapes.extend(self.line_ends(index, speech));
            }
            index += speech.len();
        }
        shapes
    }

    /// The symbols of the emotions at the ends of their lines, where there is room.
    fn line_ends(&self, first: usize, columns: &[Column]) -> Vec<Shape> {
        let end = self.part(first + columns.len() - 1, 1).right();
        if columns.len() as f32 * self.column < 8.0 * LINE_END {
            return Vec::new();
        }
        let Some(last) = columns.last().and_then(probabilities) else { return Vec::new() };
        let inner = self.rect.shrink2(vec2(0.0, LINE_END + 1.0));
        let shape = |emotion: Emotion| {
            let at = pos2(end - LINE_END - 2.0, inner.bottom() - last.of(emotion) * inner.height());
            glyph::shapes(emotion, at, LINE_END, self.style.colours.outline)
        };
        from_bottom().flat_map(shape).collect()
    }

    /// A line with a step where the value changes.
    fn line(&self, first: usize, columns: &[Column], emotion: Emotion) -> Vec<Pos2> {
        let mut points = Vec::new();
        for (start, n, column) in runs(columns) {
            let value = probabilities(column).map_or(0.0, |probabilities| probabilities.of(emotion));
            let part = self.part(first + start, n);
            let inner = self.rect.shrink2(vec2(0.0, 1.5));
            let y = inner.bottom() - value * inner.height();
            points.push(pos2(part.left(), y));
            if n > 1 {
                points.push(pos2(part.right(), y));
            }
        }
        points
    }

    /// A hairline where a gap is too short to be hatched.
    fn gap_marks(&self, columns: &[Column]) -> Option<Shape> {
        let mut mesh = Mesh::default();
        for (first, n, column) in runs_by(columns, |column| column.gap.is_some() && !matches!(column.state, Some(State::Gap(_))))
        {
            if column.gap.is_some() && !matches!(column.state, Some(State::Gap(_))) {
                let mark = self.part(first, n);
                mesh.add_colored_rect(mark, self.style.colours.plot);
                mesh.add_colored_rect(mark.with_max_y(mark.top() + 4.0), self.style.colours.hatch);
            }
        }
        (!mesh.is_empty()).then(|| Shape::mesh(mesh))
    }

    fn ribbon(&self, columns: &[Column]) -> Vec<Shape> {
        let mut mesh = Mesh::default();
        let mut glyphs = Vec::new();
        for (first, n, column) in runs_by(columns, |column| self.shown(column)) {
            let part = self.part(first, n);
            match self.shown(column) {
                Ribbon::Emotion(emotion) => {
                    mesh.add_colored_rect(part, colours::of_emotion(emotion));
                    if part.width() >= RIBBON + 6.0 {
                        let ink = colours::ink_on(emotion);
                        glyphs.extend(glyph::shapes(emotion, part.center(), RIBBON * 0.42, ink));
                    }
                }
                Ribbon::Uncertain => {
                    mesh.add_colored_rect(uncertain_bar(part), self.style.colours.hatch);
                    if part.width() >= RIBBON + 6.0 {
                        glyphs.extend(glyph::question(part.center(), RIBBON * 0.42, &self.style.colours));
                    }
                }
                Ribbon::Unfamiliar => glyphs.extend(crossed(part, &self.style.colours)),
                Ribbon::NoSpeech => mesh.add_colored_rect(no_speech_line(part), self.style.colours.hatch),
                Ribbon::Nothing => {}
            }
        }
        std::iter::once(Shape::mesh(mesh)).chain(glyphs).collect()
    }

    fn shown(&self, column: &Column) -> Ribbon {
        match &column.state {
            Some(State::Speech(probabilities)) => {
                let winner = probabilities.winner();
                if probabilities.of(winner) >= self.style.confidence { Ribbon::Emotion(winner) } else { Ribbon::Uncertain }
            }
            Some(State::Unfamiliar(_)) => Ribbon::Unfamiliar,
            Some(State::NoSpeech) => Ribbon::NoSpeech,
            Some(State::Gap(_)) | None => Ribbon::Nothing,
        }
    }
}

/// The bar that shows "uncertain" within `part` of a ribbon or legend: half as high as an emotion's, so that it needs no colour.
pub(crate) fn uncertain_bar(part: Rect) -> Rect {
    part.with_min_y(part.center().y)
}

/// The line that shows "no speech" within `part`.
pub(crate) fn no_speech_line(part: Rect) -> Rect {
    Rect::from_center_size(part.center(), vec2(part.width(), 1.5))
}

const fn probabilities(column: &Column) -> Option<&Probabilities> {
    match &column.state {
        Some(State::Speech(probabilities)) => Some(probabilities),
        _ => None,
    }
}

const fn is_speech(column: &Column) -> bool {
    probabilities(column).is_some()
}

/// The lines that show "unfamiliar" within `part`: crossed, to differ from those of a gap.
pub(crate) fn crossed(part: Rect, colours: &Colours) -> Vec<Shape> {
    let stroke = Stroke::new(1.0, colours.hatch);
    let mirror = |at: Pos2| pos2(at.x, part.top() + part.bottom() - at.y);
    let there = stripes(part, stroke);
    let back = there.iter().filter_map(|shape| match shape {
        Shape::LineSegment { points: [from, to], stroke } => Some(Shape::line_segment([mirror(*from), mirror(*to)], *stroke)),
        _ => None,
    });
    let back: Vec<Shape> = back.collect();
    there.into_iter().chain(back).collect()
}

/// Slanted lines that fill `rect`, on one grid for the whole screen so that neighbouring gaps join.
pub(crate) fn stripes(rect: Rect, stroke: Stroke) -> Vec<Shape> {
    let height = rect.height();
    let first = ((rect.left() - height) / STRIPES).floor() as i32;
    let last = (rect.right() / STRIPES).ceil() as i32;
    let stripe = |index: i32| {
        // From `foot` at the bottom up to the right.
        let foot = index as f32 * STRIPES;
        let (from, to) = (foot.max(rect.left()), (foot + height).min(rect.right()));
        let at = |x: f32| pos2(x, rect.bottom() - (x - foot));
        (from < to).then(|| Shape::line_segment([at(from), at(to)], stroke))
    };
    (first..=last).filter_map(stripe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripes_stay_inside() {
        let rect = Rect::from_min_max(pos2(33.0, 10.0), pos2(71.0, 90.0));
        let stripes = stripes(rect, Stroke::new(1.0, Color32::WHITE));
        assert!(stripes.len() > 10);
        for shape in stripes.into_iter().chain(crossed(rect, &Colours::DARK)) {
            let Shape::LineSegment { points, .. } = shape else { panic!("a line") };
            for point in points {
                assert!(rect.expand(0.01).contains(point), "{point:?}");
            }
        }
    }

    #[test]
    fn uncertain_and_no_speech_are_told_from_an_emotion_by_their_heights() {
        let speech = |four| Column { state: Some(State::Speech(Probabilities::new(four).unwrap())), gap: None };
        let neutral = speech([0.1, 0.1, 0.1, 0.7]);
        let uncertain = speech([0.2, 0.2, 0.2, 0.4]);
        let silence = Column { state: Some(State::NoSpeech), gap: None };
        let style = LaneStyle { colours: Colours::DARK, timeline: TimelineStyle::Areas, confidence: 0.5 };
        let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(3.0, RIBBON));
        let painter = LanePainter { rect, column: 1.0, style: &style };
        let Shape::Mesh(mesh) = painter.ribbon(&[neutral, uncertain, silence]).swap_remove(0) else { panic!("a mesh") };
        let heights: Vec<f32> = mesh.vertices.chunks(4).map(|quad| quad[3].pos.y - quad[0].pos.y).collect();
        assert_eq!(heights, [RIBBON, RIBBON / 2.0, 1.5]);
        let answer = Probabilities::new([0.1, 0.1, 0.1, 0.7]).unwrap();
        let unfamiliar = Column { state: Some(State::Unfamiliar(answer)), gap: None };
        let shapes = LanePainter { column: 30.0, ..painter }.ribbon(&[unfamiliar]);
        let slopes = shapes.iter().filter_map(|shape| match shape {
            Shape::LineSegment { points: [from, to], .. } => Some((to.y - from.y).signum()),
            _ => None,
        });
        let n_down: (usize, usize) =
            slopes.fold((0, 0), |(up, down), slope| if slope < 0.0 { (up + 1, down) } else { (up, down + 1) });
        assert!(n_down.0 > 2 && n_down.0 == n_down.1, "crossed: {n_down:?}");
    }

    #[test]
    fn areas_fill_the_height_of_speech_and_nothing_else() {
        let speech = Column { state: Some(State::Speech(Probabilities::new([0.1, 0.2, 0.3, 0.4]).unwrap())), gap: None };
        let empty = Column { state: None, gap: None };
        let style = LaneStyle { colours: Colours::DARK, timeline: TimelineStyle::Areas, confidence: 0.0 };
        let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(4.0, 100.0));
        let painter = LanePainter { rect, column: 1.0, style: &style };
        let Shape::Mesh(mesh) = painter.areas(&[empty, speech, speech, empty]) else { panic!("a mesh") };
        assert_eq!(mesh.calc_bounds(), Rect::from_min_max(pos2(1.0, 0.0), pos2(3.0, 100.0)));
        // Down the middle of the speech: the last colour painted at each height is the area's, angry on top.
        for (y, emotion) in [(5.0, Emotion::Angry), (20.0, Emotion::Happy), (45.0, Emotion::Sad), (80.0, Emotion::Neutral)] {
            let quad = mesh.vertices.chunks(4).rfind(|quad| quad[0].pos.y <= y && y <= quad[3].pos.y).unwrap();
            assert_eq!(quad[0].color, colours::of_emotion(emotion), "{emotion}");
        }
    }
}
