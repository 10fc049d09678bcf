//! Positions of values on an axis: as categories, or to scale if there are many numbers.

use std::cmp::Ordering;
use std::ops::Range;

use serde_json::Value;

use crate::base::plot::ticks;
use crate::study::sweep::tables::{label, value_text};

/// More distinct numbers than this are drawn to scale.
const MAX_CATEGORIES: usize = 6;
/// Numbers that span more than this factor are drawn on a logarithmic scale.
const WIDE: f64 = 50.0;

/// An axis.
pub(super) enum Scale {
    /// Values, in order.
    Categories(Vec<Value>),
    Numbers {
        /// Range of the numbers, or of their logarithms.
        range: Range<f64>,
        log: bool,
    },
}

impl Scale {
    /// An axis for these values; none if they are all equal.
    pub(super) fn of(values: &[&Value]) -> Option<Self> {
        let mut different: Vec<Value> = Vec::new();
        for value in values {
            if !different.contains(value) {
                different.push((*value).clone());
            }
        }
        if different.len() < 2 {
            return None;
        }
        different.sort_by(compare);
        let numbers: Option<Vec<f64>> = different.iter().map(Value::as_f64).collect();
        Some(match numbers.filter(|numbers| numbers.len() > MAX_CATEGORIES) {
            Some(numbers) => {
                let (min, max) = (numbers[0], numbers[numbers.len() - 1]);
                let log = min > 0.0 && max / min > WIDE;
                Self::Numbers { range: if log { min.ln()..max.ln() } else { min..max }, log }
            }
            None => Self::Categories(different),
        })
    }

    /// The categories; none on an axis that is drawn to scale.
    pub(super) fn categories(&self) -> impl Iterator<Item = &Value> {
        let values: &[Value] = if let Self::Categories(values) = self { values } else { &[] };
        values.iter()
    }

    /// The position of a value, 0..=1.
    pub(super) fn part(&self, value: &Value) -> f64 {
        match self {
            Self::Categories(values) => {
                let index = values.iter().position(|other| other == value).unwrap_or(0);
                index as f64 / (values.len() - 1) as f64
            }
            Self::Numbers { range, log } => {
                let number = value.as_f64().unwrap_or(range.start);
                let number = if *log { number.ln() } else { number };
                (number - range.start) / (range.end - range.start)
            }
        }
    }

    /// Positions, 0..=1, and texts of the labels.
    pub(super) fn labels(&self) -> Vec<(f64, String)> {
        match self {
            Self::Categories(values) => values.iter().map(|value| (self.part(value), category(value))).collect(),
            Self::Numbers { range, log: false } => {
                let (ticks, decimals) = ticks(range.start, range.end, 5);
                let part = |tick: f64| (tick - range.start) / (range.end - range.start);
                ticks.into_iter().map(|tick| (part(tick), format!("{tick:.decimals$}"))).collect()
            }
            Self::Numbers { range, log: true } => {
                let powers =
                    (range.start / std::f64::consts::LN_10).ceil() as i32..=(range.end / std::f64::consts::LN_10).floor() as i32;
                let part = |power: i32| (f64::from(power) * std::f64::consts::LN_10 - range.start) / (range.end - range.start);
                powers.map(|power| (part(power), format!("1e{power}"))).collect()
            }
        }
    }
}

/// The label of a category.
fn category(value: &Value) -> String {
    const LONGEST: usize = 14;
    let text = label(value);
    if text.chars().count() <= LONGEST { text } else { text.chars().take(LONGEST - 1).chain(['…']).collect() }
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a_number, b_number) => a_number.is_some().cmp(&b_number.is_some()).then_with(|| value_text(a).cmp(&value_text(b))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(values: &[Value]) -> Option<Scale> {
        Scale::of(&values.iter().collect::<Vec<_>>())
    }

    #[test]
    fn few_values_lie_side_by_side_in_their_order() {
        let few = scale(&[16, 8, 128, 8].map(Value::from)).unwrap();
        assert_eq!(few.labels(), [(0.0, "8".to_owned()), (0.5, "16".to_owned()), (1.0, "128".to_owned())]);
        let mixed = scale(&[Value::Null, Value::from("b"), Value::from("a")]).unwrap();
        assert_eq!(mixed.labels().into_iter().map(|(_, text)| text).collect::<Vec<_>>(), ["-", "a", "b"]);
        assert!(scale(&[Value::from(1), Value::from(1)]).is_none());
        let table = serde_json::json!({ "kind": "one_cycle", "max_learning_rate": 0.01 });
        assert_eq!(category(&table), "one_cycle");
    }

    #[test]
    fn many_numbers_are_drawn_to_scale() {
        let even = scale(&(0..=10).map(Value::from).collect::<Vec<_>>()).unwrap();
        assert_eq!((even.part(&Value::from(5)), even.categories().count()), (0.5, 0));
        assert_eq!(even.labels()[1], (0.2, "2".to_owned()));
        let wide: Vec<Value> = (0..=10).map(|power| Value::from(10_f64.powf(-0.5 * f64::from(power)))).collect();
        let wide = scale(&wide).unwrap();
        assert!((wide.part(&Value::from(0.1)) - 0.8).abs() < 1e-12);
        assert_eq!(wide.labels().len(), 6);
    }
}
