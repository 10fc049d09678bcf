//! The confusion matrix as a picture: counts on the left, rows as percentages on the right.

use moodline_core::Emotion;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use crate::metrics::{Confusion, Report};
use crate::plot::{INK, PlotError, register_fonts, style};

const SIZE: (u32, u32) = (1000, 500);
/// The colour of 100 %; lighter ones are mixed with white.
const FULL: RGBColor = RGBColor(0x1f, 0x4e, 0x79);
/// Above this part of [`FULL`], white text is easier to read than dark.
const DARK: f64 = 0.5;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type DrawResult = Result<(), Box<dyn std::error::Error>>;

/// The confusion matrix of a report as SVG.
///
/// # Errors
/// [`PlotError`], for what the plotting library refuses.
pub fn confusion_svg(report: &Report, title: &str) -> Result<String, PlotError> {
    let mut svg = String::new();
    draw(report, title, &mut svg).map_err(|error| PlotError::new("the confusion matrix", &*error))?;
    Ok(svg)
}

fn draw(report: &Report, title: &str, svg: &mut String) -> DrawResult {
    register_fonts();
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let [low, high] = report.uar_interval;
    let figures = format!(
        "UAR {:.3} (95 % interval over speakers {low:.3} - {high:.3}), accuracy {:.3}, {} utterances",
        report.uar, report.accuracy, report.n
    );
    let (head, body) = root.split_vertically(70);
    head.draw_text(title, &style(20.0, &INK, HPos::Center), (500, 24))?;
    head.draw_text(&figures, &style(15.0, &INK, HPos::Center), (500, 50))?;
    let (left, right) = body.split_horizontally(500);
    matrix(&left, "utterances", &report.confusion, |count, _| count.to_string())?;
    matrix(&right, "per cent of the true class", &report.confusion, |_, part| format!("{:.1}", 100.0 * part))?;
    root.present()?;
    Ok(())
}

/// One matrix with its labels; `text` of a cell is made of its count and its part of the row.
fn matrix(area: &Area<'_>, title: &str, confusion: &Confusion, text: impl Fn(u64, f64) -> String) -> DrawResult {
    let (left, top, cell) = (95, 55, 88);
    let middle = |index: usize| cell * index as i32 + cell / 2;
    area.draw_text(title, &style(15.0, &INK, HPos::Center), (left + 2 * cell, 12))?;
    for emotion in Emotion::ALL {
        let at = middle(emotion.index());
        area.draw_text(&format!("found {emotion}"), &style(13.0, &INK, HPos::Center), (left + at, top - 14))?;
        area.draw_text(emotion.name(), &style(13.0, &INK, HPos::Right), (left - 8, top + at))?;
    }
    for (row, counts) in confusion.0.iter().enumerate() {
        let of_row: u64 = counts.iter().sum();
        for (column, &count) in counts.iter().enumerate() {
            let part = if of_row == 0 { 0.0 } else { count as f64 / of_row as f64 };
            let corner = (left + cell * column as i32, top + cell * row as i32);
            let rectangle = [corner, (corner.0 + cell - 2, corner.1 + cell - 2)];
            area.draw(&Rectangle::new(rectangle, shade(part).filled()))?;
            let ink = if part > DARK { &WHITE } else { &INK };
            area.draw_text(&text(count, part), &style(18.0, ink, HPos::Center), (left + middle(column), top + middle(row)))?;
        }
    }
    Ok(())
}

fn shade(part: f64) -> RGBColor {
    let mix = |full: u8| (255.0 + (f64::from(full) - 255.0) * (0.06 + 0.94 * part)) as u8;
    RGBColor(mix(FULL.0), mix(FULL.1), mix(FULL.2))
}
