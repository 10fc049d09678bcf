//! The native kernel: runs the weights of a model file over a block without any library.
//!
//! In: feature steps and a state. Out: logits and the state after the last step. There is one loop over steps and layers, for every cell and every
//! pooling; a [`Cell`] is one step of one layer. The chain from step to step is serial, so what counts is the latency of one: the products of a step
//! run in independent chains, and the input projection of a step, which hangs on no state, fills the gaps.

use std::slice::ChunksExact;

use pulp::{Arch, Simd, WithSimd};

use super::{CellConfig, DENSE_BIAS, DENSE_KERNEL, NetworkConfig, Tensors, layer_tensor};
use crate::emotion::Emotion;

mod backbone;
mod cells;
mod gates;
mod ltc;
mod pooling;
mod simd;

use cells::{Cell, CfcCell, GruCell, LiquidGateCell, LstmCell, PaperLtcCell};
use gates::LayerWeights;
use ltc::LtcCell;
use pooling::Pool;
use simd::PANEL;

/// Runs a network; holds the weights in the layout it runs them in, and all scratch memory.
#[derive(Clone, Debug)]
pub struct NetworkKernel {
    arch: Arch,
    n_features: usize,
    state_size: usize,
    layers: Layers,
    pool: Pool,
    dense_kernel: Vec<[f32; Emotion::COUNT]>,
    dense_bias: [f32; Emotion::COUNT],
}

/// The layers, all of one cell.
#[derive(Clone, Debug)]
enum Layers {
    PaperLtc(Vec<PaperLtcCell>),
    Ltc(Vec<LtcCell>),
    Cfc(Vec<CfcCell>),
    LiquidGate(Vec<LiquidGateCell>),
    Gru(Vec<GruCell>),
    Lstm(Vec<LstmCell>),
}

impl NetworkKernel {
    /// A kernel for `weights`.
    ///
    /// # Panics
    /// When `weights` are not those that [`NetworkConfig::weight_shapes`] gives for some number of features; those of a
    /// [`crate::onnx::ModelFile`] are.
    #[must_use]
    pub fn new(config: &NetworkConfig, weights: &Tensors<f32>) -> Self {
        let first = if matches!(config.cell, CellConfig::Ltc(_)) { "input_kernel" } else { "projection" };
        let n_features = weights.get(&layer_tensor(0, first)).shape[0];
        assert!(config.units > 0 && config.layers > 0 && n_features > 0, "a network has units, layers and features");
        assert_eq!(weights.shapes(), config.weight_shapes(n_features), "the weights are those of the network");
        fn layers<C>(config: &NetworkConfig, weights: &Tensors<f32>, cell: impl Fn(&LayerWeights<'_>) -> C) -> Vec<C> {
            (0..config.layers).map(|layer| cell(&LayerWeights { weights, layer, units: config.units })).collect()
        }
        let layers = match &config.cell {
            CellConfig::PaperLtc(cell) => Layers::PaperLtc(layers(config, weights, |layer| PaperLtcCell::new(cell, layer))),
            CellConfig::Ltc(cell) => Layers::Ltc(layers(config, weights, |layer| LtcCell::new(cell, layer))),
            CellConfig::Cfc(cell) => Layers::Cfc(layers(config, weights, |layer| CfcCell::new(cell, layer))),
            CellConfig::LiquidGate => Layers::LiquidGate(layers(config, weights, LiquidGateCell::new)),
            CellConfig::Gru => Layers::Gru(layers(config, weights, GruCell::new)),
            CellConfig::Lstm => Layers::Lstm(layers(config, weights, LstmCell::new)),
        };
        let (dense_kernel, dense_bias) = (weights.matrix(DENSE_KERNEL), weights.vector(DENSE_BIAS));
        Self {
            arch: Arch::new(),
            n_features,
            state_size: config.state_size(),
            layers,
            pool: Pool::new(config, weights),
            dense_kernel: dense_kernel.rows().into_iter().map(|row| std::array::from_fn(|emotion| row[emotion])).collect(),
            dense_bias: std::array::from_fn(|emotion| dense_bias[emotion]),
        }
    }

    /// Runs the steps of `features` from `state`, leaves there the state after the last step, and returns the logits of these steps.
    ///
    /// # Shapes
    /// `features` `[n_steps, n_features]` row-major, `n_steps` at least 1; `state` `[state_size]`, the layers from the first, zeros at the start of a
    /// block; logits in the order of the contract's labels.
    ///
    /// # Panics
    /// When `features` is not a whole number of steps, or none, or `state` is not `[state_size]`.
    ///
    /// # Realtime safety
    /// No allocation, lock or system call.
    pub fn run(&mut self, features: &[f32], state: &mut [f32]) -> [f32; Emotion::COUNT] {
        assert!(!features.is_empty() && features.len().is_multiple_of(self.n_features), "a whole number of steps");
        assert_eq!(state.len(), self.state_size, "one state for each unit");
        let Self { arch, n_features, layers, pool, .. } = self;
        let block = Block { steps: features.chunks_exact(*n_features), state, pool };
        let pooled = match layers {
            Layers::PaperLtc(layers) => arch.dispatch(Run { layers, block }),
            Layers::Ltc(layers) => arch.dispatch(Run { layers, block }),
            Layers::Cfc(layers) => arch.dispatch(Run { layers, block }),
            Layers::LiquidGate(layers) => arch.dispatch(Run { layers, block }),
            Layers::Gru(layers) => arch.dispatch(Run { layers, block }),
            Layers::Lstm(layers) => arch.dispatch(Run { layers, block }),
        };
        let mut logits = self.dense_bias;
        for (&value, weights) in pooled.iter().zip(&self.dense_kernel) {
            for (logit, weight) in logits.iter_mut().zip(weights) {
                *logit += value * *weight;
            }
        }
        logits
    }
}

/// What layers run over.
struct Block<'a> {
    steps: ChunksExact<'a, f32>,
    /// Before the first step, then after the last.
    state: &'a mut [f32],
    pool: &'a mut Pool,
}

/// Chooses the code for the processor's vector length.
struct Run<'a, C> {
    layers: &'a mut [C],
    block: Block<'a>,
}

impl<'a, C: Cell> WithSimd for Run<'a, C> {
    /// As [`run_steps`].
    type Output = &'a [f32];

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { layers, block } = self;
        match S::F32_LANES {
            16 => run_steps::<S, 1, C>(simd, layers, block),
            8 => run_steps::<S, 2, C>(simd, layers, block),
            4 => run_steps::<S, 4, C>(simd, layers, block),
            1 => run_steps::<S, PANEL, C>(simd, layers, block),
            lanes => unreachable!("no processor has vectors of {lanes} floats"),
        }
    }
}

/// All steps through all layers, with `K` vectors of the instruction set `S` to a panel; what the pooling makes of them, `[readout_size]`.
#[inline(always)]
fn run_steps<'a, S: Simd, const K: usize, C: Cell>(simd: S, layers: &'a mut [C], block: Block<'a>) -> &'a [f32] {
    let Block { steps, state, pool } = block;
    let states_of_layer = state.len() / layers.len();
    for (layer, state) in layers.iter_mut().zip(state.chunks_exact(states_of_layer)) {
        layer.load(state);
    }
    pool.start();
    for step in steps {
        let mut input = step;
        for layer in layers.iter_mut() {
            layer.step::<S, K>(simd, input);
            input = layer.output();
        }
        pool.add(input);
    }
    for (layer, state) in layers.iter().zip(state.chunks_exact_mut(states_of_layer)) {
        layer.store(state);
    }
    // INVARIANT: a network has a layer.
    pool.finish(layers.last().expect("a layer").output())
}

#[cfg(test)]
mod tests;
