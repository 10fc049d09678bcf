//! The arguments of the gates of a closed-form cell: linear in input and state, or in the output of a backbone.
//!
//! A layer of the backbone is `y = LECUN_RANGE tanh(LECUN_SLOPE (x W + h U + b))`, the next ones likewise from `y`. Each step saves the `y` of every layer
//! for the backward pass.

use moodline_core::Real;
use moodline_core::network::{Backbone, Cfc, HEADS, LECUN_RANGE, LECUN_SLOPE};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};

use super::super::draws::uniform_between;
use super::super::lanes::{LANES, Lanes, to_rows};
use super::super::matrix::TILE;
use super::gates::{GateGradients, Gates};
use super::{Block, LayerGradients, LayerTensors, Sizes, Start};

#[derive(Debug)]
pub(super) struct Sums<T> {
    pub(super) sizes: Sizes,
    /// Rows of the tape before those of the backbone.
    first_row: usize,
    backbone: Option<Backbone>,
    /// Layers of the backbone.
    layers: Vec<Gates<T>>,
    gates: Gates<T>,
}

pub(super) struct Work<T> {
    /// One for each layer of the backbone.
    layers: Vec<GateGradients<T>>,
    gates: GateGradients<T>,
    /// Gradients with respect to the output of a layer of the backbone and of the layer before, `[rows of the backbone]`.
    gradient: Vec<Lanes<T>>,
    gradient_before: Vec<Lanes<T>>,
    /// Outputs of a layer of the backbone, `[LANES][steps of the block, units of the backbone]`.
    values: Vec<T>,
}

impl<T: Real> Sums<T> {
    /// For a cell with a tape of `tapes` vectors of its own; `run` converts the columns of the trained gates to those of the computed gates.
    pub(super) fn new(
        config: &Cfc,
        parameters: LayerTensors<'_, T>,
        tapes: usize,
        run: impl Fn(ArrayView2<'_, T>) -> Array2<T>,
    ) -> Self {
        let (kernel, recurrent) = (parameters.matrix("kernel"), parameters.matrix("recurrent_kernel"));
        let (inputs, units) = (kernel.nrows(), recurrent.nrows());
        let gates_of = |kernel: ArrayView2<'_, T>, recurrent: ArrayView2<'_, T>, bias: ArrayView1<'_, T>| {
            let bias = run(bias.insert_axis(Axis(0)));
            Gates::of(&run(kernel).view(), &run(recurrent).view(), &bias.row(0), units)
        };
        let mut sizes = Sizes::new(inputs, units, 1, tapes);
        let first_row = sizes.tape_rows;
        let Some(backbone) = config.backbone else {
            let gates = gates_of(kernel, recurrent, parameters.vector("bias"));
            return Self { sizes, first_row, backbone: None, layers: Vec::new(), gates };
        };
        sizes.tape_rows += backbone.layers * of_layer(sizes, inputs, backbone.units).rows;
        let no_state = recurrent.slice(s![..0, ..]);
        let mut layers = vec![Gates::of(&kernel, &recurrent, &parameters.vector("bias"), backbone.units)];
        layers.extend(
            backbone
                .further()
                .map(|[kernel, bias]| Gates::of(&parameters.matrix(kernel), &no_state, &parameters.vector(bias), backbone.units)),
        );
        let [kernel, bias] = HEADS;
        let heads = parameters.matrix(kernel);
        let gates = gates_of(heads, heads.slice(s![..0, ..]), parameters.vector(bias));
        Self { sizes, first_row, backbone: Some(backbone), layers, gates }
    }

    /// Scratch memory for `gates` computed gates.
    pub(super) fn work(&self, gates: usize) -> Work<T> {
        let all: Vec<usize> = (0..gates).collect();
        let Some(Backbone { units, layers }) = self.backbone else {
            let gates = GateGradients::new(self.sizes, gates, &all, &all);
            return Work { layers: Vec::new(), gates, gradient: Vec::new(), gradient_before: Vec::new(), values: Vec::new() };
        };
        let first = of_layer(self.sizes, self.sizes.inputs, units);
        let further = of_layer(self.sizes, units, units);
        let mut of_layers = vec![GateGradients::new(first, 1, &[0], &[0]).with_states(self.sizes.units)];
        of_layers.extend((1..layers).map(|_| GateGradients::new(further, 1, &[0], &[])));
        let gradient = vec![Lanes::zero(); first.rows];
        Work {
            layers: of_layers,
            gates: GateGradients::new(of_layer(self.sizes, units, self.sizes.units), gates, &all, &[]),
            gradient_before: gradient.clone(),
            gradient,
            values: Vec::new(),
        }
    }

    /// Splits the tape of a step into the rows of the cell and those of the backbone.
    #[inline(always)]
    pub(super) fn split<'a>(&self, tape: &'a [Lanes<T>]) -> (&'a [Lanes<T>], &'a [Lanes<T>]) {
        tape.split_at(self.first_row)
    }

    /// [`Sums::split`], mutable.
    #[inline(always)]
    pub(super) fn split_mut<'a>(&self, tape: &'a mut [Lanes<T>]) -> (&'a mut [Lanes<T>], &'a mut [Lanes<T>]) {
        tape.split_at_mut(self.first_row)
    }

    /// Writes the sums, `[gates][rows]`, and the backbone's part of the tape.
    #[inline(always)]
    pub(super) fn forward(&self, input: &[Lanes<T>], before: &[Lanes<T>], tape: &mut [Lanes<T>], sums: &mut [Lanes<T>]) {
        let Some((first, further)) = self.layers.split_first() else {
            self.gates.project(input, sums);
            self.gates.add_recurrent(before, sums);
            return;
        };
        let (mut values, mut rest) = tape.split_at_mut(first.bias.len());
        first.project(input, values);
        first.add_recurrent(before, values);
        activate(values);
        for layer in further {
            let (next_values, others) = rest.split_at_mut(layer.bias.len());
            layer.project(values, next_values);
            activate(next_values);
            (values, rest) = (next_values, others);
        }
        self.gates.project(values, sums);
    }

    pub(super) fn clear(&self, work: &mut Work<T>) {
        work.layers.iter_mut().chain([&mut work.gates]).for_each(GateGradients::clear);
    }

    /// Takes the gradient with respect to the sums of a step, and adds to the gradients with respect to its state and its input; `tape` is the backbone's part.
    #[inline(always)]
    pub(super) fn backward(
        &self,
        work: &mut Work<T>,
        (step, tape): (usize, &[Lanes<T>]),
        of_sums: &[Lanes<T>],
        of_state: &mut [Lanes<T>],
        of_input: &mut [Lanes<T>],
    ) {
        let Work { layers, gates, gradient, gradient_before, .. } = work;
        gates.add_step(step, of_sums);
        if self.layers.is_empty() {
            self.gates.recurrent_backward(of_sums, of_state);
            self.gates.project_backward(of_sums, of_input);
            return;
        }
        let rows = gradient.len();
        gradient.fill(Lanes::zero());
        self.gates.project_backward(of_sums, gradient);
        for (index, (layer, gradients)) in self.layers.iter().zip(layers).enumerate().rev() {
            for (gradient, value) in gradient.iter_mut().zip(&tape[index * rows..]) {
                *gradient = gradient.zip(*value, lecun_tanh_backward);
            }
            gradients.add_step(step, gradient);
            if index == 0 {
                layer.recurrent_backward(gradient, of_state);
                layer.project_backward(gradient, of_input);
            } else {
                gradient_before.fill(Lanes::zero());
                layer.project_backward(gradient, gradient_before);
                std::mem::swap(gradient, gradient_before);
            }
        }
    }

    #[inline(always)]
    pub(super) fn sum_block(&self, work: &mut Work<T>, block: &Block<'_, T>) {
        let Work { layers, gates, values, .. } = work;
        let mut after = layers.iter_mut().chain([gates]);
        // INVARIANT: the chain ends with the gates.
        after.next().expect("gates").sum_block(block.inputs, block.states);
        let Some(Backbone { units, .. }) = self.backbone else { return };
        let steps_of = |sequence: &[T]| sequence.len() / self.sizes.inputs;
        let steps = steps_of(block.inputs[0]);
        values.resize(LANES * steps * units, T::zero());
        for (index, after) in after.enumerate() {
            let first_row = self.first_row + index * units.next_multiple_of(TILE);
            to_rows(&block.tape[first_row..], self.sizes.tape_rows, units, values);
            let of_sequences = values.chunks_exact(steps * units).zip(block.inputs);
            let by_sequence: Vec<&[T]> = of_sequences.map(|(values, input)| &values[..steps_of(input) * units]).collect();
            after.sum_block(&by_sequence, &[]);
        }
    }

    /// Writes the gradients of all tensors; `trained` as for [`GateGradients::collect_as`].
    pub(super) fn collect(&self, work: &Work<T>, trained: &[(usize, T)], gradients: &mut LayerGradients<'_, T>) {
        let (Some(backbone), Some((first, further))) = (self.backbone, work.layers.split_first()) else {
            return work.gates.collect_as(trained, gradients);
        };
        first.collect(gradients);
        for (names, of_layer) in backbone.further().zip(further) {
            of_layer.collect_dense(names, &[(0, T::one())], gradients);
        }
        work.gates.collect_dense(HEADS, trained, gradients);
    }
}

/// Sizes of a part with this many inputs and this many columns per gate in a cell of these sizes.
fn of_layer(cell: Sizes, inputs: usize, units: usize) -> Sizes {
    Sizes { state_rows: cell.state_rows, ..Sizes::new(inputs, units, 1, 1) }
}

#[inline(always)]
fn activate<T: Real>(values: &mut [Lanes<T>]) {
    for value in values {
        *value = value.map(|value| T::of(LECUN_RANGE) * (T::of(LECUN_SLOPE) * value).tanh_of());
    }
}

/// Backpropagation through `y = LECUN_RANGE tanh(LECUN_SLOPE x)`.
#[inline(always)]
fn lecun_tanh_backward<T: Real>(gradient: T, y: T) -> T {
    let (range, slope) = (T::of(LECUN_RANGE), T::of(LECUN_SLOPE));
    gradient * slope * (-y / range).mul_add(y, range)
}

/// Kernels and biases of this many gates and of the backbone before them, initialised as in ncps: Xavier-uniform kernels, biases as in PyTorch's
/// `Linear`. Every gate and every layer of the backbone is a separate `Linear`.
///
/// # Source
/// `CfCCell.init_weights` of ncps 1.0.1; `torch.nn.Linear.reset_parameters`.
pub(super) fn initial(gates: usize, backbone: Option<Backbone>, start: &mut Start<'_>) -> Vec<(&'static str, Vec<f64>)> {
    let (inputs, units) = (start.inputs, start.units);
    let mut draw = |n: usize, limit: f64| uniform_between(-limit, limit, n, start.rng);
    let kernel_limit = |from: usize, to: usize| (6.0 / (from + to) as f64).sqrt();
    let bias_limit = |from: usize| (from as f64).sqrt().recip();
    let (columns, to) = backbone.map_or((gates * units, units), |backbone| (backbone.units, backbone.units));
    let limit = kernel_limit(inputs + units, to);
    let mut values = vec![
        ("kernel", draw(inputs * columns, limit)),
        ("recurrent_kernel", draw(units * columns, limit)),
        ("bias", draw(columns, bias_limit(inputs + units))),
    ];
    let Some(backbone) = backbone else { return values };
    let from = backbone.units;
    let further = backbone.further().map(|names| (names, 1, from));
    for ([kernel, bias], n, to) in further.chain([(HEADS, gates, units)]) {
        values.push((kernel, draw(from * n * to, kernel_limit(from, to))));
        values.push((bias, draw(n * to, bias_limit(from))));
    }
    values
}
