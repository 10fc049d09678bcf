//! The cell as it is run: effective rates and gains, matrices in the layout of the products; and the way back from gradients of
//! those to gradients of the trained parameters.
//!
//! Both readings are one computation here: `evaluations` times `z = tanh(projection + h W)`, `h += rate (z - h)`. A held z is
//! computed once and goes the whole step's way, `1 - (1 - dt / softplus(tau))^unfolds`, which is exactly its Euler steps.

use moodline_core::Real;
use moodline_core::ltc::{Carry, LtcConfig, LtcParameters, Reading, sigmoid, softplus};
use ndarray::{Array1, ArrayView2};

use super::lanes::{LANES, Lanes};
use super::matrix::{Mixer, TILE};

/// Sizes that the buffers depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) n_features: usize,
    pub(super) units: usize,
    /// `units`, padded to whole tiles; the additional units stay 0.
    pub(super) rows: usize,
    /// Groups of [`LANES`] units.
    pub(super) chunks: usize,
    /// How often a step computes z.
    pub(super) evaluations: usize,
}

impl Shape {
    pub(super) fn new(config: &LtcConfig, n_features: usize) -> Self {
        Self {
            n_features,
            units: config.units,
            rows: config.units.next_multiple_of(TILE),
            chunks: config.units.div_ceil(LANES),
            evaluations: config.evaluations(),
        }
    }
}

/// Everything about the cell that is the same for all sequences of a batch.
pub(super) struct Cell<T> {
    pub(super) shape: Shape,
    /// Units in the lanes, `[chunks][n_features]`.
    pub(super) kernel: Vec<Lanes<T>>,
    /// Units in the lanes, `[chunks]`.
    pub(super) bias: Vec<Lanes<T>>,
    pub(super) recurrent: Mixer<T>,
    pub(super) recurrent_transposed: Mixer<T>,
    /// `[rows]`
    pub(super) rate: Vec<T>,
    /// What the clipped state is multiplied by before the next step, `[rows]`.
    pub(super) carried_gain: Vec<T>,
    /// What the carried state is multiplied by before the readout, `[units]`.
    pub(super) readout_gain: Vec<T>,
    pub(super) clip: T,
    /// Whether the clip lets the gradient through at exactly 0.
    pub(super) open_at_zero: bool,
}

impl<T: Real> Cell<T> {
    pub(super) fn new(config: &LtcConfig, parameters: &LtcParameters<T>, open_at_zero: bool) -> Self {
        let shape = Shape::new(config, parameters.kernel.nrows());
        let columns = |matrix: ArrayView2<'_, T>| -> Vec<Lanes<T>> {
            (0..shape.chunks)
                .flat_map(|chunk| matrix.rows().into_iter().map(move |row| (chunk, row)))
                .map(|(chunk, row)| Lanes::from_padded(row.into_iter().skip(chunk * LANES).copied()))
                .collect()
        };
        let padded = |values: Vec<T>, filler: T| -> Vec<T> {
            let missing = shape.rows - shape.units;
            values.into_iter().chain(std::iter::repeat_n(filler, missing)).collect()
        };
        let rate = parameters.tau.iter().map(|tau| T::of(config.rate(tau.widen()))).collect();
        let gain: Vec<T> =
            parameters.c.iter().zip(&parameters.g).map(|(c, g)| T::of(config.gain(c.widen(), g.widen()))).collect();
        let ones = vec![T::one(); shape.units];
        let (carried_gain, readout_gain) = match config.carry {
            Carry::Scaled => (gain, ones),
            Carry::Unscaled => (ones, gain),
        };
        Self {
            shape,
            kernel: columns(parameters.kernel.view()),
            bias: columns(parameters.bias.view().insert_axis(ndarray::Axis(0))),
            recurrent: Mixer::new(&parameters.recurrent_kernel.view(), shape.rows),
            recurrent_transposed: Mixer::new(&parameters.recurrent_kernel.t(), shape.rows),
            rate: padded(rate, T::zero()),
            carried_gain: padded(carried_gain, T::one()),
            readout_gain,
            clip: T::of(config.clip),
            open_at_zero,
        }
    }
}

/// Gradient with respect to `tau` from the one with respect to the effective rate: 0 where the rate is at its bound.
pub(super) fn tau_gradient<T: Real>(config: &LtcConfig, tau: &Array1<T>, rate_gradient: &Array1<T>) -> Array1<T> {
    let slope = |tau: f64| {
        let rate = config.dt / softplus(tau);
        if rate > LtcConfig::MAX_RATE {
            return 0.0;
        }
        let of_unfold = -rate * sigmoid(tau) / softplus(tau);
        match config.reading {
            Reading::Recomputed => of_unfold,
            Reading::Held => of_unfold * config.unfolds as f64 * (1.0 - rate).powi(config.unfolds as i32 - 1),
        }
    };
    ndarray::Zip::from(tau).and(rate_gradient).map_collect(|tau, gradient| T::of(gradient.widen() * slope(tau.widen())))
}

/// Gradients with respect to `c` and `g` from the one with respect to the gain: 0 where the gain is at its bound.
pub(super) fn gain_gradients<T: Real>(
    config: &LtcConfig,
    parameters: &LtcParameters<T>,
    gain_gradient: &Array1<T>,
) -> (Array1<T>, Array1<T>) {
    let slopes = |c: f64, g: f64| {
        let gain = sigmoid(c) / sigmoid(g);
        if config.max_gain.is_some_and(|bound| gain > bound) {
            return (0.0, 0.0);
        }
        (gain * (1.0 - sigmoid(c)), -gain * (1.0 - sigmoid(g)))
    };
    let mut of_c = gain_gradient.clone();
    let mut of_g = gain_gradient.clone();
    ndarray::Zip::from(&mut of_c).and(&mut of_g).and(&parameters.c).and(&parameters.g).for_each(|of_c, of_g, c, g| {
        let (slope_c, slope_g) = slopes(c.widen(), g.widen());
        *of_c = T::of(of_c.widen() * slope_c);
        *of_g = T::of(of_g.widen() * slope_g);
    });
    (of_c, of_g)
}
