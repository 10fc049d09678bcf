//! Whether a block resembles those a model was trained on.
//!
//! In: the features of a block, as the network sees them. Out: how far their statistics are from those of the training data, in squared standard deviations. A
//! network gives an answer for any sound, such as rain, a drill or a song. Such an answer means nothing, and its probabilities do not show it.

use serde::{Deserialize, Serialize};

use crate::mismatch::{Mismatch, check};
use crate::normalisation::Normalisation;

/// Statistics of the blocks a model was trained on: for every feature the mean over the steps of a block and the logarithm of its standard deviation, and how
/// both vary from block to block. Part of the contract.
///
/// A short block says less about its voice than a long one, so its statistics vary more: the variance of a statistic over `n` steps is
/// `between + within / n`.
///
/// # Source
/// The squared Mahalanobis distance with a diagonal covariance, over the number of values (Lee et al. 2018, "A simple unified framework for detecting
/// out-of-distribution samples", section 2.1), of pooled features; the variance is that of a mean over a random effect (ANOVA, one way).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Familiarity {
    /// Mean of each statistic over blocks, `[2 * n_features]`: first the means of the features, then the logarithms of their standard deviations, all of
    /// standardised features.
    pub mean: Vec<f64>,
    /// Variance of each statistic that remains in a long block, `[2 * n_features]`, positive.
    pub between: Vec<f64>,
    /// Variance of each statistic that is divided by the number of steps, `[2 * n_features]`, at least 0.
    pub within: Vec<f64>,
    /// Blocks at a larger distance are unfamiliar; an average block has a distance of about 1.
    pub limit: f64,
}

/// Added to a standard deviation before the logarithm, in standard deviations, so that a nearly constant feature does not dominate.
const LEAST_DEVIATION: f64 = 0.05;

impl Familiarity {
    /// The distance of a block, `[n_steps, n_features]` row-major, standardised by `normalisation`. 0 for a block without steps.
    #[must_use]
    pub fn distance(&self, features: &[f32], normalisation: &Normalisation) -> f64 {
        let Normalisation::Standard { mean, scale } = normalisation;
        let n_features = mean.len();
        let n_steps = features.len() / n_features;
        if n_steps == 0 {
            return 0.0;
        }
        let of_feature = |feature: usize| {
            let values =
                features[feature..].iter().step_by(n_features).map(|value| (f64::from(*value) - mean[feature]) / scale[feature]);
            statistics(values)
        };
        let squared = |statistic: usize, value: f64| {
            (value - self.mean[statistic]).powi(2) / (self.between[statistic] + self.within[statistic] / n_steps as f64)
        };
        let sum: f64 = (0..n_features)
            .map(|feature| {
                let [mean, deviation] = of_feature(feature);
                squared(feature, mean) + squared(n_features + feature, deviation)
            })
            .sum();
        sum / (2 * n_features) as f64
    }

    /// Whether a block resembles those the model was trained on; arguments as in [`Familiarity::distance`].
    #[must_use]
    pub fn is_familiar(&self, features: &[f32], normalisation: &Normalisation) -> bool {
        self.distance(features, normalisation) <= self.limit
    }

    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first value out of range, as `familiarity.NAME`.
    pub fn validate(&self, n_features: usize) -> Result<(), Mismatch> {
        let Self { mean, between, within, limit } = self;
        for (field, values) in [("mean", mean), ("between", between), ("within", within)] {
            let field = format!("familiarity.{field}");
            let expected = format!("{} values, two for each feature", 2 * n_features);
            check(values.len() == 2 * n_features, field, expected, format!("{} values", values.len()))?;
        }
        let all = |field: &str, values: &[f64], expected: &str, fits: fn(f64) -> bool| match values
            .iter()
            .position(|value| !fits(*value))
        {
            None => Ok(()),
            Some(at) => check(false, format!("familiarity.{field}"), expected, format!("{} at {at}", values[at])),
        };
        all("mean", mean, "finite numbers", f64::is_finite)?;
        all("between", between, "positive numbers", |value| value.is_finite() && value > 0.0)?;
        all("within", within, "numbers of at least 0", |value| value.is_finite() && value >= 0.0)?;
        check(limit.is_finite() && *limit > 0.0, "familiarity.limit", "a positive number", limit)
    }
}

/// The statistics of one standardised feature in a block: its mean over the steps, and the logarithm of its standard deviation.
#[must_use]
pub fn statistics(values: impl ExactSizeIterator<Item = f64> + Clone) -> [f64; 2] {
    let n = values.len() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / n;
    [mean, (variance.sqrt() + LEAST_DEVIATION).ln()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn familiarity() -> Familiarity {
        Familiarity {
            mean: vec![0.0, 1.0, 0.0, 0.0],
            between: vec![1.0, 4.0, 1.0, 1.0],
            within: vec![3.0, 0.0, 0.0, 0.0],
            limit: 2.0,
        }
    }

    fn standard() -> Normalisation {
        Normalisation::Standard { mean: vec![1.0, 0.0], scale: vec![2.0, 1.0] }
    }

    #[test]
    fn the_distance_is_that_of_the_statistics_in_deviations_of_so_many_steps() {
        // Two features over three steps: standardised -0.5, 0.5, 1.5 and 1, 1, 4.
        let features = [0.0, 1.0, 2.0, 1.0, 4.0, 4.0];
        let deviation = |variance: f64| (variance.sqrt() + 0.05).ln();
        // Means 0.5 and 2; variances 2 / 3 and 2.
        let expected = [0.25 / 2.0, 1.0 / 4.0, deviation(2.0 / 3.0).powi(2), deviation(2.0).powi(2)];
        let found = familiarity().distance(&features, &standard());
        assert!((found - expected.iter().sum::<f64>() / 4.0).abs() < 1e-12, "{found}");
        assert!(familiarity().is_familiar(&features, &standard()));
        assert!(!familiarity().is_familiar(&[90.0, 1.0, 91.0, 1.0], &standard()));
    }

    #[test]
    fn a_longer_block_may_differ_less_and_no_step_is_no_surprise() {
        let block = [4.0, 1.0, 2.0, 2.0];
        let (short, long) = (block.to_vec(), block.repeat(50));
        let distance = |features: &[f32]| familiarity().distance(features, &standard());
        assert!(distance(&short) < distance(&long));
        assert_eq!(distance(&[]), 0.0);
    }

    #[test]
    fn what_no_training_can_find_is_refused_by_name() {
        assert!(familiarity().validate(2).is_ok());
        let refused = |change: fn(&mut Familiarity)| {
            let mut changed = familiarity();
            change(&mut changed);
            changed.validate(2).unwrap_err().to_string()
        };
        assert_eq!(refused(|of| of.mean.truncate(3)), "familiarity.mean must be 4 values, two for each feature, found 3 values");
        assert_eq!(refused(|of| of.mean[1] = f64::NAN), "familiarity.mean must be finite numbers, found NaN at 1");
        assert_eq!(refused(|of| of.between[2] = 0.0), "familiarity.between must be positive numbers, found 0 at 2");
        assert_eq!(refused(|of| of.within[3] = -1.0), "familiarity.within must be numbers of at least 0, found -1 at 3");
        assert_eq!(refused(|of| of.limit = f64::INFINITY), "familiarity.limit must be a positive number, found inf");
    }
}
