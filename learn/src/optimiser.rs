//! Adam, AdamW and SGD, averaging of weights, and clipping of gradients by their global norm.

use moodline_core::Real;
use moodline_core::network::Tensors;
use serde::{Deserialize, Serialize};

use crate::parameters::{is_regularised, zeros_like};

/// Settings of Adam and AdamW that a run may change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamConfig {
    /// Decay per step of the mean of the gradients, 0..1.
    pub beta1: f64,
    /// Decay per step of the mean of their squares, 0..1.
    pub beta2: f64,
    /// Added to the square root of the latter, above 0.
    pub epsilon: f64,
}

impl Default for AdamConfig {
    /// Keras' defaults.
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-7 }
    }
}

/// The optimiser and its settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum OptimiserConfig {
    /// Adam, with the decay rates of [`AdamConfig`].
    #[default]
    Adam,
    /// Adam with decoupled weight decay of the kernels.
    AdamW {
        /// Fraction of a kernel that a step at learning rate 1 removes, at least 0.
        weight_decay: f64,
    },
    /// Stochastic gradient descent with momentum.
    Sgd {
        /// Fraction of the previous step that is kept, 0..1.
        #[serde(default)]
        momentum: f64,
        /// Nesterov momentum, which looks one step ahead.
        #[serde(default)]
        nesterov: bool,
    },
}

/// An optimiser with its state: restored with these fields, it continues with bit-identical results.
///
/// # Source
/// Adam: Kingma and Ba 2015, algorithm 1 in the form at the end of section 2, as in Keras 3 (`keras.optimizers.Adam`): epsilon is
/// not bias-corrected, which makes it larger than PyTorch's in the first steps. AdamW: Loshchilov and Hutter 2019, as `keras.optimizers.AdamW`, on the
/// kernels only. SGD: `keras.optimizers.SGD`.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimiser<T> {
    /// The optimiser and its settings.
    pub config: OptimiserConfig,
    /// Settings of Adam and AdamW.
    pub adam: AdamConfig,
    /// Updates made so far.
    pub updates: u64,
    /// Adam: decaying mean of the gradients. SGD: the previous step.
    pub first_moment: Tensors<T>,
    /// Adam: decaying mean of their squares.
    pub second_moment: Tensors<T>,
}

impl<T: Real> Optimiser<T> {
    /// Creates an optimiser without history, for parameters of these shapes.
    #[must_use]
    pub fn new(config: OptimiserConfig, adam: AdamConfig, parameters: &Tensors<T>) -> Self {
        let zeros = zeros_like(parameters);
        Self { config, adam, updates: 0, first_moment: zeros.clone(), second_moment: zeros }
    }

    /// Changes `parameters` by one step against `gradients`.
    ///
    /// # Panics
    /// When shapes differ.
    pub fn update(&mut self, parameters: &mut Tensors<T>, gradients: &Tensors<T>, learning_rate: f64) {
        self.updates += 1;
        match self.config {
            OptimiserConfig::Adam => self.adam(parameters, gradients, learning_rate),
            OptimiserConfig::AdamW { weight_decay } => {
                let kept = T::of(1.0 - learning_rate * weight_decay);
                for kernel in parameters.iter_mut().filter(|tensor| is_regularised(&tensor.name)) {
                    kernel.values.iter_mut().for_each(|value| *value *= kept);
                }
                self.adam(parameters, gradients, learning_rate);
            }
            OptimiserConfig::Sgd { momentum, nesterov } => {
                self.momentum(parameters, gradients, learning_rate, momentum, nesterov);
            }
        }
    }

    fn adam(&mut self, parameters: &mut Tensors<T>, gradients: &Tensors<T>, learning_rate: f64) {
        let AdamConfig { beta1, beta2, epsilon } = self.adam;
        let exponent = self.updates as f64;
        let step = T::of(learning_rate * (1.0 - beta2.powf(exponent)).sqrt() / (1.0 - beta1.powf(exponent)));
        let (toward_first, toward_second, epsilon) = (T::of(1.0 - beta1), T::of(1.0 - beta2), T::of(epsilon));
        let moments = self.first_moment.iter_mut().zip(self.second_moment.iter_mut());
        for ((tensor, gradients), (first, second)) in parameters.iter_mut().zip(gradients.iter()).zip(moments) {
            let same = tensor.shape == gradients.shape && tensor.shape == first.shape;
            assert!(same, "{} has the same shape everywhere", tensor.name);
            let values = tensor.values.iter_mut().zip(&gradients.values).zip(&mut first.values).zip(&mut second.values);
            for (((value, gradient), m), v) in values {
                *m += (*gradient - *m) * toward_first;
                *v += (*gradient * *gradient - *v) * toward_second;
                *value -= step * *m / (v.sqrt() + epsilon);
            }
        }
    }

    fn momentum(
        &mut self,
        parameters: &mut Tensors<T>,
        gradients: &Tensors<T>,
        learning_rate: f64,
        momentum: f64,
        nesterov: bool,
    ) {
        let (learning_rate, momentum) = (T::of(learning_rate), T::of(momentum));
        for ((tensor, gradients), velocities) in parameters.iter_mut().zip(gradients.iter()).zip(self.first_moment.iter_mut()) {
            let same = tensor.shape == gradients.shape && tensor.shape == velocities.shape;
            assert!(same, "{} has the same shape everywhere", tensor.name);
            let values = tensor.values.iter_mut().zip(&gradients.values).zip(&mut velocities.values);
            for ((value, gradient), velocity) in values {
                let step = learning_rate * *gradient;
                *velocity = momentum * *velocity - step;
                *value += if nesterov { momentum * *velocity - step } else { *velocity };
            }
        }
    }
}

/// Moves `average` towards `parameters`: an exponential moving average over the updates.
///
/// `updates` counts those made so far, from 1. In the first ones the decay is smaller, so that the initial parameters are soon forgotten.
///
/// # Source
/// `tf.train.ExponentialMovingAverage` with `num_updates`: the decay is `min(decay, (1 + updates) / (10 + updates))`.
pub fn move_average<T: Real>(average: &mut Tensors<T>, parameters: &Tensors<T>, decay: f64, updates: u64) {
    let updates = updates as f64;
    let toward = T::of(1.0 - decay.min((1.0 + updates) / (10.0 + updates)));
    for (averages, tensor) in average.iter_mut().zip(parameters.iter()) {
        for (average, value) in averages.values.iter_mut().zip(&tensor.values) {
            *average += (*value - *average) * toward;
        }
    }
}

/// Scales `gradients` so that their global Euclidean norm is at most `max_norm`, and returns the original norm.
///
/// # Source
/// Pascanu, Mikolov and Bengio 2013, algorithm 1; `global_clipnorm` of Keras' optimisers.
pub fn clip_by_global_norm<T: Real>(gradients: &mut Tensors<T>, max_norm: f64) -> f64 {
    let squares = gradients.iter().flat_map(|tensor| &tensor.values).map(|value| value.widen() * value.widen());
    let norm = squares.sum::<f64>().sqrt();
    if norm > max_norm {
        let factor = T::of(max_norm / norm);
        for value in gradients.iter_mut().flat_map(|tensor| &mut tensor.values) {
            *value *= factor;
        }
    }
    norm
}

#[cfg(test)]
mod tests {
    use moodline_core::network::{DENSE_BIAS, DENSE_KERNEL, Tensor};

    use super::*;

    const KERNEL: &str = "layer0.kernel";
    const BIAS: &str = "layer0.bias";

    fn zeros() -> Tensors<f64> {
        let tensor = |name: &str, shape: &[usize]| Tensor {
            name: name.to_owned(),
            shape: shape.to_vec(),
            values: vec![0.0; shape.iter().product()],
        };
        Tensors::new(vec![tensor(KERNEL, &[2, 2]), tensor(BIAS, &[2]), tensor(DENSE_KERNEL, &[2, 4]), tensor(DENSE_BIAS, &[4])])
    }

    #[test]
    fn only_a_gradient_above_the_norm_is_scaled() {
        let mut gradients = zeros();
        gradients.get_mut(KERNEL).values[0] = 3.0;
        gradients.get_mut(DENSE_BIAS).values[3] = -4.0;
        let untouched = gradients.clone();
        assert_eq!(clip_by_global_norm(&mut gradients, 6.0), 5.0);
        assert_eq!(gradients, untouched);
        assert_eq!(clip_by_global_norm(&mut gradients, 2.5), 5.0);
        assert_eq!((gradients.get(KERNEL).values[0], gradients.get(DENSE_BIAS).values[3]), (1.5, -2.0));
    }

    #[test]
    fn the_first_update_goes_the_learning_rate_against_the_sign() {
        let (mut parameters, mut gradients) = (zeros(), zeros());
        gradients.get_mut(BIAS).values = vec![123.0, -0.5];
        let adam = AdamConfig { epsilon: 1e-300, ..AdamConfig::default() };
        Optimiser::new(OptimiserConfig::Adam, adam, &parameters).update(&mut parameters, &gradients, 0.25);
        let bias = &parameters.get(BIAS).values;
        assert!((bias[0] + 0.25).abs() < 1e-12 && (bias[1] - 0.25).abs() < 1e-12);
        assert!(parameters.get(KERNEL).values.iter().all(|value| *value == 0.0));
    }

    #[test]
    fn decay_shrinks_the_kernels_alone() {
        let mut parameters = zeros();
        for (name, value) in [(KERNEL, 2.0), (BIAS, 2.0), (DENSE_KERNEL, -4.0)] {
            parameters.get_mut(name).values[1] = value;
        }
        let config = OptimiserConfig::AdamW { weight_decay: 0.1 };
        Optimiser::new(config, AdamConfig::default(), &parameters).update(&mut parameters, &zeros(), 0.5);
        assert_eq!([KERNEL, BIAS, DENSE_KERNEL].map(|name| parameters.get(name).values[1]), [1.9, 2.0, -3.8]);
    }

    #[test]
    fn momentum_adds_up_as_its_definition_says() {
        for (nesterov, expected) in [(false, [-0.1, -0.29, -0.561]), (true, [-0.19, -0.461, -0.8049])] {
            let (mut parameters, mut gradients) = (zeros(), zeros());
            gradients.get_mut(BIAS).values[1] = 1.0;
            let mut sgd = Optimiser::new(OptimiserConfig::Sgd { momentum: 0.9, nesterov }, AdamConfig::default(), &parameters);
            for expected in expected {
                sgd.update(&mut parameters, &gradients, 0.1);
                let found = parameters.get(BIAS).values[1];
                assert!((found - expected).abs() < 1e-12, "{found} {expected}");
            }
        }
    }

    #[test]
    fn an_average_of_what_does_not_move_is_that_and_lags_behind_what_does() {
        let (mut average, mut parameters) = (zeros(), zeros());
        parameters.get_mut(BIAS).values[0] = 1.0;
        let mut expected = 0.0;
        for updates in 1..=200_u64 {
            move_average(&mut average, &parameters, 0.9, updates);
            let decay = f64::min(0.9, (1 + updates) as f64 / (10 + updates) as f64);
            expected = decay * expected + (1.0 - decay);
            assert!((average.get(BIAS).values[0] - expected).abs() < 1e-12);
        }
        assert!(average.get(BIAS).values[0] > 0.999_999 && average.get(BIAS).values[1] == 0.0);
    }
}
