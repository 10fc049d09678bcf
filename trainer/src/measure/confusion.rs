//! The figure of a confusion matrix.

use moodline_core::Emotion;
use plotters::style::text_anchor::HPos;

use super::metrics::{Confusion, Report, interval_text};
use crate::base::plot::{Area, DrawResult, Figure, Grid, INK, MUTED, MatrixCell, TEXT, TITLE, fitted, style};
use crate::base::table::{Table, number};

/// A confusion matrix: counts on the left, row percentages on the right.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfusionFigure {
    /// Model and data.
    pub title: String,
    /// The metrics, shown under the title.
    pub subtitle: String,
    /// The counts.
    pub confusion: Confusion,
}

impl ConfusionFigure {
    /// The confusion matrix of a report, with its metrics.
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

    /// Cells from the count and its fraction of the row; the fraction is none if the class does not occur.
    fn cells(&self, text: impl Fn(u64, Option<f64>) -> String) -> Vec<Vec<Option<MatrixCell>>> {
        let row = |truth: Emotion| {
            let parts = self.confusion.row(truth);
            let cell = |found: Emotion| {
                let (count, part) = (self.confusion.0[truth.index()][found.index()], parts[found.index()]);
                let known = (self.confusion.support(truth) > 0).then_some(part);
                Some(MatrixCell { text: text(count, known), shade: part })
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
        let parts = self.cells(|_, part| part.map_or_else(|| "none".to_owned(), |part| format!("{:.1}", 100.0 * part)));
        for (title, left, cells) in [("utterances", 92, counts), ("per cent of the true class", 562, parts)] {
            let grid = Grid { left, margin: 92, top: 112, width: 90, height: 90 };
            area.draw_text(title, &style(TEXT, &MUTED, HPos::Center), (left + 2 * grid.width, 74))?;
            grid.draw(area, &rows, &columns, &cells)?;
        }
        Ok(())
    }
}
