//! Shapes and text in units that do not depend on the resolution.

use std::borrow::Cow;

use plotters::coord::Shift;
use plotters::prelude::{
    DrawingArea, DrawingAreaErrorKind, DrawingBackend, IntoTextStyle as _, PathElement, Polygon, Rectangle, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, RGBColor};

use super::fonts;

/// Distance between the lines of a hatching, units.
const HATCH_DISTANCE: f64 = 9.0;

pub(super) type Drawn<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// A drawing area with a scale.
pub(super) struct Canvas<'a, DB: DrawingBackend> {
    area: &'a DrawingArea<DB, Shift>,
    scale: f64,
    medium: Medium,
}

/// The output medium of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    /// Shapes and text, for which the viewer has fonts.
    Vector,
    /// Pixels, with this many per unit.
    Bitmap(u32),
}

impl Medium {
    const fn scale(self) -> u32 {
        match self {
            Self::Vector => 1,
            Self::Bitmap(scale) => scale,
        }
    }

    /// How far text is moved down, as a fraction of its size: the bitmap backend centres the text box, which has room for accents above the letters.
    const fn text_drop(self) -> f64 {
        match self {
            Self::Vector => 0.0,
            Self::Bitmap(_) => 0.12,
        }
    }
}

/// A rectangle: left, top, right, bottom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Frame {
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    pub(super) fn centre(&self) -> (f64, f64) {
        (f64::midpoint(self.left, self.right), f64::midpoint(self.top, self.bottom))
    }
}

/// Horizontal alignment of text relative to its point.
#[derive(Clone, Copy)]
pub(super) enum Align {
    Left,
    Centre,
    Right,
}

impl<'a, DB: DrawingBackend> Canvas<'a, DB> {
    pub(super) fn new(area: &'a DrawingArea<DB, Shift>, medium: Medium) -> Self {
        Self { area, scale: f64::from(medium.scale()), medium }
    }

    fn pixel(&self, (x, y): (f64, f64)) -> (i32, i32) {
        ((self.scale * x).round() as i32, (self.scale * y).round() as i32)
    }

    pub(super) fn fill(&self, color: RGBColor) -> Drawn<DB> {
        self.area.fill(&color)
    }

    pub(super) fn rectangle(&self, frame: Frame, color: RGBColor) -> Drawn<DB> {
        let corners = [self.pixel((frame.left, frame.top)), self.pixel((frame.right, frame.bottom))];
        self.area.draw(&Rectangle::new(corners, color.filled()))
    }

    pub(super) fn polygon(&self, points: &[(f64, f64)], color: RGBColor) -> Drawn<DB> {
        let pixels: Vec<(i32, i32)> = points.iter().map(|&point| self.pixel(point)).collect();
        self.area.draw(&Polygon::new(pixels, color.filled()))
    }

    pub(super) fn line(&self, from: (f64, f64), to: (f64, f64), color: RGBColor, opacity: f64) -> Drawn<DB> {
        let style = color.mix(opacity).stroke_width(self.scale as u32);
        self.area.draw(&PathElement::new(vec![self.pixel(from), self.pixel(to)], style))
    }

    /// A light background with oblique lines.
    pub(super) fn hatching(&self, frame: Frame, ground: RGBColor, lines: RGBColor) -> Drawn<DB> {
        self.rectangle(frame, ground)?;
        // Lines of constant x + y, on a grid for the whole picture so that neighbours join.
        let first = ((frame.left + frame.top) / HATCH_DISTANCE).ceil() as i64;
        let last = ((frame.right + frame.bottom) / HATCH_DISTANCE).floor() as i64;
        for index in first..=last {
            let sum = index as f64 * HATCH_DISTANCE;
            let lower_left = ((sum - frame.bottom).max(frame.left), (sum - frame.left).min(frame.bottom));
            let upper_right = ((sum - frame.top).min(frame.right), (sum - frame.right).max(frame.top));
            self.line(lower_left, upper_right, lines, 1.0)?;
        }
        Ok(())
    }

    /// Text, vertically centred on `at`.
    pub(super) fn text(&self, text: &str, at: (f64, f64), size: f64, color: RGBColor, align: Align) -> Drawn<DB> {
        let horizontal = match align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        let (family, text) = match self.medium {
            Medium::Vector => (fonts::FAMILY, Cow::Borrowed(text)),
            Medium::Bitmap(_) => fonts::of(text),
        };
        let style = (family, self.scale * size).into_text_style(self.area).color(&color).pos(Pos::new(horizontal, VPos::Center));
        let at = self.pixel((at.0, at.1 + self.medium.text_drop() * size));
        self.area.draw(&Text::new(text.into_owned(), at, style))
    }
}
