//! What differs from cell to cell.
//!
//! A cell is one file in `cells/`: its settings, and a [`Cell`] that says what is trained, what a model file holds, and what a step computes, in the
//! kernel and in the graph. Everything else in the crate is the same for all cells and goes through [`Cell`].

use super::layers::{LayerWeights, Layers};
use super::tensors::Shapes;
use super::trained::{InputScaler, TrainedLayer};
use super::{Backbone, Tensor, gates};
use crate::mismatch::{Mismatch, check};
use crate::nodes::Nodes;

/// One kind of cell with its settings.
///
/// Nothing here is called while a block runs, except what [`Cell::kernel`] gave.
pub(crate) trait Cell {
    /// Vectors of `[units]` that go from step to step.
    fn states(&self) -> usize {
        1
    }

    /// Gates that lie side by side as columns of the trained matrices; 0 for a cell that has no such matrices.
    fn gates(&self) -> usize;

    /// What input and state go through before the gates, where there is something.
    fn backbone(&self) -> Option<Backbone> {
        None
    }

    /// What is trained.
    fn parameter_shapes(&self, n_inputs: usize, units: usize) -> Shapes;

    /// What a model file holds. The first tensor has a row for each input, and is what [`Cell::hoisted`] multiplies them with.
    fn weight_shapes(&self, n_inputs: usize, units: usize) -> Shapes;

    /// Checks every setting against its range.
    fn check_settings(&self) -> Result<(), Mismatch> {
        Ok(())
    }

    /// What is trained, in the shapes of [`Cell::weight_shapes`]: the scaler of the inputs folded in, and whatever does not change from step to step
    /// finished.
    fn fold(&self, trained: &TrainedLayer<'_>, scaler: &InputScaler) -> Vec<Tensor<f64>>;

    /// Checks that the weights, which are finite numbers, are ones that [`Cell::fold`] can give.
    fn check_weights(&self, _weights: &LayerWeights<'_>) -> Result<(), Mismatch> {
        Ok(())
    }

    /// Layers of this cell, ready to run.
    fn kernel(&self, weights: &[LayerWeights<'_>]) -> Box<dyn Layers>;

    /// Nodes for what a layer computes of its inputs, all steps at once, before the states come in; the name of the result.
    fn hoisted(&self, inputs: &str, nodes: &mut Nodes) -> String {
        gates::project_nodes(inputs, nodes)
    }

    /// Values that [`Cell::hoisted`] gives for a step.
    fn hoisted_size(&self, n_inputs: usize, units: usize) -> usize {
        let first = self.weight_shapes(n_inputs, units).swap_remove(0).1;
        first[first.len() - 1]
    }

    /// Nodes for one step from `states`, with what [`Cell::hoisted`] gave for it; the names of the next states.
    fn step_nodes(&self, states: &[String], hoisted: &str, nodes: &mut Nodes) -> Vec<String>;

    /// Nodes for what the pooling and the next layer see of the first state; the name of the result.
    fn output_nodes(&self, states: String, _nodes: &mut Nodes) -> String {
        states
    }

    /// A few words for a reader, as a model card has them.
    fn description(&self) -> String;

    /// The cell with its settings, for comparing models.
    fn details(&self) -> String {
        self.description()
    }

    /// One step from `state`, which is changed, word for word from the equations with the trained parameters; what the next layer sees.
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
