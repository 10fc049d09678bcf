//! The liquid gate: an Euler step towards `z` whose time constant depends on input and state.
//!
//! `exp(-softplus(x))` is `sigmoid(-x)`, the fraction of the distance that remains, so `h' = z + (h - z) s` with `s = sigmoid(-(k + tau))`; and `tau` is
//! an additional bias of `k`.

use moodline_core::Real;

use super::super::draws::{TauInit, glorot_gates};
use super::super::lanes::{Lanes, sigmoid};
use super::gates::{GateGradients, Gates};
use super::{BackwardStep, Block, Cell, ForwardStep, LayerGradients, LayerTensors, Sizes, Start, tanh_backward};

/// Gates `z`, `k`.
const GATES: usize = 2;

#[derive(Debug)]
pub(super) struct LiquidGateCell<T> {
    sizes: Sizes,
    gates: Gates<T>,
}

pub(super) struct Work<T> {
    /// Gradient with respect to the arguments of the gates, `[GATES][rows]`.
    gradient: Vec<Lanes<T>>,
    gradients: GateGradients<T>,
}

impl<T: Real> LiquidGateCell<T> {
    pub(super) fn new(parameters: LayerTensors<'_, T>) -> Self {
        let tau = parameters.vector("tau");
        let sizes = Sizes::new(parameters.matrix("kernel").nrows(), tau.len(), 1, GATES);
        let mut gates = Gates::new(parameters);
        for (bias, tau) in gates.bias[sizes.rows..].iter_mut().zip(tau) {
            *bias += *tau;
        }
        Self { sizes, gates }
    }
}

impl<T: Real> Cell<T> for LiquidGateCell<T> {
    type Work = Work<T>;

    fn sizes(&self) -> Sizes {
        self.sizes
    }

    fn work(&self) -> Work<T> {
        let gradient = vec![Lanes::zero(); GATES * self.sizes.rows];
        Work { gradient, gradients: GateGradients::new(self.sizes, GATES, &[0, 1], &[0, 1]) }
    }

    #[inline(always)]
    fn forward_step(&self, _: &mut Work<T>, step: ForwardStep<'_, T>) {
        let ForwardStep { input, before, after, output, tape } = step;
        self.gates.project(input, tape);
        self.gates.add_recurrent(before, tape);
        let (z, s) = tape.split_at_mut(self.sizes.rows);
        for row in 0..self.sizes.rows {
            z[row] = z[row].map(T::tanh_of);
            s[row] = s[row].map(|k| sigmoid(-k));
            after[row] = z[row];
            after[row].add_product(before[row].minus(z[row]), s[row]);
            output[row] = after[row];
        }
    }

    fn begin(&self, work: &mut Work<T>, _: &[usize]) {
        work.gradients.clear();
    }

    #[inline(always)]
    fn backward_step(&self, work: &mut Work<T>, step: BackwardStep<'_, T>) {
        let rows = self.sizes.rows;
        let (z, s) = step.tape.split_at(rows);
        let (of_z, of_k) = work.gradient.split_at_mut(rows);
        for row in 0..rows {
            let gradient = step.state_gradient[row].plus(step.output_gradient[row]);
            let kept = gradient.times(s[row]);
            of_z[row] = gradient.minus(kept).zip(z[row], tanh_backward);
            // The derivative of s is -s (1 - s).
            of_k[row] = kept.times(z[row].minus(step.before[row])).zip(s[row], |gradient, s| gradient * (T::one() - s));
            step.state_gradient[row] = kept;
        }
        self.gates.recurrent_backward(&work.gradient, step.state_gradient);
        self.gates.project_backward(&work.gradient, step.input_gradient);
        work.gradients.add_step(step.step, &work.gradient);
    }

    #[inline(always)]
    fn sum_block(&self, work: &mut Work<T>, block: &Block<'_, T>) {
        work.gradients.sum_block(block.inputs, block.states);
    }

    fn collect(&self, work: &Work<T>, gradients: &mut LayerGradients<'_, T>) {
        work.gradients.collect(gradients);
        gradients.set_vector("tau", work.gradients.sum(1));
    }
}

/// Glorot-uniform kernels and recurrent kernels for each gate, zero biases, and units from slow to fast.
pub(super) fn initial(start: &mut Start<'_>) -> Vec<(&'static str, Vec<f64>)> {
    let (inputs, units) = (start.inputs, start.units);
    let tau = start.tau.unwrap_or(TauInit::Even { from: -4.0, to: 0.0 });
    vec![
        ("kernel", glorot_gates(inputs, units, GATES, start.rng)),
        ("recurrent_kernel", glorot_gates(units, units, GATES, start.rng)),
        ("bias", vec![0.0; GATES * units]),
        ("tau", tau.values(units, f64::recip)),
    ]
}
