//! Small charts of a corpus: a column per emotion, a histogram of a quantity.

use moodline_core::Emotion;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{Area, DrawResult, INK, PAPER, SERIES, SMALL, emotion_colour, local, style};

const N_BINS: usize = 30;

/// One column per emotion with its count as height, on a scale up to `largest`.
pub(crate) fn class_columns(area: &Area<'_>, largest: usize, count: impl Fn(Emotion) -> usize) -> DrawResult {
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .x_label_area_size(26)
        .y_label_area_size(46)
        .build_cartesian_2d(0.0..Emotion::COUNT as f64, 0.0..largest as f64 * 1.1)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .y_labels(whole_labels(largest))
        .y_label_formatter(&|value| format!("{value:.0}"))
        .label_style(style(SMALL, &INK, HPos::Left))
        .light_line_style(PAPER)
        .draw()?;
    for emotion in Emotion::ALL {
        let (left, n) = (emotion.index() as f64, count(emotion));
        let corners = [(left + 0.12, 0.0), (left + 0.88, n as f64)];
        chart.draw_series([Rectangle::new(corners, emotion_colour(emotion).filled())])?;
        let name = style(SMALL, &INK, HPos::Center);
        let corner = chart.backend_coord(&(left + 0.5, 0.0));
        area.draw_text(emotion.name(), &name, local(area, (corner.0, corner.1 + 12)))?;
        let top = chart.backend_coord(&(left + 0.5, n as f64));
        area.draw_text(&n.to_string(), &name, local(area, (top.0, top.1 - 8)))?;
    }
    Ok(())
}

/// How often each value of `range` occurs.
pub(crate) fn histogram(area: &Area<'_>, title: &str, range: std::ops::Range<f64>, values: &[f64]) -> DrawResult {
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
        .y_labels(whole_labels(largest))
        .x_desc(title)
        .y_label_formatter(&|value| format!("{value:.0}"))
        .label_style(style(SMALL, &INK, HPos::Left))
        .light_line_style(PAPER)
        .draw()?;
    let bars = counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(bin, &count)| {
        let left = range.start + bin as f64 * width;
        Rectangle::new([(left, 0.0), (left + width * 0.92, count as f64)], SERIES[4].filled())
    });
    chart.draw_series(bars)?;
    Ok(())
}

/// Number of labels on an axis of counts: none between two integers.
fn whole_labels(largest: usize) -> usize {
    (largest + 1).min(5)
}
