//! The closed-form continuous-time cell of Hasani et al. 2022, with or without a backbone.
//!
//! The elapsed time is constant, so a file has the single gate `a elapsed + b` in place of the time gates `a` and `b`. For [`CfcMode::Pure`] it has the
//! absolute value of `w_tau`.

use ndarray::{Array2, Axis, Slice, concatenate};
use pulp::Simd;
use serde::{Deserialize, Serialize};

use crate::mismatch::Mismatch;
use crate::network::Backbone;
use crate::network::backbone::{BackboneKernel, HEADS, LECUN_RANGE, LECUN_SLOPE};
use crate::network::cell::{Cell, check_elapsed, check_values};
use crate::network::gates::{self, Gates, TrainedGates};
use crate::network::layers::{self, CellKernel, LayerWeights, Layers};
#[cfg(test)]
use crate::network::reference;
use crate::network::simd::{Panel, decay, panels, sigmoid, step_towards, tanh};
use crate::network::tensors::{Shapes, Tensor};
use crate::network::trained::{InputScaler, TrainedLayer};
use crate::nodes::Nodes;

/// Which closed form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CfcMode {
    /// `t = sigmoid(a elapsed + b)`, `h' = tanh(f) (1 - t) + tanh(g) t`. Gates `f`, `g`, `a`, `b`.
    Gated,
    /// `h' = tanh(f) + tanh(g) t`. Gates as [`CfcMode::Gated`].
    NoGate,
    /// `h' = amplitude - amplitude exp(-elapsed (|w_tau| + |f|)) f`: the solution itself. Gate `f`.
    Pure,
}

/// Settings of the closed-form cell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cfc {
    /// Which closed form.
    pub mode: CfcMode,
    /// Time between two feature steps.
    pub elapsed: f64,
    /// The dense layers between the inputs and the gates. If absent, the gates are linear in the inputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backbone: Option<Backbone>,
}

impl Cfc {
    /// Gates in a file.
    fn weight_gates(&self) -> usize {
        match self.mode {
            CfcMode::Gated | CfcMode::NoGate => 3,
            CfcMode::Pure => 1,
        }
    }

    /// Number of columns of the part that is linear in input and state: those of this many gates, or of the first layer of the backbone.
    fn columns(&self, gates: usize, units: usize) -> usize {
        self.backbone.map_or(gates * units, |backbone| backbone.units)
    }

    /// Tensors that follow those of the gates, in training and in a file.
    fn further_shapes(&self, gates: usize, units: usize) -> Shapes {
        let mut shapes = self.backbone.map_or_else(Shapes::new, |backbone| backbone.shapes(gates * units));
        if self.mode == CfcMode::Pure {
            shapes.extend(["w_tau", "amplitude"].map(|name| (name, vec![units])));
        }
        shapes
    }

    /// Columns of the gates `f`, `g` and `a elapsed + b` from those of `f`, `g`, `a`, `b`; the one gate of [`CfcMode::Pure`] as it is.
    fn gates_of_file(&self, columns: Array2<f64>, units: usize) -> Array2<f64> {
        if self.mode == CfcMode::Pure {
            return columns;
        }
        let gate = |gate: usize| columns.slice_axis(Axis(1), Slice::from(gate * units..(gate + 1) * units));
        let time = gate(2).mapv(|a| a * self.elapsed) + gate(3);
        // INVARIANT: parts of one matrix have the same number of rows.
        concatenate(Axis(1), &[gate(0), gate(1), time.view()]).expect("as many rows")
    }

    /// The weights of the gates or, if there is a backbone, of its first layer.
    fn fold_gates(&self, trained: &TrainedLayer<'_>, scaler: &InputScaler, units: usize) -> Vec<Tensor<f64>> {
        let TrainedGates { kernel, recurrent_kernel, bias } = TrainedGates::of(trained);
        let gates = if self.backbone.is_some() {
            TrainedGates {
                kernel: kernel * LECUN_SLOPE,
                recurrent_kernel: recurrent_kernel * LECUN_SLOPE,
                bias: bias * LECUN_SLOPE,
            }
        } else {
            TrainedGates {
                kernel: self.gates_of_file(kernel, units),
                recurrent_kernel: self.gates_of_file(recurrent_kernel, units),
                bias: self.gates_of_file(bias.insert_axis(Axis(0)), units).row(0).to_owned(),
            }
        };
        gates.fold(trained, scaler)
    }

    /// The weights of a backbone after its first layer, and of the gates after it.
    fn fold_backbone(&self, backbone: &Backbone, trained: &TrainedLayer<'_>, units: usize) -> Vec<Tensor<f64>> {
        let mut weights = backbone.fold_further(trained);
        let [kernel, bias] = HEADS;
        weights.push(trained.tensor(kernel, &self.gates_of_file(trained.matrix(kernel) * LECUN_RANGE, units)));
        let biases = trained.vector(bias).insert_axis(Axis(0));
        weights.push(trained.tensor(bias, &self.gates_of_file(biases, units).row(0).to_owned()));
        weights
    }

    /// Nodes for `amplitude - amplitude exp(-elapsed (|w_tau| + |f|)) f`.
    fn pure_nodes(&self, f: &str, nodes: &mut Nodes) -> String {
        let (w_tau, amplitude) = (nodes.name("w_tau"), nodes.name("amplitude"));
        let backwards = nodes.scalar("backwards", -self.elapsed);
        let magnitude = nodes.op("Abs", &[f], "magnitude");
        let speed = nodes.op("Add", &[&magnitude, &w_tau], "speed");
        let exponent = nodes.op("Mul", &[&speed, &backwards], "exponent");
        let decay = nodes.op("Exp", &[&exponent], "decay");
        let left = nodes.op("Mul", &[&decay, f], "left");
        let scaled = nodes.op("Mul", &[&left, &amplitude], "scaled");
        nodes.op("Sub", &[&amplitude, &scaled], "next_state")
    }
}

/// Nodes for `tanh(f)`, `tanh(g)` and the `sigmoid` of the time gate.
fn gate_nodes(sums: &str, nodes: &mut Nodes) -> [String; 3] {
    let [f, g, t] = nodes.split(sums, ["f_sum", "g_sum", "t_sum"]);
    [nodes.op("Tanh", &[&f], "f"), nodes.op("Tanh", &[&g], "g"), nodes.op("Sigmoid", &[&t], "t")]
}

impl Cell for Cfc {
    fn gates(&self) -> usize {
        match self.mode {
            CfcMode::Gated | CfcMode::NoGate => 4,
            CfcMode::Pure => 1,
        }
    }

    fn backbone(&self) -> Option<Backbone> {
        self.backbone
    }

    fn parameter_shapes(&self, n_inputs: usize, units: usize) -> Shapes {
        let mut shapes = gates::parameter_shapes(n_inputs, units, self.columns(self.gates(), units));
        shapes.extend(self.further_shapes(self.gates(), units));
        shapes
    }

    fn weight_shapes(&self, n_inputs: usize, units: usize) -> Shapes {
        let mut shapes = gates::weight_shapes(n_inputs, units, self.columns(self.weight_gates(), units));
        shapes.extend(self.further_shapes(self.weight_gates(), units));
        shapes
    }

    fn check_settings(&self) -> Result<(), Mismatch> {
        check_elapsed(self.elapsed)?;
        self.backbone.map_or(Ok(()), |backbone| backbone.validate())
    }

    fn fold(&self, trained: &TrainedLayer<'_>, scaler: &InputScaler) -> Vec<Tensor<f64>> {
        let units = trained.matrix("recurrent_kernel").nrows();
        let mut weights = self.fold_gates(trained, scaler, units);
        if let Some(backbone) = &self.backbone {
            weights.extend(self.fold_backbone(backbone, trained, units));
        }
        if self.mode == CfcMode::Pure {
            weights.push(trained.tensor("w_tau", &trained.vector("w_tau").mapv(f64::abs)));
            weights.push(trained.tensor("amplitude", &trained.vector("amplitude")));
        }
        weights
    }

    fn check_weights(&self, weights: &LayerWeights<'_>) -> Result<(), Mismatch> {
        match self.mode {
            CfcMode::Gated | CfcMode::NoGate => Ok(()),
            CfcMode::Pure => check_values(weights.tensor("w_tau"), "numbers from 0 on", |value| value >= 0.0),
        }
    }

    fn kernel(&self, weights: &[LayerWeights<'_>]) -> Box<dyn Layers> {
        layers::layers(weights, |layer| CfcKernel::new(self, layer))
    }

    fn step_nodes(&self, states: &[String], hoisted: &str, nodes: &mut Nodes) -> Vec<String> {
        let mut sums = gates::sum_nodes(&states[0], hoisted, nodes);
        if let Some(backbone) = &self.backbone {
            sums = backbone.head_nodes(&sums, nodes);
        }
        vec![match self.mode {
            CfcMode::Gated => {
                let [f, g, t] = gate_nodes(&sums, nodes);
                nodes.step_towards(&f, &g, &t, "next_state")
            }
            CfcMode::NoGate => {
                let [f, g, t] = gate_nodes(&sums, nodes);
                let change = nodes.op("Mul", &[&g, &t], "change");
                nodes.op("Add", &[&f, &change], "next_state")
            }
            CfcMode::Pure => self.pure_nodes(&sums, nodes),
        }]
    }

    fn description(&self) -> String {
        let cell = match self.mode {
            CfcMode::Gated => "CfC cell",
            CfcMode::NoGate => "CfC cell without gate",
            CfcMode::Pure => "CfC cell, the solution itself",
        };
        self.backbone.map_or(cell.to_owned(), |Backbone { units, layers }| {
            let layers = if layers == 1 { "1 layer".to_owned() } else { format!("{layers} layers") };
            format!("{cell} behind a backbone of {layers} of {units} units")
        })
    }

    fn details(&self) -> String {
        let Self { mode, elapsed, backbone } = self;
        let backbone =
            backbone.map_or(String::new(), |Backbone { units, layers }| format!(", backbone {layers} x {units} units"));
        format!("CfC ({mode:?}), elapsed {elapsed}{backbone}")
    }

    #[cfg(test)]
    fn reference(&self, layer: &reference::Layer<'_>, x: &[f64], state: &mut [f64]) -> Vec<f64> {
        use crate::network::sigmoid;

        let (h, elapsed) = (state.to_vec(), self.elapsed);
        let seen = self.backbone.map(|backbone| layer.backbone(&backbone, x, &h));
        for (unit, state) in state.iter_mut().enumerate() {
            let gate = |gate| match &seen {
                Some(seen) => layer.dense("heads", gate * layer.units + unit, seen),
                None => layer.sum(gate, unit, x, &h),
            };
            *state = match self.mode {
                CfcMode::Gated => {
                    let t = sigmoid(gate(2) * elapsed + gate(3));
                    gate(0).tanh() * (1.0 - t) + gate(1).tanh() * t
                }
                CfcMode::NoGate => gate(0).tanh() + gate(1).tanh() * sigmoid(gate(2) * elapsed + gate(3)),
                CfcMode::Pure => {
                    let (f, amplitude) = (gate(0), layer.value("amplitude", unit));
                    amplitude - amplitude * (-elapsed * (layer.value("w_tau", unit).abs() + f.abs())).exp() * f
                }
            };
        }
        state.to_vec()
    }
}

/// Every setting that changes what is computed, for tests.
#[cfg(test)]
pub(super) fn samples() -> impl Iterator<Item = Cfc> {
    let linear = [CfcMode::Gated, CfcMode::NoGate, CfcMode::Pure].map(|mode| (mode, None));
    let backbones = [(CfcMode::Gated, 17, 1), (CfcMode::NoGate, 5, 2), (CfcMode::Pure, 3, 3)];
    let behind = backbones.map(|(mode, units, layers)| (mode, Some(Backbone { units, layers })));
    linear.into_iter().chain(behind).map(|(mode, backbone)| Cfc { mode, elapsed: 0.7, backbone })
}

/// The kernel of one layer.
#[derive(Clone, Debug)]
struct CfcKernel {
    backbone: Option<BackboneKernel>,
    gates: Gates,
    mode: CfcMode,
    elapsed: f32,
    /// For [`CfcMode::Pure`].
    w_tau: Vec<f32>,
    amplitude: Vec<f32>,
}

impl CfcKernel {
    fn new(config: &Cfc, layer: &LayerWeights<'_>) -> Self {
        let [w_tau, amplitude] = match config.mode {
            CfcMode::Pure => ["w_tau", "amplitude"].map(|name| layer.vector(name)),
            CfcMode::Gated | CfcMode::NoGate => [Vec::new(), Vec::new()],
        };
        let backbone = config.backbone.map(|backbone| BackboneKernel::new(&backbone, layer));
        let gates = if backbone.is_some() { Gates::heads(layer) } else { Gates::new(layer) };
        Self { backbone, gates, mode: config.mode, elapsed: config.elapsed as f32, w_tau, amplitude }
    }

    /// `tanh(f)`, `tanh(g)` and the `sigmoid` of the time gate, for one panel.
    #[inline(always)]
    fn gated<S: Simd, const K: usize>(&self, simd: S, panel: usize) -> [Panel<S, K>; 3] {
        let mut f = self.gates.sum::<S, K>(simd, 0, panel);
        let mut g = self.gates.sum::<S, K>(simd, 1, panel);
        let mut t = self.gates.sum::<S, K>(simd, 2, panel);
        for k in 0..K {
            (f[k], g[k], t[k]) = (tanh(simd, f[k]), tanh(simd, g[k]), sigmoid(simd, t[k]));
        }
        [f, g, t]
    }

    #[inline(always)]
    fn pure<S: Simd, const K: usize>(&self, simd: S, panel: usize) -> Panel<S, K> {
        let mut f = self.gates.sum::<S, K>(simd, 0, panel);
        let (w_tau, amplitude) = (&panels::<S, K>(&self.w_tau)[panel], &panels::<S, K>(&self.amplitude)[panel]);
        for k in 0..K {
            let speed = simd.add_f32s(w_tau[k], simd.abs_f32s(f[k]));
            let left = simd.mul_f32s(decay(simd, simd.mul_f32s(simd.splat_f32s(self.elapsed), speed)), f[k]);
            f[k] = simd.sub_f32s(amplitude[k], simd.mul_f32s(amplitude[k], left));
        }
        f
    }
}

impl CellKernel for CfcKernel {
    #[inline(always)]
    fn state(&self) -> &[f32] {
        self.gates.state()
    }

    fn state_mut(&mut self) -> &mut [f32] {
        self.gates.state_mut()
    }

    #[inline(always)]
    fn step<S: Simd, const K: usize>(&mut self, simd: S, input: &[f32]) {
        let seen = match &mut self.backbone {
            Some(backbone) => backbone.run::<S, K>(simd, input, self.gates.state()),
            None => input,
        };
        self.gates.project::<S, K>(simd, seen);
        for panel in 0..self.gates.n_panels {
            let next = match self.mode {
                CfcMode::Gated => {
                    let [mut next, g, t] = self.gated::<S, K>(simd, panel);
                    for k in 0..K {
                        next[k] = step_towards(simd, next[k], g[k], t[k]);
                    }
                    next
                }
                CfcMode::NoGate => {
                    let [mut next, g, t] = self.gated::<S, K>(simd, panel);
                    for k in 0..K {
                        next[k] = simd.mul_add_e_f32s(g[k], t[k], next[k]);
                    }
                    next
                }
                CfcMode::Pure => self.pure::<S, K>(simd, panel),
            };
            self.gates.set_next::<S, K>(panel, next);
        }
        self.gates.advance();
    }
}
