//! Tables whose cells are shaded by their value: confusion matrices, and what a model trained on one corpus does on others.

use moodline_core::Emotion;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{Area, DrawResult, Figure, INK, MUTED, TEXT, TITLE, fitted, shade, style, text_width};
use crate::base::table::{Table, number};
use crate::measure::metrics::{Confusion, Report, interval_text};

/// Above this part, white text is easier to read than dark.
const DARK: f64 = 0.5;
/// Text in light cells, which stay light in a dark theme.
const CELL_INK: RGBColor = RGBColor(0x11, 0x11, 0x11);
const CELL_WHITE: RGBColor = RGBColor(0xFE, 0xFE, 0xFE);

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// How dark it is, 0..=1.
    pub shade: f64,
}

/// Where a matrix lies and how large its cells are, px.
struct Grid {
    left: i32,
    /// For the names of the rows.
    margin: i32,
    top: i32,
    width: i32,
    height: i32,
}

impl Grid {
    fn draw(&self, area: &Area<'_>, rows: &[String], columns: &[String], cells: &[Vec<Option<Cell>>]) -> DrawResult {
        let &Self { left, margin, top, width, height } = self;
        for (index, name) in columns.iter().enumerate() {
            let name = fitted(name, TEXT, width - 4);
            area.draw_text(&name, &style(TEXT, &INK, HPos::Center), (left + width * index as i32 + width / 2, top - 14))?;
        }
        for (row, (name, cells)) in rows.iter().zip(cells).enumerate() {
            let y = top + height * row as i32;
            area.draw_text(&fitted(name, TEXT, margin - 12), &style(TEXT, &INK, HPos::Right), (left - 8, y + height / 2))?;
            for (column, cell) in cells.iter().enumerate() {
                let Some(cell) = cell else { continue };
                let x = left + width * column as i32;
                area.draw(&Rectangle::new([(x, y), (x + width - 2, y + height - 2)], shade(cell.shade).filled()))?;
                let ink = if cell.shade > DARK { CELL_WHITE } else { CELL_INK };
                area.draw_text(&cell.text, &style(TITLE, &ink, HPos::Center), (x + width / 2, y + height / 2))?;
            }
        }
        Ok(())
    }
}

/// A confusion matrix: counts on the left, rows as percentages on the right.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfusionFigure {
    /// What was measured on what.
    pub title: String,
    /// The figures under the title.
    pub subtitle: String,
    /// The counts.
    pub confusion: Confusion,
}

impl ConfusionFigure {
    /// The confusion matrix of a report, with its figures.
    #[must_use]
    pub fn of(title: String, report: &Report) -> Self {
        let subtitle = format!(
            "UAR {:.3} (95 % interval over speakers {}), accuracy {:.3}, {} utterances",
            report.uar,
            interval_text(report.uar_interval),
            report.accuracy,
            report.n
        );
        Self { title, subtitle, confusion: report.confusion }
    }

    /// Cells made of the count and its part of the row.
    fn cells(&self, text: impl Fn(u64, f64) -> String) -> Vec<Vec<Option<Cell>>> {
        let row = |truth: Emotion| {
            let parts = self.confusion.row(truth);
            let cell = |found: Emotion| {
                let (count, part) = (self.confusion.0[truth.index()][found.index()], parts[found.index()]);
                Some(Cell { text: text(count, part), shade: part })
            };
            Emotion::ALL.into_iter().map(cell).collect()
        };
        Emotion::ALL.into_iter().map(row).collect()
    }
}

impl Figure for ConfusionFigure {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn size(&self) -> (u32, u32) {
        (940, 490)
    }

    fn table(&self) -> Table {
        let mut table = Table::new(["true", "found", "utterances", "part of the true class"]);
        for truth in Emotion::ALL {
            let parts = self.confusion.row(truth);
            for found in Emotion::ALL {
                let count = self.confusion.0[truth.index()][found.index()];
                table.push([truth.to_string(), found.to_string(), count.to_string(), number(parts[found.index()])]);
            }
        }
        table
    }

    fn draw(&self, area: &Area<'_>) -> DrawResult {
        area.draw_text(&fitted(&self.title, TITLE, 912), &style(TITLE, &INK, HPos::Left), (14, 20))?;
        area.draw_text(&fitted(&self.subtitle, TEXT, 912), &style(TEXT, &MUTED, HPos::Left), (14, 42))?;
        let rows = Emotion::ALL.map(|emotion| format!("true {emotion}"));
        let columns = Emotion::ALL.map(|emotion| format!("found {emotion}"));
        let counts = self.cells(|count, _| count.to_string());
        let parts = self.cells(|_, part| format!("{:.1}", 100.0 * part));
        for (title, left, cells) in [("utterances", 92, counts), ("per cent of the true class", 562, parts)] {
            let grid = Grid { left, margin: 92, top: 112, width: 90, height: 90 };
            area.draw_text(title, &style(TEXT, &MUTED, HPos::Center), (left + 2 * grid.width, 74))?;
            grid.draw(area, &rows, &columns, &cells)?;
        }
        Ok(())
    }
}

/// A table of figures between 0 and 1, shaded.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// What it shows.
    pub title: String,
    /// A sentence under the title.
    pub subtitle: String,
    /// What the rows are.
    pub row_label: String,
    /// What the columns are.
    pub column_label: String,
    /// Names of the rows.
    pub rows: Vec<String>,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// A row each; none where nothing was measured.
    pub cells: Vec<Vec<Option<Cell>>>,
}

impl Matrix {
    const CELL: (i32, i32) = (132, 44);

    fn left(&self) -> i32 {
        let names = self.rows.iter().chain([&self.row_label]);
        28 + names.map(|name| text_width(name, TEXT)).max().unwrap_or(0).min(300)
    }
}

impl Figure for Matrix {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn size(&self) -> (u32, u32) {
        let width = self.left() + Self::CELL.0 * self.columns.len() as i32 + 24;
        (width.max(560) as u32, (126 + Self::CELL.1 * self.rows.len() as i32 + 14) as u32)
    }

    fn table(&self) -> Table {
        let mut table = Table::new([&self.row_label, &self.column_label, "value"]);
        for (row, cells) in self.rows.iter().zip(&self.cells) {
            for (column, cell) in self.columns.iter().zip(cells) {
                table.push([row.as_str(), column, cell.as_ref().map_or("", |cell| &cell.text)]);
            }
        }
        table
    }

    fn draw(&self, area: &Area<'_>) -> DrawResult {
        let width = self.size().0 as i32 - 28;
        area.draw_text(&fitted(&self.title, TITLE, width), &style(TITLE, &INK, HPos::Left), (14, 20))?;
        area.draw_text(&fitted(&self.subtitle, TEXT, width), &style(TEXT, &MUTED, HPos::Left), (14, 42))?;
        let grid = Grid { left: self.left(), margin: self.left(), top: 124, width: Self::CELL.0, height: Self::CELL.1 };
        area.draw_text(&self.row_label, &style(TEXT, &MUTED, HPos::Right), (grid.left - 8, grid.top - 14))?;
        area.draw_text(&self.column_label, &style(TEXT, &MUTED, HPos::Left), (grid.left, grid.top - 42))?;
        grid.draw(area, &self.rows, &self.columns, &self.cells)
    }
}
