//! Points in adjacent panels with a common y axis: a metric against parameters, bytes or time.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{Area, DrawResult, Field, Figure, INK, MUTED, SMALL, TEXT, TITLE, XScale, fitted, range_of, series, style};
use crate::base::table::{Table, number};

const PANEL: i32 = 318;
const TOP: i32 = 86;
const FIELD_HEIGHT: i32 = 230;
const KEY_ROW: i32 = 20;
const KEY_COLUMNS: usize = 2;
/// Space for a number, px.
const NUMBER: (i32, i32) = (18, 13);

/// Points in adjacent panels.
#[derive(Clone, Debug, PartialEq)]
pub struct Scatter {
    /// Title.
    pub title: String,
    /// Name and unit of the y axis.
    pub y_label: String,
    /// From left to right.
    pub panels: Vec<ScatterPanel>,
    /// In the order of their numbers.
    pub points: Vec<Point>,
}

/// One panel.
#[derive(Clone, Debug, PartialEq)]
pub struct ScatterPanel {
    /// Name and unit of the axis, which is logarithmic.
    pub x_label: String,
    /// One value per point, above 0; points without a value are left out.
    pub x: Vec<Option<f64>>,
}

/// One point.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Name.
    pub name: String,
    /// Its y value.
    pub y: f64,
    /// Lower and upper end of the interval.
    pub interval: Option<[f64; 2]>,
}

impl Figure for Scatter {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn size(&self) -> (u32, u32) {
        let key = self.points.len().div_ceil(KEY_COLUMNS) as i32 * KEY_ROW;
        ((PANEL * self.panels.len().max(1) as i32) as u32, (TOP + FIELD_HEIGHT + 56 + key + 10) as u32)
    }

    fn table(&self) -> Table {
        let header = ["number", "name", &self.y_label, "low", "high"].map(str::to_owned);
        let mut table = Table::new(header.into_iter().chain(self.panels.iter().map(|panel| panel.x_label.clone())));
        for (index, point) in self.points.iter().enumerate() {
            let end = |index: usize| number(point.interval.map(|interval| interval[index]));
            let cells = [(index + 1).to_string(), point.name.clone(), number(point.y), end(0), end(1)];
            let x = self.panels.iter().map(|panel| panel.x[index].map_or_else(String::new, |x| x.to_string()));
            table.push(cells.into_iter().chain(x));
        }
        table
    }

    fn draw(&self, area: &Area<'_>) -> DrawResult {
        let width = self.size().0 as i32;
        area.draw_text(&fitted(&self.title, TITLE, width - 28), &style(TITLE, &INK, HPos::Left), (14, 20))?;
        let hint = "the numbers are explained below; bars are 95 % intervals over speakers";
        area.draw_text(&fitted(hint, TEXT, width - 28), &style(TEXT, &MUTED, HPos::Left), (14, 42))?;
        let heights = self.points.iter().flat_map(|point| [point.y].into_iter().chain(point.interval.into_iter().flatten()));
        let [low, high] = range_of(heights, [0.0, 1.0]);
        let room = ((high - low) * 0.08).max(0.01);
        for (index, panel) in self.panels.iter().enumerate() {
            self.draw_panel(area, panel, [low - room, high + room], PANEL * index as i32)?;
        }
        let column = (width - 28) / KEY_COLUMNS as i32;
        for (index, point) in self.points.iter().enumerate() {
            let x = 14 + (index % KEY_COLUMNS) as i32 * column;
            let y = TOP + FIELD_HEIGHT + 62 + (index / KEY_COLUMNS) as i32 * KEY_ROW;
            area.draw(&Circle::new((x + 5, y), 5, series(index).filled()))?;
            let text = fitted(&format!("{}  {}", index + 1, point.name), TEXT, column - 26);
            area.draw_text(&text, &style(TEXT, &INK, HPos::Left), (x + 16, y))?;
        }
        Ok(())
    }
}

impl Scatter {
    fn draw_panel(&self, area: &Area<'_>, panel: &ScatterPanel, y: [f64; 2], left: i32) -> DrawResult {
        let edges = [left + 54, TOP, left + PANEL - 18, TOP + FIELD_HEIGHT];
        let usable = |x: &Option<f64>| x.filter(|x| x.is_finite() && *x > 0.0);
        let known: Vec<f64> = panel.x.iter().filter_map(usable).collect();
        if known.is_empty() {
            let middle = (i32::midpoint(edges[0], edges[2]), TOP + FIELD_HEIGHT / 2);
            area.draw_text("not measured", &style(TEXT, &MUTED, HPos::Center), middle)?;
            area.draw_text(&panel.x_label, &style(TEXT, &INK, HPos::Center), (middle.0, TOP + FIELD_HEIGHT + 31))?;
            return Ok(());
        }
        let [least, most] = range_of(known, [1.0, 10.0]);
        let field = Field::new(edges, [least / 1.5, most * 1.5], y, XScale::Logarithmic);
        field.draw_axes(area, &panel.x_label, &self.y_label)?;
        let mut labels: Vec<(i32, i32)> = Vec::new();
        for (index, point) in self.points.iter().enumerate() {
            let Some(x) = usable(&panel.x[index]) else { continue };
            let (colour, centre) = (series(index), field.at(x, point.y));
            if let Some([low, high]) = point.interval {
                let line = vec![field.at(x, low), field.at(x, high)];
                area.draw(&PathElement::new(line, colour.stroke_width(2)))?;
            }
            area.draw(&Circle::new(centre, 5, colour.filled()))?;
            let at = free_place(centre, &labels);
            labels.push(at);
            area.draw_text(&(index + 1).to_string(), &style(SMALL, &INK, HPos::Left), at)?;
        }
        Ok(())
    }
}

/// Position for the number of a point at `centre`: to its right, and further right if other numbers are in the way.
fn free_place((x, y): (i32, i32), taken: &[(i32, i32)]) -> (i32, i32) {
    let mut at = (x + 9, y - 8);
    while taken.iter().any(|other| (other.0 - at.0).abs() < NUMBER.0 && (other.1 - at.1).abs() < NUMBER.1) {
        at.0 += NUMBER.0;
    }
    at
}
