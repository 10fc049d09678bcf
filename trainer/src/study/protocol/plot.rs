//! A cross-corpus matrix as a figure.

use super::results::ModelResults;
use super::tables::Matrix as CrossCorpus;
use crate::base::plot::{Matrix, MatrixCell};

/// UAR at chance level, which has the lightest colour, as has everything below.
const CHANCE: f64 = 0.25;

/// The mean UAR of every cell with its standard deviation over the seeds; none for a model without a matrix.
#[must_use]
pub fn matrix_figure(model: &ModelResults, title: &str) -> Option<Matrix> {
    let matrix = CrossCorpus::of(model)?;
    let cell = |row: &str, column: &str| {
        let uar = matrix.cell(row, column)?;
        let text = uar.deviation.map_or_else(String::new, |deviation| format!(" ± {deviation:.3}"));
        Some(MatrixCell { text: format!("{:.3}{text}", uar.mean), shade: (uar.mean - CHANCE) / (1.0 - CHANCE) })
    };
    Some(Matrix {
        title: title.to_owned(),
        subtitle: "UAR, mean ± deviation over the seeds; within a corpus speakers are kept apart".to_owned(),
        row_label: "trained on".to_owned(),
        column_label: "tested on".to_owned(),
        rows: matrix.rows.iter().map(ToString::to_string).collect(),
        columns: matrix.columns.iter().map(ToString::to_string).collect(),
        cells: matrix.rows.iter().map(|row| matrix.columns.iter().map(|column| cell(row, column)).collect()).collect(),
    })
}
