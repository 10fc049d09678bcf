//! One layer over all steps of a group of sequences: forward with a tape, and backpropagation through time along it.
//!
//! In: a [`Cell`] and the inputs of at most [`LANES`] sequences, the longest first. Out: the outputs of every step, and sums of gradients. A sequence that has
//! ended keeps computing until the group ends; these results are not read, and have no gradient.

use std::any::Any;

use moodline_core::Real;

use super::cell::{BLOCK_STEPS, BackwardStep, Block, Cell, ForwardStep, LayerGradients, Sizes};
use super::lanes::Lanes;

/// Tape and scratch memory of one layer; reused from group to group, because allocating memory costs more than the arithmetic.
#[derive(Debug)]
pub(super) struct Run<T> {
    /// The state before each step and after the last one, `[steps + 1][state_rows]`.
    states: Vec<Lanes<T>>,
    /// `[steps][rows]`
    pub(super) outputs: Vec<Lanes<T>>,
    /// `[steps][tape_rows]`
    tape: Vec<Lanes<T>>,
    /// The [`Cell::Work`] of the layer's cell.
    work: Box<dyn Any + Send>,
}

/// Input and output gradients of a layer.
#[derive(Debug)]
pub(super) struct Gradients<'a, T> {
    /// Gradient with respect to the outputs, `[steps][rows]`; zeros after the end of a sequence.
    pub(super) outputs: &'a [Lanes<T>],
    /// Gradient with respect to the inputs, `[steps][input_rows]`, to be written if it is needed.
    pub(super) inputs: Option<&'a mut Vec<Lanes<T>>>,
}

/// Any cell in its loop over steps.
pub(super) trait Layer<T: Real>: Send + Sync {
    fn sizes(&self) -> Sizes;

    /// Memory for [`Layer::forward`] and [`Layer::backward`].
    fn run(&self) -> Run<T>;

    /// Runs all steps from a zero state.
    ///
    /// # Shapes
    /// `inputs` `[steps][input_rows]`
    fn forward(&self, run: &mut Run<T>, inputs: &[Lanes<T>]);

    /// Goes back along the tape. `sequences` are the inputs again, for each sequence up to its end, `[steps, inputs]` row-major.
    fn backward(&self, run: &mut Run<T>, inputs: &[Lanes<T>], sequences: &[&[T]], gradients: Gradients<'_, T>);

    /// Writes the gradients of the layer's parameters.
    fn collect(&self, run: &Run<T>, gradients: &mut LayerGradients<'_, T>);
}

impl<T: Real, C: Cell<T>> Layer<T> for C {
    fn sizes(&self) -> Sizes {
        Cell::sizes(self)
    }

    fn run(&self) -> Run<T> {
        Run { states: Vec::new(), outputs: Vec::new(), tape: Vec::new(), work: Box::new(self.work()) }
    }

    fn forward(&self, run: &mut Run<T>, inputs: &[Lanes<T>]) {
        T::vectorize(Forward { cell: self, run, inputs });
    }

    fn backward(&self, run: &mut Run<T>, inputs: &[Lanes<T>], sequences: &[&[T]], gradients: Gradients<'_, T>) {
        T::vectorize(Backward { cell: self, run, inputs, sequences, gradients });
    }

    fn collect(&self, run: &Run<T>, gradients: &mut LayerGradients<'_, T>) {
        // INVARIANT: runs are made by `run` and kept with the layer.
        let work = run.work.downcast_ref().expect("the run belongs to the cell");
        Cell::collect(self, work, gradients);
    }
}

/// [`Layer::forward`], to be compiled for each vector width. A closure is not suitable: it keeps the width of its surroundings.
struct Forward<'a, T, C> {
    cell: &'a C,
    run: &'a mut Run<T>,
    inputs: &'a [Lanes<T>],
}

impl<T: Real, C: Cell<T>> pulp::WithSimd for Forward<'_, T, C> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Self { cell, run, inputs } = self;
        let Sizes { input_rows, rows, state_rows, tape_rows, .. } = cell.sizes();
        let steps = inputs.len() / input_rows;
        // Previous contents are overwritten before they are read.
        run.states.resize((steps + 1) * state_rows, Lanes::zero());
        run.outputs.resize(steps * rows, Lanes::zero());
        run.tape.resize(steps * tape_rows, Lanes::zero());
        // INVARIANT: as in `collect`.
        let work: &mut C::Work = run.work.downcast_mut().expect("the run belongs to the cell");
        run.states[..state_rows].fill(Lanes::zero());
        for step in 0..steps {
            let (before, after) = run.states[step * state_rows..(step + 2) * state_rows].split_at_mut(state_rows);
            let step = ForwardStep {
                input: &inputs[step * input_rows..(step + 1) * input_rows],
                before,
                after,
                output: &mut run.outputs[step * rows..(step + 1) * rows],
                tape: &mut run.tape[step * tape_rows..(step + 1) * tape_rows],
            };
            cell.forward_step(work, step);
        }
    }
}

/// [`Layer::backward`], likewise.
struct Backward<'a, T, C> {
    cell: &'a C,
    run: &'a mut Run<T>,
    inputs: &'a [Lanes<T>],
    sequences: &'a [&'a [T]],
    gradients: Gradients<'a, T>,
}

impl<T: Real, C: Cell<T>> pulp::WithSimd for Backward<'_, T, C> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Self { cell, run, inputs, sequences, gradients } = self;
        let Sizes { inputs: n_inputs, input_rows, rows, state_rows, tape_rows, .. } = cell.sizes();
        let lengths: Vec<usize> = sequences.iter().map(|sequence| sequence.len() / n_inputs).collect();
        let steps = lengths[0];
        // INVARIANT: as in `collect`.
        let work: &mut C::Work = run.work.downcast_mut().expect("the run belongs to the cell");
        cell.begin(work, &lengths);
        let mut unasked = Vec::new();
        let wanted_rows = if gradients.inputs.is_some() { input_rows } else { 0 };
        let input_gradients = gradients.inputs.unwrap_or(&mut unasked);
        input_gradients.clear();
        input_gradients.resize(steps * wanted_rows, Lanes::zero());
        // Gradient with respect to the state at the current step.
        let mut state_gradient = vec![Lanes::zero(); state_rows];
        let mut of_block = Vec::with_capacity(sequences.len());
        for first in (0..steps).step_by(BLOCK_STEPS).rev() {
            let end = steps.min(first + BLOCK_STEPS);
            for step in (first..end).rev() {
                let (before, after) = run.states[step * state_rows..(step + 2) * state_rows].split_at(state_rows);
                let step = BackwardStep {
                    step,
                    input: &inputs[step * input_rows..(step + 1) * input_rows],
                    before,
                    after,
                    tape: &run.tape[step * tape_rows..(step + 1) * tape_rows],
                    output_gradient: &gradients.outputs[step * rows..(step + 1) * rows],
                    state_gradient: &mut state_gradient,
                    input_gradient: &mut input_gradients[step * wanted_rows..(step + 1) * wanted_rows],
                };
                cell.backward_step(work, step);
                // Over hundreds of steps a gradient vanishes: it is below 1e-38 long before the first step of a sequence of which only the end is read.
                state_gradient.iter_mut().for_each(|gradient| *gradient = gradient.without_vanished());
            }
            of_block.clear();
            let part = |sequence: &[T]| first * n_inputs..sequence.len().clamp(first * n_inputs, end * n_inputs);
            of_block.extend(sequences.iter().map(|sequence| sequence.get(part(sequence)).unwrap_or_default()));
            let states = &run.states[first * state_rows..end * state_rows];
            let tape = &run.tape[first * tape_rows..end * tape_rows];
            cell.sum_block(work, &Block { inputs: &of_block, states, tape });
        }
    }
}
