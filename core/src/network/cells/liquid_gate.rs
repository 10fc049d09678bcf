//! An Euler step towards `z` whose time constant depends on input and state: `z = tanh(W_z [x, h] + b_z)`,
//! `h' = z + (h - z) exp(-softplus(W_k [x, h] + b_k + tau))`. Gates `z`, `k`.
//!
//! A file has `tau` folded into the bias of `k`, because `exp(-softplus(x)) = sigmoid(-x)`.

use ndarray::{Axis, Slice};
use pulp::Simd;

use crate::network::cell::Cell;
use crate::network::gates::{self, Gates, TrainedGates};
use crate::network::layers::{self, CellKernel, LayerWeights, Layers};
#[cfg(test)]
use crate::network::reference;
use crate::network::simd::{sigmoid, step_towards, tanh};
use crate::network::tensors::{Shapes, Tensor};
use crate::network::trained::{InputScaler, TrainedLayer};
use crate::nodes::Nodes;

/// [`super::CellConfig::LiquidGate`].
pub(super) struct LiquidGate;

/// `z`, `k`.
const GATES: usize = 2;

impl Cell for LiquidGate {
    fn gates(&self) -> usize {
        GATES
    }

    fn parameter_shapes(&self, n_inputs: usize, units: usize) -> Shapes {
        let mut shapes = gates::parameter_shapes(n_inputs, units, GATES * units);
        shapes.push(("tau", vec![units]));
        shapes
    }

    fn weight_shapes(&self, n_inputs: usize, units: usize) -> Shapes {
        gates::weight_shapes(n_inputs, units, GATES * units)
    }

    fn fold(&self, trained: &TrainedLayer<'_>, scaler: &InputScaler) -> Vec<Tensor<f64>> {
        let mut gates = TrainedGates::of(trained);
        let tau = trained.vector("tau");
        let mut of_k = gates.bias.slice_axis_mut(Axis(0), Slice::from(tau.len()..));
        of_k += &tau;
        gates.fold(trained, scaler)
    }

    fn kernel(&self, weights: &[LayerWeights<'_>]) -> Box<dyn Layers> {
        layers::layers(weights, LiquidGateKernel::new)
    }

    fn step_nodes(&self, states: &[String], hoisted: &str, nodes: &mut Nodes) -> Vec<String> {
        let sums = gates::sum_nodes(&states[0], hoisted, nodes);
        let [z, k] = nodes.split(&sums, ["z_sum", "k_sum"]);
        let z = nodes.op("Tanh", &[&z], "z");
        let share = nodes.op("Sigmoid", &[&k], "share");
        vec![nodes.step_towards(&states[0], &z, &share, "next_state")]
    }

    fn description(&self) -> String {
        "liquid gate".to_owned()
    }

    #[cfg(test)]
    fn reference(&self, layer: &reference::Layer<'_>, x: &[f64], state: &mut [f64]) -> Vec<f64> {
        let h = state.to_vec();
        for (unit, state) in state.iter_mut().enumerate() {
            let (z, k) = (layer.sum(0, unit, x, &h).tanh(), layer.sum(1, unit, x, &h));
            *state = z + (h[unit] - z) * (-crate::network::softplus(k + layer.value("tau", unit))).exp();
        }
        state.to_vec()
    }
}

/// The kernel of one layer.
#[derive(Clone, Debug)]
struct LiquidGateKernel(Gates);

impl LiquidGateKernel {
    fn new(layer: &LayerWeights<'_>) -> Self {
        Self(Gates::new(layer))
    }
}

impl CellKernel for LiquidGateKernel {
    #[inline(always)]
    fn state(&self) -> &[f32] {
        self.0.state()
    }

    fn state_mut(&mut self) -> &mut [f32] {
        self.0.state_mut()
    }

    #[inline(always)]
    fn step<S: Simd, const K: usize>(&mut self, simd: S, input: &[f32]) {
        self.0.project::<S, K>(simd, input);
        for panel in 0..self.0.n_panels {
            let z = self.0.sum::<S, K>(simd, 0, panel);
            let share = self.0.sum::<S, K>(simd, 1, panel);
            let mut state = self.0.old::<S, K>(panel);
            for k in 0..K {
                state[k] = step_towards(simd, state[k], tanh(simd, z[k]), sigmoid(simd, share[k]));
            }
            self.0.set_next::<S, K>(panel, state);
        }
        self.0.advance();
    }
}
