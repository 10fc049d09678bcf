//! The gated recurrent unit as computed by PyTorch: the reset gate acts on the result of the recurrent product, so that all gates share one product.
//!
//! `r = sigmoid(..)`, `u = sigmoid(..)`, `q = h U_c + d`, `c = tanh(x W_c + b_c + r q)`, `h' = c + (h - c) u`.

use moodline_core::Real;

use super::super::draws::{glorot_uniform, orthogonal};
use super::super::lanes::{Lanes, sigmoid};
use super::gates::{GateGradients, Gates};
use super::{BackwardStep, Block, Cell, ForwardStep, LayerGradients, LayerTensors, Sizes, Start, tanh_backward};

/// Gates `r`, `u`, `c`.
const GATES: usize = 3;

/// Values that a step saves and that have gradients: `r`, `u`, `q`, `c`.
const PARTS: usize = 4;

#[derive(Debug)]
pub(super) struct GruCell<T> {
    sizes: Sizes,
    gates: Gates<T>,
    /// Padded, `[rows]`.
    recurrent_bias: Vec<T>,
}

pub(super) struct Work<T> {
    /// `[GATES][rows]`
    projection: Vec<Lanes<T>>,
    /// Gradient with respect to the arguments of [`PARTS`], `[PARTS][rows]`.
    gradient: Vec<Lanes<T>>,
    gradients: GateGradients<T>,
}

impl<T: Real> GruCell<T> {
    pub(super) fn new(parameters: LayerTensors<'_, T>) -> Self {
        let recurrent_bias = parameters.vector("recurrent_bias");
        let sizes = Sizes::new(parameters.matrix("kernel").nrows(), recurrent_bias.len(), 1, PARTS);
        let recurrent_bias = sizes.padded(recurrent_bias.iter().copied(), T::zero());
        Self { sizes, gates: Gates::new(parameters), recurrent_bias }
    }
}

impl<T: Real> Cell<T> for GruCell<T> {
    type Work = Work<T>;

    fn sizes(&self) -> Sizes {
        self.sizes
    }

    fn work(&self) -> Work<T> {
        let zeros = |parts: usize| vec![Lanes::zero(); parts * self.sizes.rows];
        let gradients = GateGradients::new(self.sizes, PARTS, &[0, 1, 3], &[0, 1, 2]);
        Work { projection: zeros(GATES), gradient: zeros(PARTS), gradients }
    }

    #[inline(always)]
    fn forward_step(&self, work: &mut Work<T>, step: ForwardStep<'_, T>) {
        let rows = self.sizes.rows;
        let ForwardStep { input, before, after, output, tape } = step;
        self.gates.project(input, &mut work.projection);
        let (gates, c) = tape.split_at_mut(GATES * rows);
        gates[..2 * rows].copy_from_slice(&work.projection[..2 * rows]);
        for (q, bias) in gates[2 * rows..].iter_mut().zip(&self.recurrent_bias) {
            *q = Lanes::splat(*bias);
        }
        self.gates.add_recurrent(before, gates);
        let (r, others) = gates.split_at_mut(rows);
        let (u, q) = others.split_at_mut(rows);
        for row in 0..rows {
            r[row] = r[row].map(sigmoid);
            u[row] = u[row].map(sigmoid);
            let mut candidate = work.projection[2 * rows + row];
            candidate.add_product(r[row], q[row]);
            c[row] = candidate.map(T::tanh_of);
            after[row] = c[row];
            after[row].add_product(before[row].minus(c[row]), u[row]);
            output[row] = after[row];
        }
    }

    fn begin(&self, work: &mut Work<T>, _: &[usize]) {
        work.gradients.clear();
    }

    #[inline(always)]
    fn backward_step(&self, work: &mut Work<T>, step: BackwardStep<'_, T>) {
        let rows = self.sizes.rows;
        let [r, u, q, c] = [0, 1, 2, 3].map(|part| &step.tape[part * rows..(part + 1) * rows]);
        let (of_r, others) = work.gradient.split_at_mut(rows);
        let (of_u, others) = others.split_at_mut(rows);
        let (of_q, of_c) = others.split_at_mut(rows);
        for row in 0..rows {
            let gradient = step.state_gradient[row].plus(step.output_gradient[row]);
            let kept = gradient.times(u[row]);
            of_c[row] = gradient.minus(kept).zip(c[row], tanh_backward);
            of_u[row] = kept.times(step.before[row].minus(c[row])).zip(u[row], |gradient, u| gradient * (T::one() - u));
            of_q[row] = of_c[row].times(r[row]);
            of_r[row] = of_q[row].times(q[row]).zip(r[row], |gradient, r| gradient * (T::one() - r));
            step.state_gradient[row] = kept;
        }
        self.gates.recurrent_backward(&work.gradient, step.state_gradient);
        work.gradients.add_step(step.step, &work.gradient);
        if !step.input_gradient.is_empty() {
            // The projection has c where the recurrent product has q.
            work.gradient.copy_within(3 * rows.., 2 * rows);
            self.gates.project_backward(&work.gradient, step.input_gradient);
        }
    }

    #[inline(always)]
    fn sum_block(&self, work: &mut Work<T>, block: &Block<'_, T>) {
        work.gradients.sum_block(block.inputs, block.states);
    }

    fn collect(&self, work: &Work<T>, gradients: &mut LayerGradients<'_, T>) {
        work.gradients.collect(gradients);
        gradients.set_vector("recurrent_bias", work.gradients.sum(2));
    }
}

/// Glorot-uniform kernel, orthogonal recurrent kernel, zero biases.
///
/// # Source
/// `keras.layers.GRU`.
pub(super) fn initial(start: &mut Start<'_>) -> Vec<(&'static str, Vec<f64>)> {
    let (inputs, units, columns) = (start.inputs, start.units, GATES * start.units);
    vec![
        ("kernel", glorot_uniform(inputs, columns, start.rng)),
        ("recurrent_kernel", orthogonal(units, columns, start.rng)),
        ("bias", vec![0.0; columns]),
        ("recurrent_bias", vec![0.0; units]),
    ]
}
