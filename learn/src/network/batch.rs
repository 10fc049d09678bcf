//! The common part of both kinds of networks: the groups of a batch, the readout with its loss, and the sum over all groups.
//!
//! In: a [`Batch`], and for each group the pooled outputs of its sequences. Out: a [`BatchOutcome`]. The part from the features to the pooled outputs is
//! specific to the network.

use moodline_core::Real;
use moodline_core::emotion::Emotion;
use moodline_core::network::{DENSE_BIAS, DENSE_KERNEL, Tensors};
use ndarray::{Array1, ArrayView1, ArrayView2, CowArray, Ix2};

use super::dropout::Dropout;
use super::error::{NetworkError, Quantity};
use super::lanes::LANES;
use super::stack::Sequences;
use crate::loss::{LossConfig, Mixed, SequenceLoss, add_l2_gradient, l2_penalty};
use crate::parameters::{self, first_not_finite};

/// Sequences of one training step.
#[derive(Clone, Debug)]
pub struct Batch<'a, T> {
    /// Standardised features, `[steps, n_features]` each; lengths may differ.
    pub sequences: Vec<ArrayView2<'a, T>>,
    /// The emotion of each sequence, an index in the order of the network's outputs.
    pub labels: &'a [usize],
    /// The second emotion of each sequence if they mix two; otherwise empty.
    pub mixed: &'a [Mixed],
    /// Weight of the loss of each class, relative to the others.
    pub class_weights: [T; Emotion::COUNT],
    /// The loss function.
    pub loss: LossConfig,
    /// The dropout.
    pub dropout: Dropout,
}

impl<T: Real> Batch<'_, T> {
    /// Contribution of a sequence to the loss of the batch, its probabilities, and the gradient with respect to the logits.
    pub(super) fn loss_of(&self, index: usize, logits: [T; Emotion::COUNT]) -> (f64, [T; Emotion::COUNT], [T; Emotion::COUNT]) {
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

/// Loss, gradients and probabilities of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchOutcome<T> {
    /// `Σ class_weights[label] loss / n_sequences`
    pub loss: f64,
    /// The corresponding L2 penalty.
    pub regularisation: f64,
    /// Gradients of `loss + regularisation`.
    pub gradients: Tensors<T>,
    /// For each sequence of the batch.
    pub probabilities: Vec<[T; Emotion::COUNT]>,
}

impl<T: Real> BatchOutcome<T> {
    /// Sums the results of the groups of a batch in their order.
    ///
    /// # Errors
    /// [`NetworkError`] for a non-finite loss or gradient, with its name.
    pub(super) fn of(
        parameters: &Tensors<T>,
        batch: &Batch<'_, T>,
        groups: &[Group<'_, T>],
        results: Vec<GroupResult<T>>,
        l2: f64,
    ) -> Result<Self, NetworkError> {
        let mut gradients = parameters::zeros_like(parameters);
        let mut loss = 0.0;
        for result in &results {
            parameters::add(&mut gradients, &result.gradients);
            loss += result.loss;
        }
        add_l2_gradient(parameters, l2, &mut gradients);
        check_finite(parameters, &batch.sequences, loss, &gradients)?;
        let probabilities = in_batch_order(groups, results.into_iter().map(|result| result.probabilities));
        Ok(Self { loss, regularisation: l2_penalty(parameters, l2), gradients, probabilities })
    }
}

/// Sequences that are computed in parallel.
pub(super) struct Group<'a, T> {
    /// Positions in the batch.
    pub(super) indices: Vec<usize>,
    pub(super) sequences: Vec<CowArray<'a, T, Ix2>>,
}

impl<T> Group<'_, T> {
    pub(super) fn slices(&self) -> Vec<&[T]> {
        // INVARIANT: `groups` made them row-major.
        self.sequences.iter().map(|sequence| sequence.as_slice().expect("sequences are row-major")).collect()
    }

    pub(super) fn sequences<'a>(&'a self, features: &'a [&'a [T]]) -> Sequences<'a, T> {
        Sequences { features, places: &self.indices }
    }
}

/// Loss, gradients and probabilities of a group.
pub(super) struct GroupResult<T> {
    pub(super) loss: f64,
    pub(super) probabilities: Vec<[T; Emotion::COUNT]>,
    pub(super) gradients: Tensors<T>,
}

/// Restores the order of the batch in results that were computed by groups.
pub(super) fn in_batch_order<T, R>(groups: &[Group<'_, T>], results: impl IntoIterator<Item = Vec<R>>) -> Vec<R> {
    let mut indexed: Vec<(usize, R)> =
        groups.iter().zip(results).flat_map(|(group, results)| group.indices.iter().copied().zip(results)).collect();
    indexed.sort_by_key(|(index, _)| *index);
    indexed.into_iter().map(|(_, result)| result).collect()
}

/// Divides a batch into groups of similar length, the longest first; sequences of equal length keep their order.
pub(super) fn groups<'a, T: Real>(
    sequences: &'a [ArrayView2<'_, T>],
    n_features: usize,
) -> Result<Vec<Group<'a, T>>, NetworkError> {
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

/// The readout of the pooled outputs of a sequence.
pub(super) fn logits<T: Real>(parameters: &Tensors<T>, pooled: &ArrayView1<'_, T>) -> [T; Emotion::COUNT] {
    let logits = pooled.dot(&parameters.matrix(DENSE_KERNEL)) + parameters.vector(DENSE_BIAS);
    std::array::from_fn(|class| logits[class])
}

/// Readout and loss of a group, and the gradients with respect to the pooled outputs of its sequences. Only the gradients of the readout's parameters are set.
pub(super) fn learn_readout<T: Real>(
    parameters: &Tensors<T>,
    batch: &Batch<'_, T>,
    indices: &[usize],
    pooled: Vec<Array1<T>>,
) -> (GroupResult<T>, Vec<Array1<T>>) {
    let (loss, probabilities) = (0.0, Vec::with_capacity(indices.len()));
    let mut result = GroupResult { loss, probabilities, gradients: parameters::zeros_like(parameters) };
    let mut of_pooled = Vec::with_capacity(indices.len());
    for (index, pooled) in indices.iter().zip(pooled) {
        let (of_sequence, answer, of_logits) = batch.loss_of(*index, logits(parameters, &pooled.view()));
        result.loss += of_sequence;
        result.probabilities.push(answer);

        let of_logits = Array1::from_vec(of_logits.to_vec());
        of_pooled.push(parameters.matrix(DENSE_KERNEL).dot(&of_logits));
        for (mut gradients, pooled) in result.gradients.matrix_mut(DENSE_KERNEL).rows_mut().into_iter().zip(pooled) {
            gradients.scaled_add(pooled, &of_logits);
        }
        let mut of_bias = result.gradients.vector_mut(DENSE_BIAS);
        of_bias += &of_logits;
    }
    (result, of_pooled)
}

/// Reports the first non-finite value: in a parameter, then in the input, then in a gradient.
pub(super) fn check_finite<T: Real>(
    parameters: &Tensors<T>,
    sequences: &[ArrayView2<'_, T>],
    loss: f64,
    gradients: &Tensors<T>,
) -> Result<(), NetworkError> {
    if let Some(parameter) = first_not_finite(parameters) {
        return Err(NetworkError::NotFinite { quantity: Quantity::Value, parameter: parameter.to_owned() });
    }
    let gradient = first_not_finite(gradients);
    if loss.is_finite() && gradient.is_none() {
        return Ok(());
    }
    // A non-finite feature always gets here: the gradients of the first layer's parameters are products with it.
    if let Some(index) = sequences.iter().position(|sequence| !sequence.iter().all(|value| value.is_finite())) {
        return Err(NetworkError::Features { index });
    }
    let parameter = gradient.unwrap_or("loss").to_owned();
    Err(NetworkError::NotFinite { quantity: Quantity::Gradient, parameter })
}

/// Names the first tensor that differs from what is expected.
pub(super) fn check_shapes(expected: &[(String, Vec<usize>)], found: &[(String, Vec<usize>)]) -> Result<(), NetworkError> {
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

pub(super) fn check_labels<T>(batch: &Batch<'_, T>) -> Result<(), NetworkError> {
    let expected = batch.sequences.len();
    let mixed: Vec<usize> = batch.mixed.iter().map(|mixed| mixed.label).collect();
    let fits = |labels: &[usize]| labels.len() == expected && labels.iter().all(|label| *label < Emotion::COUNT);
    if !fits(batch.labels) {
        return Err(NetworkError::Labels { expected, found: batch.labels.to_vec() });
    }
    if mixed.is_empty() || fits(&mixed) { Ok(()) } else { Err(NetworkError::Labels { expected, found: mixed }) }
}
