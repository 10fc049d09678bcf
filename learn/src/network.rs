//! Networks for training: forward with a tape, and exact gradients by backpropagation through time.
//!
//! In: standardised features of sequences of any length, labels, class weights. Out: probabilities, loss and gradients. A batch is divided into
//! groups of sixteen sequences of similar length that are computed in parallel, each up to its own end: no padding affects the result. The grouping depends
//! only on the batch, and sums are taken in its order, so the result is bit-identical for any number of threads.
//!
//! A cell defines the computation of one step (`cells`); the loop over steps is in `layer`, the one over layers in `stack`. Everything after the pooling is in
//! `batch`, or in `steps` where every step has an answer; [`CnnBilstm`] is the only other network that ends in `batch`. This module is independent of files,
//! epochs and progress reports.

use std::collections::HashMap;
use std::sync::Mutex;
use std::thread::{self, ThreadId};

use moodline_core::Real;
use moodline_core::emotion::Emotion;
use moodline_core::network::{NetworkConfig, Tensors};
use ndarray::{Array1, ArrayView2};
use rand::Rng;

use crate::loss::softmax;
use crate::parallel;

mod batch;
mod cell;
mod cells;
mod cnn_bilstm;
mod draws;
mod dropout;
mod error;
mod initial;
mod inspect;
mod lanes;
mod layer;
mod matrix;
mod pooling;
mod precision;
mod stack;
mod steps;

pub use batch::{Batch, BatchOutcome};
pub use cnn_bilstm::{CnnBilstm, CnnBilstmConfig, Convolution};
pub use draws::TauInit;
pub use dropout::Dropout;
pub use error::{NetworkError, Quantity};
pub use initial::initial_parameters;
pub use inspect::Trace;
pub use lanes::LANES;
pub use precision::Precision;
pub use steps::{StepBatch, StepOutcome};

use batch::{Group, GroupResult, check_labels, check_shapes, groups, in_batch_order, learn_readout};
use lanes::Lanes;
use stack::{Stack, Workspace};

/// A network with trainable parameters.
#[derive(Debug)]
pub struct Network<T> {
    config: NetworkConfig,
    /// The trained parameters, as listed by [`NetworkConfig::parameter_shapes`].
    pub parameters: Tensors<T>,
    n_features: usize,
    /// One workspace per computing thread, so that it stays in the cache of the thread's core.
    workspaces: Mutex<HashMap<ThreadId, Workspace<T>>>,
}

impl<T: Clone> Clone for Network<T> {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            parameters: self.parameters.clone(),
            n_features: self.n_features,
            workspaces: Mutex::default(),
        }
    }
}

impl<T: Precision> Network<T> {
    /// Creates a network with these parameters. The number of features is the number of inputs of the first layer.
    ///
    /// # Errors
    /// [`NetworkError`] names the first parameter that does not fit the network.
    pub fn new(config: NetworkConfig, parameters: Tensors<T>) -> Result<Self, NetworkError> {
        // The first tensor of every cell has an entry or a row for each input.
        let n_features = parameters.iter().next().and_then(|tensor| tensor.shape.first().copied()).unwrap_or_default();
        check_shapes(&config.parameter_shapes(n_features), &parameters.shapes())?;
        Ok(Self { config, parameters, n_features, workspaces: Mutex::default() })
    }

    /// Creates a network with initial parameters drawn by [`initial_parameters`].
    pub fn init(config: NetworkConfig, n_features: usize, tau: Option<TauInit>, rng: &mut impl Rng) -> Self {
        let parameters = initial_parameters(&config, n_features, tau, rng);
        Self { config, parameters, n_features, workspaces: Mutex::default() }
    }

    /// The same network with other parameters.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn with_parameters(&self, parameters: Tensors<T>) -> Result<Self, NetworkError> {
        Self::new(self.config.clone(), parameters)
    }

    /// The settings, which are not trained.
    #[must_use]
    pub fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// Probabilities of each sequence, in the order of the network's outputs.
    ///
    /// # Errors
    /// [`NetworkError::Shape`] or [`NetworkError::Empty`] for a sequence that does not fit.
    pub fn predict(&self, sequences: &[ArrayView2<'_, T>]) -> Result<Vec<[T; Emotion::COUNT]>, NetworkError> {
        T::predict(self, sequences)
    }

    /// Loss of a batch as in [`BatchOutcome::loss`], without its gradients.
    ///
    /// # Errors
    /// [`NetworkError`] for an input that does not fit. A loss that is not finite is returned as it is.
    pub fn loss(&self, batch: &Batch<'_, T>) -> Result<f64, NetworkError> {
        T::loss(self, batch)
    }

    /// Loss of a batch and its exact gradients.
    ///
    /// # Errors
    /// An input that does not fit, or a non-finite loss or gradient, with the parameter's name.
    pub fn loss_and_gradients(&self, batch: &Batch<'_, T>, l2: f64) -> Result<BatchOutcome<T>, NetworkError> {
        T::loss_and_gradients(self, batch, l2)
    }
}

/// The mathematics, which [`Precision`] has compiled in this crate.
impl<T: Real> Network<T> {
    fn generic_predict(&self, sequences: &[ArrayView2<'_, T>]) -> Result<Vec<[T; Emotion::COUNT]>, NetworkError> {
        let groups = groups(sequences, self.n_features)?;
        let stack = self.stack();
        let results = parallel::map(&groups, |group| self.logits_of_group(&stack, group));
        Ok(in_batch_order(&groups, results.into_iter().map(|logits| logits.into_iter().map(softmax).collect())))
    }

    fn generic_loss(&self, batch: &Batch<'_, T>) -> Result<f64, NetworkError> {
        check_labels(batch)?;
        let groups = groups(&batch.sequences, self.n_features)?;
        let stack = self.stack();
        let of_group = |group: &Group<'_, T>| {
            self.with_workspace(&stack, |workspace| {
                stack.forward(group.sequences(&group.slices()), batch.dropout, workspace);
                let pooled = (0..group.sequences.len()).map(|lane| self.pooled(workspace, lane)).collect();
                learn_readout(&self.parameters, batch, &group.indices, pooled).0.loss
            })
        };
        Ok(parallel::map(&groups, of_group).into_iter().sum())
    }

    fn generic_loss_and_gradients(&self, batch: &Batch<'_, T>, l2: f64) -> Result<BatchOutcome<T>, NetworkError> {
        check_labels(batch)?;
        let groups = groups(&batch.sequences, self.n_features)?;
        let stack = self.stack();
        let learn =
            |workspace: &mut Workspace<T>, group: &Group<'_, T>| self.learn_from_group(&stack, group, batch, workspace, None);
        let results = parallel::map(&groups, |group| self.with_workspace(&stack, |workspace| learn(workspace, group)));
        BatchOutcome::of(&self.parameters, batch, &groups, results, l2)
    }

    fn logits_of_group(&self, stack: &Stack<T>, group: &Group<'_, T>) -> Vec<[T; Emotion::COUNT]> {
        self.with_workspace(stack, |workspace| {
            stack.forward(group.sequences(&group.slices()), Dropout::default(), workspace);
            (0..group.sequences.len()).map(|lane| batch::logits(&self.parameters, &self.pooled(workspace, lane).view())).collect()
        })
    }

    /// Forward pass, loss and backward pass of one group.
    fn learn_from_group(
        &self,
        stack: &Stack<T>,
        group: &Group<'_, T>,
        batch: &Batch<'_, T>,
        workspace: &mut Workspace<T>,
        of_features: Option<&mut Vec<Lanes<T>>>,
    ) -> GroupResult<T> {
        let slices = group.slices();
        let sequences = group.sequences(&slices);
        stack.forward(sequences, batch.dropout, workspace);

        let pooled = (0..group.sequences.len()).map(|lane| self.pooled(workspace, lane)).collect();
        let (mut result, of_pooled) = learn_readout(&self.parameters, batch, &group.indices, pooled);
        let mut pooled_gradient = vec![Lanes::zero(); workspace.pooled_rows()];
        for (lane, of_pooled) in of_pooled.into_iter().enumerate() {
            Workspace::set_pooled_gradient(&mut pooled_gradient, self.config.units, lane, of_pooled);
        }
        stack.backward(sequences, &pooled_gradient, workspace, of_features);
        stack.collect(workspace, &mut result.gradients);
        result
    }

    fn stack(&self) -> Stack<T> {
        Stack::new(&self.config, &self.parameters)
    }

    fn pooled(&self, workspace: &Workspace<T>, lane: usize) -> Array1<T> {
        workspace.pooled(self.config.units, lane).collect()
    }

    fn with_workspace<R>(&self, stack: &Stack<T>, f: impl FnOnce(&mut Workspace<T>) -> R) -> R {
        // INVARIANT: nothing panics while the lock is held.
        let pool = || self.workspaces.lock().expect("the pool is not poisoned");
        let thread = thread::current().id();
        let reused = pool().remove(&thread);
        let mut workspace = reused.unwrap_or_else(|| stack.workspace());
        let result = f(&mut workspace);
        pool().insert(thread, workspace);
        result
    }
}
