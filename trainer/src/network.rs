//! The paper's network for training: forward with a tape, and exact gradients by backpropagation through time.
//!
//! In: standardised features of sequences of any length, labels, class weights. Out: probabilities, loss and gradients. A batch is cut into
//! groups of sixteen sequences of similar length that are computed side by side, each to its own end: no padding reaches the network. The cut depends on
//! the batch alone and sums are taken in its order, so the result has the same bits for any number of threads.
//!
//! This module knows nothing of files, epochs or progress.

use std::sync::Mutex;

use moodline_core::Real;
use moodline_core::emotion::Emotion;
use moodline_core::ltc::{Carry, LtcConfig, LtcParameters};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, CowArray, Ix2};
use rand::Rng;
use rayon::prelude::*;

use crate::loss::{LossConfig, add_l2_gradient, l2_penalty, softmax};

mod cell;
mod initial;
mod lanes;
mod matrix;
pub mod parameters;
mod pass;

pub use initial::{TauInit, initial_parameters};

use cell::{Cell, Shape};
use lanes::{LANES, Lanes};
use pass::{Workspace, backward, forward};

/// Sequences that are learned from together.
#[derive(Clone, Debug)]
pub struct Batch<'a, T> {
    /// Standardised features, `[steps, n_features]` each; lengths may differ.
    pub sequences: Vec<ArrayView2<'a, T>>,
    /// The emotion of each sequence, an index in the order of the network's outputs.
    pub labels: &'a [usize],
    /// What a mistake in each class costs, relative to the others.
    pub class_weights: [T; Emotion::COUNT],
    /// What a mistake costs.
    pub loss: LossConfig,
}

/// What a batch says about the parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchOutcome<T> {
    /// `Σ class_weights[label] loss / n_sequences`
    pub loss: f64,
    /// The L2 penalty that belongs to it.
    pub regularisation: f64,
    /// Gradients of `loss + regularisation`.
    pub gradients: LtcParameters<T>,
    /// For each sequence of the batch.
    pub probabilities: Vec<[T; Emotion::COUNT]>,
}

/// A whole sequence through the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace<T> {
    /// What the readout would see after each step, `[steps, units]`.
    pub states: Array2<T>,
    /// Of the last step.
    pub logits: [T; Emotion::COUNT],
}

/// Where a number that is not finite was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// A parameter itself.
    Value,
    /// The gradient of a parameter.
    Gradient,
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Value => "value",
            Self::Gradient => "gradient",
        })
    }
}

/// Input the network cannot compute with, or a result nobody can learn from.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// An array has the wrong shape.
    #[error("network: {name} must have the shape {expected:?}, found {found:?}")]
    Shape {
        /// Parameter or input.
        name: String,
        /// Rows and columns.
        expected: Vec<usize>,
        /// Rows and columns.
        found: Vec<usize>,
    },
    /// A sequence without a single step.
    #[error("network: sequence {index} of the batch must have at least 1 step, found 0")]
    Empty {
        /// Position in the batch.
        index: usize,
    },
    /// A label that names no class, or too few or too many of them.
    #[error(
        "network: the batch must have one label below {} for each of its {expected} sequences, found {found:?}",
        Emotion::COUNT
    )]
    Labels {
        /// Sequences in the batch.
        expected: usize,
        /// The labels.
        found: Vec<usize>,
    },
    /// A feature that is NaN or infinite.
    #[error("network: the features of sequence {index} of the batch must be finite, found NaN or infinity")]
    Features {
        /// Position in the batch.
        index: usize,
    },
    /// A parameter or gradient that is NaN or infinite.
    #[error(
        "network: the {quantity} of parameter '{parameter}' must be finite, found NaN or infinity; try a lower learning rate"
    )]
    NotFinite {
        /// Which of the two.
        quantity: Quantity,
        /// Name of the parameter, or `loss`.
        parameter: &'static str,
    },
}

/// The paper's network with trainable parameters.
#[derive(Debug)]
pub struct LtcNetwork<T> {
    /// What is not trained.
    pub config: LtcConfig,
    /// What is.
    pub parameters: LtcParameters<T>,
    open_at_zero: bool,
    workspaces: Mutex<Vec<Workspace<T>>>,
}

impl<T: Clone> Clone for LtcNetwork<T> {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            parameters: self.parameters.clone(),
            open_at_zero: self.open_at_zero,
            workspaces: Mutex::default(),
        }
    }
}

impl<T: Real> LtcNetwork<T> {
    /// A network with these parameters.
    ///
    /// # Errors
    /// [`NetworkError::Shape`] names the first parameter whose shape does not follow from `config` and the rows of the kernel.
    pub fn new(config: LtcConfig, parameters: LtcParameters<T>) -> Result<Self, NetworkError> {
        let network = Self { config, parameters, open_at_zero: false, workspaces: Mutex::default() };
        network.check_parameters()?;
        Ok(network)
    }

    /// A network with initial parameters as [`initial_parameters`] draws them.
    pub fn init(config: LtcConfig, n_features: usize, tau: TauInit, rng: &mut impl Rng) -> Self {
        let parameters = initial_parameters(&config, n_features, tau, rng);
        Self { config, parameters, open_at_zero: false, workspaces: Mutex::default() }
    }

    /// Lets the gradient through the clip where the state is exactly 0, as `torch.clamp` does. Keras' ReLU, which the paper uses, does not; nor does
    /// a network without this call. It makes a difference after digital silence only.
    #[must_use]
    pub fn with_gradient_at_zero(mut self) -> Self {
        self.open_at_zero = true;
        self
    }

    /// Probabilities of each sequence, in the order of the network's outputs.
    ///
    /// # Errors
    /// [`NetworkError::Shape`] or [`NetworkError::Empty`] for a sequence that does not fit.
    pub fn predict(&self, sequences: &[ArrayView2<'_, T>]) -> Result<Vec<[T; Emotion::COUNT]>, NetworkError> {
        let groups = self.groups(sequences)?;
        let cell = Cell::new(&self.config, &self.parameters, self.open_at_zero);
        let results: Vec<_> = groups.par_iter().map(|group| self.logits_of_group(&cell, group)).collect();
        Ok(in_batch_order(&groups, results.into_iter().map(|logits| logits.into_iter().map(softmax).collect())))
    }

    /// States and logits of one sequence.
    ///
    /// # Errors
    /// As [`LtcNetwork::predict`].
    pub fn trace(&self, sequence: &ArrayView2<'_, T>) -> Result<Trace<T>, NetworkError> {
        let alone = [sequence.view()];
        let groups = self.groups(&alone)?;
        let cell = Cell::new(&self.config, &self.parameters, self.open_at_zero);
        self.with_workspace(|workspace| {
            forward(&cell, &groups[0].slices(), workspace);
            let steps = sequence.nrows();
            let carried: Array2<T> = stack((0..steps).map(|step| workspace.state_after(step, 0)), steps, self.config.units);
            let states = carried * ArrayView1::from(&cell.readout_gain);
            Ok(Trace { logits: self.logits(&states.row(steps - 1)), states })
        })
    }

    /// Loss of a batch and its exact gradients.
    ///
    /// # Errors
    /// An input that does not fit, or a loss or gradient that is not finite, with the parameter's name.
    pub fn loss_and_gradients(&self, batch: &Batch<'_, T>, l2: f64) -> Result<BatchOutcome<T>, NetworkError> {
        check_labels(batch)?;
        let groups = self.groups(&batch.sequences)?;
        let cell = Cell::new(&self.config, &self.parameters, self.open_at_zero);
        let results: Vec<GroupResult<T>> = groups
            .par_iter()
            .map(|group| self.with_workspace(|workspace| self.learn_from_group(&cell, group, batch, workspace)))
            .collect();

        let mut gradients = parameters::zeros(cell.shape.n_features, cell.shape.units);
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
    /// As [`LtcNetwork::predict`].
    pub fn input_gradients(&self, batch: &Batch<'_, T>) -> Result<Vec<Array2<T>>, NetworkError> {
        check_labels(batch)?;
        let groups = self.groups(&batch.sequences)?;
        let cell = Cell::new(&self.config, &self.parameters, self.open_at_zero);
        let results = groups.iter().map(|group| {
            self.with_workspace(|workspace| {
                self.learn_from_group(&cell, group, batch, workspace);
                let lanes = group.sequences.iter().enumerate();
                let gradients = lanes.map(|(lane, sequence)| {
                    let steps = sequence.nrows();
                    let rows = (0..steps).map(|step| workspace.projection_gradient(step, lane));
                    stack(rows, steps, self.config.units).dot(&self.parameters.kernel.t())
                });
                gradients.collect()
            })
        });
        Ok(in_batch_order(&groups, results.collect::<Vec<_>>()))
    }

    fn logits_of_group(&self, cell: &Cell<T>, group: &Group<'_, T>) -> Vec<[T; Emotion::COUNT]> {
        self.with_workspace(|workspace| {
            forward(cell, &group.slices(), workspace);
            (0..group.sequences.len()).map(|lane| self.logits(&readout_state(cell, workspace, lane).view())).collect()
        })
    }

    /// Forward, loss and backward of one group.
    fn learn_from_group(
        &self,
        cell: &Cell<T>,
        group: &Group<'_, T>,
        batch: &Batch<'_, T>,
        workspace: &mut Workspace<T>,
    ) -> GroupResult<T> {
        let slices = group.slices();
        forward(cell, &slices, workspace);

        let Shape { n_features, units, rows, .. } = cell.shape;
        let mut gradients = parameters::zeros(n_features, units);
        let mut readout_gain_gradient = Array1::zeros(units);
        let mut last_gradient = vec![Lanes::zero(); rows];
        let mut loss = 0.0;
        let mut probabilities = Vec::with_capacity(LANES);
        for (lane, index) in group.indices.iter().enumerate() {
            let label = batch.labels[*index];
            let weight = batch.class_weights[label] / T::of(batch.labels.len() as f64);
            let state = readout_state(cell, workspace, lane);
            let answer = batch.loss.of(self.logits(&state.view()), label);
            loss += weight.widen() * answer.loss.widen();
            probabilities.push(answer.probabilities);

            let of_logits = Array1::from_vec(answer.gradient.map(|value| value * weight).to_vec());
            let of_state = self.parameters.dense_kernel.dot(&of_logits);
            for (unit, carried) in workspace.last_state(lane).enumerate() {
                gradients.dense_kernel.row_mut(unit).scaled_add(state[unit], &of_logits);
                readout_gain_gradient[unit] += of_state[unit] * carried;
                last_gradient[unit].0[lane] = of_state[unit] * cell.readout_gain[unit];
            }
            gradients.dense_bias += &of_logits;
        }

        backward(cell, &slices, &last_gradient, workspace);
        self.collect_gradients(cell.shape, workspace, &readout_gain_gradient, &mut gradients);
        GroupResult { loss, probabilities, gradients }
    }

    /// Reduces the lanes of a workspace to gradients of the cell's parameters.
    fn collect_gradients(
        &self,
        shape: Shape,
        workspace: &Workspace<T>,
        readout_gain_gradient: &Array1<T>,
        gradients: &mut LtcParameters<T>,
    ) {
        let rate_gradient = workspace.rate_gradient().collect();
        gradients.tau = cell::tau_gradient(&self.config, &self.parameters.tau, &rate_gradient);
        let gain_gradient = match self.config.carry {
            Carry::Scaled => workspace.gain_gradient().collect(),
            Carry::Unscaled => readout_gain_gradient.clone(),
        };
        (gradients.c, gradients.g) = cell::gain_gradients(&self.config, &self.parameters, &gain_gradient);
        gradients.bias = workspace.bias_gradient().collect();
        gradients.kernel = Array2::from_shape_fn((shape.n_features, shape.units), |(i, k)| workspace.kernel_gradient(i, k));
        let recurrent = workspace.recurrent_gradient();
        gradients.recurrent_kernel =
            Array2::from_shape_fn((shape.units, shape.units), |(row, column)| recurrent[row * shape.rows + column].sum());
    }

    fn logits(&self, state: &ArrayView1<'_, T>) -> [T; Emotion::COUNT] {
        let logits = state.dot(&self.parameters.dense_kernel) + &self.parameters.dense_bias;
        std::array::from_fn(|class| logits[class])
    }

    /// Cuts a batch into groups of similar length, the longest first; equal lengths keep their order.
    fn groups<'a>(&self, sequences: &'a [ArrayView2<'_, T>]) -> Result<Vec<Group<'a, T>>, NetworkError> {
        let n_features = self.parameters.kernel.nrows();
        for (index, sequence) in sequences.iter().enumerate() {
            if sequence.ncols() != n_features {
                return Err(NetworkError::Shape {
                    name: format!("sequence {index} of the batch"),
                    expected: vec![sequence.nrows(), n_features],
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

    fn with_workspace<R>(&self, f: impl FnOnce(&mut Workspace<T>) -> R) -> R {
        let shape = Shape::new(&self.config, self.parameters.kernel.nrows());
        // INVARIANT: nothing panics while the lock is held.
        let pool = || self.workspaces.lock().expect("the pool is not poisoned");
        let reused = pool().pop().filter(|workspace| workspace.shape() == shape);
        let mut workspace = reused.unwrap_or_else(|| Workspace::new(shape));
        let result = f(&mut workspace);
        pool().push(workspace);
        result
    }

    fn check_parameters(&self) -> Result<(), NetworkError> {
        let (units, p) = (self.config.units, &self.parameters);
        let expected = parameters::zeros::<T>(p.kernel.nrows(), units);
        let shapes = |p: &LtcParameters<T>| {
            [
                ("kernel", p.kernel.shape().to_vec()),
                ("recurrent_kernel", p.recurrent_kernel.shape().to_vec()),
                ("bias", p.bias.shape().to_vec()),
                ("tau", p.tau.shape().to_vec()),
                ("c", p.c.shape().to_vec()),
                ("g", p.g.shape().to_vec()),
                ("dense_kernel", p.dense_kernel.shape().to_vec()),
                ("dense_bias", p.dense_bias.shape().to_vec()),
            ]
        };
        for ((name, found), (_, expected)) in shapes(p).into_iter().zip(shapes(&expected)) {
            if found != expected {
                return Err(NetworkError::Shape { name: format!("parameter '{name}'"), expected, found });
            }
        }
        Ok(())
    }

    /// Names what went wrong first: a parameter, then the input, then a gradient.
    fn check_finite(&self, batch: &Batch<'_, T>, loss: f64, gradients: &LtcParameters<T>) -> Result<(), NetworkError> {
        if let Some(parameter) = parameters::first_not_finite(&self.parameters) {
            return Err(NetworkError::NotFinite { quantity: Quantity::Value, parameter });
        }
        let gradient = parameters::first_not_finite(gradients);
        if loss.is_finite() && gradient.is_none() {
            return Ok(());
        }
        // A feature that is not finite always gets here: the gradient of the kernel is a product with it.
        if let Some(index) = batch.sequences.iter().position(|sequence| !sequence.iter().all(|value| value.is_finite())) {
            return Err(NetworkError::Features { index });
        }
        Err(NetworkError::NotFinite { quantity: Quantity::Gradient, parameter: gradient.unwrap_or("loss") })
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
}

struct GroupResult<T> {
    loss: f64,
    probabilities: Vec<[T; Emotion::COUNT]>,
    gradients: LtcParameters<T>,
}

/// What the readout sees of a sequence's last state.
fn readout_state<T: Real>(cell: &Cell<T>, workspace: &Workspace<T>, lane: usize) -> Array1<T> {
    workspace.last_state(lane).zip(&cell.readout_gain).map(|(state, gain)| state * *gain).collect()
}

/// Puts what was computed in groups back where it belongs.
fn in_batch_order<T, R>(groups: &[Group<'_, T>], results: impl IntoIterator<Item = Vec<R>>) -> Vec<R> {
    let mut indexed: Vec<(usize, R)> =
        groups.iter().zip(results).flat_map(|(group, results)| group.indices.iter().copied().zip(results)).collect();
    indexed.sort_by_key(|(index, _)| *index);
    indexed.into_iter().map(|(_, result)| result).collect()
}

fn stack<T: Real, R: Iterator<Item = T>>(rows: impl Iterator<Item = R>, n_rows: usize, n_columns: usize) -> Array2<T> {
    // INVARIANT: the callers pass `n_rows` rows of `n_columns` values.
    Array2::from_shape_vec((n_rows, n_columns), rows.flatten().collect()).expect("every row is complete")
}

fn check_labels<T>(batch: &Batch<'_, T>) -> Result<(), NetworkError> {
    let expected = batch.sequences.len();
    if batch.labels.len() == expected && batch.labels.iter().all(|label| *label < Emotion::COUNT) {
        return Ok(());
    }
    Err(NetworkError::Labels { expected, found: batch.labels.to_vec() })
}
