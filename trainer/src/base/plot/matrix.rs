//! Tables whose cells are shaded by value, such as the results of models trained on one corpus and tested on others.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{Area, DrawResult, Figure, INK, MUTED, TEXT, TITLE, fitted, shade, style, text_width};
use crate::base::table::Table;

/// Above this shade, white text is easier to read than dark text.
const DARK: f64 = 0.5;
/// Text in light cells, which stay light in a dark theme.
const CELL_INK: RGBColor = RGBColor(0x11, 0x11, 0x11);
const CELL_WHITE: RGBColor = RGBColor(0xFE, 0xFE, 0xFE);

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixCell {
    /// Its text.
    pub text: String,
    /// Its shade, 0..=1; 1 is darkest.
    pub shade: f64,
}

/// Position and cell size of a matrix, px.
pub(crate) struct Grid {
    pub(crate) left: i32,
    /// Space for the names of the rows.
    pub(crate) margin: i32,
    pub(crate) top: i32,
    pub(crate) width: i32,
    pub(crate) height: i32,
}

impl Grid {
    /// Draws the names of rows and columns, and all cells that exist.
    pub(crate) fn draw(
        &self,
        area: &Area<'_>,
        rows: &[String],
        columns: &[String],
        cells: &[Vec<Option<MatrixCell>>],
    ) -> DrawResult {
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

/// A shaded table of values between 0 and 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Title.
    pub title: String,
    /// A sentence under the title.
    pub subtitle: String,
    /// Label of the rows.
    pub row_label: String,
    /// Label of the columns.
    pub column_label: String,
    /// Names of the rows.
    pub rows: Vec<String>,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// One list per row; none for cells without a value.
    pub cells: Vec<Vec<Option<MatrixCell>>>,
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
