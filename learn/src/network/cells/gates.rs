//! The common part of cells with gates: the products with their matrices, and the gradients of these matrices.

use moodline_core::Real;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};

use super::super::lanes::{LANES, Lanes, to_rows, transpose};
use super::super::matrix::{Mixer, TILE, add_gradient};
use super::{BLOCK_STEPS, LayerGradients, LayerTensors, Sizes};

/// `x kernel + bias` and `h recurrent_kernel`, forward and backward. The values of the gates are stored side by side, `[gates][rows]`.
#[derive(Debug)]
pub(in super::super) struct Gates<T> {
    /// `[gates][rows]`
    pub(in super::super) bias: Vec<T>,
    kernel: Mixer<T>,
    kernel_transposed: Mixer<T>,
    recurrent: Mixer<T>,
    recurrent_transposed: Mixer<T>,
}

impl<T: Real> Gates<T> {
    /// Creates the gates from `kernel`, `recurrent_kernel` and `bias` of a layer.
    pub(in super::super) fn new(parameters: LayerTensors<'_, T>) -> Self {
        let recurrent = parameters.matrix("recurrent_kernel");
        Self::of(&parameters.matrix("kernel"), &recurrent, &parameters.vector("bias"), recurrent.nrows())
    }

    /// Creates the gates from these three tensors, with `units` columns per gate. A recurrent kernel without rows is for gates without a recurrent part.
    pub(in super::super) fn of(
        kernel: &ArrayView2<'_, T>,
        recurrent: &ArrayView2<'_, T>,
        bias: &ArrayView1<'_, T>,
        units: usize,
    ) -> Self {
        let [rows, state_rows] = [units, recurrent.nrows()].map(|size| size.next_multiple_of(TILE));
        let inputs = kernel.nrows();
        let kernel = padded(kernel, units, inputs.next_multiple_of(TILE));
        let recurrent = padded(recurrent, units, state_rows);
        let mut padded_bias = vec![T::zero(); bias.len() / units * rows];
        for (padded, gate) in padded_bias.chunks_exact_mut(rows).zip(bias.exact_chunks(units)) {
            padded.iter_mut().zip(gate).for_each(|(to, from)| *to = *from);
        }
        Self {
            bias: padded_bias,
            kernel: Mixer::new(kernel.slice(s![..inputs, ..])),
            kernel_transposed: Mixer::new(kernel.t()),
            recurrent: Mixer::new(recurrent.view()),
            recurrent_transposed: Mixer::new(recurrent.t()),
        }
    }

    /// `out = input kernel + bias`
    #[inline(always)]
    pub(in super::super) fn project(&self, input: &[Lanes<T>], out: &mut [Lanes<T>]) {
        for (out, bias) in out.iter_mut().zip(&self.bias) {
            *out = Lanes::splat(*bias);
        }
        self.kernel.add(input, out);
    }

    /// `out += state recurrent_kernel`
    #[inline(always)]
    pub(in super::super) fn add_recurrent(&self, state: &[Lanes<T>], out: &mut [Lanes<T>]) {
        self.recurrent.add(state, out);
    }

    /// Adds to the gradient of the input of [`Gates::project`] if it is needed.
    #[inline(always)]
    pub(in super::super) fn project_backward(&self, gradient: &[Lanes<T>], input_gradient: &mut [Lanes<T>]) {
        self.kernel_transposed.add(gradient, input_gradient);
    }

    /// Adds to the gradient of the state of [`Gates::add_recurrent`].
    #[inline(always)]
    pub(in super::super) fn recurrent_backward(&self, gradient: &[Lanes<T>], state_gradient: &mut [Lanes<T>]) {
        self.recurrent_transposed.add(gradient, state_gradient);
    }
}

/// Zeros after the columns of each gate, up to whole tiles, and after the last row, up to `n_rows`.
fn padded<T: Real>(matrix: &ArrayView2<'_, T>, units: usize, n_rows: usize) -> Array2<T> {
    let (gates, rows) = (matrix.ncols() / units, units.next_multiple_of(TILE));
    let mut padded = Array2::zeros((n_rows, gates * rows));
    for (to, from) in padded.axis_chunks_iter_mut(Axis(1), rows).zip(matrix.axis_chunks_iter(Axis(1), units)) {
        to.slice_move(s![..matrix.nrows(), ..units]).assign(&from);
    }
    padded
}

/// Sums the gradients of kernels and biases from the gradients of the outputs of [`Gates`].
///
/// The gradients of a block of steps are kept with units in the lanes. Each kernel gradient is then one product of matrices over the steps of a sequence,
/// whose sums stay in registers.
#[derive(Debug)]
pub(in super::super) struct GateGradients<T> {
    sizes: Sizes,
    /// Number of groups of [`LANES`] units.
    chunks: usize,
    /// Number of gradient vectors per step.
    gates: usize,
    /// Indices of the gradients of [`Gates::project`] and of [`Gates::add_recurrent`].
    kernel_gates: Vec<usize>,
    recurrent_gates: Vec<usize>,
    /// Number of state values in the recurrent product.
    n_states: usize,
    /// Units in the lanes, `[LANES][gates][chunks][BLOCK_STEPS]`.
    columns: Vec<Lanes<T>>,
    /// `[LANES][steps of the block][n_states]`
    states: Vec<T>,
    /// `[gates][rows]`
    sums: Vec<Lanes<T>>,
    /// Units in the lanes, `[kernel_gates][chunks][inputs]`.
    kernel: Vec<Lanes<T>>,
    /// Units in the lanes, `[recurrent_gates][chunks][n_states]`.
    recurrent: Vec<Lanes<T>>,
}

impl<T: Real> GateGradients<T> {
    /// For `gates` gradient vectors per step, of which `kernel_gates` are those of the projection and `recurrent_gates` those of the recurrent
    /// product, in the order of the columns of the kernels.
    pub(in super::super) fn new(sizes: Sizes, gates: usize, kernel_gates: &[usize], recurrent_gates: &[usize]) -> Self {
        let chunks = sizes.units.div_ceil(LANES);
        let zeros = |n| vec![Lanes::zero(); n];
        Self {
            sizes,
            chunks,
            gates,
            kernel_gates: kernel_gates.to_vec(),
            recurrent_gates: recurrent_gates.to_vec(),
            n_states: sizes.units,
            columns: zeros(LANES * gates * chunks * BLOCK_STEPS),
            states: Vec::new(),
            sums: zeros(gates * sizes.rows),
            kernel: zeros(kernel_gates.len() * chunks * sizes.inputs),
            recurrent: zeros(recurrent_gates.len() * chunks * sizes.units),
        }
    }

    /// The same for a state whose size differs from that of a gate.
    pub(in super::super) fn with_states(self, n_states: usize) -> Self {
        let recurrent = vec![Lanes::zero(); self.recurrent_gates.len() * self.chunks * n_states];
        Self { n_states, recurrent, ..self }
    }

    /// Clears the sums.
    pub(in super::super) fn clear(&mut self) {
        for sums in [&mut self.sums, &mut self.kernel, &mut self.recurrent] {
            sums.fill(Lanes::zero());
        }
    }

    /// Adds the gradients of a step, `[gates][rows]`.
    #[inline(always)]
    pub(in super::super) fn add_step(&mut self, step: usize, gradients: &[Lanes<T>]) {
        let Sizes { units, rows, .. } = self.sizes;
        for (sum, gradient) in self.sums.iter_mut().zip(gradients) {
            *sum = sum.plus(*gradient);
        }
        for (gate, gradients) in gradients.chunks_exact(rows).enumerate() {
            for (chunk, values) in gradients[..units].chunks(LANES).enumerate() {
                let column = (gate * self.chunks + chunk) * BLOCK_STEPS + step % BLOCK_STEPS;
                transpose(values, &mut self.columns[column..], self.gates * self.chunks * BLOCK_STEPS);
            }
        }
    }

    /// Multiplies the gradients of a block of steps with the inputs of the sequences, and with the first `n_states` of the states before the steps.
    #[inline(always)]
    pub(in super::super) fn sum_block(&mut self, inputs: &[&[T]], states: &[Lanes<T>]) {
        let Sizes { inputs: n_inputs, state_rows, .. } = self.sizes;
        let n_states = self.n_states;
        let of_lane = self.gates * self.chunks * BLOCK_STEPS;
        for (inputs, columns) in inputs.iter().zip(self.columns.chunks_exact(of_lane)) {
            for (index, sums) in self.kernel.chunks_exact_mut(n_inputs).enumerate() {
                let column = self.kernel_gates[index / self.chunks] * self.chunks + index % self.chunks;
                add_gradient(inputs, &columns[column * BLOCK_STEPS..][..inputs.len() / n_inputs], sums);
            }
        }
        if self.recurrent_gates.is_empty() {
            return;
        }
        let steps = states.len().div_ceil(state_rows);
        self.states.resize(LANES * steps * n_states, T::zero());
        to_rows(states, state_rows, n_states, &mut self.states);
        let of_sequences = inputs.iter().zip(self.columns.chunks_exact(of_lane)).zip(self.states.chunks_exact(steps * n_states));
        for ((inputs, columns), states) in of_sequences {
            let steps = inputs.len() / n_inputs;
            for (index, sums) in self.recurrent.chunks_exact_mut(n_states).enumerate() {
                let column = self.recurrent_gates[index / self.chunks] * self.chunks + index % self.chunks;
                add_gradient(&states[..steps * n_states], &columns[column * BLOCK_STEPS..][..steps], sums);
            }
        }
    }

    /// The sum for one gate over all steps and sequences, `[units]`.
    pub(in super::super) fn sum(&self, gate: usize) -> impl Iterator<Item = T> {
        self.sums[gate * self.sizes.rows..][..self.sizes.units].iter().map(|sum| sum.sum())
    }

    /// Writes `kernel`, `bias`, and `recurrent_kernel` if there are recurrent gates.
    pub(in super::super) fn collect(&self, gradients: &mut LayerGradients<'_, T>) {
        let gates: Vec<(usize, T)> = (0..self.kernel_gates.len()).map(|gate| (gate, T::one())).collect();
        self.collect_as(&gates, gradients);
    }

    /// [`GateGradients::collect`] for a cell whose computed gates differ from the trained ones: for each trained gate, the index of the computed gate in the
    /// order of the columns of the kernels, and its derivative with respect to the trained one.
    pub(in super::super) fn collect_as(&self, trained: &[(usize, T)], gradients: &mut LayerGradients<'_, T>) {
        self.collect_dense(["kernel", "bias"], trained, gradients);
        if !self.recurrent_gates.is_empty() {
            let at = |row, column| self.of_trained(trained, &self.recurrent, self.n_states, row, column);
            gradients.set_matrix("recurrent_kernel", at);
        }
    }

    /// [`GateGradients::collect_as`] for the kernel and the bias alone, under these names.
    pub(in super::super) fn collect_dense(
        &self,
        [kernel, bias]: [&str; 2],
        trained: &[(usize, T)],
        gradients: &mut LayerGradients<'_, T>,
    ) {
        gradients.set_matrix(kernel, |row, column| self.of_trained(trained, &self.kernel, self.sizes.inputs, row, column));
        let biases = trained.iter().flat_map(|(gate, slope)| self.sum(self.kernel_gates[*gate]).map(|sum| sum * *slope));
        gradients.set_vector(bias, biases);
    }

    /// An entry of a kernel with `n_rows` rows.
    fn of_trained(&self, trained: &[(usize, T)], sums: &[Lanes<T>], n_rows: usize, row: usize, column: usize) -> T {
        let units = self.sizes.units;
        let ((gate, slope), unit) = (trained[column / units], column % units);
        sums[(gate * self.chunks + unit / LANES) * n_rows + row].0[unit % LANES] * slope
    }
}
