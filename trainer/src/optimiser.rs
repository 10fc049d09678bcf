//! Adam, and clipping of gradients by their common norm.

use moodline_core::Real;
use moodline_core::ltc::LtcParameters;
use serde::{Deserialize, Serialize};

use crate::network::parameters::{named, named_mut, zeros};

/// Settings of [`Adam`] that a run may change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamConfig {
    /// Decay of the mean of the gradients a step, 0..1.
    pub beta1: f64,
    /// Decay of the mean of their squares a step, 0..1.
    pub beta2: f64,
    /// Added to the root of the latter, above 0.
    pub epsilon: f64,
}

impl Default for AdamConfig {
    /// Keras' defaults.
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-7 }
    }
}

/// Adam with its state: restored with these fields, it continues bit by bit.
///
/// # Source
/// Kingma and Ba 2015, algorithm 1 in the form at the end of section 2, as Keras 3 has it (`keras.optimizers.Adam`): epsilon is
/// not bias-corrected, which makes it larger than PyTorch's in the first steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Adam<T> {
    /// Settings.
    pub config: AdamConfig,
    /// Updates made so far.
    pub updates: u64,
    /// Decaying mean of the gradients.
    pub first_moment: LtcParameters<T>,
    /// Decaying mean of their squares.
    pub second_moment: LtcParameters<T>,
}

impl<T: Real> Adam<T> {
    /// An optimiser that has seen nothing yet, for parameters of these sizes.
    #[must_use]
    pub fn new(config: AdamConfig, n_features: usize, units: usize) -> Self {
        Self { config, updates: 0, first_moment: zeros(n_features, units), second_moment: zeros(n_features, units) }
    }

    /// Changes `parameters` by one step against `gradients`.
    ///
    /// # Panics
    /// When shapes differ.
    pub fn update(&mut self, parameters: &mut LtcParameters<T>, gradients: &LtcParameters<T>, learning_rate: f64) {
        self.updates += 1;
        let AdamConfig { beta1, beta2, epsilon } = self.config;
        let exponent = self.updates as f64;
        let step = T::of(learning_rate * (1.0 - beta2.powf(exponent)).sqrt() / (1.0 - beta1.powf(exponent)));
        let (toward_first, toward_second, epsilon) = (T::of(1.0 - beta1), T::of(1.0 - beta2), T::of(epsilon));
        let moments = named_mut(&mut self.first_moment).into_iter().zip(named_mut(&mut self.second_moment));
        for (((_, values), (name, gradients)), ((_, first), (_, second))) in
            named_mut(parameters).into_iter().zip(named(gradients)).zip(moments)
        {
            assert!(values.len() == gradients.len() && values.len() == first.len(), "{name} has the same shape everywhere");
            for (((value, gradient), m), v) in values.iter_mut().zip(gradients).zip(first).zip(second) {
                *m += (*gradient - *m) * toward_first;
                *v += (*gradient * *gradient - *v) * toward_second;
                *value -= step * *m / (v.sqrt() + epsilon);
            }
        }
    }
}

/// Scales `gradients` so that their common Euclidean norm is at most `max_norm`, and returns what it was.
///
/// # Source
/// Pascanu, Mikolov and Bengio 2013, algorithm 1; `global_clipnorm` of Keras' optimisers.
pub fn clip_by_global_norm<T: Real>(gradients: &mut LtcParameters<T>, max_norm: f64) -> f64 {
    let squares = named(gradients).into_iter().flat_map(|(_, values)| values).map(|value| value.widen() * value.widen());
    let norm = squares.sum::<f64>().sqrt();
    if norm > max_norm {
        let factor = T::of(max_norm / norm);
        for (_, values) in named_mut(gradients) {
            for value in values {
                *value *= factor;
            }
        }
    }
    norm
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_gradient_above_the_norm_is_scaled() {
        let mut gradients = zeros::<f64>(2, 2);
        gradients.kernel[(0, 0)] = 3.0;
        gradients.dense_bias[3] = -4.0;
        let untouched = gradients.clone();
        assert_eq!(clip_by_global_norm(&mut gradients, 6.0), 5.0);
        assert_eq!(gradients, untouched);
        assert_eq!(clip_by_global_norm(&mut gradients, 2.5), 5.0);
        assert_eq!((gradients.kernel[(0, 0)], gradients.dense_bias[3]), (1.5, -2.0));
    }

    #[test]
    fn the_first_update_goes_the_learning_rate_against_the_sign() {
        let (mut parameters, mut gradients) = (zeros::<f64>(2, 2), zeros(2, 2));
        gradients.tau[0] = 123.0;
        gradients.tau[1] = -0.5;
        Adam::new(AdamConfig { epsilon: 1e-300, ..AdamConfig::default() }, 2, 2).update(&mut parameters, &gradients, 0.25);
        assert!((parameters.tau[0] + 0.25).abs() < 1e-12 && (parameters.tau[1] - 0.25).abs() < 1e-12);
        assert!(parameters.kernel.iter().all(|value| *value == 0.0));
    }
}
