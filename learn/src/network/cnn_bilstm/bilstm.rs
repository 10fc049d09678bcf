//! One LSTM in both directions over a group of sequences, and the mean of its outputs over time.
//!
//! The backward direction is the same layer over the reversed steps of each sequence, starting at its own end.

use moodline_core::Real;
use moodline_core::network::{CellConfig, Pooling, Tensors};
use ndarray::{Array1, Array2, ArrayView2};

use super::super::cell::{LayerGradients, LayerTensors};
use super::super::cells;
use super::super::lanes::{Lanes, from_rows};
use super::super::layer::{Gradients, Layer, Run};
use super::super::pooling::{Pool, Pooled};

/// Layer 0 runs forward in time, layer 1 backward.
pub(super) const DIRECTIONS: usize = 2;

/// Both directions, ready to run.
pub(super) struct Bilstm<T> {
    directions: [Box<dyn Layer<T>>; DIRECTIONS],
    units: usize,
}

/// One direction after its forward pass over a group.
struct Direction<T> {
    /// Steps of each sequence in execution order, `[steps, inputs]` row-major.
    sequences: Vec<Vec<T>>,
    /// The same in lanes, `[steps][input_rows]`.
    lanes: Vec<Lanes<T>>,
    run: Run<T>,
    pooled: Pooled<T>,
}

/// A group after its forward pass.
pub(super) struct Ran<T> {
    directions: [Direction<T>; DIRECTIONS],
    /// Length of each sequence, the longest first.
    lengths: Vec<usize>,
    units: usize,
}

impl<T: Real> Ran<T> {
    /// The mean output of each sequence, `[DIRECTIONS * units]`.
    pub(super) fn pooled(&self) -> Vec<Array1<T>> {
        let of_lane = |lane: usize| {
            let values = |direction: &'_ Direction<T>| -> Vec<T> {
                direction.pooled.values[..self.units].iter().map(|value| value.0[lane]).collect()
            };
            self.directions.iter().flat_map(values).collect()
        };
        (0..self.lengths.len()).map(of_lane).collect()
    }
}

impl<T: Real> Bilstm<T> {
    pub(super) fn new(parameters: &Tensors<T>, units: usize) -> Self {
        let direction = |layer| cells::layer(&CellConfig::Lstm, LayerTensors { tensors: parameters, layer });
        Self { directions: std::array::from_fn(direction), units }
    }

    /// Runs both directions over sequences of `[steps, inputs]`, the longest first.
    pub(super) fn forward(&self, sequences: &[ArrayView2<'_, T>]) -> Ran<T> {
        let lengths: Vec<usize> = sequences.iter().map(ArrayView2::nrows).collect();
        let direction = |direction: usize| {
            let layer = &self.directions[direction];
            let rows = |sequence: &ArrayView2<'_, T>| in_direction(direction, sequence.view()).iter().copied().collect();
            let sequences: Vec<Vec<T>> = sequences.iter().map(rows).collect();
            let slices: Vec<&[T]> = sequences.iter().map(Vec::as_slice).collect();
            let mut lanes = vec![Lanes::zero(); lengths[0] * layer.sizes().input_rows];
            from_rows(&slices, layer.sizes().inputs, layer.sizes().input_rows, &mut lanes);
            let (mut run, mut pooled) = (layer.run(), Pooled::new());
            layer.forward(&mut run, &lanes);
            self.pool(&lengths, &run).forward(&mut pooled);
            Direction { sequences, lanes, run, pooled }
        };
        Ran { directions: std::array::from_fn(direction), lengths: lengths.clone(), units: self.units }
    }

    /// Computes the gradients of the steps of each sequence from those of the mean outputs; writes the gradients of both layers.
    pub(super) fn backward(&self, ran: &mut Ran<T>, of_pooled: &[Array1<T>], gradients: &mut Tensors<T>) -> Vec<Array2<T>> {
        let Ran { directions, lengths, .. } = ran;
        let inputs = self.directions[0].sizes().inputs;
        let mut of_sequences: Vec<Array2<T>> = lengths.iter().map(|length| Array2::zeros((*length, inputs))).collect();
        for (index, (layer, direction)) in self.directions.iter().zip(directions).enumerate() {
            let of_unit = |unit: usize| Lanes::from_padded(of_pooled.iter().map(|values| values[index * self.units + unit]));
            let of_values: Vec<Lanes<T>> = layer.sizes().padded((0..self.units).map(of_unit), Lanes::zero());
            let Direction { sequences, lanes, run, pooled } = direction;
            let (mut of_outputs, mut of_inputs) = (Vec::new(), Vec::new());
            self.pool(lengths, run).backward(&of_values, pooled, &mut of_outputs);
            let slices: Vec<&[T]> = sequences.iter().map(Vec::as_slice).collect();
            layer.backward(run, lanes, &slices, Gradients { outputs: &of_outputs, inputs: Some(&mut of_inputs) });
            layer.collect(run, &mut LayerGradients { tensors: gradients, layer: index });
            let rows = layer.sizes().input_rows;
            for (lane, of_sequence) in of_sequences.iter_mut().enumerate() {
                let of_lane = Array2::from_shape_fn(of_sequence.dim(), |(step, input)| of_inputs[step * rows + input].0[lane]);
                *of_sequence += &in_direction(index, of_lane.view());
            }
        }
        of_sequences
    }

    fn pool<'a>(&self, lengths: &'a [usize], run: &'a Run<T>) -> Pool<'a, T> {
        let rows = self.directions[0].sizes().rows;
        Pool { pooling: Pooling::Mean, attention: &[], lengths, rows, outputs: &run.outputs }
    }
}

/// Puts steps into the order in which a direction runs them; the inverse is the same operation.
fn in_direction<T>(direction: usize, mut steps: ArrayView2<'_, T>) -> ArrayView2<'_, T> {
    if direction > 0 {
        steps.invert_axis(ndarray::Axis(0));
    }
    steps
}
