//! What all cells with gates have: the products of a step, and the state before and after it.

use ndarray::ArrayView2;
use pulp::Simd;

use super::simd::{Matrix, PANEL, Panel, padded, panels, panels_mut, product};
use crate::network::{HEADS, Tensors, layer_tensor};

/// The tensors of one layer.
pub(super) struct LayerWeights<'a> {
    pub(super) weights: &'a Tensors<f32>,
    pub(super) layer: usize,
    pub(super) units: usize,
}

impl LayerWeights<'_> {
    pub(super) fn matrix(&self, name: &str) -> Matrix {
        Matrix::new(self.weights.matrix(&layer_tensor(self.layer, name)), self.units)
    }

    /// Values of the units, missing ones zero.
    pub(super) fn vector(&self, name: &str) -> Vec<f32> {
        padded(self.values(name), self.units, 0.0)
    }

    pub(super) fn values(&self, name: &str) -> &[f32] {
        &self.weights.get(&layer_tensor(self.layer, name)).values
    }

    /// Zeros for the units of a layer.
    pub(super) fn scratch(&self) -> Vec<f32> {
        padded(&vec![0.0; self.units], self.units, 0.0)
    }
}

/// What all cells with gates have.
#[derive(Clone, Debug)]
pub(super) struct Gates {
    pub(super) units: usize,
    pub(super) n_panels: usize,
    projection: Matrix,
    projection_bias: Vec<f32>,
    pub(super) recurrent_kernel: Matrix,
    /// `input . projection + projection_bias` of one step.
    pub(super) projected: Vec<f32>,
    /// `[units]` and the filling.
    pub(super) state: Vec<f32>,
    pub(super) next_state: Vec<f32>,
}

impl Gates {
    pub(super) fn new(layer: &LayerWeights<'_>) -> Self {
        Self::of(layer, ["projection", "projection_bias"], layer.matrix("recurrent_kernel"))
    }

    /// Gates behind a backbone: they are projected from its values and see no state, because it has seen the state for them.
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

    /// The part of the sums that hangs on no state.
    #[inline(always)]
    pub(super) fn project<S: Simd, const K: usize>(&mut self, simd: S, input: &[f32]) {
        let biases = panels::<S, K>(&self.projection_bias);
        let panels = self.projection.panels::<S, K>().zip(biases).zip(panels_mut::<S, K>(&mut self.projected));
        for ((rows, bias), projected) in panels {
            *projected = product(simd, rows, input, *bias);
        }
    }

    /// What was projected for one panel of one gate.
    #[inline(always)]
    pub(super) fn projected<S: Simd, const K: usize>(&self, gate: usize, panel: usize) -> Panel<S, K> {
        panels::<S, K>(&self.projected)[gate * self.n_panels + panel]
    }

    /// `state . recurrent_kernel + start` of one panel of one gate.
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

    /// The whole sum of one panel of one gate. To be called directly: inside a closure that a library function calls, it would not be compiled for the
    /// instruction set, and be ten times slower.
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
