//! Networks for training: forward with a tape, and exact gradients by backpropagation through time.
//!
//! In: standardised features of sequences of any length, labels, class weights. Out: probabilities, loss and gradients. A batch is cut into
//! groups of sixteen sequences of similar length that are computed side by side, each to its own end: no padding reaches the network. The cut depends on
//! the batch alone and sums are taken in its order, so the result has the same bits for any number of threads.
//!
//! A cell says what one step computes (`cells`); the loop over steps is in `layer`, the one over layers in `stack`. This module knows nothing of
//! files, epochs or progress.

use std::sync::Mutex;

use moodline_core::Real;
use moodline_core::emotion::Emotion;
use moodline_core::network::{DENSE_BIAS, DENSE_KERNEL, NetworkConfig, Tensors};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, CowArray, Ix2};
use rand::Rng;
use rayon::prelude::*;

use crate::loss::{LossConfig, Mixed, SequenceLoss, add_l2_gradient, l2_penalty, softmax};

mod cells;
mod dropout;
mod error;
mod initial;
mod lanes;
mod layer;
mod matrix;
pub mod parameters;
mod pooling;
mod stack;

pub use dropout::Dropout;
pub use error::{NetworkError, Quantity};
pub use initial::{TauInit, initial_parameters};

use lanes::{LANES, Lanes};
use stack::{Sequences, Stack, Workspace};

/// Sequences that are learned from together.
#[derive(Clone, Debug)]
pub struct Batch<'a, T> {
    /// Standardised features, `[steps, n_features]` each; lengths may differ.
    pub sequences: Vec<ArrayView2<'a, T>>,
    /// The emotion of each sequence, an index in the order of the network's outputs.
    pub labels: &'a [usize],
    /// The second emotion of each sequence, where they are mixed of two; empty where they are not.
    pub mixed: &'a [Mixed],
    /// What a mistake in each class costs, relative to the others.
    pub class_weights: [T; Emotion::COUNT],
    /// What a mistake costs.
    pub loss: LossConfig,
    /// What is left out at random.
    pub dropout: Dropout,
}

impl<T: Real> Batch<'_, T> {
    /// What the answer of a sequence adds to the loss of the batch, the probabilities, and the gradient with respect to the logits.
    fn loss_of(&self, index: usize, logits: [T; Emotion::COUNT]) -> (f64, [T; Emotion::COUNT], [T; Emotion::COUNT]) {
        let n = T::of(self.labels.len() as f64);
        let of_label = |label: usize, part: T| {
            let weight = self.class_weights[label] / n * part;
            let SequenceLoss { loss, probabilities, gradient } = self.loss.of(logits, label);
            (weight.widen() * loss.widen(), probabilities, gradient.map(|value| value * weight))
        };
        let Some(mixed) = self.mixed.get(index) else { return of_label(self.labels[index], T::one()) };
        let part = T::of(f64::from(mixed.part));
        let (loss, probabilities, gradient) = of_label(self.labels[index], T::one() - part);
        let (other_loss, _, other_gradient) = of_label(mixed.label, part);
        (loss + other_loss, probabilities, std::array::from_fn(|class| gradient[class] + other_gradient[class]))
    }
}

/// What a batch says about the parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchOutcome<T> {
    /// `Σ class_weights[label] loss / n_sequences`
    pub loss: f64,
    /// The L2 penalty that belongs to it.
    pub regularisation: f64,
    /// Gradients of `loss + regularisation`.
    pub gradients: Tensors<T>,
    /// For each sequence of the batch.
    pub probabilities: Vec<[T; Emotion::COUNT]>,
}

/// A whole sequence through the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace<T> {
    /// Outputs of the last layer after each step, `[steps, units]`.
    pub outputs: Array2<T>,
    /// Of the whole sequence.
    pub logits: [T; Emotion::COUNT],
}

/// A network with trainable parameters.
#[derive(Debug)]
pub struct Network<T> {
    config: NetworkConfig,
    /// What is trained, as [`NetworkConfig::parameter_shapes`] says.
    pub parameters: Tensors<T>,
    n_features: usize,
    open_at_zero: bool,
    workspaces: Mutex<Vec<Workspace<T>>>,
}

impl<T: Clone> Clone for Network<T> {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            parameters: self.parameters.clone(),
            n_features: self.n_features,
            open_at_zero: self.open_at_zero,
            workspaces: Mutex::default(),
        }
    }
}

impl<T: Real> Network<T> {
    /// A network with these parameters. The number of features is the number of inputs of the first layer.
    ///
    /// # Errors
    /// [`NetworkError`] names the first parameter that is not the network's.
    pub fn new(config: NetworkConfig, parameters: Tensors<T>) -> Result<Self, NetworkError> {
        // The first tensor of every cell has an entry or a row for each input.
        let n_features = parameters.iter().next().and_then(|tensor| tensor.shape.first().copied()).unwrap_or_default();
        check_shapes(&config.parameter_shapes(n_features), &parameters.shapes())?;
        Ok(Self { config, parameters, n_features, open_at_zero: false, workspaces: Mutex::default() })
    }

    /// A network with initial parameters as [`initial_parameters`] draws them.
    pub fn init(config: NetworkConfig, n_features: usize, tau: Option<TauInit>, rng: &mut impl Rng) -> Self {
        let parameters = initial_parameters(&config, n_features, tau, rng);
        Self { config, parameters, n_features, open_at_zero: false, workspaces: Mutex::default() }
    }

    /// Lets the gradient through the clip of the paper's cell where the state is exactly 0, as `torch.clamp` does. Keras' ReLU, which the paper uses, does
    /// not; nor does a network without this call. It makes a difference after digital silence only.
    #[must_use]
    pub fn with_gradient_at_zero(mut self) -> Self {
        self.open_at_zero = true;
        self
    }

    /// What is not trained.
    #[must_use]
    pub fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// Probabilities of each sequence, in the order of the network's outputs.
    ///
    /// # Errors
    /// [`NetworkError::Shape`] or [`NetworkError::Empty`] for a sequence that does not fit.
    pub fn predict(&self, sequences: &[ArrayView2<'_, T>]) -> Result<Vec<[T; Emotion::COUNT]>, NetworkError> {
        let groups = self.groups(sequences)?;
        let stack = self.stack();
        let results: Vec<_> = groups.par_iter().map(|group| self.logits_of_group(&stack, group)).collect();
        Ok(in_batch_order(&groups, results.into_iter().map(|logits| logits.into_iter().map(softmax).collect())))
    }

    /// Outputs and logits of one sequence.
    ///
    /// # Errors
    /// As [`Network::predict`].
    pub fn trace(&self, sequence: &ArrayView2<'_, T>) -> Result<Trace<T>, NetworkError> {
        let alone = [sequence.view()];
        let groups = self.groups(&alone)?;
        let stack = self.stack();
        self.with_workspace(&stack, |workspace| {
            stack.forward(groups[0].sequences(&groups[0].slices()), Dropout::default(), workspace);
            let (steps, units) = (sequence.nrows(), self.config.units);
            let outputs = stacked((0..steps).map(|step| workspace.output(units, step, 0)), steps, units);
            Ok(Trace { logits: self.logits(&self.pooled(workspace, 0).view()), outputs })
        })
    }

    /// Loss of a batch and its exact gradients.
    ///
    /// # Errors
    /// An input that does not fit, or a loss or gradient that is not finite, with the parameter's name.
    pub fn loss_and_gradients(&self, batch: &Batch<'_, T>, l2: f64) -> Result<BatchOutcome<T>, NetworkError> {
        check_labels(batch)?;
        let groups = self.groups(&batch.sequences)?;
        let stack = self.stack();
        let results: Vec<GroupResult<T>> = groups
            .par_iter()
            .map(|group| self.with_workspace(&stack, |workspace| self.learn_from_group(&stack, group, batch, workspace, None)))
            .collect();

        let mut gradients = parameters::zeros_like(&self.parameters);
        let mut loss = 0.0;
        for result in &results {
            parameters::add(&mut gradients, &result.gradients);
            loss += result.loss;
        }
        add_l2_gradient(&self.parameters, l2, &mut gradients);
        self.check_finite(batch, loss, &gradients)?;
        let regularisation = l2_penalty(&self.parameters, l2);
        let probabilities = in_batch_order(&groups, results.into_iter().map(|result| result.probabilities));
        Ok(BatchOutcome { loss, regularisation, gradients, probabilities })
    }

    /// Gradient of the loss with respect to every feature of every sequence: which moments of a recording mattered.
    ///
    /// # Errors
    /// As [`Network::predict`].
    pub fn input_gradients(&self, batch: &Batch<'_, T>) -> Result<Vec<Array2<T>>, NetworkError> {
        check_labels(batch)?;
        let groups = self.groups(&batch.sequences)?;
        let stack = self.stack();
        let results = groups.iter().map(|group| {
            self.with_workspace(&stack, |workspace| {
                let mut of_features = Vec::new();
                self.learn_from_group(&stack, group, batch, workspace, Some(&mut of_features));
                let rows = of_features.len() / group.sequences[0].nrows();
                let lanes = group.sequences.iter().enumerate();
                let gradients = lanes.map(|(lane, sequence)| {
                    let gradient = |(step, feature): (usize, usize)| of_features[step * rows + feature].0[lane];
                    Array2::from_shape_fn(sequence.dim(), gradient)
                });
                gradients.collect()
            })
        });
        Ok(in_batch_order(&groups, results.collect::<Vec<_>>()))
    }

    fn logits_of_group(&self, stack: &Stack<T>, group: &Group<'_, T>) -> Vec<[T; Emotion::COUNT]> {
        self.with_workspace(stack, |workspace| {
            stack.forward(group.sequences(&group.slices()), Dropout::default(), workspace);
            (0..group.sequences.len()).map(|lane| self.logits(&self.pooled(workspace, lane).view())).collect()
        })
    }

    /// Forward, loss and backward of one group.
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

        let mut gradients = parameters::zeros_like(&self.parameters);
        let mut pooled_gradient = vec![Lanes::zero(); workspace.pooled_rows()];
        let mut loss = 0.0;
        let mut probabilities = Vec::with_capacity(LANES);
        for (lane, index) in group.indices.iter().enumerate() {
            let pooled = self.pooled(workspace, lane);
            let (of_sequence, answer, of_logits) = batch.loss_of(*index, self.logits(&pooled.view()));
            loss += of_sequence;
            probabilities.push(answer);

            let of_logits = Array1::from_vec(of_logits.to_vec());
            let of_pooled = self.parameters.matrix(DENSE_KERNEL).dot(&of_logits);
            Workspace::set_pooled_gradient(&mut pooled_gradient, self.config.units, lane, of_pooled);
            for (mut gradients, pooled) in gradients.matrix_mut(DENSE_KERNEL).rows_mut().into_iter().zip(pooled) {
                gradients.scaled_add(pooled, &of_logits);
            }
            let mut of_bias = gradients.vector_mut(DENSE_BIAS);
            of_bias += &of_logits;
        }

        stack.backward(sequences, &pooled_gradient, workspace, of_features);
        stack.collect(workspace, &mut gradients);
        GroupResult { loss, probabilities, gradients }
    }

    fn stack(&self) -> Stack<T> {
        Stack::new(&self.config, &self.parameters, self.open_at_zero)
    }

    fn pooled(&self, workspace: &Workspace<T>, lane: usize) -> Array1<T> {
        workspace.pooled(self.config.units, lane).collect()
    }

    fn logits(&self, pooled: &ArrayView1<'_, T>) -> [T; Emotion::COUNT] {
        let logits = pooled.dot(&self.parameters.matrix(DENSE_KERNEL)) + self.parameters.vector(DENSE_BIAS);
        std::array::from_fn(|class| logits[class])
    }

    /// Cuts a batch into groups of similar length, the longest first; equal lengths keep their order.
    fn groups<'a>(&self, sequences: &'a [ArrayView2<'_, T>]) -> Result<Vec<Group<'a, T>>, NetworkError> {
        for (index, sequence) in sequences.iter().enumerate() {
            if sequence.ncols() != self.n_features {
                return Err(NetworkError::Shape {
                    name: format!("sequence {index} of the batch"),
                    expected: vec![sequence.nrows(), self.n_features],
                    found: sequence.shape().to_vec(),
                });
            }
            if sequence.nrows() == 0 {
                return Err(NetworkError::Empty { index });
            }
        }
        let mut order: Vec<usize> = (0..sequences.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(sequences[*index].nrows()));
        let group = |indices: &[usize]| Group {
            indices: indices.to_vec(),
            sequences: indices.iter().map(|index| sequences[*index].as_standard_layout()).collect(),
        };
        Ok(order.chunks(LANES).map(group).collect())
    }

    fn with_workspace<R>(&self, stack: &Stack<T>, f: impl FnOnce(&mut Workspace<T>) -> R) -> R {
        // INVARIANT: nothing panics while the lock is held.
        let pool = || self.workspaces.lock().expect("the pool is not poisoned");
        let reused = pool().pop();
        let mut workspace = reused.unwrap_or_else(|| stack.workspace());
        let result = f(&mut workspace);
        pool().push(workspace);
        result
    }

    /// Names what went wrong first: a parameter, then the input, then a gradient.
    fn check_finite(&self, batch: &Batch<'_, T>, loss: f64, gradients: &Tensors<T>) -> Result<(), NetworkError> {
        if let Some(parameter) = parameters::first_not_finite(&self.parameters) {
            return Err(NetworkError::NotFinite { quantity: Quantity::Value, parameter: parameter.to_owned() });
        }
        let gradient = parameters::first_not_finite(gradients);
        if loss.is_finite() && gradient.is_none() {
            return Ok(());
        }
        // A feature that is not finite always gets here: the gradients of the first layer's parameters are products with it.
        if let Some(index) = batch.sequences.iter().position(|sequence| !sequence.iter().all(|value| value.is_finite())) {
            return Err(NetworkError::Features { index });
        }
        let parameter = gradient.unwrap_or("loss").to_owned();
        Err(NetworkError::NotFinite { quantity: Quantity::Gradient, parameter })
    }
}

/// Sequences that are computed side by side.
struct Group<'a, T> {
    /// Positions in the batch.
    indices: Vec<usize>,
    sequences: Vec<CowArray<'a, T, Ix2>>,
}

impl<T> Group<'_, T> {
    fn slices(&self) -> Vec<&[T]> {
        // INVARIANT: `groups` made them row-major.
        self.sequences.iter().map(|sequence| sequence.as_slice().expect("sequences are row-major")).collect()
    }

    fn sequences<'a>(&'a self, features: &'a [&'a [T]]) -> Sequences<'a, T> {
        Sequences { features, places: &self.indices }
    }
}

struct GroupResult<T> {
    loss: f64,
    probabilities: Vec<[T; Emotion::COUNT]>,
    gradients: Tensors<T>,
}

/// Puts what was computed in groups back where it belongs.
fn in_batch_order<T, R>(groups: &[Group<'_, T>], results: impl IntoIterator<Item = Vec<R>>) -> Vec<R> {
    let mut indexed: Vec<(usize, R)> =
        groups.iter().zip(results).flat_map(|(group, results)| group.indices.iter().copied().zip(results)).collect();
    indexed.sort_by_key(|(index, _)| *index);
    indexed.into_iter().map(|(_, result)| result).collect()
}

fn stacked<T: Real, R: Iterator<Item = T>>(rows: impl Iterator<Item = R>, n_rows: usize, n_columns: usize) -> Array2<T> {
    // INVARIANT: the callers pass `n_rows` rows of `n_columns` values.
    Array2::from_shape_vec((n_rows, n_columns), rows.flatten().collect()).expect("every row is complete")
}

fn check_shapes(expected: &[(String, Vec<usize>)], found: &[(String, Vec<usize>)]) -> Result<(), NetworkError> {
    let names = |shapes: &[(String, Vec<usize>)]| shapes.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    if names(expected) != names(found) {
        let [expected, found] = [expected, found].map(|shapes| names(shapes).join(", "));
        return Err(NetworkError::Parameters { expected, found });
    }
    for ((name, expected), (_, found)) in expected.iter().zip(found) {
        if expected != found {
            let (expected, found) = (expected.clone(), found.clone());
            return Err(NetworkError::Shape { name: format!("parameter '{name}'"), expected, found });
        }
    }
    Ok(())
}

fn check_labels<T>(batch: &Batch<'_, T>) -> Result<(), NetworkError> {
    let expected = batch.sequences.len();
    let mixed: Vec<usize> = batch.mixed.iter().map(|mixed| mixed.label).collect();
    let fits = |labels: &[usize]| labels.len() == expected && labels.iter().all(|label| *label < Emotion::COUNT);
    if !fits(batch.labels) {
        return Err(NetworkError::Labels { expected, found: batch.labels.to_vec() });
    }
    if mixed.is_empty() || fits(&mixed) { Ok(()) } else { Err(NetworkError::Labels { expected, found: mixed }) }
}

#[cfg(test)]
mod tests;
