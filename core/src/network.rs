//! The network between the features and the four logits: its cell, its numbers of units and layers, and the pooling of a block's states into one answer.
//!
//! In: feature vectors of consecutive steps. Out: logits. Every layer runs one cell over the steps; the outputs of a layer are the inputs of the next;
//! the outputs of the last layer are pooled over the block and passed to a dense layer.
//!
//! This module defines the trained parameters ([`NetworkConfig::parameter_shapes`]), the weights that a model file holds ([`NetworkConfig::weight_shapes`]) and
//! the computation. Each cell ([`CellConfig`]) has a file of its own with everything specific to it. In the equations `x` is the input of a layer at a step and
//! `h` its output at the step before. Matrices have a row for each input and a column for each output; gates are placed side by side as columns, in
//! the order given.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::emotion::Emotion;
use crate::mismatch::{Mismatch, check};

mod activation;
mod backbone;
mod cell;
mod cells;
mod committee;
mod gates;
mod kernel;
mod layers;
mod pooling;
#[cfg(test)]
mod reference;
#[cfg(test)]
pub(crate) mod samples;
mod simd;
mod tensors;
mod trained;
mod weights;

pub use activation::{sigmoid, softplus};
pub use backbone::{Backbone, HEADS, LECUN_RANGE, LECUN_SLOPE};
pub use cells::{Carry, CellConfig, Cfc, CfcMode, LTC_EPSILON, Ltc, PaperLtc, Reading, Solver};
pub use committee::{Committee, CommitteeKernel};
pub use kernel::NetworkKernel;
pub use tensors::{Tensor, Tensors};

use tensors::Shapes;

/// Added to the variance under the square root of [`Pooling::MeanDeviation`], so that a block of one step has a gradient.
pub const DEVIATION_EPSILON: f64 = 1e-6;

/// The settings of a network: everything that is not trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Size of the output of every layer.
    pub units: usize,
    /// Number of layers, all with the same cell.
    #[serde(default = "one")]
    pub layers: usize,
    /// How the outputs of a block are pooled into one vector.
    #[serde(default)]
    pub pooling: Pooling,
    /// The cell that runs at every step.
    pub cell: CellConfig,
}

/// How the outputs of the last layer over a block are pooled into one vector for the readout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The output of the last step, as in the paper.
    #[default]
    Last,
    /// The mean over all steps.
    Mean,
    /// The mean, then the standard deviation `sqrt(mean((h - mean)^2) + DEVIATION_EPSILON)`, of every unit.
    MeanDeviation,
    /// A weighted mean with the weights `softmax(h . attention)` over the steps.
    Attention,
}

impl NetworkConfig {
    /// Supported layer sizes.
    pub const UNITS: RangeInclusive<usize> = 1..=512;

    /// Supported numbers of layers.
    pub const LAYERS: RangeInclusive<usize> = 1..=3;

    /// Largest number of values over all tensors of a model file.
    ///
    /// The largest one-layer network of the paper's cell fits; it also bounds the size of a file ([`crate::onnx::MAX_FILE_BYTES`]).
    pub const MAX_WEIGHTS: usize = 1_500_000;

    /// Size of the readout's input: units, or twice as many for [`Pooling::MeanDeviation`].
    #[must_use]
    pub fn readout_size(&self) -> usize {
        match self.pooling {
            Pooling::Last | Pooling::Mean | Pooling::Attention => self.units,
            Pooling::MeanDeviation => 2 * self.units,
        }
    }

    /// Number of values carried from step to step, over all layers.
    #[must_use]
    pub fn state_size(&self) -> usize {
        self.layers * self.cell.as_cell().states() * self.units
    }

    /// Checks every setting against its range.
    ///
    /// # Errors
    /// The first setting out of range, as `network.SETTING` or `network.cell.SETTING`, with what was expected and found.
    pub fn validate(&self, n_features: usize) -> Result<(), Mismatch> {
        check(Self::UNITS.contains(&self.units), "network.units", format!("in {:?}", Self::UNITS), self.units)?;
        check(Self::LAYERS.contains(&self.layers), "network.layers", format!("in {:?}", Self::LAYERS), self.layers)?;
        self.cell.as_cell().check_settings()?;
        let n_weights = self.weight_shapes(n_features).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum::<usize>();
        check(
            n_weights <= Self::MAX_WEIGHTS,
            "network.units",
            format!("so few that the network has at most {} weights", Self::MAX_WEIGHTS),
            format!("{} units and {n_weights} weights", self.units),
        )
    }

    /// Name and shape of every trained tensor, in file order: the layers from the first, then the readout.
    #[must_use]
    pub fn parameter_shapes(&self, n_features: usize) -> Vec<(String, Vec<usize>)> {
        self.shapes(n_features, |n_inputs| self.cell.as_cell().parameter_shapes(n_inputs, self.units))
    }

    /// Number of trained values.
    #[must_use]
    pub fn n_parameters(&self, n_features: usize) -> usize {
        self.parameter_shapes(n_features).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }

    /// Name and shape of every tensor of a model file, in file order: the layers from the first, then the readout.
    #[must_use]
    pub fn weight_shapes(&self, n_features: usize) -> Vec<(String, Vec<usize>)> {
        self.shapes(n_features, |n_inputs| self.cell.as_cell().weight_shapes(n_inputs, self.units))
    }

    /// The tensors of each layer, then those of the readout, which are identical in training and in a file.
    fn shapes(&self, n_features: usize, of_layer: impl Fn(usize) -> Shapes) -> Vec<(String, Vec<usize>)> {
        let mut shapes = Vec::new();
        for layer in 0..self.layers {
            let n_inputs = if layer == 0 { n_features } else { self.units };
            let named = |(name, shape): (&str, Vec<usize>)| (layer_tensor(layer, name), shape);
            shapes.extend(of_layer(n_inputs).into_iter().map(named));
        }
        if self.pooling == Pooling::Attention {
            shapes.push((ATTENTION.to_owned(), vec![self.units]));
        }
        shapes.push((DENSE_KERNEL.to_owned(), vec![self.readout_size(), Emotion::COUNT]));
        shapes.push((DENSE_BIAS.to_owned(), vec![Emotion::COUNT]));
        shapes
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

const fn one() -> usize {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_have_the_published_numbers_of_parameters() {
        let paper =
            PaperLtc { reading: Reading::Held, unfolds: 6, dt: 0.01, clip: 20.0, max_gain: Some(10.0), carry: Carry::Scaled };
        let network = |units, layers, pooling, cell| NetworkConfig { units, layers, pooling, cell };
        assert_eq!(NetworkConfig::n_parameters(&network(16, 1, Pooling::Last, CellConfig::PaperLtc(paper)), 39), 1012);
        let liquid = network(64, 1, Pooling::MeanDeviation, CellConfig::LiquidGate);
        assert_eq!(NetworkConfig::n_parameters(&liquid, 39), 39 * 128 + 64 * 128 + 128 + 64 + 128 * 4 + 4);
        assert_eq!((liquid.readout_size(), liquid.state_size()), (128, 64));
        // ncps.torch.CfC(39, 64): 128 x (39 + 64) + 128 of the backbone, and four heads of 64 x 128 + 64.
        let backbone = Some(Backbone { units: 128, layers: 1 });
        let cfc = |mode, backbone| CellConfig::Cfc(Cfc { mode, elapsed: 1.0, backbone });
        let readout = 64 * 4 + 4;
        assert_eq!(
            NetworkConfig::n_parameters(&network(64, 1, Pooling::Last, cfc(CfcMode::Gated, backbone)), 39),
            13_312 + 33_024 + readout
        );
        let two = Some(Backbone { units: 128, layers: 2 });
        let further = 128 * 128 + 128;
        assert_eq!(
            NetworkConfig::n_parameters(&network(64, 1, Pooling::Last, cfc(CfcMode::NoGate, two)), 39),
            13_312 + further + 33_024 + readout
        );
        assert_eq!(
            NetworkConfig::n_parameters(&network(64, 1, Pooling::Last, cfc(CfcMode::Pure, backbone)), 39),
            13_312 + 8_256 + 2 * 64 + readout
        );
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
