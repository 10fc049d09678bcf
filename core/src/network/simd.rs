//! Vector code for the cells: products of a panel, and vectorised functions.

use ndarray::ArrayView2;
use pulp::Simd;

use crate::real::tanh::{BOUND, DENOMINATOR, NUMERATOR};

/// Units are computed in panels of this size; the last one is padded with unused units.
pub(super) const PANEL: usize = 16;

/// Number of independent sums in a product: enough to hide the latency of a fused multiply-add.
const CHAINS: usize = 4;

/// One panel as `K` vectors of the instruction set `S`.
pub(super) type Panel<S, const K: usize> = [<S as Simd>::f32s; K];

/// A matrix whose columns are units, of one gate or several side by side; missing units are padded with a given value.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    n_rows: usize,
    /// The columns of each panel over all rows, panel after panel: `[gates, panels, rows, PANEL]`.
    values: Vec<f32>,
}

impl Matrix {
    pub(super) fn new(matrix: ArrayView2<'_, f32>, units: usize) -> Self {
        let mut values = Vec::with_capacity(matrix.nrows() * matrix.ncols().next_multiple_of(PANEL));
        for first_of_gate in (0..matrix.ncols()).step_by(units) {
            for first in (0..units).step_by(PANEL) {
                for row in matrix.rows() {
                    let column = |unit| if unit < units { row[first_of_gate + unit] } else { 0.0 };
                    values.extend((first..first + PANEL).map(column));
                }
            }
        }
        Self { n_rows: matrix.nrows(), values }
    }

    /// The rows of every panel.
    #[inline(always)]
    pub(super) fn panels<S: Simd, const K: usize>(&self) -> std::slice::ChunksExact<'_, Panel<S, K>> {
        panels::<S, K>(&self.values).chunks_exact(self.n_rows)
    }

    /// The rows of one panel; the panels of the second gate come after those of the first.
    #[inline(always)]
    pub(super) fn panel<S: Simd, const K: usize>(&self, index: usize) -> &[Panel<S, K>] {
        &panels::<S, K>(&self.values)[index * self.n_rows..][..self.n_rows]
    }
}

/// Values of units, of one gate or several in sequence, each padded to whole panels.
pub(super) fn padded(values: &[f32], units: usize, filling: f32) -> Vec<f32> {
    let mut padded = Vec::new();
    for gate in values.chunks(units) {
        padded.extend_from_slice(gate);
        padded.resize(padded.len().next_multiple_of(PANEL), filling);
    }
    padded
}

/// `values` as panels.
#[inline(always)]
pub(super) fn panels<S: Simd, const K: usize>(values: &[f32]) -> &[Panel<S, K>] {
    S::as_simd_f32s(values).0.as_chunks().0
}

/// `values` as mutable panels.
#[inline(always)]
pub(super) fn panels_mut<S: Simd, const K: usize>(values: &mut [f32]) -> &mut [Panel<S, K>] {
    S::as_mut_simd_f32s(values).0.as_chunks_mut().0
}

/// `values . rows + start` for the units of one panel; `rows` has one for each value.
#[inline(always)]
pub(super) fn product<S: Simd, const K: usize>(simd: S, rows: &[Panel<S, K>], values: &[f32], start: Panel<S, K>) -> Panel<S, K> {
    let mut sums = [[simd.splat_f32s(0.0); K]; CHAINS];
    sums[0] = start;
    let add = |sum: &mut Panel<S, K>, value: f32, row: &Panel<S, K>| {
        let value = simd.splat_f32s(value);
        for k in 0..K {
            sum[k] = simd.mul_add_e_f32s(value, row[k], sum[k]);
        }
    };
    let (value_groups, values_left) = values.as_chunks::<CHAINS>();
    let (row_groups, rows_left) = rows.as_chunks::<CHAINS>();
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

/// `from + (to - from) share`.
#[inline(always)]
pub(super) fn step_towards<S: Simd>(simd: S, from: S::f32s, to: S::f32s, share: S::f32s) -> S::f32s {
    simd.mul_add_e_f32s(simd.sub_f32s(to, from), share, from)
}

/// [`crate::real::tanh::rational`] for vectors.
#[inline(always)]
pub(super) fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
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

/// The logistic function, `(1 + tanh(x / 2)) / 2`; at most 2e-7 off, between 0 and 1.
#[inline(always)]
pub(super) fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let half = simd.splat_f32s(0.5);
    simd.mul_add_e_f32s(half, tanh(simd, simd.mul_f32s(half, x)), half)
}

/// `exp(-x)` for `x >= 0`, `(1 - t) / (1 + t)` with `t = tanh(x / 2)`; at most 5e-7 off, between 0 and 1.
#[inline(always)]
pub(super) fn decay<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    let t = tanh(simd, simd.mul_f32s(simd.splat_f32s(0.5), x));
    simd.div_f32s(simd.sub_f32s(one, t), simd.add_f32s(one, t))
}

/// `min(bound, x)`, NaN for NaN. With NaN, vector instructions return their second operand; the scalar function does not.
#[inline(always)]
pub(super) fn at_most<S: Simd>(simd: S, bound: S::f32s, x: S::f32s) -> S::f32s {
    if S::F32_LANES > 1 { simd.min_f32s(bound, x) } else { simd.select_f32s(simd.less_than_f32s(bound, x), bound, x) }
}

/// `max(bound, x)`, NaN for NaN.
#[inline(always)]
pub(super) fn at_least<S: Simd>(simd: S, bound: S::f32s, x: S::f32s) -> S::f32s {
    if S::F32_LANES > 1 { simd.max_f32s(bound, x) } else { simd.select_f32s(simd.less_than_f32s(x, bound), bound, x) }
}
