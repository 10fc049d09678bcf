//! The native kernel: runs folded weights over a block without any library.
//!
//! In: feature steps and a state. Out: logits and the state after the last step. The chain from unfold to unfold is serial, so what counts is
//! the latency of one: the products of a step run in four independent chains, and the input projection of a step, which hangs on
//! no state, fills the gaps.

use pulp::{Arch, Simd, WithSimd};

use super::{Carry, LtcConfig, LtcWeights, Reading};
use crate::emotion::Emotion;
use crate::real::tanh::{BOUND, DENOMINATOR, NUMERATOR};

/// Units are run in panels of this many; the last one is filled up with units that stay at zero.
const PANEL: usize = 16;

/// Independent sums of a product: enough to hide the latency of a multiplication with addition.
const CHAINS: usize = 4;

/// One unit's share of all rows of a matrix, panel after panel: `[panels, rows, PANEL]`.
type Panels = Vec<f32>;

/// Runs an LTC network; holds the weights in the layout it runs them in, and all scratch memory.
#[derive(Clone, Debug)]
pub struct LtcKernel {
    arch: Arch,
    units: usize,
    n_features: usize,
    unfolds: usize,
    carry: Carry,
    clip: f32,
    projection: Panels,
    projection_bias: Vec<f32>,
    recurrent_kernel: Panels,
    rate: Vec<f32>,
    gain: Vec<f32>,
    dense_kernel: Vec<[f32; Emotion::COUNT]>,
    dense_bias: [f32; Emotion::COUNT],
    /// `features . projection + projection_bias` of one step.
    projected: Vec<f32>,
    state: Vec<f32>,
    next_state: Vec<f32>,
}

impl LtcKernel {
    /// A kernel for `weights`.
    ///
    /// # Panics
    /// When `weights` do not have the shapes that [`LtcWeights`] gives for `config`; those of a [`crate::onnx::ModelFile`] have.
    #[must_use]
    pub fn new(config: &LtcConfig, weights: &LtcWeights) -> Self {
        let units = config.units;
        let n_features = weights.projection.nrows();
        assert!(units > 0 && n_features > 0, "a network has units and features");
        assert_eq!(weights.projection.dim(), (n_features, units), "shape of the projection");
        assert_eq!(weights.recurrent_kernel.dim(), (units, units), "shape of the recurrent kernel");
        assert_eq!(weights.dense_kernel.dim(), (units, Emotion::COUNT), "shape of the dense kernel");
        let padded = |values: &ndarray::Array1<f32>| {
            assert_eq!(values.len(), units, "one value for each unit");
            let mut padded = values.to_vec();
            padded.resize(units.next_multiple_of(PANEL), 0.0);
            padded
        };
        let dense_row = |row: ndarray::ArrayView1<'_, f32>| std::array::from_fn(|emotion| row[emotion]);
        let scratch = vec![0.0; units.next_multiple_of(PANEL)];
        Self {
            arch: Arch::new(),
            units,
            n_features,
            unfolds: match config.reading {
                // The rate of a held z covers the whole step.
                Reading::Held => 1,
                Reading::Recomputed => config.unfolds,
            },
            carry: config.carry,
            clip: config.clip as f32,
            projection: panels(&weights.projection),
            projection_bias: padded(&weights.projection_bias),
            recurrent_kernel: panels(&weights.recurrent_kernel),
            rate: padded(&weights.rate),
            gain: padded(&weights.gain),
            dense_kernel: weights.dense_kernel.rows().into_iter().map(dense_row).collect(),
            dense_bias: dense_row(weights.dense_bias.view()),
            projected: scratch.clone(),
            state: scratch.clone(),
            next_state: scratch,
        }
    }

    /// Runs the steps of `features` from `state`, leaves there the state after the last step, and returns its logits.
    ///
    /// # Shapes
    /// `features` `[n_steps, n_features]` row-major; `state` `[units]`, zeros at the start of a block; logits in the order of the contract's
    /// labels.
    ///
    /// # Panics
    /// When `features` is not a whole number of steps or `state` is not `[units]`.
    ///
    /// # Realtime safety
    /// No allocation, lock or system call.
    pub fn run(&mut self, features: &[f32], state: &mut [f32]) -> [f32; Emotion::COUNT] {
        assert!(features.len().is_multiple_of(self.n_features), "a whole number of steps");
        assert_eq!(state.len(), self.units, "one state for each unit");
        self.state[..self.units].copy_from_slice(state);
        self.arch.dispatch(Run { kernel: self, features });
        state.copy_from_slice(&self.state[..self.units]);
        self.readout()
    }

    fn readout(&self) -> [f32; Emotion::COUNT] {
        let mut logits = self.dense_bias;
        for ((&state, gain), weights) in self.state.iter().zip(&self.gain).zip(&self.dense_kernel) {
            let seen = match self.carry {
                Carry::Scaled => state,
                Carry::Unscaled => state * gain,
            };
            for (logit, weight) in logits.iter_mut().zip(weights) {
                *logit += seen * weight;
            }
        }
        logits
    }

    /// All steps, with `K` vectors of the instruction set `S` to a panel.
    #[inline(always)]
    fn run_steps<S: Simd, const K: usize>(&mut self, simd: S, features: &[f32]) {
        for step in features.chunks_exact(self.n_features) {
            project::<S, K>(simd, &self.projection, &self.projection_bias, step, &mut self.projected);
            for _ in 0..self.unfolds {
                let weights = (&*self.recurrent_kernel, &*self.rate);
                unfold::<S, K>(simd, weights, &self.projected, &self.state, &mut self.next_state);
                std::mem::swap(&mut self.state, &mut self.next_state);
            }
            self.clip_and_gain(simd);
        }
    }

    #[inline(always)]
    fn clip_and_gain<S: Simd>(&mut self, simd: S) {
        let (zero, clip) = (simd.splat_f32s(0.0), simd.splat_f32s(self.clip));
        let (states, _) = S::as_mut_simd_f32s(&mut self.state);
        let (gains, _) = S::as_simd_f32s(&self.gain);
        for (state, gain) in states.iter_mut().zip(gains) {
            let clipped = at_most(simd, clip, at_least(simd, zero, *state));
            *state = match self.carry {
                Carry::Scaled => simd.mul_f32s(clipped, *gain),
                Carry::Unscaled => clipped,
            };
        }
    }
}

/// `[rows, units]` as `[panels, rows, PANEL]`, missing units zero.
fn panels(matrix: &ndarray::Array2<f32>) -> Panels {
    let (rows, units) = matrix.dim();
    let mut panels = Vec::with_capacity(rows * units.next_multiple_of(PANEL));
    for first in (0..units).step_by(PANEL) {
        for row in matrix.rows() {
            panels.extend((first..first + PANEL).map(|unit| row.get(unit).copied().unwrap_or(0.0)));
        }
    }
    panels
}

/// Chooses the code for the processor's vector length.
struct Run<'a> {
    kernel: &'a mut LtcKernel,
    features: &'a [f32],
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.kernel.run_steps::<S, 1>(simd, self.features),
            8 => self.kernel.run_steps::<S, 2>(simd, self.features),
            4 => self.kernel.run_steps::<S, 4>(simd, self.features),
            1 => self.kernel.run_steps::<S, PANEL>(simd, self.features),
            lanes => unreachable!("no processor has vectors of {lanes} floats"),
        }
    }
}

/// `projected = step . projection + bias`.
#[inline(always)]
fn project<S: Simd, const K: usize>(simd: S, projection: &[f32], bias: &[f32], step: &[f32], projected: &mut [f32]) {
    let (bias, projected) = (vectors::<S, K>(bias), vectors_mut::<S, K>(projected));
    let panels = vectors::<S, K>(projection).chunks_exact(step.len());
    for ((panel, bias), projected) in panels.zip(bias).zip(projected) {
        *projected = product(simd, panel, step, *bias);
    }
}

/// One Euler step: `next = state + (tanh(state . recurrent + projected) - state) rate`.
#[inline(always)]
fn unfold<S: Simd, const K: usize>(
    simd: S,
    (recurrent_kernel, rate): (&[f32], &[f32]),
    projected: &[f32],
    state: &[f32],
    next_state: &mut [f32],
) {
    let n_rows = recurrent_kernel.len() / state.len();
    let panels = vectors::<S, K>(recurrent_kernel).chunks_exact(n_rows);
    let panels = panels.zip(vectors::<S, K>(projected)).zip(vectors::<S, K>(rate));
    let states = vectors::<S, K>(state).iter().zip(vectors_mut::<S, K>(next_state));
    for (((panel, projected), rate), (old, new)) in panels.zip(states) {
        let sum = product(simd, panel, &state[..n_rows], *projected);
        for k in 0..K {
            let distance = simd.sub_f32s(tanh(simd, sum[k]), old[k]);
            new[k] = simd.mul_add_e_f32s(distance, rate[k], old[k]);
        }
    }
}

/// `values . panel + start` for the units of one panel; `panel` has a row for each value.
#[inline(always)]
fn product<S: Simd, const K: usize>(simd: S, panel: &[[S::f32s; K]], values: &[f32], start: [S::f32s; K]) -> [S::f32s; K] {
    let mut sums = [[simd.splat_f32s(0.0); K]; CHAINS];
    sums[0] = start;
    let add = |sum: &mut [S::f32s; K], value: f32, row: &[S::f32s; K]| {
        let value = simd.splat_f32s(value);
        for k in 0..K {
            sum[k] = simd.mul_add_e_f32s(value, row[k], sum[k]);
        }
    };
    let (value_groups, values_left) = values.as_chunks::<CHAINS>();
    let (row_groups, rows_left) = panel.as_chunks::<CHAINS>();
    for (values, rows) in value_groups.iter().zip(row_groups) {
        for chain in 0..CHAINS {
            add(&mut sums[chain], values[chain], &rows[chain]);
        }
    }
    for (chain, (&value, row)) in values_left.iter().zip(rows_left).enumerate() {
        add(&mut sums[chain], value, row);
    }
    let [a, b, c, d] = sums;
    std::array::from_fn(|k| simd.add_f32s(simd.add_f32s(a[k], b[k]), simd.add_f32s(c[k], d[k])))
}

/// [`crate::real::tanh::rational`] for vectors.
#[inline(always)]
fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let constant = |value| simd.splat_f32s(value);
    let a = at_most(simd, constant(BOUND), simd.abs_f32s(x));
    let square = simd.mul_f32s(a, a);
    let [_, p1, p2] = NUMERATOR.map(constant);
    let [q0, q1, q2, q3] = DENOMINATOR.map(constant);
    let twice_n = simd.mul_add_e_f32s(simd.mul_f32s(a, square), simd.mul_add_e_f32s(p2, square, p1), a);
    let d = simd.mul_add_e_f32s(simd.mul_add_e_f32s(simd.mul_add_e_f32s(q3, square, q2), square, q1), square, q0);
    let w = simd.mul_f32s(twice_n, d);
    let difference = simd.mul_add_e_f32s(constant(-0.5), twice_n, d);
    let quotient = simd.div_f32s(w, simd.mul_add_e_f32s(difference, difference, w));
    let sign = simd.and_f32s(x, constant(-0.0));
    simd.or_f32s(quotient, sign)
}

/// `min(bound, x)`, NaN for NaN. Vector instructions return their second operand then; the scalar function does not.
#[inline(always)]
fn at_most<S: Simd>(simd: S, bound: S::f32s, x: S::f32s) -> S::f32s {
    if S::F32_LANES > 1 { simd.min_f32s(bound, x) } else { simd.select_f32s(simd.less_than_f32s(bound, x), bound, x) }
}

/// `max(bound, x)`, NaN for NaN.
#[inline(always)]
fn at_least<S: Simd>(simd: S, bound: S::f32s, x: S::f32s) -> S::f32s {
    if S::F32_LANES > 1 { simd.max_f32s(bound, x) } else { simd.select_f32s(simd.less_than_f32s(x, bound), bound, x) }
}

/// A whole number of panels as `K` vectors each.
#[inline(always)]
fn vectors<S: Simd, const K: usize>(values: &[f32]) -> &[[S::f32s; K]] {
    S::as_simd_f32s(values).0.as_chunks().0
}

#[inline(always)]
fn vectors_mut<S: Simd, const K: usize>(values: &mut [f32]) -> &mut [[S::f32s; K]] {
    S::as_mut_simd_f32s(values).0.as_chunks_mut().0
}

#[cfg(test)]
mod tests;
