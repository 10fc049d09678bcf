//! The Liquid Time-Constant cell of the paper: its settings, its trained parameters, the folded weights that a model file
//! holds, and the native kernel that runs them.
//!
//! In: feature vectors of consecutive steps. Out: logits of the four emotions and the final state.
//!
//! # Source
//! Faldu, Parikh, Kumar: "Real-Time Emotion Recognition Using Liquid Neural Networks", section "Mathematical Formulation of
//! LTCCell"; `LTCCell` in the authors' repository for what the published code computes.

use ndarray::{Array, Array1, Array2, Dimension};
use serde::{Deserialize, Serialize};

use crate::real::Real;

mod fold;
mod kernel;
mod validate;

pub use fold::{sigmoid, softplus};
pub use kernel::LtcKernel;

/// Which of the paper's two definitions of the cell is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reading {
    /// `z = tanh(W [x, h] + b)` is computed once a step and held over the unfolds, as in the published code. The unfolds then have the
    /// closed form `h' = z + (h - z) (1 - dt / softplus(tau))^unfolds`.
    Held,
    /// `z` is computed again at every unfold from the current state, as in the paper's formula.
    Recomputed,
}

/// What the next step starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Carry {
    /// The state after clip and gain, as in the published code.
    Scaled,
    /// The state after the clip; the gain only acts on what the readout sees.
    Unscaled,
}

/// Settings of the cell; everything about it that is not trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LtcConfig {
    /// Size of the hidden state.
    pub units: usize,
    /// Which definition of the cell.
    pub reading: Reading,
    /// Euler steps a feature step, the paper's N; 6 in the published code.
    pub unfolds: usize,
    /// Euler step, the paper's delta t: 0.01.
    pub dt: f64,
    /// Upper bound of the clipped ReLU: 20.
    pub clip: f64,
    /// Upper bound of the gain `sigmoid(C) / sigmoid(G)`: 10. Absent: no bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_gain: Option<f64>,
    /// What the next step starts from.
    pub carry: Carry,
}

/// The trained parameters, named as Keras names them.
#[derive(Clone, Debug, PartialEq)]
pub struct LtcParameters<T> {
    /// Input rows of the paper's W, `[n_features, units]`.
    pub kernel: Array2<T>,
    /// Recurrent rows of the paper's W, `[units, units]`; row = from, column = to.
    pub recurrent_kernel: Array2<T>,
    /// The paper's b, `[units]`.
    pub bias: Array1<T>,
    /// Time constant before softplus, `[units]`.
    pub tau: Array1<T>,
    /// Numerator of the gain before the sigmoid, `[units]`.
    pub c: Array1<T>,
    /// Denominator of the gain before the sigmoid, `[units]`.
    pub g: Array1<T>,
    /// Readout, `[units, 4]`.
    pub dense_kernel: Array2<T>,
    /// Readout bias, `[4]`.
    pub dense_bias: Array1<T>,
}

/// What a model file holds: the parameters with scaler, time step and gain folded in, ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct LtcWeights {
    /// `kernel` with each row divided by the scale of its feature, `[n_features, units]`.
    pub projection: Array2<f32>,
    /// `bias - (mean / scale) kernel`, `[units]`.
    pub projection_bias: Array1<f32>,
    /// `[units, units]`; row = from, column = to.
    pub recurrent_kernel: Array2<f32>,
    /// [`Reading::Recomputed`]: `dt / softplus(tau)`, the part of the way to `z` that one unfold goes. [`Reading::Held`]:
    /// `1 - (1 - dt / softplus(tau))^unfolds`, the part a whole step goes. `[units]`.
    pub rate: Array1<f32>,
    /// `min(sigmoid(C) / sigmoid(G), max_gain)`, `[units]`.
    pub gain: Array1<f32>,
    /// `[units, 4]`.
    pub dense_kernel: Array2<f32>,
    /// `[4]`.
    pub dense_bias: Array1<f32>,
}

impl<T: Real> LtcParameters<T> {
    /// Number of trained values: `units * (n_features + units) + 4 * units + 4 * units + 4`.
    #[must_use]
    pub fn count(&self) -> usize {
        self.kernel.len()
            + self.recurrent_kernel.len()
            + self.bias.len()
            + self.tau.len()
            + self.c.len()
            + self.g.len()
            + self.dense_kernel.len()
            + self.dense_bias.len()
    }
}

impl LtcWeights {
    /// Every tensor with its name, its shape and its values in row-major order, in the order of a model file.
    pub(crate) fn tensors(&self) -> [(&'static str, Vec<usize>, Vec<&f32>); 7] {
        fn named<'a, D: Dimension>(name: &'static str, array: &'a Array<f32, D>) -> (&'static str, Vec<usize>, Vec<&'a f32>) {
            (name, array.shape().to_vec(), array.iter().collect())
        }
        [
            named("projection", &self.projection),
            named("projection_bias", &self.projection_bias),
            named("recurrent_kernel", &self.recurrent_kernel),
            named("rate", &self.rate),
            named("gain", &self.gain),
            named("dense_kernel", &self.dense_kernel),
            named("dense_bias", &self.dense_bias),
        ]
    }
}
