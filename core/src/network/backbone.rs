//! The dense layers between the inputs and the gates of [`super::Cfc`], each with LeCun's hyperbolic tangent.
//!
//! In a file the gates are columns of [`HEADS`]. All tensors before them have the columns of a layer of the backbone, and contain both factors of the
//! activation, so that a layer is `tanh` of its sums.

use std::ops::RangeInclusive;

use pulp::Simd;
use serde::{Deserialize, Serialize};

use super::Tensor;
use super::layers::LayerWeights;
use super::simd::{Matrix, panels_mut, product, tanh};
use super::tensors::Shapes;
use super::trained::TrainedLayer;
use crate::mismatch::{Mismatch, check};
use crate::nodes::Nodes;

/// Bound of LeCun's hyperbolic tangent, `LECUN_RANGE tanh(LECUN_SLOPE x)`.
///
/// # Source
/// LeCun et al. 1998, "Efficient BackProp", section 4.4.
pub const LECUN_RANGE: f64 = 1.7159;

/// Factor of the argument of LeCun's hyperbolic tangent. The paper has 2/3; this is the value of ncps, so that the cell matches ncps.
///
/// # Source
/// `LeCun` of `ncps.torch.cfc_cell` 1.0.1.
pub const LECUN_SLOPE: f64 = 0.666;

/// Kernel `[backbone units, gates units]` and bias `[gates units]` of the gates after a backbone.
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
    /// Supported layer sizes.
    pub const UNITS: RangeInclusive<usize> = 1..=512;

    /// Supported numbers of layers.
    pub const LAYERS: RangeInclusive<usize> = 1..=FURTHER.len() + 1;

    /// Names of kernel and bias of every layer after the first.
    pub fn further(&self) -> impl Iterator<Item = [&'static str; 2]> {
        FURTHER.into_iter().take(self.layers.saturating_sub(1))
    }

    /// Name and shape of every tensor after the first layer, for this total number of gate columns.
    pub(super) fn shapes(&self, columns: usize) -> Shapes {
        let dense = |[kernel, bias]: [&'static str; 2], columns| [(kernel, vec![self.units, columns]), (bias, vec![columns])];
        let further = self.further().flat_map(|names| dense(names, self.units));
        further.chain(dense(HEADS, columns)).collect()
    }

    /// Checks both sizes against their ranges.
    pub(super) fn validate(&self) -> Result<(), Mismatch> {
        let range = |range: RangeInclusive<usize>| format!("in {range:?}");
        check(Self::UNITS.contains(&self.units), "network.cell.backbone.units", range(Self::UNITS), self.units)?;
        check(Self::LAYERS.contains(&self.layers), "network.cell.backbone.layers", range(Self::LAYERS), self.layers)
    }

    /// The weights of the layers after the first.
    pub(super) fn fold_further(&self, trained: &TrainedLayer<'_>) -> Vec<Tensor<f64>> {
        let mut weights = Vec::new();
        for [kernel, bias] in self.further() {
            weights.push(trained.tensor(kernel, &(trained.matrix(kernel) * (LECUN_RANGE * LECUN_SLOPE))));
            weights.push(trained.tensor(bias, &(trained.vector(bias) * LECUN_SLOPE)));
        }
        weights
    }

    /// Nodes for the sums of all gates, from those of the first layer.
    pub(super) fn head_nodes(&self, sums: &str, nodes: &mut Nodes) -> String {
        let mut sums = sums.to_owned();
        for [kernel, bias] in self.further().chain([HEADS]) {
            let [values, products, biased] = ["values", "products", "sums"].map(|what| format!("{kernel}.{what}"));
            let [kernel, bias] = [kernel, bias].map(|name| nodes.name(name));
            let values = nodes.op("Tanh", &[&sums], &values);
            let products = nodes.op("MatMul", &[&values, &kernel], &products);
            sums = nodes.op("Add", &[&products, &bias], &biased);
        }
        sums
    }
}

/// The backbone of one layer in the kernel.
#[derive(Clone, Debug)]
pub(super) struct BackboneKernel {
    units: usize,
    projection: Dense,
    recurrent_kernel: Matrix,
    further: Vec<Dense>,
    /// The outputs of the previous layer, `[units]` and padding.
    values: Vec<f32>,
    /// The outputs of the current layer.
    next_values: Vec<f32>,
}

#[derive(Clone, Debug)]
struct Dense {
    kernel: Matrix,
    bias: Vec<f32>,
}

impl BackboneKernel {
    pub(super) fn new(config: &Backbone, layer: &LayerWeights<'_>) -> Self {
        let layer = LayerWeights { units: config.units, ..*layer };
        let dense = |[kernel, bias]: [&str; 2]| Dense { kernel: layer.matrix(kernel), bias: layer.vector(bias) };
        Self {
            units: config.units,
            projection: dense(["projection", "projection_bias"]),
            recurrent_kernel: layer.matrix("recurrent_kernel"),
            further: config.further().map(dense).collect(),
            values: layer.scratch(),
            next_values: layer.scratch(),
        }
    }

    /// The inputs of the gates, `[units]`.
    #[inline(always)]
    pub(super) fn run<S: Simd, const K: usize>(&mut self, simd: S, input: &[f32], state: &[f32]) -> &[f32] {
        let Self { units, projection, recurrent_kernel, further, values, next_values } = self;
        values.copy_from_slice(&projection.bias);
        add_product::<S, K>(simd, input, &projection.kernel, values);
        add_product::<S, K>(simd, state, recurrent_kernel, values);
        squash(simd, values);
        for dense in further {
            next_values.copy_from_slice(&dense.bias);
            add_product::<S, K>(simd, &values[..*units], &dense.kernel, next_values);
            squash(simd, next_values);
            std::mem::swap(values, next_values);
        }
        &values[..*units]
    }
}

/// `sums += values . kernel`
#[inline(always)]
fn add_product<S: Simd, const K: usize>(simd: S, values: &[f32], kernel: &Matrix, sums: &mut [f32]) {
    for (rows, sums) in kernel.panels::<S, K>().zip(panels_mut::<S, K>(sums)) {
        *sums = product(simd, rows, values, *sums);
    }
}

#[inline(always)]
fn squash<S: Simd>(simd: S, sums: &mut [f32]) {
    for sums in S::as_mut_simd_f32s(sums).0 {
        *sums = tanh(simd, *sums);
    }
}
