//! The loop over steps and layers, compiled for each cell and each instruction set.
//!
//! In: the steps of a block, the states of all layers, and a pooling. Out: the pooled outputs. A [`CellKernel`] is one step of one
//! layer. The cell and the instruction set are selected once per block, at [`Layers::run`]; after that no call is indirect.

use std::fmt::Debug;
use std::slice::ChunksExact;

use pulp::{Arch, Simd, WithSimd};

use super::pooling::Pool;
use super::simd::{Matrix, PANEL, padded};
use super::{Tensor, Tensors, layer_tensor};

/// The tensors of one layer of a model file.
pub(crate) struct LayerWeights<'a> {
    /// Tensors of the whole network.
    pub(super) weights: &'a Tensors<f32>,
    /// Counted from 0.
    pub(super) layer: usize,
    /// Size of its output.
    pub(super) units: usize,
}

impl LayerWeights<'_> {
    /// The tensor of this name in the layer.
    pub(super) fn tensor(&self, name: &str) -> &Tensor<f32> {
        self.weights.get(&layer_tensor(self.layer, name))
    }

    /// Its values.
    pub(super) fn values(&self, name: &str) -> &[f32] {
        &self.tensor(name).values
    }

    /// A matrix whose columns are units.
    pub(super) fn matrix(&self, name: &str) -> Matrix {
        Matrix::new(self.weights.matrix(&layer_tensor(self.layer, name)), self.units)
    }

    /// Values of the units, padded with zeros.
    pub(super) fn vector(&self, name: &str) -> Vec<f32> {
        padded(self.values(name), self.units, 0.0)
    }

    /// Zeros for the units of a layer.
    pub(super) fn scratch(&self) -> Vec<f32> {
        padded(&vec![0.0; self.units], self.units, 0.0)
    }
}

/// One layer of a network: its weights, its state, and how a step changes it.
pub(crate) trait CellKernel: Clone + Debug + Send + Sync + 'static {
    /// State of the units, `[units]`.
    fn state(&self) -> &[f32];

    /// [`CellKernel::state`], mutable.
    fn state_mut(&mut self) -> &mut [f32];

    /// Loads the state from which the next step starts, `[states * units]`.
    fn load(&mut self, state: &[f32]) {
        self.state_mut().copy_from_slice(state);
    }

    /// Stores the state from which the next step would start, `[states * units]`.
    fn store(&self, state: &mut [f32]) {
        state.copy_from_slice(self.state());
    }

    /// Runs one step, with `K` vectors of the instruction set `S` per panel.
    fn step<S: Simd, const K: usize>(&mut self, simd: S, input: &[f32]);

    /// The output of the last step for the next layer and the pooling, `[units]`.
    #[inline(always)]
    fn output(&self) -> &[f32] {
        self.state()
    }
}

/// All layers of a network, whose cell is known only at run time.
pub(crate) trait Layers: Debug + Send + Sync {
    /// Runs a block and returns the pooled outputs, `[readout_size]`.
    ///
    /// # Realtime safety
    /// No allocation, lock or system call.
    fn run<'a>(&'a mut self, arch: Arch, block: Block<'a>) -> &'a [f32];

    /// A boxed clone.
    fn boxed_clone(&self) -> Box<dyn Layers>;
}

impl<C: CellKernel> Layers for Vec<C> {
    fn run<'a>(&'a mut self, arch: Arch, block: Block<'a>) -> &'a [f32] {
        arch.dispatch(Run { layers: self, block })
    }

    fn boxed_clone(&self) -> Box<dyn Layers> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn Layers> {
    fn clone(&self) -> Self {
        (**self).boxed_clone()
    }
}

/// The layers of a network with these weights.
pub(super) fn layers<C: CellKernel>(weights: &[LayerWeights<'_>], of_layer: impl Fn(&LayerWeights<'_>) -> C) -> Box<dyn Layers> {
    Box::new(weights.iter().map(of_layer).collect::<Vec<C>>())
}

/// Input and state of a run over a block.
pub(crate) struct Block<'a> {
    pub(super) steps: ChunksExact<'a, f32>,
    /// Before the first step, then after the last.
    pub(super) state: &'a mut [f32],
    pub(super) pool: &'a mut Pool,
}

/// Selects the code for the processor's vector length.
struct Run<'a, C> {
    layers: &'a mut [C],
    block: Block<'a>,
}

impl<'a, C: CellKernel> WithSimd for Run<'a, C> {
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

/// Runs all steps through all layers, with `K` vectors of the instruction set `S` per panel; returns the pooled outputs, `[readout_size]`.
#[inline(always)]
fn run_steps<'a, S: Simd, const K: usize, C: CellKernel>(simd: S, layers: &'a mut [C], block: Block<'a>) -> &'a [f32] {
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
