//! The closed-form continuous-time cell with gates: `t = sigmoid(a elapsed + b)`, and `h' = tanh(f) (1 - t) + tanh(g) t` or `tanh(f) + tanh(g) t`.
//!
//! `a` and `b` are linear in the same inputs, so they are computed as one gate, `a elapsed + b`, whose gradient applies to both.

use moodline_core::Real;
use moodline_core::network::{Backbone, Cfc, CfcMode};
use ndarray::{Array2, ArrayView2, Axis, concatenate};

use super::super::lanes::{Lanes, sigmoid};
use super::cfc_sums::{self, Sums};
use super::{
    BackwardStep, Block, Cell, ForwardStep, LayerGradients, LayerTensors, Sizes, Start, sigmoid_backward, tanh_backward,
};

/// Computed gates: `f`, `g`, `t`.
const GATES: usize = 3;

#[derive(Debug)]
pub(super) struct CfcCell<T> {
    sums: Sums<T>,
    elapsed: T,
    /// The fraction of `tanh(f)` that the gate `t` removes.
    mixed: T,
}

pub(super) struct Work<T> {
    /// Gradient with respect to the arguments of the gates, `[GATES][rows]`.
    gradient: Vec<Lanes<T>>,
    sums: cfc_sums::Work<T>,
}

impl<T: Real> CfcCell<T> {
    pub(super) fn new(config: Cfc, parameters: LayerTensors<'_, T>) -> Self {
        let elapsed = T::of(config.elapsed);
        let units = parameters.matrix("recurrent_kernel").nrows();
        let merged = |columns: ArrayView2<'_, T>| -> Array2<T> {
            let (others, times) = columns.split_at(Axis(1), 2 * units);
            let (a, b) = times.split_at(Axis(1), units);
            let t = &a * elapsed + b;
            // INVARIANT: all have the same number of rows.
            concatenate(Axis(1), &[others, t.view()]).expect("gates lie side by side")
        };
        let mixed = if config.mode == CfcMode::Gated { T::one() } else { T::zero() };
        Self { sums: Sums::new(&config, parameters, GATES, merged), elapsed, mixed }
    }
}

impl<T: Real> Cell<T> for CfcCell<T> {
    type Work = Work<T>;

    fn sizes(&self) -> Sizes {
        self.sums.sizes
    }

    fn work(&self) -> Work<T> {
        Work { gradient: vec![Lanes::zero(); GATES * self.sums.sizes.rows], sums: self.sums.work(GATES) }
    }

    #[inline(always)]
    fn forward_step(&self, _: &mut Work<T>, step: ForwardStep<'_, T>) {
        let rows = self.sums.sizes.rows;
        let ForwardStep { input, before, after, output, tape } = step;
        let (gates, backbone) = self.sums.split_mut(tape);
        self.sums.forward(input, before, backbone, gates);
        let (f, others) = gates.split_at_mut(rows);
        let (g, t) = others.split_at_mut(rows);
        for row in 0..rows {
            f[row] = f[row].map(T::tanh_of);
            g[row] = g[row].map(T::tanh_of);
            t[row] = t[row].map(sigmoid);
            after[row] = f[row];
            after[row].add_product(g[row].zip(f[row], |g, f| g - self.mixed * f), t[row]);
            output[row] = after[row];
        }
    }

    fn begin(&self, work: &mut Work<T>, _: &[usize]) {
        self.sums.clear(&mut work.sums);
    }

    #[inline(always)]
    fn backward_step(&self, work: &mut Work<T>, step: BackwardStep<'_, T>) {
        let rows = self.sums.sizes.rows;
        let (gates, backbone) = self.sums.split(step.tape);
        let [f, g, t] = [0, 1, 2].map(|gate| &gates[gate * rows..(gate + 1) * rows]);
        let (of_f, others) = work.gradient.split_at_mut(rows);
        let (of_g, of_t) = others.split_at_mut(rows);
        for row in 0..rows {
            let gradient = step.state_gradient[row].plus(step.output_gradient[row]);
            let gated = gradient.times(t[row]);
            of_f[row] = gradient.zip(gated, |all, gated| all - self.mixed * gated).zip(f[row], tanh_backward);
            of_g[row] = gated.zip(g[row], tanh_backward);
            of_t[row] = gradient.times(g[row].zip(f[row], |g, f| g - self.mixed * f)).zip(t[row], sigmoid_backward);
            step.state_gradient[row] = Lanes::zero();
        }
        let place = (step.step, backbone);
        self.sums.backward(&mut work.sums, place, &work.gradient, step.state_gradient, step.input_gradient);
    }

    #[inline(always)]
    fn sum_block(&self, work: &mut Work<T>, block: &Block<'_, T>) {
        self.sums.sum_block(&mut work.sums, block);
    }

    fn collect(&self, work: &Work<T>, gradients: &mut LayerGradients<'_, T>) {
        let one = T::one();
        self.sums.collect(&work.sums, &[(0, one), (1, one), (2, self.elapsed), (2, one)], gradients);
    }
}

/// As [`cfc_sums::initial`].
pub(super) fn initial(backbone: Option<Backbone>, start: &mut Start<'_>) -> Vec<(&'static str, Vec<f64>)> {
    cfc_sums::initial(GATES + 1, backbone, start)
}
