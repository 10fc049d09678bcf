//! Statistics of the training blocks, fitted so that a program can detect blocks unlike them.
//!
//! In: standardised train and dev clips. Out: the [`Familiarity`] of a contract.

use std::collections::BTreeMap;

use moodline_core::Familiarity;
use moodline_core::contract::Normalisation;
use moodline_core::familiarity::statistics;
use ndarray::{Array2, ArrayView2, s};

use crate::data::dataset::Part;
use crate::measure::metrics::percentile;

/// Each clip is also cut into this many parts of equal length, to learn how much more a short block varies.
const N_PARTS: usize = 4;
/// Shorter parts are too short to be informative, steps.
const LEAST_STEPS: usize = 4;
/// A statistic that hardly varies from clip to clip keeps this fraction of its variance, so that no single one dominates.
const LEAST_BETWEEN: f64 = 0.05;

/// Mean and variances come from `train`, with equal weight for each corpus; at most the fraction `rejected` of each corpus in `dev` exceeds the
/// limit.
pub(super) fn fit(train: &Part, dev: &Part, rejected: f64) -> Familiarity {
    let mut blocks_of: BTreeMap<&str, Vec<(Vec<f64>, f64)>> = BTreeMap::new();
    for (features, corpus) in train.features.iter().zip(&train.corpora) {
        let described = blocks(features).map(|block| (describe(block), 1.0 / block.nrows() as f64));
        blocks_of.entry(corpus).or_default().extend(described);
    }
    let weighted: Vec<(f64, &[f64], f64)> = blocks_of
        .values()
        .flat_map(|blocks| {
            blocks.iter().map(|(values, inverse)| (1.0 / (blocks.len() * blocks_of.len()) as f64, &**values, *inverse))
        })
        .collect();
    let n_statistics = weighted.first().map_or(0, |(_, values, _)| values.len());
    let spreads: Vec<Spread> = (0..n_statistics)
        .map(|statistic| Spread::fit(|| weighted.iter().map(|(weight, values, inverse)| (*weight, values[statistic], *inverse))))
        .collect();
    let each = |of: fn(&Spread) -> f64| spreads.iter().map(of).collect::<Vec<_>>();
    let unlimited = f64::MAX;
    let familiarity =
        Familiarity { mean: each(|of| of.mean), between: each(|of| of.between), within: each(|of| of.within), limit: unlimited };
    let mut distances: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (features, corpus) in dev.features.iter().zip(&dev.corpora) {
        distances.entry(corpus).or_default().push(distance(&familiarity, features));
    }
    let limit = distances.into_values().map(|mut of_corpus| {
        of_corpus.sort_by(f64::total_cmp);
        percentile(&of_corpus, 1.0 - rejected)
    });
    Familiarity { limit: limit.fold(f64::MIN_POSITIVE, f64::max), ..familiarity }
}

/// A clip, followed by its parts.
fn blocks(features: &Array2<f32>) -> impl Iterator<Item = ArrayView2<'_, f32>> {
    let length = features.nrows() / N_PARTS;
    let parts = if length >= LEAST_STEPS { N_PARTS } else { 0 };
    std::iter::once(features.view()).chain((0..parts).map(move |part| features.slice(s![part * length..(part + 1) * length, ..])))
}

/// The statistics of a standardised block, in the order of [`Familiarity::mean`].
fn describe(block: ArrayView2<'_, f32>) -> Vec<f64> {
    let of_features: Vec<[f64; 2]> =
        block.columns().into_iter().map(|values| statistics(values.iter().map(|value| f64::from(*value)))).collect();
    let each = |which: usize| of_features.iter().map(move |of| of[which]);
    each(0).chain(each(1)).collect()
}

/// The distance of a clip that is already standardised.
fn distance(familiarity: &Familiarity, features: &Array2<f32>) -> f64 {
    let n = features.ncols();
    let standard = Normalisation::Standard { mean: vec![0.0; n], scale: vec![1.0; n] };
    // INVARIANT: clips are row-major.
    familiarity.distance(features.as_slice().expect("row-major features"), &standard)
}

/// How one statistic varies: `between + within / steps`.
struct Spread {
    mean: f64,
    between: f64,
    within: f64,
}

impl Spread {
    /// Least squares over (weight, value, 1 / steps); weights sum to 1.
    fn fit<I: Iterator<Item = (f64, f64, f64)>>(blocks: impl Fn() -> I) -> Self {
        let expected =
            |of: &dyn Fn(f64, f64) -> f64| blocks().map(|(weight, value, inverse)| weight * of(value, inverse)).sum::<f64>();
        let mean = expected(&|value, _| value);
        let variance = expected(&|value, _| (value - mean).powi(2));
        let inverse_mean = expected(&|_, inverse| inverse);
        let inverse_variance = expected(&|_, inverse| (inverse - inverse_mean).powi(2));
        let covariance = expected(&|value, inverse| ((value - mean).powi(2) - variance) * (inverse - inverse_mean));
        let within = if inverse_variance > 0.0 { (covariance / inverse_variance).max(0.0) } else { 0.0 };
        let between = (variance - within * inverse_mean).max(LEAST_BETWEEN * variance).max(f64::MIN_POSITIVE);
        Self { mean, between, within }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Clips whose two features each vary around a mean of their own near `place`.
    fn part(n: usize, steps: usize, place: f64, seed: u64) -> Part {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut clip = || {
            let own: [f64; 2] = std::array::from_fn(|_| place + rng.random_range(-1.0..1.0));
            Array2::from_shape_fn((steps, 2), |(_, feature)| (own[feature] + rng.random_range(-2.0..2.0)) as f32)
        };
        let features = (0..n).map(|_| clip()).collect();
        Part { features, labels: vec![0; n], speakers: vec!["s".to_owned(); n], corpora: vec!["c".to_owned(); n] }
    }

    #[test]
    fn what_is_like_the_training_is_familiar_at_any_length_and_what_is_not_is_not() {
        let familiarity = fit(&part(300, 80, 0.0, 1), &part(200, 80, 0.0, 2), 0.02);
        familiarity.validate(2).unwrap();
        let unfamiliar = |part: &Part| {
            let far = part.features.iter().filter(|features| distance(&familiarity, features) > familiarity.limit).count();
            far as f64 / part.len() as f64
        };
        for steps in [20, 80, 160] {
            let found = unfamiliar(&part(300, steps, 0.0, 3));
            assert!(found < 0.08, "{found} of blocks of {steps} steps");
        }
        assert_eq!(unfamiliar(&part(50, 80, 4.0, 4)), 1.0);
    }

    #[test]
    fn every_corpus_counts_alike() {
        let mut both = part(30, 40, 0.0, 5);
        let other = part(3, 40, 6.0, 6);
        both.features.extend(other.features);
        both.labels.extend(other.labels);
        both.speakers.extend(other.speakers);
        both.corpora.extend(vec!["other".to_owned(); 3]);
        let familiarity = fit(&both, &both, 0.1);
        assert!((familiarity.mean[0] - 3.0).abs() < 0.5, "{:?}", familiarity.mean);
    }

    #[test]
    fn the_variance_of_a_statistic_falls_with_the_steps() {
        // Values around 0 with variance 1 + 8 / n, exactly.
        let values = [(2.0, 5.0_f64), (8.0, 2.0)];
        let spread = Spread::fit(|| {
            values.into_iter().flat_map(|(n, variance)| [-1.0, 1.0].map(|sign| (0.25, sign * variance.sqrt(), 1.0 / n)))
        });
        assert!((spread.mean).abs() < 1e-12 && (spread.between - 1.0).abs() < 1e-9 && (spread.within - 8.0).abs() < 1e-9);
    }
}
