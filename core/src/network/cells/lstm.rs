//! Hochreiter and Schmidhuber 1997 as computed by PyTorch. Gates `i`, `f`, `g`, `o`; the state is `h`, then `c`.

use pulp::Simd;

use crate::network::cell::Cell;
use crate::network::gates::{self, Gates, TrainedGates};
use crate::network::layers::{self, CellKernel, LayerWeights, Layers};
#[cfg(test)]
use crate::network::reference;
use crate::network::simd::{panels_mut, sigmoid, tanh};
use crate::network::tensors::{Shapes, Tensor};
use crate::network::trained::{InputScaler, TrainedLayer};
use crate::nodes::Nodes;

/// [`super::CellConfig::Lstm`].
pub(super) struct Lstm;

/// `i`, `f`, `g`, `o`.
const GATES: usize = 4;

impl Cell for Lstm {
    fn states(&self) -> usize {
        2
    }

    fn gates(&self) -> usize {
        GATES
    }

    fn parameter_shapes(&self, n_inputs: usize, units: usize) -> Shapes {
        gates::parameter_shapes(n_inputs, units, GATES * units)
    }

    fn weight_shapes(&self, n_inputs: usize, units: usize) -> Shapes {
        gates::weight_shapes(n_inputs, units, GATES * units)
    }

    fn fold(&self, trained: &TrainedLayer<'_>, scaler: &InputScaler) -> Vec<Tensor<f64>> {
        TrainedGates::of(trained).fold(trained, scaler)
    }

    fn kernel(&self, weights: &[LayerWeights<'_>]) -> Box<dyn Layers> {
        layers::layers(weights, LstmKernel::new)
    }

    fn step_nodes(&self, states: &[String], hoisted: &str, nodes: &mut Nodes) -> Vec<String> {
        let sums = gates::sum_nodes(&states[0], hoisted, nodes);
        let [i, f, g, o] = nodes.split(&sums, ["i_sum", "f_sum", "g_sum", "o_sum"]);
        let i = nodes.op("Sigmoid", &[&i], "i");
        let f = nodes.op("Sigmoid", &[&f], "f");
        let g = nodes.op("Tanh", &[&g], "g");
        let o = nodes.op("Sigmoid", &[&o], "o");
        let kept = nodes.op("Mul", &[&f, &states[1]], "kept");
        let added = nodes.op("Mul", &[&i, &g], "added");
        let cell = nodes.op("Add", &[&kept, &added], "next_cell");
        let squashed = nodes.op("Tanh", &[&cell], "squashed");
        let hidden = nodes.op("Mul", &[&o, &squashed], "next_hidden");
        vec![hidden, cell]
    }

    fn description(&self) -> String {
        "LSTM".to_owned()
    }

    #[cfg(test)]
    fn reference(&self, layer: &reference::Layer<'_>, x: &[f64], state: &mut [f64]) -> Vec<f64> {
        use crate::network::sigmoid;

        let old = state.to_vec();
        let h = &old[..layer.units];
        for unit in 0..layer.units {
            let [i, f, o] = [0, 1, 3].map(|gate| sigmoid(layer.sum(gate, unit, x, h)));
            let c = f * old[layer.units + unit] + i * layer.sum(2, unit, x, h).tanh();
            (state[unit], state[layer.units + unit]) = (o * c.tanh(), c);
        }
        state[..layer.units].to_vec()
    }
}

/// The kernel of one layer; the state of the gates is the hidden state.
#[derive(Clone, Debug)]
struct LstmKernel {
    gates: Gates,
    cell: Vec<f32>,
}

impl LstmKernel {
    fn new(layer: &LayerWeights<'_>) -> Self {
        Self { gates: Gates::new(layer), cell: layer.scratch() }
    }
}

impl CellKernel for LstmKernel {
    #[inline(always)]
    fn state(&self) -> &[f32] {
        self.gates.state()
    }

    fn state_mut(&mut self) -> &mut [f32] {
        self.gates.state_mut()
    }

    fn load(&mut self, state: &[f32]) {
        let (hidden, cell) = state.split_at(self.gates.units);
        self.gates.state_mut().copy_from_slice(hidden);
        self.cell[..cell.len()].copy_from_slice(cell);
    }

    fn store(&self, state: &mut [f32]) {
        let (hidden, cell) = state.split_at_mut(self.gates.units);
        hidden.copy_from_slice(self.gates.state());
        cell.copy_from_slice(&self.cell[..self.gates.units]);
    }

    #[inline(always)]
    fn step<S: Simd, const K: usize>(&mut self, simd: S, input: &[f32]) {
        self.gates.project::<S, K>(simd, input);
        for panel in 0..self.gates.n_panels {
            let i = self.gates.sum::<S, K>(simd, 0, panel);
            let f = self.gates.sum::<S, K>(simd, 1, panel);
            let g = self.gates.sum::<S, K>(simd, 2, panel);
            let o = self.gates.sum::<S, K>(simd, 3, panel);
            let cell = &mut panels_mut::<S, K>(&mut self.cell)[panel];
            let mut hidden = o;
            for k in 0..K {
                let added = simd.mul_f32s(sigmoid(simd, i[k]), tanh(simd, g[k]));
                cell[k] = simd.mul_add_e_f32s(sigmoid(simd, f[k]), cell[k], added);
                hidden[k] = simd.mul_f32s(sigmoid(simd, o[k]), tanh(simd, cell[k]));
            }
            self.gates.set_next::<S, K>(panel, hidden);
        }
        self.gates.advance();
    }
}
