//! Curves over a common x axis of integers, in adjacent panels: learning curves.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{Area, DrawResult, Field, Figure, INK, MUTED, TEXT, TITLE, XScale, dashed, range_of, style, text_width};
use crate::base::table::{Table, number};

const PANEL: i32 = 470;
const HEAD: i32 = 44;
const FIELD_HEIGHT: i32 = 230;
/// Margins between a panel and its field.
const LEFT: i32 = 56;
const RIGHT: i32 = 24;
/// Length of the line sample in a legend, the space after it, and the space after its name.
const SAMPLE: i32 = 22;
const SAMPLE_GAP: i32 = 6;
const NAME_GAP: i32 = 16;
/// Distance between the rows of a legend.
const LEGEND_ROW: i32 = 18;

/// Curves in adjacent panels.
#[derive(Clone, Debug, PartialEq)]
pub struct Lines {
    /// Title.
    pub title: String,
    /// Name and unit of the x axis.
    pub x_label: String,
    /// From left to right.
    pub panels: Vec<LinePanel>,
    /// A highlighted position on the x axis.
    pub guide: Option<Guide>,
}

/// One panel.
#[derive(Clone, Debug, PartialEq)]
pub struct LinePanel {
    /// Name and unit of the y axis.
    pub y_label: String,
    /// The curves.
    pub lines: Vec<Line>,
}

/// One curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Name in legend and table.
    pub name: String,
    /// Points sorted by x; points that are not finite are left out.
    pub points: Vec<(f64, f64)>,
    /// Its colour.
    pub colour: RGBColor,
    /// Dashed instead of solid.
    pub dashed: bool,
}

/// A position on the x axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Guide {
    /// Its x value.
    pub x: f64,
    /// Its meaning.
    pub label: String,
}

impl Figure for Lines {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn size(&self) -> (u32, u32) {
        ((PANEL * self.panels.len().max(1) as i32) as u32, (self.top() + 6 + FIELD_HEIGHT + 50) as u32)
    }

    fn table(&self) -> Table {
        let lines = || self.panels.iter().flat_map(|panel| &panel.lines);
        let mut table = Table::new([self.x_label.clone()].into_iter().chain(lines().map(|line| line.name.clone())));
        let mut all: Vec<f64> = lines().flat_map(|line| line.points.iter().map(|(x, _)| *x)).collect();
        all.sort_by(f64::total_cmp);
        all.dedup();
        for x in all {
            let value = |line: &Line| number(line.points.iter().find(|point| point.0 == x).map(|point| point.1));
            table.push([x.to_string()].into_iter().chain(lines().map(value)));
        }
        table
    }

    fn draw(&self, area: &Area<'_>) -> DrawResult {
        let width = self.size().0 as i32;
        let title = super::fitted(&self.title, TITLE, width - 28);
        area.draw_text(&title, &style(TITLE, &INK, HPos::Left), (14, 22))?;
        let points = self.panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.points);
        let [first, last] = range_of(points.map(|point| point.0), [0.0, 1.0]);
        let x = if first < last { [first, last] } else { [first - 1.0, last + 1.0] };
        for (index, panel) in self.panels.iter().enumerate() {
            let left = PANEL * index as i32;
            self.draw_panel(area, panel, x, left)?;
        }
        Ok(())
    }
}

impl Lines {
    /// Top of the fields, below the longest legend.
    fn top(&self) -> i32 {
        let rows = self.panels.iter().map(|panel| legend_rows(&panel.lines).len()).max().unwrap_or(1).max(1);
        HEAD + 46 + LEGEND_ROW * (rows as i32 - 1)
    }

    fn draw_panel(&self, area: &Area<'_>, panel: &LinePanel, x: [f64; 2], left: i32) -> DrawResult {
        let values = panel.lines.iter().flat_map(|line| line.points.iter().map(|point| point.1));
        let [low, high] = range_of(values, [0.0, 1.0]);
        let room = ((high - low) * 0.06).max(0.01);
        let top = self.top();
        let edges = [left + LEFT, top, left + PANEL - RIGHT, top + FIELD_HEIGHT];
        let field = Field::new(edges, x, [low - room, high + room], XScale::Whole);
        draw_legend(area, &panel.lines, (left + LEFT, HEAD + 8))?;
        // The label would overlap a curve if it were next to the line.
        let guide = self.guide.as_ref().map_or_else(String::new, |guide| format!(" (line: {})", guide.label));
        field.draw_axes(area, &format!("{}{guide}", self.x_label), &panel.y_label)?;
        if let Some(guide) = &self.guide {
            let (column, _) = field.at(guide.x, low);
            area.draw(&PathElement::new(vec![(column, top), (column, top + FIELD_HEIGHT)], MUTED))?;
        }
        for line in &panel.lines {
            self.draw_line(area, line, &field)?;
        }
        Ok(())
    }

    fn draw_line(&self, area: &Area<'_>, line: &Line, field: &Field) -> DrawResult {
        let finite = line.points.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
        let pixels: Vec<(i32, i32)> = finite.clone().map(|&(x, y)| field.at(x, y)).collect();
        let stroke = line.colour.stroke_width(2);
        if line.dashed {
            area.draw(&dashed(pixels.clone(), stroke))?;
        } else {
            area.draw(&PathElement::new(pixels.clone(), stroke))?;
        }
        let marked = finite.filter(|(x, _)| pixels.len() == 1 || self.guide.as_ref().is_some_and(|guide| guide.x == *x));
        for &(x, y) in marked {
            area.draw(&Circle::new(field.at(x, y), 4, line.colour.filled()))?;
        }
        Ok(())
    }
}

/// The lines of a legend in rows that fit into a panel.
fn legend_rows(lines: &[Line]) -> Vec<Vec<&Line>> {
    let mut rows: Vec<Vec<&Line>> = Vec::new();
    let mut left = 0;
    for line in lines {
        let width = entry_width(line);
        match rows.last_mut() {
            Some(row) if width <= left => row.push(line),
            _ => {
                rows.push(vec![line]);
                left = PANEL - LEFT - RIGHT;
            }
        }
        left -= width + NAME_GAP;
    }
    rows
}

fn entry_width(line: &Line) -> i32 {
    SAMPLE + SAMPLE_GAP + text_width(&line.name, TEXT)
}

/// A sample of each line, and its name.
fn draw_legend(area: &Area<'_>, lines: &[Line], (left, top): (i32, i32)) -> DrawResult {
    for (row, lines) in (0..).zip(legend_rows(lines)) {
        let (mut x, y) = (left, top + LEGEND_ROW * row);
        for line in lines {
            let sample = vec![(x, y), (x + SAMPLE, y)];
            let stroke = line.colour.stroke_width(2);
            if line.dashed {
                area.draw(&dashed(sample, stroke))?;
            } else {
                area.draw(&PathElement::new(sample, stroke))?;
            }
            area.draw_text(&line.name, &style(TEXT, &INK, HPos::Left), (x + SAMPLE + SAMPLE_GAP, y))?;
            x += entry_width(line) + NAME_GAP;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::plot::series;

    #[test]
    fn a_long_legend_goes_on_in_another_row_and_the_field_makes_room() {
        let line = |name: &str| Line { name: name.to_owned(), points: vec![(0.0, 1.0)], colour: series(0), dashed: false };
        let of = |names: &[&str]| {
            let lines = names.iter().map(|name| line(name)).collect();
            let panels = vec![LinePanel { y_label: "y".to_owned(), lines }];
            Lines { title: "t".to_owned(), x_label: "x".to_owned(), panels, guide: None }
        };
        let short = of(&["one", "two"]);
        let long = of(&["other clips, by chance", "the clips before", "the same emotion alone", "one"]);
        let rows = legend_rows(&long.panels[0].lines);
        assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
        for row in rows {
            let width: i32 = row.iter().map(|line| entry_width(line) + NAME_GAP).sum();
            assert!(LEFT + width - NAME_GAP <= PANEL - RIGHT);
        }
        assert_eq!(long.size().1 as i32 - short.size().1 as i32, LEGEND_ROW);
    }
}
