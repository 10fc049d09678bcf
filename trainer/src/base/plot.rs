//! Figures of the trainer: a [`Figure`] is data plus a drawing, so each figure has its table.
//!
//! In: values computed elsewhere. Out: SVG, and the same numbers as a [`Table`]. Nothing here computes results. A figure uses only the colours of
//! this module, so that a page can replace ink, grid and paper for a dark theme ([`THEMED`]).

use std::sync::OnceLock;

use moodline_core::Emotion;
use moodline_engine::display::palette;
use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};

use crate::base::table::Table;

mod bars;
mod histogram;
mod lines;
mod matrix;
mod scatter;

pub(crate) use bars::counted;
pub use bars::{Bar, Bars, Reference};
pub(crate) use histogram::{class_columns, histogram};
pub use lines::{Guide, Line, LinePanel, Lines};
pub(crate) use matrix::Grid;
pub use matrix::{Matrix, MatrixCell};
pub use scatter::{Point, Scatter, ScatterPanel};

/// Dark grey: softer than black, with the contrast of black.
pub(crate) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
/// Secondary text, which must not compete with the data.
pub(crate) const MUTED: RGBColor = RGBColor(0x66, 0x66, 0x66);
/// Grid lines.
pub(crate) const GRID: RGBColor = RGBColor(0xE2, 0xE2, 0xE2);
/// Background.
pub(crate) const PAPER: RGBColor = WHITE;

/// Colours that a page with a dark theme replaces, with the name of the variable for each.
pub const THEMED: [(RGBColor, &str); 4] = [(INK, "--ink"), (MUTED, "--muted"), (GRID, "--grid"), (PAPER, "--paper")];

/// Colours of series, in the order of assignment; they are distinguishable with any type of colour vision, on white and on black.
///
/// # Source
/// M. Okabe and K. Ito, "Color Universal Design", 2008, without black and yellow.
pub const SERIES: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0xE6, 0x9F, 0x00),
];

/// The colour of a cell with the largest value; lighter ones are mixed with white.
const FULL: RGBColor = RGBColor(0x1f, 0x4e, 0x79);

const FONT: &str = "Ubuntu, DejaVu Sans, sans-serif";

/// The attribute in front of a text size in a figure.
const FONT_SIZE: &str = " font-size=\"";

/// Text sizes, px.
pub(crate) const TITLE: f64 = 17.0;
pub(crate) const TEXT: f64 = 13.0;
pub(crate) const SMALL: f64 = 12.0;

pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(crate) type DrawResult = Result<(), Box<dyn std::error::Error>>;

/// A figure that could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw {what}: {reason}")]
pub struct PlotError {
    what: String,
    reason: String,
}

impl PlotError {
    pub(crate) fn new(what: impl Into<String>, error: &dyn std::error::Error) -> Self {
        Self { what: what.into(), reason: error.to_string() }
    }
}

/// Numbers that can be drawn.
pub trait Figure {
    /// A short title; for errors and as alternative text.
    fn title(&self) -> String;

    /// Width and height, px.
    fn size(&self) -> (u32, u32);

    /// All numbers in the figure.
    fn table(&self) -> Table;

    /// Draws on `area`, which has [`Figure::size`].
    ///
    /// # Errors
    /// Errors of the plotting library.
    #[doc(hidden)]
    fn draw(&self, area: &Area<'_>) -> DrawResult;

    /// The figure as SVG.
    ///
    /// # Errors
    /// [`PlotError`] if the plotting library fails.
    fn svg(&self) -> Result<String, PlotError> {
        register_fonts();
        let mut svg = String::new();
        let mut draw = || -> DrawResult {
            let area = SVGBackend::with_string(&mut svg, self.size()).into_drawing_area();
            area.fill(&PAPER)?;
            self.draw(&area)?;
            area.present()?;
            Ok(())
        };
        draw().map_err(|error| PlotError::new(self.title(), &*error))?;
        // The library escapes markup, but control characters, which may occur in names from files, are not valid XML.
        Ok(without_defaults(&svg).replace(|c: char| c.is_control() && c != '\n' && c != '\t', "\u{FFFD}"))
    }
}

/// Removes attributes that the plotting library repeats in every element: defaults of SVG, and the font, which is set once.
fn without_defaults(svg: &str) -> String {
    let font = format!(" font-family=\"{FONT}\"");
    let repeated = [" opacity=\"1\"", " stroke=\"none\"", " stroke-width=\"1\"", " text-anchor=\"start\"", &font];
    // Text contains no quotation marks, because the library escapes them.
    let short = repeated.iter().fold(svg.to_owned(), |svg, attribute| svg.replace(attribute, ""));
    let mut parts = short.split(FONT_SIZE);
    let mut out = parts.next().unwrap_or_default().replacen("<svg", &format!("<svg{font}"), 1);
    for part in parts {
        let (size, rest) = part.split_once('"').unwrap_or((part, ""));
        let size = size.parse::<f64>().map_or_else(|_| size.to_owned(), |size| ((size * 100.0).round() / 100.0).to_string());
        out += &format!("{FONT_SIZE}{size}\"{rest}");
    }
    out
}

/// The colour of series `index`, repeating after the last.
#[must_use]
pub fn series(index: usize) -> RGBColor {
    SERIES[index % SERIES.len()]
}

/// The colour of an emotion.
pub(crate) fn emotion_colour(emotion: Emotion) -> RGBColor {
    let [red, green, blue] = palette::rgb(emotion);
    RGBColor(red, green, blue)
}

/// A text style that is centred vertically on its point.
pub(crate) fn style(size: f64, colour: &RGBColor, horizontal: HPos) -> TextStyle<'static> {
    (FONT, size).into_font().color(colour).pos(Pos::new(horizontal, VPos::Center))
}

/// Width of text in the widest common fallback for [`FONT`], DejaVu Sans (3 to 6 % more), relative to the font used for measuring.
const WIDEST_FONT: f64 = 1.08;

/// Width of `text` in the widest font that may be used for it, px.
pub(crate) fn text_width(text: &str, size: f64) -> i32 {
    register_fonts();
    let measured = (FONT, size).into_font().layout_box(text);
    // The library cannot measure text without its font; the average width of letters is half of their height.
    let width = measured.map_or(text.chars().count() as f64 * size / 2.0, |((left, _), (right, _))| f64::from(right - left));
    (width * WIDEST_FONT).ceil() as i32
}

/// `text`, or its beginning with an ellipsis if it is wider than `width` px.
pub(crate) fn fitted(text: &str, size: f64, width: i32) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut kept: Vec<char> = text.chars().collect();
    while kept.pop().is_some() {
        let shorter: String = kept.iter().collect::<String>() + "…";
        if text_width(&shorter, size) <= width {
            return shorter;
        }
    }
    String::new()
}

/// About `n` ticks at most, at round numbers that cover `low..high`, and the decimals they need.
pub(crate) fn ticks(low: f64, high: f64, n: usize) -> (Vec<f64>, usize) {
    let rough = (high - low).max(f64::MIN_POSITIVE) / n.max(1) as f64;
    let decade = 10.0_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|factor| factor * decade).find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * decade);
    let decimals = (0..9).find(|&decimals| is_whole(step * 10.0_f64.powi(decimals))).unwrap_or(9);
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    ((first..=last).map(|index| index as f64 * step).collect(), decimals as usize)
}

fn is_whole(value: f64) -> bool {
    (value - value.round()).abs() < 1e-6
}

/// The smallest range that contains all finite values, or `fallback` if there are none.
pub(crate) fn range_of(values: impl IntoIterator<Item = f64>, fallback: [f64; 2]) -> [f64; 2] {
    let finite = values.into_iter().filter(|value| value.is_finite());
    let [low, high] = finite.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)]);
    if low <= high { [low, high] } else { fallback }
}

/// The colour of a matrix cell with this value, 0..=1.
pub(crate) fn shade(part: f64) -> RGBColor {
    let mix = |full: u8| (255.0 + (f64::from(full) - 255.0) * (0.06 + 0.94 * part.clamp(0.0, 1.0))) as u8;
    RGBColor(mix(FULL.0), mix(FULL.1), mix(FULL.2))
}

/// Registers the font with which the plotting library measures text; the figure only contains font names.
pub(crate) fn register_fonts() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        // If the font cannot be read, this becomes apparent when text is first measured.
        let _ = register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
    });
}

/// A dashed path.
pub(crate) fn dashed(points: Vec<(i32, i32)>, stroke: ShapeStyle) -> DashedPathElement<std::vec::IntoIter<(i32, i32)>, i32> {
    DashedPathElement::new(points, 5, 4, stroke)
}

/// Converts a pixel of the figure to one of `area`.
pub(crate) fn local(area: &Area<'_>, (x, y): (i32, i32)) -> (i32, i32) {
    let (left, top) = area.get_base_pixel();
    (x - left, y - top)
}

/// The scale of the x axis of a [`Field`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum XScale {
    /// Real numbers.
    Linear,
    /// Integers: there are no ticks between them.
    Whole,
    /// Numbers above 0 on a logarithmic scale.
    Logarithmic,
}

/// A rectangular field with a scale on each side, in pixels of its area; used by [`lines`], [`scatter`] and others.
pub(crate) struct Field {
    /// Left, top, right and bottom edge, px.
    pub(crate) edges: [i32; 4],
    x: [f64; 2],
    y: [f64; 2],
    x_scale: XScale,
}

impl Field {
    /// A field with these ranges, which must not be empty; with a logarithmic scale, x must be above 0.
    pub(crate) fn new(edges: [i32; 4], x: [f64; 2], y: [f64; 2], x_scale: XScale) -> Self {
        Self { edges, x, y, x_scale }
    }

    /// The position of a value, px.
    pub(crate) fn at(&self, x: f64, y: f64) -> (i32, i32) {
        let [left, top, right, bottom] = self.edges.map(f64::from);
        let scale = |value: f64| if self.x_scale == XScale::Logarithmic { value.log10() } else { value };
        let [from, to] = self.x.map(scale);
        let along = (scale(x) - from) / (to - from);
        let up = (y - self.y[0]) / (self.y[1] - self.y[0]);
        ((left + along * (right - left)).round() as i32, (bottom - up * (bottom - top)).round() as i32)
    }

    /// Draws grid, scales and axis labels.
    pub(crate) fn draw_axes(&self, area: &Area<'_>, x_label: &str, y_label: &str) -> DrawResult {
        let [left, top, right, bottom] = self.edges;
        let (y_ticks, decimals) = ticks(self.y[0], self.y[1], ((bottom - top) / 38).max(3) as usize);
        for y in y_ticks {
            let (_, at) = self.at(self.x[0], y);
            area.draw(&PathElement::new(vec![(left, at), (right, at)], GRID))?;
            area.draw_text(&format!("{y:.decimals$}"), &style(SMALL, &MUTED, HPos::Right), (left - 6, at))?;
        }
        for (x, text) in self.x_ticks() {
            let (at, _) = self.at(x, self.y[0]);
            area.draw(&PathElement::new(vec![(at, bottom), (at, bottom + 4)], MUTED))?;
            area.draw_text(&text, &style(SMALL, &MUTED, HPos::Center), (at, bottom + 13))?;
        }
        area.draw(&PathElement::new(vec![(left, bottom), (right, bottom)], MUTED))?;
        area.draw_text(x_label, &style(TEXT, &INK, HPos::Center), (i32::midpoint(left, right), bottom + 31))?;
        area.draw_text(y_label, &style(TEXT, &INK, HPos::Left), (left, top - 12))?;
        Ok(())
    }

    fn x_ticks(&self) -> Vec<(f64, String)> {
        let [low, high] = self.x;
        if self.x_scale != XScale::Logarithmic {
            let (mut ticks, mut decimals) = ticks(low, high, ((self.edges[2] - self.edges[0]) / 55) as usize);
            if self.x_scale == XScale::Whole {
                ticks.retain(|x| is_whole(*x));
                decimals = 0;
            }
            return ticks.into_iter().map(|x| (x, format!("{x:.decimals$}"))).collect();
        }
        let decades = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
        let steps: &[f64] = if high / low > 300.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let marks = decades.flat_map(|decade| steps.iter().map(move |step| step * 10.0_f64.powi(decade)));
        marks.filter(|x| (low * 0.999..=high * 1.001).contains(x)).map(|x| (x, short(x))).collect()
    }
}

/// A number in short form: 1500 as 1.5k.
pub(crate) fn short(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        v if v >= 1e6 => (value / 1e6, "M"),
        v if v >= 1e3 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let decimals = if scaled.abs() >= 100.0 || is_whole(scaled) {
        0
    } else if is_whole(10.0 * scaled) || scaled.abs() >= 10.0 {
        1
    } else if is_whole(100.0 * scaled) || scaled.abs() >= 1.0 {
        2
    } else if is_whole(1000.0 * scaled) {
        3
    } else {
        4
    };
    format!("{scaled:.decimals$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within_the_range() {
        assert_eq!(ticks(0.0, 1.0, 5), (vec![0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0], 1));
        assert_eq!(ticks(1.0, 30.0, 6).0, [5.0, 10.0, 15.0, 20.0, 25.0, 30.0]);
        let (found, decimals) = ticks(0.612, 0.748, 4);
        assert_eq!(decimals, 2);
        assert!(found.iter().all(|tick| (0.612..=0.748).contains(tick)) && found.len() >= 2, "{found:?}");
    }

    #[test]
    fn a_picture_says_once_what_is_the_same_everywhere() {
        let long = format!(
            "<svg width=\"9\">\n<text x=\"1\" text-anchor=\"start\" font-family=\"{FONT}\" font-size=\"13.709677419354838\" opacity=\"1\" \
             fill=\"#222222\">\na &quot; b\n</text>\n<circle r=\"5\" opacity=\"0.5\" stroke=\"none\" stroke-width=\"1\"/>\n</svg>"
        );
        let short = format!(
            "<svg font-family=\"{FONT}\" width=\"9\">\n<text x=\"1\" font-size=\"13.71\" fill=\"#222222\">\na &quot; b\n</text>\n\
             <circle r=\"5\" opacity=\"0.5\"/>\n</svg>"
        );
        assert_eq!(without_defaults(&long), short);
        assert_eq!(without_defaults(&short.replace(&format!(" font-family=\"{FONT}\""), "")), short);
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (1012.0, "1.01k"),
            (0.25, "0.25"),
            (22_404.0, "22.4k"),
            (2e6, "2M"),
            (5.0, "5"),
            (713_000.0, "713k"),
            (0.005, "0.005"),
        ] {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn text_that_is_too_wide_is_cut_and_says_so() {
        assert_eq!(fitted("short", TEXT, 200), "short");
        let cut = fitted(&"long ".repeat(100), TEXT, 200);
        assert!(cut.ends_with('…') && text_width(&cut, TEXT) <= 200, "{cut}");
    }
}
