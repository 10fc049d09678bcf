//! Folds scaler, time step and gain into trained parameters: what training holds becomes what a model file holds.
//!
//! All arithmetic is done in `f64` and rounded to `f32` once.

use ndarray::{Array1, Array2};

use super::{LtcConfig, LtcParameters, LtcWeights, Reading};
use crate::contract::Normalisation;
use crate::real::Real;

impl LtcConfig {
    /// Largest part of the way to `z` that one unfold may go.
    ///
    /// One Euler step leaves `1 - rate` of the distance to `z`: beyond 1 it overshoots, from 2 on it is unstable. At this bound half
    /// the distance is left, so the state stays within three times the range of `tanh` whatever the recurrent weights are.
    pub const MAX_RATE: f64 = 1.5;

    /// `dt / softplus(tau)`, at most [`LtcConfig::MAX_RATE`]: the part of the way to `z` that one unfold goes.
    #[must_use]
    pub fn unfold_rate(&self, tau: f64) -> f64 {
        at_most(Self::MAX_RATE, self.dt / softplus(tau))
    }

    /// `1 - (1 - rate)^unfolds`: the part of the way to a held `z` that a whole step goes.
    #[must_use]
    pub fn step_rate(&self, tau: f64) -> f64 {
        1.0 - (1.0 - self.unfold_rate(tau)).powi(self.unfolds as i32)
    }

    /// The rate the cell runs with, as [`LtcWeights::rate`] holds it.
    #[must_use]
    pub fn rate(&self, tau: f64) -> f64 {
        match self.reading {
            Reading::Held => self.step_rate(tau),
            Reading::Recomputed => self.unfold_rate(tau),
        }
    }

    /// How often a step computes `z`.
    #[must_use]
    pub fn evaluations(&self) -> usize {
        match self.reading {
            Reading::Held => 1,
            Reading::Recomputed => self.unfolds,
        }
    }

    /// `sigmoid(c) / sigmoid(g)`, at most `max_gain`.
    #[must_use]
    pub fn gain(&self, c: f64, g: f64) -> f64 {
        at_most(self.max_gain.unwrap_or(f64::INFINITY), sigmoid(c) / sigmoid(g))
    }
}

impl<T: Real> LtcParameters<T> {
    /// The weights of a model file that computes, from features as the front end makes them, what these parameters compute from
    /// normalised features.
    ///
    /// # Panics
    /// When the parameters or the normalisation do not have the shapes their documentation gives.
    #[must_use]
    pub fn fold(&self, config: &LtcConfig, normalisation: &Normalisation) -> LtcWeights {
        let Normalisation::Standard { mean, scale } = normalisation;
        let kernel = self.kernel.mapv(Real::widen);
        assert_eq!(kernel.nrows(), mean.len(), "the mean has one value for each feature");
        assert_eq!(kernel.nrows(), scale.len(), "the scale has one value for each feature");
        let projection = Array2::from_shape_fn(kernel.dim(), |(feature, unit)| kernel[(feature, unit)] / scale[feature]);
        let projection_bias = self.bias.mapv(Real::widen) - Array1::from_vec(mean.clone()).dot(&projection);
        let rate = self.tau.mapv(|tau| config.rate(tau.widen()));
        let gain = self.c.iter().zip(&self.g).map(|(c, g)| config.gain(c.widen(), g.widen()) as f32).collect();
        LtcWeights {
            projection: projection.mapv(|value| value as f32),
            projection_bias: projection_bias.mapv(|value| value as f32),
            recurrent_kernel: self.recurrent_kernel.mapv(|value| value.widen() as f32),
            rate: rate.mapv(|value| value as f32),
            gain,
            dense_kernel: self.dense_kernel.mapv(|value| value.widen() as f32),
            dense_bias: self.dense_bias.mapv(|value| value.widen() as f32),
        }
    }
}

/// `ln(1 + exp(x))` without overflow.
#[must_use]
pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Logistic function.
#[must_use]
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The smaller of the two; unlike `f64::min`, a NaN stays one.
fn at_most(bound: f64, value: f64) -> f64 {
    if value > bound { bound } else { value }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::ltc::Carry;

    fn config(reading: Reading) -> LtcConfig {
        LtcConfig { units: 2, reading, unfolds: 6, dt: 0.01, clip: 20.0, max_gain: Some(10.0), carry: Carry::Scaled }
    }

    fn parameters() -> LtcParameters<f64> {
        LtcParameters {
            kernel: ndarray::arr2(&[[0.5, -1.0], [2.0, 0.25], [-0.125, 3.0]]),
            recurrent_kernel: ndarray::arr2(&[[0.1, 0.2], [0.3, 0.4]]),
            bias: ndarray::arr1(&[0.7, -0.3]),
            tau: ndarray::arr1(&[1.0, -2.0]),
            c: ndarray::arr1(&[1.0, 40.0]),
            g: ndarray::arr1(&[0.5, -40.0]),
            dense_kernel: Array2::zeros((2, 4)),
            dense_bias: Array1::zeros(4),
        }
    }

    #[test]
    fn the_folded_projection_of_raw_features_is_that_of_normalised_ones() {
        let (mean, scale) = (vec![-300.0, 5.0, 0.01], vec![110.0, 0.5, 3.0]);
        let parameters = parameters();
        let raw = [-250.0, 6.5, -2.0];
        let weights =
            parameters.fold(&config(Reading::Held), &Normalisation::Standard { mean: mean.clone(), scale: scale.clone() });
        for unit in 0..2 {
            let normalised = (0..3).map(|i| (raw[i] - mean[i]) / scale[i] * parameters.kernel[(i, unit)]).sum::<f64>();
            let folded = (0..3).map(|i| raw[i] * f64::from(weights.projection[(i, unit)])).sum::<f64>();
            assert_relative_eq!(
                folded + f64::from(weights.projection_bias[unit]),
                normalised + parameters.bias[unit],
                epsilon = 1e-5
            );
        }
    }

    #[test]
    fn the_held_rate_covers_all_unfolds() {
        let identity = Normalisation::Standard { mean: vec![0.0; 3], scale: vec![1.0; 3] };
        let held = parameters().fold(&config(Reading::Held), &identity);
        let recomputed = parameters().fold(&config(Reading::Recomputed), &identity);
        for (unit, tau) in [1.0f64, -2.0].into_iter().enumerate() {
            let rate = 0.01 / (1.0 + tau.exp()).ln();
            assert_relative_eq!(f64::from(recomputed.rate[unit]), rate, max_relative = 1e-6);
            let mut h = 0.0;
            for _ in 0..6 {
                h += (1.0 - h) * rate;
            }
            assert_relative_eq!(f64::from(held.rate[unit]), h, max_relative = 1e-6);
        }
    }

    #[test]
    fn rates_and_gains_stay_in_bounds_for_any_parameter() {
        let config = config(Reading::Held);
        for tau in [-1e300, -700.0, -4.6, 0.0, 700.0, 1e300] {
            assert!((0.0..=LtcConfig::MAX_RATE).contains(&config.unfold_rate(tau)), "tau {tau}");
            assert!((0.0..=1.0).contains(&config.step_rate(tau)), "tau {tau}");
        }
        assert_relative_eq!(config.gain(1.0, 0.5), (1.0 + (-0.5f64).exp()) / (1.0 + (-1.0f64).exp()));
        assert_relative_eq!(config.gain(40.0, -40.0), 10.0);
        assert_relative_eq!(
            LtcConfig { max_gain: None, ..config }.gain(0.0, -5.0),
            0.5 * (1.0 + 5.0f64.exp()),
            max_relative = 1e-12
        );
    }
}
