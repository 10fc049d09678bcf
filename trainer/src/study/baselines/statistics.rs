//! A clip as one row: statistics of each feature over time.

use moodline_core::Emotion;
use ndarray::Array2;

use crate::data::dataset::Part;
use crate::measure::metrics::percentile;

/// The statistics of each feature, in this order.
pub const STATISTICS: [&str; 4] = ["mean", "deviation", "10th percentile", "90th percentile"];

/// Mean, standard deviation (of the population) and two percentiles of each feature over the steps of a clip: `[n_features * 4]`, starting with the
/// four of the first feature.
///
/// # Source
/// Percentiles are linearly interpolated between steps, as in `numpy.percentile`.
#[must_use]
pub fn statistics(features: &Array2<f32>) -> Vec<f64> {
    let mut row = Vec::with_capacity(features.ncols() * STATISTICS.len());
    for column in features.columns() {
        let mut values: Vec<f64> = column.iter().copied().map(f64::from).collect();
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
        values.sort_by(f64::total_cmp);
        row.extend([mean, variance.sqrt(), percentile(&values, 0.1), percentile(&values, 0.9)]);
    }
    row
}

/// Clips as rows, `[clips, width]`, with each column standardised to mean 0 and standard deviation 1 over the training clips.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    pub(super) rows: Vec<Vec<f64>>,
    /// [`Emotion::index`] of each row.
    pub(super) labels: Vec<usize>,
}

impl Table {
    pub(super) fn width(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }

    pub(super) fn emotions(&self) -> impl Iterator<Item = Emotion> {
        self.labels.iter().map(|&label| Emotion::ALL[label])
    }
}

/// Mean and standard deviation of each column over the training clips.
pub(super) struct Columns {
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

impl Columns {
    pub(super) fn fit(train: &Part) -> Self {
        let rows: Vec<Vec<f64>> = train.features.iter().map(statistics).collect();
        let n = rows.len() as f64;
        let width = rows.first().map_or(0, Vec::len);
        let over_rows = |of: &dyn Fn(&[f64], usize) -> f64| -> Vec<f64> {
            (0..width).map(|column| rows.iter().map(|row| of(row, column)).sum::<f64>() / n).collect()
        };
        let mean = over_rows(&|row, column| row[column]);
        let variance = over_rows(&|row, column| (row[column] - mean[column]).powi(2));
        // A constant column carries no information, whatever it is divided by.
        let deviation = variance.into_iter().map(|variance| if variance > 0.0 { variance.sqrt() } else { 1.0 }).collect();
        Self { mean, deviation }
    }

    pub(super) fn table(&self, part: &Part) -> Table {
        let standardised = |features: &Array2<f32>| {
            let row = statistics(features);
            row.iter().zip(&self.mean).zip(&self.deviation).map(|((value, mean), deviation)| (value - mean) / deviation).collect()
        };
        Table { rows: part.features.iter().map(standardised).collect(), labels: part.labels.clone() }
    }
}
