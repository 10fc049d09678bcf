//! Long short-term memory as computed by PyTorch: `c' = f c + i g`, `h' = o tanh(c')`, with `i`, `f`, `o` a sigmoid and `g` a tanh of
//! `x W + h U + b`. The state is `h`, then `c`.

use moodline_core::Real;

use super::super::draws::{glorot_uniform, orthogonal};
use super::super::lanes::{Lanes, sigmoid};
use super::gates::{GateGradients, Gates};
use super::{
    BackwardStep, Block, Cell, ForwardStep, LayerGradients, LayerTensors, Sizes, Start, sigmoid_backward, tanh_backward,
};

/// Gates `i`, `f`, `g`, `o`.
const GATES: usize = 4;

#[derive(Debug)]
pub(super) struct LstmCell<T> {
    sizes: Sizes,
    gates: Gates<T>,
}

pub(super) struct Work<T> {
    /// Gradient with respect to the arguments of the gates, `[GATES][rows]`.
    gradient: Vec<Lanes<T>>,
    gradients: GateGradients<T>,
}

impl<T: Real> LstmCell<T> {
    pub(super) fn new(parameters: LayerTensors<'_, T>) -> Self {
        let units = parameters.matrix("recurrent_kernel").nrows();
        // Besides the gates, a step saves tanh(c').
        Self { sizes: Sizes::new(parameters.matrix("kernel").nrows(), units, 2, GATES + 1), gates: Gates::new(parameters) }
    }
}

impl<T: Real> Cell<T> for LstmCell<T> {
    type Work = Work<T>;

    fn sizes(&self) -> Sizes {
        self.sizes
    }

    fn work(&self) -> Work<T> {
        let gradient = vec![Lanes::zero(); GATES * self.sizes.rows];
        Work { gradient, gradients: GateGradients::new(self.sizes, GATES, &[0, 1, 2, 3], &[0, 1, 2, 3]) }
    }

    #[inline(always)]
    fn forward_step(&self, _: &mut Work<T>, step: ForwardStep<'_, T>) {
        let rows = self.sizes.rows;
        let ForwardStep { input, before, after, output, tape } = step;
        let (gates, tanh_c) = tape.split_at_mut(GATES * rows);
        self.gates.project(input, gates);
        self.gates.add_recurrent(&before[..rows], gates);
        let (i, others) = gates.split_at_mut(rows);
        let (f, others) = others.split_at_mut(rows);
        let (g, o) = others.split_at_mut(rows);
        let (h_after, c_after) = after.split_at_mut(rows);
        for row in 0..rows {
            for gate in [&mut i[row], &mut f[row], &mut o[row]] {
                *gate = gate.map(sigmoid);
            }
            g[row] = g[row].map(T::tanh_of);
            c_after[row] = i[row].times(g[row]);
            c_after[row].add_product(f[row], before[rows + row]);
            tanh_c[row] = c_after[row].map(T::tanh_of);
            h_after[row] = o[row].times(tanh_c[row]);
            output[row] = h_after[row];
        }
    }

    fn begin(&self, work: &mut Work<T>, _: &[usize]) {
        work.gradients.clear();
    }

    #[inline(always)]
    fn backward_step(&self, work: &mut Work<T>, step: BackwardStep<'_, T>) {
        let rows = self.sizes.rows;
        let [i, f, g, o, tanh_c] = [0, 1, 2, 3, 4].map(|part| &step.tape[part * rows..(part + 1) * rows]);
        let (of_i, others) = work.gradient.split_at_mut(rows);
        let (of_f, others) = others.split_at_mut(rows);
        let (of_g, of_o) = others.split_at_mut(rows);
        let (h_gradient, c_gradient) = step.state_gradient.split_at_mut(rows);
        for row in 0..rows {
            let of_h = h_gradient[row].plus(step.output_gradient[row]);
            of_o[row] = of_h.times(tanh_c[row]).zip(o[row], sigmoid_backward);
            let of_c = c_gradient[row].plus(of_h.times(o[row]).zip(tanh_c[row], tanh_backward));
            of_i[row] = of_c.times(g[row]).zip(i[row], sigmoid_backward);
            of_g[row] = of_c.times(i[row]).zip(g[row], tanh_backward);
            of_f[row] = of_c.times(step.before[rows + row]).zip(f[row], sigmoid_backward);
            c_gradient[row] = of_c.times(f[row]);
            h_gradient[row] = Lanes::zero();
        }
        self.gates.recurrent_backward(&work.gradient, h_gradient);
        self.gates.project_backward(&work.gradient, step.input_gradient);
        work.gradients.add_step(step.step, &work.gradient);
    }

    #[inline(always)]
    fn sum_block(&self, work: &mut Work<T>, block: &Block<'_, T>) {
        work.gradients.sum_block(block.inputs, block.states);
    }

    fn collect(&self, work: &Work<T>, gradients: &mut LayerGradients<'_, T>) {
        work.gradients.collect(gradients);
    }
}

/// Glorot-uniform kernel, orthogonal recurrent kernel, biases 0 except for the forget gate, which has 1.
///
/// # Source
/// `keras.layers.LSTM`; the bias: Jozefowicz, Zaremba and Sutskever 2015, section 2.2.
pub(super) fn initial(start: &mut Start<'_>) -> Vec<(&'static str, Vec<f64>)> {
    let (inputs, units, columns) = (start.inputs, start.units, GATES * start.units);
    let bias = (0..columns).map(|column| if column / units == 1 { 1.0 } else { 0.0 });
    vec![
        ("kernel", glorot_uniform(inputs, columns, start.rng)),
        ("recurrent_kernel", orthogonal(units, columns, start.rng)),
        ("bias", bias.collect()),
    ]
}
