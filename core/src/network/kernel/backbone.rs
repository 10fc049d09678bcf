//! The layers that input and state go through before the gates of a closed-form cell.

use pulp::Simd;

use super::gates::LayerWeights;
use super::simd::{Matrix, panels_mut, product, tanh};
use crate::network;

/// [`crate::network::Backbone`] in one layer of a network.
#[derive(Clone, Debug)]
pub(super) struct Backbone {
    units: usize,
    projection: Dense,
    recurrent_kernel: Matrix,
    further: Vec<Dense>,
    /// What the layer before gave, `[units]` and the filling.
    values: Vec<f32>,
    /// What the layer that runs gives.
    next_values: Vec<f32>,
}

#[derive(Clone, Debug)]
struct Dense {
    kernel: Matrix,
    bias: Vec<f32>,
}

impl Backbone {
    pub(super) fn new(config: &network::Backbone, layer: &LayerWeights<'_>) -> Self {
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

    /// What the gates see, `[units]`.
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
