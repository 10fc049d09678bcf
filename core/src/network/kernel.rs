//! The native kernel: runs the weights of a model file over a block without a runtime library.
//!
//! In: feature steps and a state. Out: logits and the state after the last step. One loop over steps and layers serves every cell and every
//! pooling ([`super::layers`]). The dependency from step to step is serial, so the latency of a step decides the speed: the products of a step
//! run in independent chains, and the input projection of a step, which does not depend on the state, fills the gaps.

use pulp::Arch;

use super::layers::{Block, Layers};
use super::pooling::Pool;
use super::{DENSE_BIAS, DENSE_KERNEL, NetworkConfig, Tensors};
use crate::emotion::Emotion;

/// Runs a network; holds the weights in the layout used at run time, and all scratch memory.
#[derive(Clone, Debug)]
pub struct NetworkKernel {
    arch: Arch,
    n_features: usize,
    state_size: usize,
    layers: Box<dyn Layers>,
    pool: Pool,
    dense_kernel: Vec<[f32; Emotion::COUNT]>,
    dense_bias: [f32; Emotion::COUNT],
}

impl NetworkKernel {
    /// Creates a kernel for `weights`.
    ///
    /// # Panics
    /// When `weights` do not have the shapes of [`NetworkConfig::weight_shapes`] for some number of features; those of a
    /// [`crate::onnx::ModelFile`] do.
    #[must_use]
    pub fn new(config: &NetworkConfig, weights: &Tensors<f32>) -> Self {
        // The first tensor of every cell has a row for each input.
        let n_features = weights.iter().next().map_or(0, |first| first.shape[0]);
        assert!(config.units > 0 && config.layers > 0 && n_features > 0, "a network has units, layers and features");
        assert_eq!(weights.shapes(), config.weight_shapes(n_features), "the weights are those of the network");
        let (dense_kernel, dense_bias) = (weights.matrix(DENSE_KERNEL), weights.vector(DENSE_BIAS));
        Self {
            arch: Arch::new(),
            n_features,
            state_size: config.state_size(),
            layers: config.cell.as_cell().kernel(&config.layer_weights(weights)),
            pool: Pool::new(config, weights),
            dense_kernel: dense_kernel.rows().into_iter().map(|row| std::array::from_fn(|emotion| row[emotion])).collect(),
            dense_bias: std::array::from_fn(|emotion| dense_bias[emotion]),
        }
    }

    /// Number of values carried from step to step.
    #[must_use]
    pub const fn state_size(&self) -> usize {
        self.state_size
    }

    /// Runs the steps of `features` from `state`, leaves the state after the last step in it, and returns the logits of these steps.
    ///
    /// # Shapes
    /// `features` `[n_steps, n_features]` row-major, `n_steps` at least 1; `state` `[state_size]`, the layers from the first, zeros at the start of a
    /// block; logits in the order of the contract's labels.
    ///
    /// # Panics
    /// When `features` is empty or not a whole number of steps, or `state` is not `[state_size]`.
    ///
    /// # Realtime safety
    /// No allocation, lock or system call.
    pub fn run(&mut self, features: &[f32], state: &mut [f32]) -> [f32; Emotion::COUNT] {
        assert!(!features.is_empty() && features.len().is_multiple_of(self.n_features), "a whole number of steps");
        assert_eq!(state.len(), self.state_size, "one state for each unit");
        let Self { arch, n_features, layers, pool, .. } = self;
        let block = Block { steps: features.chunks_exact(*n_features), state, pool };
        let pooled = layers.run(*arch, block);
        let mut logits = self.dense_bias;
        for (&value, weights) in pooled.iter().zip(&self.dense_kernel) {
            for (logit, weight) in logits.iter_mut().zip(weights) {
                *logit += value * *weight;
            }
        }
        logits
    }

    /// Runs the steps of `features` from `state` and hands the logits after each step to `sink`: the same as [`NetworkKernel::run`] gives for that step
    /// alone.
    ///
    /// # Panics
    /// As [`NetworkKernel::run`].
    ///
    /// # Realtime safety
    /// No allocation, lock or system call except those of `sink`.
    pub fn run_each(&mut self, features: &[f32], state: &mut [f32], sink: &mut impl FnMut([f32; Emotion::COUNT])) {
        assert!(features.len().is_multiple_of(self.n_features), "a whole number of steps");
        for step in features.chunks_exact(self.n_features) {
            sink(self.run(step, state));
        }
    }
}

#[cfg(test)]
mod tests;
