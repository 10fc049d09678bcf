//! The reliability diagram: accuracy of a model as a function of its confidence.
//!
//! # Source
//! C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, figure 1.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::metrics::Calibration;
use crate::base::plot::{Area, DrawResult, Field, Figure, INK, MUTED, SERIES, TEXT, TITLE, XScale, dashed, fitted, style};
use crate::base::table::{Table, number};

const WIDTH: i32 = 560;
const FIELD: i32 = 300;
const COUNTS: i32 = 90;
/// Space between the diagram and the counts, for the ticks of one and the label of the other.
const GAP: i32 = 56;
const TOP: i32 = 86;

/// Accuracy against confidence, and the number of predictions at each confidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Reliability {
    /// Model and data.
    pub title: String,
    /// The bins.
    pub calibration: Calibration,
}

impl Figure for Reliability {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn size(&self) -> (u32, u32) {
        (WIDTH as u32, (TOP + FIELD + GAP + COUNTS + 50) as u32)
    }

    fn table(&self) -> Table {
        let mut table = Table::new(["confidence above", "up to", "utterances", "mean confidence", "accuracy"]);
        for bin in &self.calibration.bins {
            let known = |value: f64| number((bin.n > 0).then_some(value));
            table.push([number(bin.low), number(bin.high), bin.n.to_string(), known(bin.confidence), known(bin.accuracy)]);
        }
        table
    }

    fn draw(&self, area: &Area<'_>) -> DrawResult {
        let Calibration { ece, n, bins } = &self.calibration;
        area.draw_text(&fitted(&self.title, TITLE, WIDTH - 28), &style(TITLE, &INK, HPos::Left), (14, 20))?;
        let figures = format!("expected calibration error {ece:.3} over {} bins, {n} utterances", bins.len());
        area.draw_text(&figures, &style(TEXT, &MUTED, HPos::Left), (14, 42))?;
        let (left, right) = (62, WIDTH - 24);
        let field = Field::new([left, TOP, right, TOP + FIELD], [0.0, 1.0], [0.0, 1.0], XScale::Linear);
        field.draw_axes(area, "", "accuracy (bars), equal to confidence on the dashed line")?;
        let top = TOP + FIELD + GAP;
        let most = bins.iter().map(|bin| bin.n).max().unwrap_or(0).max(1);
        let counts = Field::new([left, top, right, top + COUNTS], [0.0, 1.0], [0.0, most as f64], XScale::Linear);
        for bin in bins.iter().filter(|bin| bin.n > 0) {
            let bar = |field: &Field, height: f64| {
                let ((from, base), (to, end)) = (field.at(bin.low, 0.0), field.at(bin.high, height));
                [(from + 1, end), (to - 1, base)]
            };
            area.draw(&Rectangle::new(bar(&field, bin.accuracy), SERIES[0].mix(0.75).filled()))?;
            area.draw(&Rectangle::new(bar(&counts, bin.n as f64), MUTED.mix(0.6).filled()))?;
        }
        let diagonal = vec![field.at(0.0, 0.0), field.at(1.0, 1.0)];
        area.draw(&dashed(diagonal, INK.stroke_width(1)))?;
        counts.draw_axes(area, "confidence: probability of the answer given", "utterances")
    }
}
