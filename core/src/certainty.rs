//! The probability from which the answers of a model are certain.

use serde::{Deserialize, Serialize};

use crate::emotion::Emotion;
use crate::mismatch::{Mismatch, check};

/// The probability from which an answer is certain enough to be shown without a question mark; part of the contract.
///
/// It is chosen for a risk: the fraction of certain answers that are wrong on corpora left out of training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certainty {
    /// Lowest probability of the most probable emotion, from 1/4 (all four equal) to below 1.
    pub least_probability: f64,
    /// Accepted fraction of wrong answers among the certain ones, for voices of corpora that the model was not trained on, above 0 and below 1.
    pub risk: f64,
}

impl Certainty {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first value out of range, as `certainty.NAME`.
    pub fn validate(&self) -> Result<(), Mismatch> {
        let Self { least_probability, risk } = *self;
        let equal = 1.0 / Emotion::COUNT as f64;
        check(
            (equal..1.0).contains(&least_probability),
            "certainty.least_probability",
            format!("in {equal}..1"),
            least_probability,
        )?;
        check(risk > 0.0 && risk < 1.0, "certainty.risk", "between 0 and 1", risk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_refused_by_name() {
        let refused = |least_probability, risk| Certainty { least_probability, risk }.validate().unwrap_err().to_string();
        assert_eq!(refused(0.2, 0.4), "certainty.least_probability must be in 0.25..1, found 0.2");
        assert_eq!(refused(f64::NAN, 0.4), "certainty.least_probability must be in 0.25..1, found NaN");
        assert_eq!(refused(0.5, 1.0), "certainty.risk must be between 0 and 1, found 1");
        assert_eq!(Certainty { least_probability: 0.25, risk: 0.4 }.validate(), Ok(()));
    }
}
