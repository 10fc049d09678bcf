//! The closed-form continuous-time cell with gates: `t = sigmoid(a elapsed + b)`, and `h' = tanh(f) (1 - t) + tanh(g) t` or `tanh(f) + tanh(g) t`.
//!
//! `a` and `b` are linear in the same things, so they are run as one gate, `a elapsed + b`, whose gradient both get.

use moodline_core::Real;
use moodline_core::network::{Cfc, CfcMode};
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};

use super::super::initial::uniform_between;
use super::super::lanes::{Lanes, sigmoid};
use super::gates::{GateGradients, Gates};
use super::{
    BackwardStep, Cell, ForwardStep, LayerGradients, LayerTensors, Passed, Sizes, Start, sigmoid_backward, tanh_backward,
};

/// Gates that are run: `f`, `g`, `t`.
const GATES: usize = 3;

#[derive(Debug)]
pub(super) struct CfcCell<T> {
    sizes: Sizes,
    gates: Gates<T>,
    elapsed: T,
    /// How much of `tanh(f)` the gate `t` takes away.
    mixed: T,
}

pub(super) struct Work<T> {
    /// With respect to what the gates are functions of, `[GATES][rows]`.
    gradient: Vec<Lanes<T>>,
    gradients: GateGradients<T>,
}

impl<T: Real> CfcCell<T> {
    pub(super) fn new(config: Cfc, parameters: LayerTensors<'_, T>) -> Self {
        let elapsed = T::of(config.elapsed);
        let recurrent = parameters.matrix("recurrent_kernel");
        let units = recurrent.nrows();
        let merged = |columns: ArrayView2<'_, T>| -> Array2<T> {
            let (others, times) = columns.split_at(Axis(1), 2 * units);
            let (a, b) = times.split_at(Axis(1), units);
            let t = &a * elapsed + b;
            // INVARIANT: all have as many rows.
            concatenate(Axis(1), &[others, t.view()]).expect("gates lie side by side")
        };
        let kernel = merged(parameters.matrix("kernel"));
        let bias = merged(parameters.vector("bias").insert_axis(Axis(0)));
        let gates = Gates::of(&kernel.view(), &merged(recurrent).view(), &bias.slice(s![0, ..]));
        let mixed = if config.mode == CfcMode::Gated { T::one() } else { T::zero() };
        Self { sizes: Sizes::new(kernel.nrows(), units, 1, GATES), gates, elapsed, mixed }
    }
}

impl<T: Real> Cell<T> for CfcCell<T> {
    type Work = Work<T>;

    fn sizes(&self) -> Sizes {
        self.sizes
    }

    fn work(&self) -> Work<T> {
        let gradient = vec![Lanes::zero(); GATES * self.sizes.rows];
        Work { gradient, gradients: GateGradients::new(self.sizes, GATES, &[0, 1, 2], &[0, 1, 2]) }
    }

    #[inline(always)]
    fn forward_step(&self, _: &mut Work<T>, step: ForwardStep<'_, T>) {
        let rows = self.sizes.rows;
        let ForwardStep { input, before, after, output, tape } = step;
        self.gates.project(input, tape);
        self.gates.add_recurrent(before, tape);
        let (f, others) = tape.split_at_mut(rows);
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

    fn begin(&self, work: &mut Work<T>, lengths: &[usize]) {
        work.gradients.begin(lengths);
    }

    #[inline(always)]
    fn backward_step(&self, work: &mut Work<T>, step: BackwardStep<'_, T>) {
        let rows = self.sizes.rows;
        let [f, g, t] = [0, 1, 2].map(|gate| &step.tape[gate * rows..(gate + 1) * rows]);
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
        self.gates.recurrent_backward(&work.gradient, step.state_gradient);
        self.gates.project_backward(&work.gradient, step.input_gradient);
        work.gradients.add_step(step.step, &work.gradient);
    }

    #[inline(always)]
    fn finish(&self, work: &mut Work<T>, passed: &Passed<'_, T>) {
        work.gradients.finish(passed.inputs, passed.states);
    }

    fn collect(&self, work: &Work<T>, gradients: &mut LayerGradients<'_, T>) {
        let one = T::one();
        work.gradients.collect_as(&[(0, one), (1, one), (2, self.elapsed), (2, one)], gradients);
    }
}

/// As [`initial_gates`].
pub(super) fn initial(start: &mut Start<'_>) -> Vec<(&'static str, Vec<f64>)> {
    initial_gates(GATES + 1, start)
}

/// Kernels and biases as ncps starts a layer `[x, h] -> gate`: Xavier-uniform kernels, biases as of PyTorch's `Linear`.
///
/// # Source
/// `CfCCell.init_weights` of ncps 1.0.1; `torch.nn.Linear.reset_parameters`.
pub(super) fn initial_gates(gates: usize, start: &mut Start<'_>) -> Vec<(&'static str, Vec<f64>)> {
    let (inputs, units, columns) = (start.inputs, start.units, gates * start.units);
    let limit = (6.0 / (inputs + 2 * units) as f64).sqrt();
    let mut draw = |n: usize, limit: f64| uniform_between(-limit, limit, n, start.rng);
    vec![
        ("kernel", draw(inputs * columns, limit)),
        ("recurrent_kernel", draw(units * columns, limit)),
        ("bias", draw(columns, ((inputs + units) as f64).sqrt().recip())),
    ]
}
