//! A corpus as a row of small charts: classes, durations, levels, bandwidths.

use moodline_core::Emotion;
use moodline_engine::palette;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::{Measured, Statistics};
use crate::plot::{INK, PlotError, register_fonts, style};

const COLUMN: u32 = 300;
const ROW: u32 = 230;
const HEAD: u32 = 34;
const N_BINS: usize = 30;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type DrawResult = Result<(), Box<dyn std::error::Error>>;

/// What a histogram shows.
struct Quantity {
    title: &'static str,
    of: fn(&Measured) -> f64,
    silent_too: bool,
}

const QUANTITIES: [Quantity; 3] = [
    Quantity { title: "duration, s", of: |measured| measured.duration_s, silent_too: true },
    Quantity { title: "level, dBFS", of: |measured| measured.level_db, silent_too: false },
    Quantity { title: "bandwidth, kHz", of: |measured| measured.bandwidth_hz / 1000.0, silent_too: false },
];

/// The statistics as SVG, a row for each corpus. A quantity has the same axis in every row.
///
/// # Errors
/// [`PlotError`], for what the plotting library refuses.
pub fn statistics_svg(statistics: &Statistics) -> Result<String, PlotError> {
    let mut svg = String::new();
    draw(statistics, &mut svg).map_err(|error| PlotError::new("the statistics", &*error))?;
    Ok(svg)
}

fn draw(statistics: &Statistics, svg: &mut String) -> DrawResult {
    register_fonts();
    let n_rows = statistics.corpora.len().max(1);
    let size = (COLUMN * (QUANTITIES.len() as u32 + 1), (ROW + HEAD) * n_rows as u32);
    let root = SVGBackend::with_string(svg, size).into_drawing_area();
    root.fill(&WHITE)?;
    let ranges = QUANTITIES.map(|quantity| range(statistics, &quantity));
    for (area, corpus) in root.split_evenly((n_rows, 1)).iter().zip(&statistics.corpora) {
        let (head, body) = area.split_vertically(HEAD);
        let title = format!(
            "{}: {} recordings, {} speakers, {:.1} h",
            corpus.corpus, corpus.n_recordings, corpus.n_speakers, corpus.hours
        );
        head.draw_text(&title, &style(17.0, &INK, plotters::style::text_anchor::HPos::Left), (14, 20))?;
        let charts = body.split_evenly((1, QUANTITIES.len() + 1));
        classes(&charts[0], &corpus.classes.values().copied().max().unwrap_or(1), |emotion| corpus.classes[emotion.name()])?;
        for ((chart, quantity), range) in charts[1..].iter().zip(&QUANTITIES).zip(&ranges) {
            let values = values(statistics, quantity).filter(|(name, _)| *name == corpus.corpus).map(|(_, value)| value);
            histogram(chart, quantity.title, range.clone(), &values.collect::<Vec<_>>())?;
        }
    }
    root.present()?;
    Ok(())
}

fn values<'a>(statistics: &'a Statistics, quantity: &'a Quantity) -> impl Iterator<Item = (&'a str, f64)> {
    statistics
        .recordings
        .iter()
        .filter(|(_, measured)| quantity.silent_too || !measured.is_silent)
        .map(|(utterance, measured)| (utterance.corpus.as_str(), (quantity.of)(measured)))
}

/// The axis of a quantity: everything that occurs, and never empty.
fn range(statistics: &Statistics, quantity: &Quantity) -> std::ops::Range<f64> {
    let (low, high) = values(statistics, quantity)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (_, value)| (low.min(value), high.max(value)));
    if low < high { low..high + (high - low) * 1e-6 } else { 0.0..1.0 }
}

fn classes(area: &Area<'_>, largest: &usize, count: impl Fn(Emotion) -> usize) -> DrawResult {
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .x_label_area_size(26)
        .y_label_area_size(46)
        .build_cartesian_2d(0.0..Emotion::COUNT as f64, 0.0..*largest as f64 * 1.1)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .y_labels(5)
        .y_label_formatter(&|value| format!("{value:.0}"))
        .label_style(style(12.0, &INK, plotters::style::text_anchor::HPos::Left))
        .light_line_style(WHITE)
        .draw()?;
    for emotion in Emotion::ALL {
        let (left, n) = (emotion.index() as f64, count(emotion));
        let [red, green, blue] = palette::rgb(emotion);
        chart
            .draw_series([Rectangle::new([(left + 0.12, 0.0), (left + 0.88, n as f64)], RGBColor(red, green, blue).filled())])?;
        let name = style(12.0, &INK, plotters::style::text_anchor::HPos::Center);
        let corner = chart.backend_coord(&(left + 0.5, 0.0));
        area.draw_text(emotion.name(), &name, local(area, (corner.0, corner.1 + 12)))?;
        let top = chart.backend_coord(&(left + 0.5, n as f64));
        area.draw_text(&n.to_string(), &name, local(area, (top.0, top.1 - 8)))?;
    }
    Ok(())
}

/// A pixel of the picture as one of `area`.
fn local(area: &Area<'_>, (x, y): (i32, i32)) -> (i32, i32) {
    let (left, top) = area.get_base_pixel();
    (x - left, y - top)
}

fn histogram(area: &Area<'_>, title: &str, range: std::ops::Range<f64>, values: &[f64]) -> DrawResult {
    let width = (range.end - range.start) / N_BINS as f64;
    let mut counts = [0_usize; N_BINS];
    for value in values {
        let bin = ((value - range.start) / width) as usize;
        counts[bin.min(N_BINS - 1)] += 1;
    }
    let largest = counts.iter().copied().max().unwrap_or(0).max(1);
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(46)
        .build_cartesian_2d(range.clone(), 0.0..largest as f64 * 1.05)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(6)
        .y_labels(5)
        .x_desc(title)
        .y_label_formatter(&|value| format!("{value:.0}"))
        .label_style(style(12.0, &INK, plotters::style::text_anchor::HPos::Left))
        .light_line_style(WHITE)
        .draw()?;
    let bars = counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(bin, &count)| {
        let left = range.start + bin as f64 * width;
        Rectangle::new([(left, 0.0), (left + width * 0.92, count as f64)], RGBColor(0x56, 0xB4, 0xE9).filled())
    });
    chart.draw_series(bars)?;
    Ok(())
}
