//! The network between the features and the four logits: which cell, how many units, how many layers, and how a block's states become one answer.
//!
//! In: feature vectors of consecutive steps. Out: logits. Every layer runs one cell over the steps; the outputs of a layer are the inputs of the next;
//! the outputs of the last layer are pooled over the block and read by a dense layer.
//!
//! This module says what there is to train ([`NetworkConfig::parameter_shapes`]) and what each cell computes; `n` is the number of units, `m` the
//! number of inputs of a layer, `x` its input at a step, `h` its output at the step before. Matrices have a row for each input and a column for each
//! output; gates lie side by side as columns, in the order given.

use serde::{Deserialize, Serialize};

mod backbone;
mod fold;
mod kernel;
#[cfg(test)]
pub(crate) mod samples;
mod tensors;
mod validate;
mod weights;

pub use backbone::{Backbone, HEADS, LECUN_RANGE, LECUN_SLOPE};
pub use fold::{sigmoid, softplus};
pub use kernel::NetworkKernel;
pub use tensors::{Tensor, Tensors};

/// Added to the variance under the square root of [`Pooling::MeanDeviation`], so that a block of one step has a gradient.
pub const DEVIATION_EPSILON: f64 = 1e-6;

/// Added to the denominator of [`Solver::SemiImplicit`].
pub const LTC_EPSILON: f64 = 1e-8;

/// A network; everything about it that is not trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Size of the output of every layer.
    pub units: usize,
    /// Layers of the same cell.
    #[serde(default = "one")]
    pub layers: usize,
    /// How the outputs of a block become one vector.
    #[serde(default)]
    pub pooling: Pooling,
    /// What runs at every step.
    pub cell: CellConfig,
}

/// How the outputs of the last layer over a block become one vector for the readout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The output of the last step, as in the paper.
    #[default]
    Last,
    /// The mean over all steps.
    Mean,
    /// The mean, then the deviation `sqrt(mean((h - mean)^2) + DEVIATION_EPSILON)`, of every unit.
    MeanDeviation,
    /// A mean weighted with `softmax(h . attention)` over the steps.
    Attention,
}

/// What runs at every step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CellConfig {
    /// The cell of the paper.
    PaperLtc(PaperLtc),
    /// The liquid time-constant cell of Hasani et al. 2021.
    Ltc(Ltc),
    /// The closed-form continuous-time cell of Hasani et al. 2022.
    Cfc(Cfc),
    /// An Euler step towards `z` whose time constant hangs on input and state: `z = tanh(W_z [x, h] + b_z)`,
    /// `h' = z + (h - z) exp(-softplus(W_k [x, h] + b_k + tau))`. Gates `z`, `k`.
    LiquidGate,
    /// Cho et al. 2014 as PyTorch computes it: `r = sigmoid(..)`, `u = sigmoid(..)`, `c = tanh(W_c x + b_c + r (U_c h + d))`,
    /// `h' = (1 - u) c + u h`. Gates `r`, `u`, `c`; `recurrent_bias` is `d`.
    Gru,
    /// Hochreiter and Schmidhuber 1997 as PyTorch computes it. Gates `i`, `f`, `g`, `o`; the state is `h`, then `c`.
    Lstm,
}

/// Which of the paper's two definitions of the cell is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// `z = tanh(W [x, h] + b)` is computed once a step and held over the unfolds, as in the published code. The unfolds then have the
    /// closed form `h' = z + (h - z) (1 - dt / softplus(tau))^unfolds`.
    Held,
    /// `z` is computed again at every unfold from the current state, as in the paper's formula.
    Recomputed,
}

/// What the next step starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carry {
    /// The state after clip and gain, as in the published code.
    Scaled,
    /// The state after the clip; the gain only acts on the output.
    Unscaled,
}

/// Settings of the paper's cell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperLtc {
    /// Which definition of the cell.
    pub reading: Reading,
    /// Euler steps a feature step, the paper's N; 6 in the published code.
    pub unfolds: usize,
    /// Euler step, the paper's delta t: 0.01.
    pub dt: f64,
    /// Upper bound of the clipped ReLU: 20.
    pub clip: f64,
    /// Upper bound of the gain `sigmoid(C) / sigmoid(G)`: 10. Absent: no bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_gain: Option<f64>,
    /// What the next step starts from.
    pub carry: Carry,
}

/// How the equation of [`Ltc`] is integrated over a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Solver {
    /// Hasani's fused semi-implicit Euler step, stable for any parameters; the one that ncps has.
    SemiImplicit,
    /// Explicit Euler steps.
    Euler,
    /// Runge-Kutta steps of fourth order.
    Rk4,
}

/// Settings of the cell of Hasani et al. 2021.
///
/// `C dv/dt = leak (v_leak - v) + Σ_j w_j sigmoid(sigma_j (x_j - mu_j)) (erev_j - v)`, the sum over inputs (`sensory_*`) and units; inputs first pass
/// `x input_kernel + input_bias` element by element, outputs `v output_kernel + output_bias`. `leak`, `C` (`capacity`), `w` and `sensory_w` are the
/// softplus of what is trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ltc {
    /// How the equation is integrated.
    pub solver: Solver,
    /// Solver steps a feature step.
    pub unfolds: usize,
    /// Time between two feature steps, in the unit of the capacity.
    pub elapsed: f64,
}

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
    /// What input and state go through before the gates. Absent: the gates are linear in them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backbone: Option<Backbone>,
}

impl NetworkConfig {
    /// Values the readout sees: units, or twice as many for [`Pooling::MeanDeviation`].
    #[must_use]
    pub fn readout_size(&self) -> usize {
        match self.pooling {
            Pooling::Last | Pooling::Mean | Pooling::Attention => self.units,
            Pooling::MeanDeviation => 2 * self.units,
        }
    }

    /// Values that go from step to step, over all layers.
    #[must_use]
    pub fn state_size(&self) -> usize {
        self.layers * self.cell.states() * self.units
    }

    /// Name and shape of every trained tensor, in the order of files: the layers from the first, then the readout.
    #[must_use]
    pub fn parameter_shapes(&self, n_features: usize) -> Vec<(String, Vec<usize>)> {
        self.shapes(n_features, CellConfig::parameter_shapes)
    }
}

/// Query of [`Pooling::Attention`], `[units]`.
pub const ATTENTION: &str = "attention";
/// Readout, `[readout_size, 4]`.
pub const DENSE_KERNEL: &str = "dense_kernel";
/// Readout bias, `[4]`.
pub const DENSE_BIAS: &str = "dense_bias";

/// Name of a tensor of one layer, counted from 0.
#[must_use]
pub fn layer_tensor(layer: usize, name: &str) -> String {
    format!("layer{layer}.{name}")
}

impl CellConfig {
    /// Vectors of `[units]` that go from step to step.
    #[must_use]
    pub fn states(&self) -> usize {
        if matches!(self, Self::Lstm) { 2 } else { 1 }
    }

    /// Gates that lie side by side as columns of `kernel`, `recurrent_kernel` and `bias`, or of the [`HEADS`] where there is a backbone; none for
    /// [`CellConfig::Ltc`], which has no such matrices.
    #[must_use]
    pub fn gates(&self) -> usize {
        match self {
            Self::Ltc(_) => 0,
            Self::PaperLtc(_) | Self::Cfc(Cfc { mode: CfcMode::Pure, .. }) => 1,
            Self::LiquidGate => 2,
            Self::Gru => 3,
            Self::Cfc(_) | Self::Lstm => 4,
        }
    }

    /// What input and state go through before the gates, where there is something.
    #[must_use]
    pub fn backbone(&self) -> Option<Backbone> {
        if let Self::Cfc(Cfc { backbone, .. }) = self { *backbone } else { None }
    }

    /// Values that are linear in input and state: those of so many gates, or those of the first layer of the backbone.
    #[must_use]
    pub fn columns(&self, gates: usize, units: usize) -> usize {
        self.backbone().map_or(gates * units, |backbone| backbone.units)
    }

    /// Name and shape of every trained tensor of a layer.
    #[must_use]
    pub fn parameter_shapes(&self, n_inputs: usize, units: usize) -> Vec<(&'static str, Vec<usize>)> {
        let (m, n) = (n_inputs, units);
        if let Self::Ltc(_) = self {
            return vec![
                ("input_kernel", vec![m]),
                ("input_bias", vec![m]),
                ("sensory_w", vec![m, n]),
                ("sensory_sigma", vec![m, n]),
                ("sensory_mu", vec![m, n]),
                ("sensory_erev", vec![m, n]),
                ("w", vec![n, n]),
                ("sigma", vec![n, n]),
                ("mu", vec![n, n]),
                ("erev", vec![n, n]),
                ("leak", vec![n]),
                ("v_leak", vec![n]),
                ("capacity", vec![n]),
                ("output_kernel", vec![n]),
                ("output_bias", vec![n]),
            ];
        }
        let columns = self.columns(self.gates(), n);
        let mut shapes = vec![("kernel", vec![m, columns]), ("recurrent_kernel", vec![n, columns]), ("bias", vec![columns])];
        shapes.extend(self.backbone().into_iter().flat_map(|backbone| backbone.shapes(self.gates() * n)));
        shapes.extend(match self {
            Self::PaperLtc(_) => vec![("tau", vec![n]), ("c", vec![n]), ("g", vec![n])],
            Self::LiquidGate => vec![("tau", vec![n])],
            Self::Gru => vec![("recurrent_bias", vec![n])],
            Self::Cfc(Cfc { mode: CfcMode::Pure, .. }) => vec![("w_tau", vec![n]), ("amplitude", vec![n])],
            Self::Cfc(_) | Self::Lstm | Self::Ltc(_) => Vec::new(),
        });
        shapes
    }
}

const fn one() -> usize {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(config: &NetworkConfig, n_features: usize) -> usize {
        config.parameter_shapes(n_features).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }

    #[test]
    fn networks_have_the_published_numbers_of_parameters() {
        let paper =
            PaperLtc { reading: Reading::Held, unfolds: 6, dt: 0.01, clip: 20.0, max_gain: Some(10.0), carry: Carry::Scaled };
        let network = |units, layers, pooling, cell| NetworkConfig { units, layers, pooling, cell };
        assert_eq!(count(&network(16, 1, Pooling::Last, CellConfig::PaperLtc(paper)), 39), 1012);
        let liquid = network(64, 1, Pooling::MeanDeviation, CellConfig::LiquidGate);
        assert_eq!(count(&liquid, 39), 39 * 128 + 64 * 128 + 128 + 64 + 128 * 4 + 4);
        assert_eq!((liquid.readout_size(), liquid.state_size()), (128, 64));
        // ncps.torch.CfC(39, 64): 128 x (39 + 64) + 128 of the backbone, and four heads of 64 x 128 + 64.
        let backbone = Some(Backbone { units: 128, layers: 1 });
        let cfc = |mode, backbone| CellConfig::Cfc(Cfc { mode, elapsed: 1.0, backbone });
        let readout = 64 * 4 + 4;
        assert_eq!(count(&network(64, 1, Pooling::Last, cfc(CfcMode::Gated, backbone)), 39), 13_312 + 33_024 + readout);
        let two = Some(Backbone { units: 128, layers: 2 });
        let further = 128 * 128 + 128;
        assert_eq!(count(&network(64, 1, Pooling::Last, cfc(CfcMode::NoGate, two)), 39), 13_312 + further + 33_024 + readout);
        assert_eq!(count(&network(64, 1, Pooling::Last, cfc(CfcMode::Pure, backbone)), 39), 13_312 + 8_256 + 2 * 64 + readout);
        assert_eq!(network(8, 2, Pooling::Last, CellConfig::Lstm).state_size(), 32);
        let stack = network(8, 2, Pooling::Attention, CellConfig::Gru).parameter_shapes(5);
        let names: Vec<&str> = stack.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names[0], "layer0.kernel");
        assert_eq!(stack[4], ("layer1.kernel".to_owned(), vec![8, 24]));
        assert_eq!(names[8..], [ATTENTION, DENSE_KERNEL, DENSE_BIAS]);
    }

    #[test]
    fn a_network_is_written_and_read_as_it_is_documented() {
        let text = r#"{"units":64,"pooling":"mean_deviation","cell":{"kind":"liquid_gate"}}"#;
        let network: NetworkConfig = serde_json::from_str(text).unwrap();
        assert_eq!((network.layers, network.cell.gates()), (1, 2));
        assert_eq!(serde_json::from_str::<NetworkConfig>(&serde_json::to_string(&network).unwrap()).unwrap(), network);
        let ltc = r#"{"units":8,"cell":{"kind":"ltc","solver":"rk4","unfolds":6,"elapsed":1.0}}"#;
        assert!(serde_json::from_str::<NetworkConfig>(ltc).is_ok());
        assert!(serde_json::from_str::<NetworkConfig>(&ltc.replace("elapsed", "elapse")).is_err());
        let cfc = r#"{"units":8,"layers":1,"pooling":"last","cell":{"kind":"cfc","mode":"gated","elapsed":1.0}}"#;
        let network: NetworkConfig = serde_json::from_str(cfc).unwrap();
        assert_eq!(network.cell.backbone(), None);
        assert_eq!(serde_json::to_string(&network).unwrap(), cfc, "a file without a backbone keeps its fingerprint");
        let with_backbone = cfc.replace("1.0}", r#"1.0,"backbone":{"units":128}}"#);
        let network: NetworkConfig = serde_json::from_str(&with_backbone).unwrap();
        assert_eq!(network.cell.backbone(), Some(Backbone { units: 128, layers: 1 }));
        assert!(serde_json::from_str::<NetworkConfig>(&with_backbone.replace("128", "128,\"dropout\":0.1")).is_err());
    }
}
