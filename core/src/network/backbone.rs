//! What input and state go through before the gates of [`super::Cfc`]: dense layers, each with LeCun's hyperbolic tangent.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::mismatch::{Mismatch, check};

/// Bound of LeCun's hyperbolic tangent, `LECUN_RANGE tanh(LECUN_SLOPE x)`.
///
/// # Source
/// LeCun et al. 1998, "Efficient BackProp", section 4.4.
pub const LECUN_RANGE: f64 = 1.7159;

/// What LeCun's hyperbolic tangent multiplies its argument by. The paper has 2/3; this is the value of ncps, so that the cell is that of ncps.
///
/// # Source
/// `LeCun` of `ncps.torch.cfc_cell` 1.0.1.
pub const LECUN_SLOPE: f64 = 0.666;

/// Kernel `[backbone units, gates units]` and bias `[gates units]` of the gates behind a backbone.
pub const HEADS: [&str; 2] = ["heads.kernel", "heads.bias"];

/// Kernels `[backbone units, backbone units]` and biases `[backbone units]` of the layers after the first.
const FURTHER: [[&str; 2]; 2] = [["backbone1.kernel", "backbone1.bias"], ["backbone2.kernel", "backbone2.bias"]];

/// Dense layers between `[x, h]` and the gates: `y = LECUN_RANGE tanh(LECUN_SLOPE (W [x, h] + b))`, the next layers likewise from `y`. The gates, which
/// are linear in the last `y`, are its heads.
///
/// The first layer has the tensors that the gates have without a backbone: `kernel`, `recurrent_kernel` and `bias`.
///
/// # Source
/// Hasani et al. 2022, "Closed-form continuous-time neural networks"; `CfCCell` of ncps 1.0.1 with its default activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backbone {
    /// Size of every layer; 128 in ncps.
    pub units: usize,
    /// Number of layers.
    #[serde(default = "super::one")]
    pub layers: usize,
}

impl Backbone {
    /// Sizes of a layer that can be run.
    pub const UNITS: RangeInclusive<usize> = 1..=512;

    /// Numbers of layers that can be run.
    pub const LAYERS: RangeInclusive<usize> = 1..=FURTHER.len() + 1;

    /// Names of kernel and bias of every layer after the first.
    pub fn further(&self) -> impl Iterator<Item = [&'static str; 2]> {
        FURTHER.into_iter().take(self.layers.saturating_sub(1))
    }

    /// Name and shape of every tensor after the first layer, for so many columns of all gates together.
    pub(super) fn shapes(&self, columns: usize) -> Vec<(&'static str, Vec<usize>)> {
        let dense = |[kernel, bias]: [&'static str; 2], columns| [(kernel, vec![self.units, columns]), (bias, vec![columns])];
        let further = self.further().flat_map(|names| dense(names, self.units));
        further.chain(dense(HEADS, columns)).collect()
    }

    pub(super) fn validate(&self) -> Result<(), Mismatch> {
        let range = |range: RangeInclusive<usize>| format!("in {range:?}");
        check(Self::UNITS.contains(&self.units), "network.cell.backbone.units", range(Self::UNITS), self.units)?;
        check(Self::LAYERS.contains(&self.layers), "network.cell.backbone.layers", range(Self::LAYERS), self.layers)
    }
}
