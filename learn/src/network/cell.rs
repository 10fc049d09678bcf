//! The interface of a cell: one step of a layer, forward and backward, for sixteen sequences in parallel.
//!
//! In: inputs and the state before. Out: outputs and the state after; in the backward pass, gradients of both and of the parameters. The cells are in `cells`,
//! the loop over steps is in `layer`; this module depends on neither.

use moodline_core::Real;
use moodline_core::network::{Tensors, layer_tensor};
use ndarray::{ArrayView1, ArrayView2};

use super::lanes::Lanes;
use super::matrix::TILE;

/// Sizes that determine the buffers of a layer. Buffers in lanes are padded to whole tiles; the additional rows are 0 and remain so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Values of an input.
    pub(super) inputs: usize,
    /// `inputs`, padded.
    pub(super) input_rows: usize,
    /// Values of an output.
    pub(super) units: usize,
    /// `units`, padded.
    pub(super) rows: usize,
    /// Size of the state carried from step to step: `rows` for each of its vectors.
    pub(super) state_rows: usize,
    /// Values that a step saves for the backward pass.
    pub(super) tape_rows: usize,
}

impl Sizes {
    /// Sizes of a cell with a state of `states` vectors and a tape of `tapes` vectors.
    pub(super) fn new(inputs: usize, units: usize, states: usize, tapes: usize) -> Self {
        let rows = units.next_multiple_of(TILE);
        Self {
            inputs,
            input_rows: inputs.next_multiple_of(TILE),
            units,
            rows,
            state_rows: states * rows,
            tape_rows: tapes * rows,
        }
    }

    /// A value for each unit, then `filler` up to `rows`.
    pub(super) fn padded<T: Clone>(&self, values: impl IntoIterator<Item = T>, filler: T) -> Vec<T> {
        values.into_iter().chain(std::iter::repeat_n(filler, self.rows - self.units)).collect()
    }
}

/// One step forward.
pub(super) struct ForwardStep<'a, T> {
    /// `[input_rows]`
    pub(super) input: &'a [Lanes<T>],
    /// The state at the start of the step, `[state_rows]`; 0 at the first.
    pub(super) before: &'a [Lanes<T>],
    /// Output: the state at the end of the step, `[state_rows]`.
    pub(super) after: &'a mut [Lanes<T>],
    /// Output: the values passed to the next layer and the pooling, `[rows]`.
    pub(super) output: &'a mut [Lanes<T>],
    /// Output: the values saved for the backward pass, `[tape_rows]`.
    pub(super) tape: &'a mut [Lanes<T>],
}

/// One step backward. All gradients of sequences that have ended are zero.
pub(super) struct BackwardStep<'a, T> {
    /// Counted from 0.
    pub(super) step: usize,
    /// As in [`ForwardStep`].
    pub(super) input: &'a [Lanes<T>],
    /// As in [`ForwardStep`].
    pub(super) before: &'a [Lanes<T>],
    /// As written by the forward step.
    pub(super) after: &'a [Lanes<T>],
    /// As written by the forward step.
    pub(super) tape: &'a [Lanes<T>],
    /// Gradient with respect to the output of the step, `[rows]`.
    pub(super) output_gradient: &'a [Lanes<T>],
    /// Gradient with respect to `after` through the later steps; to be replaced by the one with respect to `before`, `[state_rows]`.
    pub(super) state_gradient: &'a mut [Lanes<T>],
    /// Gradient with respect to the input, to be added to, `[input_rows]`; empty if it is not needed.
    pub(super) input_gradient: &'a mut [Lanes<T>],
}

/// Largest number of steps of a [`Block`]. The values kept for this many are still in the second-level cache when they are summed.
pub(super) const BLOCK_STEPS: usize = 16;

/// Values of consecutive steps of a group of sequences, for sums over them. The first step is a multiple of [`BLOCK_STEPS`].
pub(super) struct Block<'a, T> {
    /// Inputs of each sequence, `[steps, inputs]` row-major, for those steps that belong to it; the longest first.
    pub(super) inputs: &'a [&'a [T]],
    /// States before each step, `[steps][state_rows]`.
    pub(super) states: &'a [Lanes<T>],
    /// The tape as written by the forward pass, `[steps][tape_rows]`.
    pub(super) tape: &'a [Lanes<T>],
}

/// A cell, ready to run, with its parameters in the layouts of the products. It is shared by all sequences of a batch.
///
/// The steps should be `#[inline(always)]`: they are compiled for each vector width with the loop around them.
pub(super) trait Cell<T: Real>: Send + Sync {
    /// Scratch memory, and sums of gradients over one group.
    type Work: Send + 'static;

    fn sizes(&self) -> Sizes;

    fn work(&self) -> Self::Work;

    /// Runs one step of all sequences.
    fn forward_step(&self, work: &mut Self::Work, step: ForwardStep<'_, T>);

    /// Called before the first backward step: clears the sums. `lengths` are the numbers of steps of each sequence, the longest first.
    fn begin(&self, work: &mut Self::Work, lengths: &[usize]);

    /// Runs one step backward; called from the last step to the first.
    fn backward_step(&self, work: &mut Self::Work, step: BackwardStep<'_, T>);

    /// Called after the backward steps of a block: adds the sums that are computed per block.
    fn sum_block(&self, work: &mut Self::Work, block: &Block<'_, T>);

    /// Computes the gradients of the trained parameters from the sums.
    fn collect(&self, work: &Self::Work, gradients: &mut LayerGradients<'_, T>);
}

/// Parameters of one layer, by their names within it.
#[derive(Clone, Copy, Debug)]
pub(super) struct LayerTensors<'a, T> {
    pub(super) tensors: &'a Tensors<T>,
    pub(super) layer: usize,
}

impl<'a, T> LayerTensors<'a, T> {
    pub(super) fn vector(&self, name: &str) -> ArrayView1<'a, T> {
        self.tensors.vector(&layer_tensor(self.layer, name))
    }

    pub(super) fn matrix(&self, name: &str) -> ArrayView2<'a, T> {
        self.tensors.matrix(&layer_tensor(self.layer, name))
    }
}

/// Gradients of one layer, by their names within it.
#[derive(Debug)]
pub(super) struct LayerGradients<'a, T> {
    pub(super) tensors: &'a mut Tensors<T>,
    pub(super) layer: usize,
}

impl<T: Real> LayerGradients<'_, T> {
    /// Writes the first values, as many as the vector has.
    pub(super) fn set_vector(&mut self, name: &str, values: impl IntoIterator<Item = T>) {
        for (to, from) in self.tensors.vector_mut(&layer_tensor(self.layer, name)).iter_mut().zip(values) {
            *to = from;
        }
    }

    /// Writes every value of a matrix.
    pub(super) fn set_matrix(&mut self, name: &str, at: impl Fn(usize, usize) -> T) {
        for ((row, column), to) in self.tensors.matrix_mut(&layer_tensor(self.layer, name)).indexed_iter_mut() {
            *to = at(row, column);
        }
    }
}
