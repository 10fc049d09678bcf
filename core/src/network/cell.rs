//! The interface of a cell.
//!
//! A cell is one file in `cells/`: its settings, and a [`Cell`] that defines what is trained, what a model file holds, and what a step computes, in the
//! kernel and in the graph. Everything else in the crate is the same for all cells and goes through [`Cell`].

use super::layers::{LayerWeights, Layers};
use super::tensors::Shapes;
use super::trained::{InputScaler, TrainedLayer};
use super::{Backbone, Tensor, gates};
use crate::mismatch::{Mismatch, check};
use crate::nodes::Nodes;

/// One kind of cell with its settings.
///
/// Nothing here is called while a block runs, except the kernel that [`Cell::kernel`] returned.
pub(crate) trait Cell {
    /// Number of vectors of `[units]` carried from step to step.
    fn states(&self) -> usize {
        1
    }

    /// Number of gates side by side as columns of the trained matrices; 0 for a cell without such matrices.
    fn gates(&self) -> usize;

    /// The dense layers between the inputs and the gates, if any.
    fn backbone(&self) -> Option<Backbone> {
        None
    }

    /// Shapes of the trained tensors.
    fn parameter_shapes(&self, n_inputs: usize, units: usize) -> Shapes;

    /// Shapes of the tensors of a model file. The first tensor has a row for each input, and is the one that [`Cell::hoisted`] multiplies the inputs with.
    fn weight_shapes(&self, n_inputs: usize, units: usize) -> Shapes;

    /// Checks every setting against its range.
    fn check_settings(&self) -> Result<(), Mismatch> {
        Ok(())
    }

    /// The trained tensors in the shapes of [`Cell::weight_shapes`], with the scaler of the inputs folded in and everything that is constant over the steps
    /// precomputed.
    fn fold(&self, trained: &TrainedLayer<'_>, scaler: &InputScaler) -> Vec<Tensor<f64>>;

    /// Checks that the weights, which are finite numbers, are values that [`Cell::fold`] can produce.
    fn check_weights(&self, _weights: &LayerWeights<'_>) -> Result<(), Mismatch> {
        Ok(())
    }

    /// The kernel for layers of this cell.
    fn kernel(&self, weights: &[LayerWeights<'_>]) -> Box<dyn Layers>;

    /// Nodes for the computation on a layer's inputs, all steps at once, that does not depend on the states; returns the name of the result.
    fn hoisted(&self, inputs: &str, nodes: &mut Nodes) -> String {
        gates::project_nodes(inputs, nodes)
    }

    /// Number of values that [`Cell::hoisted`] computes per step.
    fn hoisted_size(&self, n_inputs: usize, units: usize) -> usize {
        let first = self.weight_shapes(n_inputs, units).swap_remove(0).1;
        first[first.len() - 1]
    }

    /// Nodes for one step from `states`, with the values that [`Cell::hoisted`] computed for it; returns the names of the next states.
    fn step_nodes(&self, states: &[String], hoisted: &str, nodes: &mut Nodes) -> Vec<String>;

    /// Nodes for the output passed to the pooling and the next layer, from the first state; returns its name.
    fn output_nodes(&self, states: String, _nodes: &mut Nodes) -> String {
        states
    }

    /// A short description for a reader, as used in a model card.
    fn description(&self) -> String;

    /// The cell with its settings, for comparing models.
    fn details(&self) -> String {
        self.description()
    }

    /// One step from `state`, which is updated, computed directly from the equations with the trained parameters; returns the output to the next layer.
    #[cfg(test)]
    fn reference(&self, layer: &super::reference::Layer<'_>, input: &[f64], state: &mut [f64]) -> Vec<f64>;
}

/// Checks the time between two feature steps.
pub(super) fn check_elapsed(elapsed: f64) -> Result<(), Mismatch> {
    check((1e-6..=1e6).contains(&elapsed), "network.cell.elapsed", "in 1e-6..=1e6", elapsed)
}

/// Checks every value of a tensor of a model file.
pub(super) fn check_values(tensor: &Tensor<f32>, expected: impl ToString, ok: impl Fn(f32) -> bool) -> Result<(), Mismatch> {
    match tensor.values.iter().enumerate().find(|&(_, &value)| !ok(value)) {
        None => Ok(()),
        Some((at, value)) => Err(Mismatch::new(tensor.name.as_str(), expected, format!("{value} at {at}"))),
    }
}
