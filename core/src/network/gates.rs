//! The common part of all cells with gates: the trained tensors and those of a file, and the sums of a step, in the kernel and in the graph.
//!
//! Gates are placed side by side as columns. A file has the trained `kernel` and `bias` as `projection` and `projection_bias`, which take the unnormalised
//! inputs: the scaler of the inputs is folded into them.

use ndarray::{Array1, Array2, ArrayView2};
use pulp::Simd;

use super::layers::LayerWeights;
use super::simd::{Matrix, PANEL, Panel, panels, panels_mut, product};
use super::tensors::Shapes;
use super::trained::{InputScaler, TrainedLayer};
use super::{HEADS, Tensor};
use crate::nodes::Nodes;

/// Shapes of the trained tensors; `columns` are those of all gates together.
pub(super) fn parameter_shapes(n_inputs: usize, units: usize, columns: usize) -> Shapes {
    vec![("kernel", vec![n_inputs, columns]), ("recurrent_kernel", vec![units, columns]), ("bias", vec![columns])]
}

/// Shapes of the tensors of a file; `columns` are those of all gates together.
pub(super) fn weight_shapes(n_inputs: usize, units: usize, columns: usize) -> Shapes {
    vec![("projection", vec![n_inputs, columns]), ("projection_bias", vec![columns]), ("recurrent_kernel", vec![units, columns])]
}

/// Trained gates before they are folded into a file.
pub(super) struct TrainedGates {
    /// `[n_inputs, columns]`
    pub(super) kernel: Array2<f64>,
    /// `[units, columns]`
    pub(super) recurrent_kernel: Array2<f64>,
    /// `[columns]`
    pub(super) bias: Array1<f64>,
}

impl TrainedGates {
    /// The gates of a layer as trained.
    pub(super) fn of(trained: &TrainedLayer<'_>) -> Self {
        let (kernel, recurrent_kernel) = (trained.matrix("kernel"), trained.matrix("recurrent_kernel"));
        Self { kernel, recurrent_kernel, bias: trained.vector("bias") }
    }

    /// The tensors of [`weight_shapes`], which compute from unnormalised inputs what these compute from normalised ones.
    pub(super) fn fold(self, trained: &TrainedLayer<'_>, scaler: &InputScaler) -> Vec<Tensor<f64>> {
        let Self { kernel, recurrent_kernel, bias } = self;
        let projection = Array2::from_shape_fn(kernel.dim(), |(input, column)| kernel[(input, column)] / scaler.scale[input]);
        let projection_bias = bias - scaler.mean.dot(&projection);
        vec![
            trained.tensor("projection", &projection),
            trained.tensor("projection_bias", &projection_bias),
            trained.tensor("recurrent_kernel", &recurrent_kernel),
        ]
    }
}

/// Nodes for the part of the sums that does not depend on the state, all steps at once.
pub(super) fn project_nodes(inputs: &str, nodes: &mut Nodes) -> String {
    let (kernel, bias) = (nodes.name("projection"), nodes.name("projection_bias"));
    let products = nodes.op("MatMul", &[inputs, &kernel], "input_products");
    nodes.op("Add", &[&products, &bias], "inputs")
}

/// Nodes for the sums of all gates side by side, from the [`project_nodes`] of one step.
pub(super) fn sum_nodes(state: &str, projected: &str, nodes: &mut Nodes) -> String {
    let kernel = nodes.name("recurrent_kernel");
    let recurrent = nodes.op("MatMul", &[state, &kernel], "recurrent");
    nodes.op("Add", &[&recurrent, projected], "sums")
}

/// The common part of the kernels of all cells with gates: the products of a step, and the state before and after it.
#[derive(Clone, Debug)]
pub(super) struct Gates {
    pub(super) units: usize,
    pub(super) n_panels: usize,
    projection: Matrix,
    projection_bias: Vec<f32>,
    pub(super) recurrent_kernel: Matrix,
    /// `input . projection + projection_bias` of one step.
    pub(super) projected: Vec<f32>,
    /// `[units]` and padding.
    pub(super) state: Vec<f32>,
    pub(super) next_state: Vec<f32>,
}

impl Gates {
    pub(super) fn new(layer: &LayerWeights<'_>) -> Self {
        Self::of(layer, ["projection", "projection_bias"], layer.matrix("recurrent_kernel"))
    }

    /// Gates after a backbone: their inputs are its outputs, and they have no recurrent part, because the backbone already takes the state.
    pub(super) fn heads(layer: &LayerWeights<'_>) -> Self {
        let no_state = ArrayView2::from(&[[0.0; 0]; 0]);
        Self::of(layer, HEADS, Matrix::new(no_state, layer.units))
    }

    fn of(layer: &LayerWeights<'_>, [projection, projection_bias]: [&str; 2], recurrent_kernel: Matrix) -> Self {
        let projection_bias = layer.vector(projection_bias);
        let scratch = layer.scratch();
        Self {
            units: layer.units,
            n_panels: scratch.len() / PANEL,
            projection: layer.matrix(projection),
            recurrent_kernel,
            projected: projection_bias.clone(),
            projection_bias,
            state: scratch.clone(),
            next_state: scratch,
        }
    }

    #[inline(always)]
    pub(super) fn state(&self) -> &[f32] {
        &self.state[..self.units]
    }

    pub(super) fn state_mut(&mut self) -> &mut [f32] {
        &mut self.state[..self.units]
    }

    /// Computes the part of the sums that does not depend on the state.
    #[inline(always)]
    pub(super) fn project<S: Simd, const K: usize>(&mut self, simd: S, input: &[f32]) {
        let biases = panels::<S, K>(&self.projection_bias);
        let panels = self.projection.panels::<S, K>().zip(biases).zip(panels_mut::<S, K>(&mut self.projected));
        for ((rows, bias), projected) in panels {
            *projected = product(simd, rows, input, *bias);
        }
    }

    /// The projected values of one panel of one gate.
    #[inline(always)]
    pub(super) fn projected<S: Simd, const K: usize>(&self, gate: usize, panel: usize) -> Panel<S, K> {
        panels::<S, K>(&self.projected)[gate * self.n_panels + panel]
    }

    /// `state . recurrent_kernel + start` for one panel of one gate.
    #[inline(always)]
    pub(super) fn recurrent<S: Simd, const K: usize>(
        &self,
        simd: S,
        gate: usize,
        panel: usize,
        start: Panel<S, K>,
    ) -> Panel<S, K> {
        product(simd, self.recurrent_kernel.panel::<S, K>(gate * self.n_panels + panel), self.state(), start)
    }

    /// The whole sum of one panel of one gate. Must be called directly: inside a closure called by a library function it would not be compiled for the
    /// instruction set, and would be ten times slower.
    #[inline(always)]
    pub(super) fn sum<S: Simd, const K: usize>(&self, simd: S, gate: usize, panel: usize) -> Panel<S, K> {
        self.recurrent(simd, gate, panel, self.projected::<S, K>(gate, panel))
    }

    #[inline(always)]
    pub(super) fn old<S: Simd, const K: usize>(&self, panel: usize) -> Panel<S, K> {
        panels::<S, K>(&self.state)[panel]
    }

    #[inline(always)]
    pub(super) fn set_next<S: Simd, const K: usize>(&mut self, panel: usize, next: Panel<S, K>) {
        panels_mut::<S, K>(&mut self.next_state)[panel] = next;
    }

    #[inline(always)]
    pub(super) fn advance(&mut self) {
        std::mem::swap(&mut self.state, &mut self.next_state);
    }
}
