//! Cho et al. 2014 as computed by PyTorch: `r = sigmoid(..)`, `u = sigmoid(..)`, `c = tanh(W_c x + b_c + r (U_c h + d))`,
//! `h' = (1 - u) c + u h`. Gates `r`, `u`, `c`; `recurrent_bias` is `d`, in training and in a file.

use pulp::Simd;

use crate::network::cell::Cell;
use crate::network::gates::{self, Gates, TrainedGates};
use crate::network::layers::{self, CellKernel, LayerWeights, Layers};
#[cfg(test)]
use crate::network::reference;
use crate::network::simd::{panels, sigmoid, step_towards, tanh};
use crate::network::tensors::{Shapes, Tensor};
use crate::network::trained::{InputScaler, TrainedLayer};
use crate::nodes::Nodes;

/// [`super::CellConfig::Gru`].
pub(super) struct Gru;

/// `r`, `u`, `c`.
const GATES: usize = 3;

impl Cell for Gru {
    fn gates(&self) -> usize {
        GATES
    }

    fn parameter_shapes(&self, n_inputs: usize, units: usize) -> Shapes {
        let mut shapes = gates::parameter_shapes(n_inputs, units, GATES * units);
        shapes.push(("recurrent_bias", vec![units]));
        shapes
    }

    fn weight_shapes(&self, n_inputs: usize, units: usize) -> Shapes {
        let mut shapes = gates::weight_shapes(n_inputs, units, GATES * units);
        shapes.push(("recurrent_bias", vec![units]));
        shapes
    }

    fn fold(&self, trained: &TrainedLayer<'_>, scaler: &InputScaler) -> Vec<Tensor<f64>> {
        let mut weights = TrainedGates::of(trained).fold(trained, scaler);
        weights.push(trained.tensor("recurrent_bias", &trained.vector("recurrent_bias")));
        weights
    }

    fn kernel(&self, weights: &[LayerWeights<'_>]) -> Box<dyn Layers> {
        layers::layers(weights, GruKernel::new)
    }

    fn step_nodes(&self, states: &[String], hoisted: &str, nodes: &mut Nodes) -> Vec<String> {
        let (kernel, recurrent_bias) = (nodes.name("recurrent_kernel"), nodes.name("recurrent_bias"));
        let recurrent = nodes.op("MatMul", &[&states[0], &kernel], "recurrent");
        let [r_state, u_state, c_state] = nodes.split(&recurrent, ["r_state", "u_state", "c_state"]);
        let [r_input, u_input, c_input] = nodes.split(hoisted, ["r_input", "u_input", "c_input"]);
        let r = nodes.op("Add", &[&r_state, &r_input], "r_sum");
        let r = nodes.op("Sigmoid", &[&r], "r");
        let u = nodes.op("Add", &[&u_state, &u_input], "u_sum");
        let u = nodes.op("Sigmoid", &[&u], "u");
        let c = nodes.op("Add", &[&c_state, &recurrent_bias], "c_biased");
        let c = nodes.op("Mul", &[&c, &r], "c_reset");
        let c = nodes.op("Add", &[&c, &c_input], "c_sum");
        let c = nodes.op("Tanh", &[&c], "c");
        vec![nodes.step_towards(&c, &states[0], &u, "next_state")]
    }

    fn description(&self) -> String {
        "GRU".to_owned()
    }

    #[cfg(test)]
    fn reference(&self, layer: &reference::Layer<'_>, x: &[f64], state: &mut [f64]) -> Vec<f64> {
        use crate::network::sigmoid;

        let h = state.to_vec();
        for (unit, state) in state.iter_mut().enumerate() {
            let (r, u) = (sigmoid(layer.sum(0, unit, x, &h)), sigmoid(layer.sum(1, unit, x, &h)));
            let column = 2 * layer.units + unit;
            let recurrent = layer.product("recurrent_kernel", &h, column) + layer.value("recurrent_bias", unit);
            let c = (layer.product("kernel", x, column) + layer.value("bias", column) + r * recurrent).tanh();
            *state = (1.0 - u) * c + u * h[unit];
        }
        state.to_vec()
    }
}

/// The kernel of one layer.
#[derive(Clone, Debug)]
struct GruKernel {
    gates: Gates,
    recurrent_bias: Vec<f32>,
}

impl GruKernel {
    fn new(layer: &LayerWeights<'_>) -> Self {
        Self { gates: Gates::new(layer), recurrent_bias: layer.vector("recurrent_bias") }
    }
}

impl CellKernel for GruKernel {
    #[inline(always)]
    fn state(&self) -> &[f32] {
        self.gates.state()
    }

    fn state_mut(&mut self) -> &mut [f32] {
        self.gates.state_mut()
    }

    #[inline(always)]
    fn step<S: Simd, const K: usize>(&mut self, simd: S, input: &[f32]) {
        self.gates.project::<S, K>(simd, input);
        for panel in 0..self.gates.n_panels {
            let r = self.gates.sum::<S, K>(simd, 0, panel);
            let u = self.gates.sum::<S, K>(simd, 1, panel);
            let c_input = self.gates.projected::<S, K>(2, panel);
            let c_state = self.gates.recurrent(simd, 2, panel, panels::<S, K>(&self.recurrent_bias)[panel]);
            let mut state = self.gates.old::<S, K>(panel);
            for k in 0..K {
                let c = tanh(simd, simd.mul_add_e_f32s(sigmoid(simd, r[k]), c_state[k], c_input[k]));
                state[k] = step_towards(simd, c, state[k], sigmoid(simd, u[k]));
            }
            self.gates.set_next::<S, K>(panel, state);
        }
        self.gates.advance();
    }
}
