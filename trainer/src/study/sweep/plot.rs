//! A sweep as a figure: a ranked list of all configurations, one panel per varying key, and parallel coordinates if there are more than two.
//!
//! Each point is a trial; lines connect the means. The chosen configuration is highlighted.

use std::ops::Range;

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::results::{ConfigurationResult, SweepResults};
use super::tables::{is_chosen, short_keys, trials};
use crate::base::plot::{
    Area, DrawResult, Figure, GRID, INK, SERIES, SMALL, TEXT, TITLE, fitted, range_of, style, text_width, ticks,
};
use crate::base::table::Table;

mod scale;

use scale::Scale;

const WIDTH: u32 = 1140;
const HEAD: u32 = 64;
/// Height of a configuration's row, px, and maximum number of rows, beyond which a list is unreadable.
const ROW: u32 = 22;
const MAX_ROWS: usize = 40;
/// Space for the names of the configurations, px.
const LONGEST_NAME: i32 = 420;
const PANELS_ACROSS: usize = 3;
const PANEL: (u32, u32) = (WIDTH / PANELS_ACROSS as u32, 250);
const PARALLEL: u32 = 380;
/// Largest number of keys without parallel coordinates.
const FEW_KEYS: usize = 2;

const TRIAL: RGBColor = SERIES[4];
const MEAN: RGBColor = SERIES[0];
const CHOSEN: RGBColor = SERIES[1];

/// A sweep as a figure. Configurations that did not finish training are omitted.
pub(super) struct SweepFigure<'a>(pub(super) &'a SweepResults);

/// A configuration that finished training.
struct Point<'a> {
    of: &'a ConfigurationResult,
    mean: f64,
    trials: Vec<f64>,
    chosen: bool,
}

impl<'a> Point<'a> {
    fn of(of: &'a ConfigurationResult, results: &SweepResults) -> Option<Self> {
        let mean = of.dev?.get(results.metric).mean;
        let trials = of.trials.iter().filter_map(|trial| Some(trial.result()?.get(results.metric))).collect();
        Some(Self { of, mean, trials, chosen: is_chosen(results, of) })
    }
}

impl Figure for SweepFigure<'_> {
    fn title(&self) -> String {
        let n_trials: usize = self.0.configurations.iter().map(|of| of.trials.len()).sum();
        format!("{}: {} of {} configurations, {n_trials} trials", self.0.name, self.0.metric.label(), self.0.configurations.len())
    }

    fn size(&self) -> (u32, u32) {
        let points = points(self.0);
        let [list, panels, parallel] = heights(points.len(), axes(self.0, &points).len());
        (WIDTH, HEAD + list + panels + parallel)
    }

    fn table(&self) -> Table {
        trials(self.0)
    }

    fn draw(&self, area: &Area<'_>) -> DrawResult {
        let points = points(self.0);
        let axes = axes(self.0, &points);
        let figures = padded(points.iter().flat_map(|point| point.trials.iter().copied()));
        let metric = self.0.metric.label();
        let [list, panels, parallel] = heights(points.len(), axes.len());
        let (head, rest) = area.split_vertically(HEAD);
        draw_head(&head, &self.title())?;
        let (top, rest) = rest.split_vertically(list);
        if list > 0 {
            draw_list(&top, metric, &points, &figures)?;
        }
        let (middle, bottom) = rest.split_vertically(panels);
        for (index, axis) in axes.iter().enumerate() {
            let corner = (index % PANELS_ACROSS) as i32 * PANEL.0 as i32;
            let top = (index / PANELS_ACROSS) as i32 * PANEL.1 as i32;
            draw_panel(&middle.clone().shrink((corner, top), PANEL), metric, axis, &points, &figures)?;
        }
        if parallel > 0 { draw_parallel(&bottom, metric, &axes, &points, &figures) } else { Ok(()) }
    }
}

/// A key that varies.
struct Axis<'a> {
    key: &'a str,
    name: &'a str,
    scale: Scale,
}

fn axes<'a>(results: &'a SweepResults, points: &[Point<'_>]) -> Vec<Axis<'a>> {
    let named = results.keys.iter().zip(short_keys(&results.keys));
    let axis = |(key, name): (&'a String, &'a str)| {
        let values: Vec<_> = points.iter().map(|point| &point.of.settings[key]).collect();
        Some(Axis { key, name, scale: Scale::of(&values)? })
    };
    named.filter_map(axis).collect()
}

/// Heights of the list, the panels and the parallel coordinates, px.
fn heights(n_points: usize, n_axes: usize) -> [u32; 3] {
    let list = if n_points <= MAX_ROWS { ROW * n_points as u32 + 60 } else { 0 };
    let panels = PANEL.1 * n_axes.div_ceil(PANELS_ACROSS) as u32;
    [list, panels, if n_axes > FEW_KEYS { PARALLEL } else { 0 }]
}

/// The configurations that finished training, best first.
fn points(results: &SweepResults) -> Vec<Point<'_>> {
    let mut points: Vec<Point<'_>> = results.configurations.iter().filter_map(|of| Point::of(of, results)).collect();
    points.sort_by(|a, b| results.metric.better_first(a.mean, b.mean));
    points
}

/// The range of the values, with a small margin.
fn padded(values: impl Iterator<Item = f64>) -> Range<f64> {
    let [start, end] = range_of(values, [0.0, 1.0]);
    let room = ((end - start) * 0.06).max(1e-3);
    start - room..end + room
}

/// Positions and labels of about `n` ticks.
fn labelled(range: &Range<f64>, n: usize) -> Vec<(f64, String)> {
    let (ticks, decimals) = ticks(range.start, range.end, n);
    ticks.into_iter().map(|tick| (tick, format!("{tick:.decimals$}"))).collect()
}

fn draw_head(area: &Area<'_>, title: &str) -> DrawResult {
    area.draw_text(title, &style(TITLE, &INK, HPos::Left), (16, 22))?;
    let mut left = 20;
    for (colour, text) in [(TRIAL, "a trial"), (MEAN, "mean over the seeds"), (CHOSEN, "chosen")] {
        area.draw(&Circle::new((left, 48), 5, colour.filled()))?;
        area.draw_text(text, &style(TEXT, &INK, HPos::Left), (left + 12, 48))?;
        left += 40 + text_width(text, TEXT);
    }
    Ok(())
}

/// The pixel position of a value between two ends.
fn place(value: f64, range: &Range<f64>, from: i32, to: i32) -> i32 {
    from + ((value - range.start) / (range.end - range.start) * f64::from(to - from)).round() as i32
}

fn line(area: &Area<'_>, path: Vec<(i32, i32)>, colour: RGBColor, width: u32) -> DrawResult {
    Ok(area.draw(&PathElement::new(path, colour.stroke_width(width)))?)
}

fn draw_list(area: &Area<'_>, metric: &str, points: &[Point<'_>], figures: &Range<f64>) -> DrawResult {
    let longest = points.iter().map(|point| text_width(&point.of.name, TEXT)).max().unwrap_or(0).min(LONGEST_NAME);
    let (left, right) = (40 + longest, WIDTH as i32 - 40);
    let bottom = ROW as i32 * points.len() as i32 + 8;
    for (tick, text) in labelled(figures, 8) {
        let x = place(tick, figures, left, right);
        line(area, vec![(x, 4), (x, bottom)], GRID, 1)?;
        area.draw_text(&text, &style(SMALL, &INK, HPos::Center), (x, bottom + 12))?;
    }
    area.draw_text(metric, &style(TEXT, &INK, HPos::Center), ((left + right) / 2, bottom + 32))?;
    for (row, point) in points.iter().enumerate() {
        let y = 8 + ROW as i32 * row as i32 + ROW as i32 / 2;
        let colour = if point.chosen { CHOSEN } else { MEAN };
        area.draw_text(
            &fitted(&point.of.name, TEXT, LONGEST_NAME),
            &style(TEXT, if point.chosen { &CHOSEN } else { &INK }, HPos::Right),
            (left - 14, y),
        )?;
        for &trial in &point.trials {
            area.draw(&Circle::new((place(trial, figures, left, right), y), 4, TRIAL.filled()))?;
        }
        let x = place(point.mean, figures, left, right);
        line(area, vec![(x, y - 8), (x, y + 8)], colour, 3)?;
    }
    Ok(())
}

fn draw_panel(area: &Area<'_>, metric: &str, axis: &Axis<'_>, points: &[Point<'_>], figures: &Range<f64>) -> DrawResult {
    let Axis { key, name, scale } = axis;
    let (left, right, top, bottom) = (62, PANEL.0 as i32 - 18, 16, PANEL.1 as i32 - 54);
    for (tick, text) in labelled(figures, 5) {
        let y = place(tick, figures, bottom, top);
        line(area, vec![(left, y), (right, y)], GRID, 1)?;
        area.draw_text(&text, &style(SMALL, &INK, HPos::Right), (left - 6, y))?;
    }
    let x = |part: f64| place(part, &(-0.06..1.06), left, right);
    for (part, text) in scale.labels() {
        area.draw_text(&text, &style(SMALL, &INK, HPos::Center), (x(part), bottom + 14))?;
    }
    area.draw_text(name, &style(TEXT, &INK, HPos::Center), ((left + right) / 2, bottom + 36))?;
    area.draw_text(metric, &style(SMALL, &INK, HPos::Left), (4, 6))?;
    // The best are drawn last, on top of the others.
    for point in points.iter().rev() {
        let at = x(scale.part(&point.of.settings[*key]));
        for &trial in &point.trials {
            let colour = if point.chosen { CHOSEN } else { TRIAL };
            area.draw(&Circle::new((at, place(trial, figures, bottom, top)), 3, colour.filled()))?;
        }
    }
    let means: Vec<(i32, i32)> = scale
        .categories()
        .filter_map(|value| {
            let of: Vec<f64> = points.iter().filter(|point| point.of.settings[*key] == *value).map(|point| point.mean).collect();
            let mean = of.iter().sum::<f64>() / of.len() as f64;
            (!of.is_empty()).then(|| (x(scale.part(value)), place(mean, figures, bottom, top)))
        })
        .collect();
    for &mean in &means {
        area.draw(&Circle::new(mean, 4, MEAN.filled()))?;
    }
    if means.len() > 1 { line(area, means, MEAN, 2) } else { Ok(()) }
}

fn draw_parallel(area: &Area<'_>, metric: &str, axes: &[Axis<'_>], points: &[Point<'_>], figures: &Range<f64>) -> DrawResult {
    let (left, right, top, bottom) = (80, WIDTH as i32 - 90, 58, PARALLEL as i32 - 30);
    let x = |axis: usize| left + (right - left) * axis as i32 / axes.len() as i32;
    let y = |part: f64| place(part, &(0.0..1.0), bottom, top);
    let part = |value: f64| (value - figures.start) / (figures.end - figures.start);
    let [worst, best] = range_of(points.iter().map(|point| point.mean), [0.0, 1.0]);
    for point in points.iter().rev() {
        let parts = axes.iter().map(|axis| axis.scale.part(&point.of.settings[axis.key])).chain([part(point.mean)]);
        let path: Vec<(i32, i32)> = parts.enumerate().map(|(axis, part)| (x(axis), y(part))).collect();
        let strength = if worst < best { (point.mean - worst) / (best - worst) } else { 1.0 };
        let (colour, width) = if point.chosen { (CHOSEN, 3) } else { (shade(strength), 2) };
        line(area, path, colour, width)?;
    }
    let of_metric = labelled(figures, 6).into_iter().map(|(tick, text)| (part(tick), text)).collect();
    let labels = axes.iter().map(|axis| (axis.name, axis.scale.labels())).chain([(metric, of_metric)]);
    for (axis, (name, labels)) in labels.enumerate() {
        line(area, vec![(x(axis), top), (x(axis), bottom)], INK, 1)?;
        // Names of adjacent axes are at different heights, so that long ones do not overlap.
        area.draw_text(name, &style(TEXT, &INK, HPos::Center), (x(axis), if axis % 2 == 0 { 18 } else { 36 }))?;
        let (side, gap) = if axis == axes.len() { (HPos::Left, 8) } else { (HPos::Right, -8) };
        for (part, text) in labels {
            line(area, vec![(x(axis) - 3, y(part)), (x(axis) + 3, y(part))], INK, 1)?;
            area.draw_text(&text, &style(SMALL, &INK, side), (x(axis) + gap, y(part)))?;
        }
    }
    Ok(())
}

/// Light for the smallest mean, dark for the largest.
fn shade(strength: f64) -> RGBColor {
    let mix = |light: u8, dark: u8| (f64::from(light) + (f64::from(dark) - f64::from(light)) * strength).round() as u8;
    RGBColor(mix(0xc9, MEAN.0), mix(0xd6, MEAN.1), mix(0xe2, MEAN.2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::sweep::results::Chosen;
    use crate::study::sweep::testing::{plan_of, record, results};

    #[test]
    fn the_picture_has_a_row_a_panel_for_what_varies_and_parallel_coordinates_of_more_than_two() {
        let plan = plan_of(
            "strategy = { kind = \"grid\" }\nseeds = [0, 1]\n[sweep.axes]\n\"network.units\" = [8, 12, 16]\n\"training.l2\" = [0.0, 0.001]\n\
             \"training.oversample\" = [false, true]\n\"training.patience\" = [5]\n",
        );
        let records: Vec<_> = plan
            .configurations
            .iter()
            .enumerate()
            .flat_map(|(index, of)| {
                of.trials
                    .iter()
                    .map(move |trial| record(&trial.id, &of.name, trial.seed, 0.5 + 0.01 * (index as f64 + trial.seed as f64)))
            })
            .collect();
        let mut results = results(&plan, &records);
        results.chosen = Some(Chosen { configuration: plan.configurations[11].name.clone(), by: String::new(), test: None });
        let svg = SweepFigure(&results).svg().unwrap();
        let n = |text: &str| svg.lines().filter(|line| line.trim() == text).count();
        for (text, expected) in
            [("units", 2), ("l2", 2), ("oversample", 2), ("patience", 0), ("units 8, l2 0.0, oversample false, patience 5", 1)]
        {
            assert_eq!(n(text), expected, "{text}");
        }
        if let Some(path) = std::env::var_os("MOODLINE_PICTURES") {
            std::fs::write(std::path::Path::new(&path).join("sweep.svg"), svg).unwrap();
        }
    }

    #[test]
    fn a_sweep_of_one_trial_and_one_of_many_can_be_drawn() {
        for axes in [
            "\"network.units\" = [8]",
            "\"network.units\" = { min = 2, max = 90 }\n\"training.l2\" = { min = 1e-6, max = 1e-2, scale = \"log\" }",
        ] {
            let n = if axes.contains("min") { 60 } else { 1 };
            let plan = plan_of(&format!("strategy = {{ kind = \"random\", trials = {n} }}\nseeds = [0]\n[sweep.axes]\n{axes}\n"));
            let records: Vec<_> = plan.configurations.iter().map(|of| record(&of.trials[0].id, &of.name, 0, 0.5)).collect();
            let svg = SweepFigure(&results(&plan, &records)).svg().unwrap();
            assert!(svg.contains("dev UAR") && !svg.contains("NaN"), "{n}");
        }
    }
}
