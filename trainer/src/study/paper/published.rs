//! The paper's published numbers.
//!
//! # Source
//! S. Faldu, M. Parikh, A. Kumar, "Real-Time Emotion Recognition Using Liquid Neural Networks": Table 1 and the text. All are accuracies on IEMOCAP,
//! with a random split, augmented copies and all speakers on both sides; they are shown next to results of honest splits but are not comparable with
//! them. The values of its figures are published only as images; those quoted in its text are here.

use std::collections::BTreeMap;

use moodline_core::Emotion;
use serde_json::Value;

/// Introduces every quotation.
pub(crate) const CITATION: &str = "Faldu, Parikh and Kumar, \"Real-Time Emotion Recognition Using Liquid Neural Networks\"";

/// Accuracies stated in the paper, 0..=1.
pub(crate) const ACCURACIES: [(&str, f64); 3] = [
    ("the paper's network (Table 1, first row)", 0.63),
    ("the baseline the paper aims at (its conclusion)", 0.65),
    ("CNN + LSTM of Etienne et al. 2018, as the paper quotes it", 0.645),
];

/// Precision, recall and F1 of its best network, 0..=1.
pub(crate) const CLASSES: [(Emotion, [f64; 3]); Emotion::COUNT] = [
    (Emotion::Angry, [0.79, 0.76, 0.77]),
    (Emotion::Happy, [0.0, 0.0, 0.0]),
    (Emotion::Sad, [0.60, 0.73, 0.66]),
    (Emotion::Neutral, [0.57, 0.70, 0.63]),
];

/// Last epoch in its Figure 1, on the training and the validation clips: accuracy 0..=1, and loss in nats.
pub(crate) const LAST_EPOCH: [[f64; 2]; 2] = [[0.6499, 0.9118], [0.63, 0.9308]];

/// Number of training and test clips, copies included.
pub(crate) const N_CLIPS: [u32; 2] = [14_368, 3_592];

/// Number of trained values stated for its 16 units; its code creates 1,012.
pub(crate) const N_PARAMETERS: u32 = 710;

/// Time per prediction, seconds.
pub(crate) const LATENCY_S: f64 = 0.1;

/// One row of Table 1.
pub(crate) struct Row {
    pub(crate) learning_rate: f64,
    pub(crate) l2: f64,
    pub(crate) batch_size: u32,
    pub(crate) units: u32,
    pub(crate) epochs: u32,
    /// Factor of the learning rate on a plateau; none: constant rate.
    pub(crate) factor: Option<f64>,
    pub(crate) patience: u32,
    pub(crate) oversample: bool,
    /// 0..=1
    pub(crate) accuracy: f64,
}

const fn row(
    rates: (f64, f64),
    sizes: (u32, u32, u32),
    factor: Option<f64>,
    patience: u32,
    oversample: bool,
    accuracy: f64,
) -> Row {
    let ((learning_rate, l2), (batch_size, units, epochs)) = (rates, sizes);
    Row { learning_rate, l2, batch_size, units, epochs, factor, patience, oversample, accuracy }
}

/// Table 1, from top to bottom.
pub(crate) const TABLE_1: [Row; 9] = [
    row((0.0005, 0.0005), (64, 16, 50), Some(0.5), 5, false, 0.6300),
    row((0.0005, 0.0005), (24, 16, 100), Some(0.5), 5, false, 0.6250),
    row((0.0005, 0.0005), (64, 16, 100), None, 10, false, 0.6144),
    row((0.0001, 0.0005), (64, 8, 50), None, 10, true, 0.6284),
    row((0.001, 0.0001), (32, 32, 100), Some(0.5), 10, false, 0.2475),
    row((0.0001, 0.0001), (64, 12, 50), None, 5, false, 0.6020),
    row((0.001, 0.001), (128, 24, 100), None, 5, true, 0.5720),
    row((0.001, 0.0005), (64, 24, 100), None, 5, true, 0.5534),
    row((0.0005, 0.0005), (32, 12, 100), Some(0.5), 5, false, 0.6150),
];

impl Row {
    /// Whether a configuration of a sweep matches this row in all the settings it contains; the number of units must be among them.
    pub(crate) fn is(&self, settings: &BTreeMap<String, Value>) -> bool {
        let agrees = |key: &str, expected: f64| {
            let found = settings.get(key).and_then(Value::as_f64);
            found.is_none_or(|found| (found - expected).abs() <= 1e-9 + 1e-6 * expected.abs())
        };
        let oversample = settings.get("training.oversample").and_then(Value::as_bool);
        settings.contains_key("network.units")
            && agrees("network.units", f64::from(self.units))
            && agrees("training.schedule.learning_rate", self.learning_rate)
            && agrees("training.l2", self.l2)
            && agrees("training.batch_size", f64::from(self.batch_size))
            && agrees("training.epochs", f64::from(self.epochs))
            && agrees("training.patience", f64::from(self.patience))
            && oversample.is_none_or(|found| found == self.oversample)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use toml::Table;

    use super::*;
    use crate::study::sweep::config::SweepConfig;
    use crate::train::config::{TrainConfig, value_at};

    #[test]
    fn the_committed_sweep_is_the_table() {
        let sweep = SweepConfig::parse("table-1.toml", include_str!("../../../configs/table-1.toml")).unwrap();
        assert_eq!(sweep.groups.len(), TABLE_1.len());
        for (group, row) in sweep.groups.iter().zip(&TABLE_1) {
            let overrides = [&sweep.set[..], &group.set].concat();
            let config = TrainConfig::parse("paper.toml", include_str!("../../../configs/paper.toml"), &overrides).unwrap();
            let table: Table = toml::from_str(&config.to_toml()).unwrap();
            let setting = |setting: &String| {
                let path = setting.split_once('=').unwrap().0;
                Some((path.to_owned(), serde_json::to_value(value_at(&table, path)?).unwrap()))
            };
            let settings: BTreeMap<String, Value> = group.set.iter().filter_map(setting).collect();
            assert!(row.is(&settings), "{}: {settings:?}", group.name);
            assert_eq!(group.published_accuracy, Some(row.accuracy), "{}", group.name);
        }
    }

    #[test]
    fn a_configuration_is_found_by_what_it_sets() {
        let settings = |units: u32, batch: u32, oversample: bool| -> BTreeMap<String, Value> {
            [
                ("network.units", json!(units)),
                ("training.batch_size", json!(batch)),
                ("training.oversample", json!(oversample)),
                ("training.epochs", json!(100)),
            ]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
        };
        let found = |settings: &BTreeMap<String, Value>| -> Vec<usize> {
            TABLE_1.iter().enumerate().filter(|(_, row)| row.is(settings)).map(|(index, _)| index + 1).collect()
        };
        assert_eq!(found(&settings(24, 128, true)), [7]);
        assert_eq!(found(&settings(24, 64, true)), [8]);
        assert_eq!(found(&settings(24, 64, false)), [] as [usize; 0]);
        assert_eq!(found(&BTreeMap::new()), [] as [usize; 0]);
    }
}
