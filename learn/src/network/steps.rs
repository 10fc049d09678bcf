//! Training on an answer at every step: the readout of each step's own outputs, its loss, and the gradients.
//!
//! In: sequences, and for each step its class where it is known. Out: probabilities of every step, loss, and exact gradients. The last layer is read
//! without pooling; everything before the readout belongs to the network.

use moodline_core::Real;
use moodline_core::emotion::Emotion;
use moodline_core::network::{DENSE_BIAS, DENSE_KERNEL, Tensors};
use ndarray::{Array2, ArrayView2};

use super::batch::{Group, check_finite, groups, in_batch_order};
use super::lanes::Lanes;
use super::stack::Workspace;
use super::{Dropout, Network, NetworkError, Precision};
use crate::loss::{LossConfig, add_l2_gradient, l2_penalty, softmax};
use crate::{parallel, parameters};

/// Sequences of one training step with labelled steps.
#[derive(Clone, Debug)]
pub struct StepBatch<'a, T> {
    /// Standardised features, `[steps, n_features]` each; lengths may differ.
    pub sequences: Vec<ArrayView2<'a, T>>,
    /// For each sequence, the class of every step, an index in the order of the network's outputs; none where it is unknown, which does not affect the loss.
    pub labels: Vec<&'a [Option<usize>]>,
    /// Weight of the loss of each class, relative to the others.
    pub class_weights: [T; Emotion::COUNT],
    /// The loss function.
    pub loss: LossConfig,
    /// The dropout.
    pub dropout: Dropout,
}

/// Loss and gradients of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct StepOutcome<T> {
    /// `Σ class_weights[label] loss / n_labelled_steps`; 0 where no step has a label.
    pub loss: f64,
    /// The corresponding L2 penalty.
    pub regularisation: f64,
    /// Gradients of `loss + regularisation`.
    pub gradients: Tensors<T>,
}

impl<T: Real> StepBatch<'_, T> {
    fn check(&self) -> Result<(), NetworkError> {
        let fits = |(sequence, labels): (&ArrayView2<'_, T>, &&[Option<usize>])| {
            labels.len() == sequence.nrows() && labels.iter().flatten().all(|label| *label < Emotion::COUNT)
        };
        let n = self.sequences.len().max(self.labels.len());
        let bad = (0..n).find(|&index| !self.sequences.get(index).zip(self.labels.get(index)).is_some_and(fits));
        bad.map_or(Ok(()), |index| Err(NetworkError::StepLabels { index }))
    }

    /// Share of a step of weight 1 in the loss.
    fn part_of_step(&self) -> T {
        let n_labelled = self.labels.iter().map(|labels| labels.iter().flatten().count()).sum::<usize>();
        T::of((n_labelled.max(1) as f64).recip())
    }
}

impl<T: Precision> Network<T> {
    /// Probabilities after each step of each sequence, `[steps, classes]`, in the order of the network's outputs.
    ///
    /// # Errors
    /// As [`Network::predict`].
    pub fn predict_steps(&self, sequences: &[ArrayView2<'_, T>]) -> Result<Vec<Array2<T>>, NetworkError> {
        T::predict_steps(self, sequences)
    }

    /// Loss of the steps of a batch and its exact gradients.
    ///
    /// # Errors
    /// An input that does not fit, or a non-finite loss or gradient, with the parameter's name.
    pub fn step_loss_and_gradients(&self, batch: &StepBatch<'_, T>, l2: f64) -> Result<StepOutcome<T>, NetworkError> {
        T::step_loss_and_gradients(self, batch, l2)
    }
}

impl<T: Real> Network<T> {
    pub(super) fn generic_predict_steps(&self, sequences: &[ArrayView2<'_, T>]) -> Result<Vec<Array2<T>>, NetworkError> {
        let groups = groups(sequences, self.n_features)?;
        let stack = self.stack();
        let results = parallel::map(&groups, |group| {
            self.with_workspace(&stack, |workspace| {
                stack.forward(group.sequences(&group.slices()), Dropout::default(), workspace);
                self.probabilities_of_steps(workspace, group)
            })
        });
        Ok(in_batch_order(&groups, results))
    }

    pub(super) fn generic_step_loss_and_gradients(
        &self,
        batch: &StepBatch<'_, T>,
        l2: f64,
    ) -> Result<StepOutcome<T>, NetworkError> {
        batch.check()?;
        let groups = groups(&batch.sequences, self.n_features)?;
        let (stack, part) = (self.stack(), batch.part_of_step());
        let results = parallel::map(&groups, |group| {
            self.with_workspace(&stack, |workspace| {
                let slices = group.slices();
                let sequences = group.sequences(&slices);
                stack.forward(sequences, batch.dropout, workspace);
                let mut gradients = parameters::zeros_like(&self.parameters);
                let loss = self.read_steps(workspace, batch, group, part, &mut gradients);
                stack.backward_layers(sequences, workspace, None);
                stack.collect_layers(workspace, &mut gradients);
                (loss, gradients)
            })
        });
        let (mut loss, mut gradients) = (0.0, parameters::zeros_like(&self.parameters));
        for (of_group, gradients_of_group) in &results {
            loss += of_group;
            parameters::add(&mut gradients, gradients_of_group);
        }
        add_l2_gradient(&self.parameters, l2, &mut gradients);
        check_finite(&self.parameters, &batch.sequences, loss, &gradients)?;
        Ok(StepOutcome { loss, regularisation: l2_penalty(&self.parameters, l2), gradients })
    }

    fn probabilities_of_steps(&self, workspace: &Workspace<T>, group: &Group<'_, T>) -> Vec<Array2<T>> {
        let readout = Readout::new(&self.parameters);
        let rows = workspace.output_rows();
        let mut of_lanes: Vec<Vec<T>> = group.sequences.iter().map(|_| Vec::new()).collect();
        let logits = T::vectorize(AllLogits { readout: &readout, rows, outputs: workspace.outputs() });
        for (step, logits) in logits.into_iter().enumerate() {
            for (lane, (values, sequence)) in of_lanes.iter_mut().zip(&group.sequences).enumerate() {
                if step < sequence.nrows() {
                    values.extend(softmax(logits.map(|class| class.0[lane])));
                }
            }
        }
        let whole = |(values, sequence): (Vec<T>, &ndarray::CowArray<'_, T, ndarray::Ix2>)| {
            // INVARIANT: a step gave a value for each class.
            Array2::from_shape_vec((sequence.nrows(), Emotion::COUNT), values).expect("every step is complete")
        };
        of_lanes.into_iter().zip(&group.sequences).map(whole).collect()
    }

    /// Readout and loss of all steps of a group. Writes the gradients of the readout and, in the workspace, those with respect to the outputs.
    fn read_steps(
        &self,
        workspace: &mut Workspace<T>,
        batch: &StepBatch<'_, T>,
        group: &Group<'_, T>,
        part: T,
        gradients: &mut Tensors<T>,
    ) -> f64 {
        let readout = Readout::new(&self.parameters);
        let rows = workspace.output_rows();
        let (outputs, of_outputs) = workspace.outputs_and_gradients();
        let labels: Vec<&[Option<usize>]> = group.indices.iter().map(|index| batch.labels[*index]).collect();
        let mut sums = Sums {
            loss: 0.0,
            kernel: vec![[Lanes::zero(); Emotion::COUNT]; readout.kernel.len()],
            bias: [Lanes::zero(); Emotion::COUNT],
        };
        T::vectorize(ReadSteps {
            readout: &readout,
            weights: batch.class_weights.map(|weight| weight * part),
            loss: batch.loss,
            labels: &labels,
            rows,
            outputs,
            of_outputs,
            sums: &mut sums,
        });
        let mut kernel = gradients.matrix_mut(DENSE_KERNEL);
        for (mut row, sums) in kernel.rows_mut().into_iter().zip(&sums.kernel) {
            row.iter_mut().zip(sums).for_each(|(to, sum)| *to = sum.sum());
        }
        gradients.vector_mut(DENSE_BIAS).iter_mut().zip(sums.bias).for_each(|(to, sum)| *to = sum.sum());
        sums.loss
    }
}

/// The readout in the layout used at run time.
struct Readout<T> {
    /// `[units][classes]`
    kernel: Vec<[T; Emotion::COUNT]>,
    bias: [T; Emotion::COUNT],
}

impl<T: Real> Readout<T> {
    fn new(parameters: &Tensors<T>) -> Self {
        let (kernel, bias) = (parameters.matrix(DENSE_KERNEL), parameters.vector(DENSE_BIAS));
        Self {
            kernel: kernel.rows().into_iter().map(|row| std::array::from_fn(|class| row[class])).collect(),
            bias: std::array::from_fn(|class| bias[class]),
        }
    }

    /// Logits from the outputs of one step, `[rows]`.
    #[inline(always)]
    fn logits(&self, outputs: &[Lanes<T>]) -> [Lanes<T>; Emotion::COUNT] {
        let mut logits = self.bias.map(Lanes::splat);
        for (output, weights) in outputs.iter().zip(&self.kernel) {
            for (logit, weight) in logits.iter_mut().zip(weights) {
                logit.add_scaled(*output, *weight);
            }
        }
        logits
    }
}

/// [`Readout::logits`] of all steps, to be compiled for each vector width.
struct AllLogits<'a, T> {
    readout: &'a Readout<T>,
    rows: usize,
    /// `[steps][rows]`
    outputs: &'a [Lanes<T>],
}

impl<T: Real> pulp::WithSimd for AllLogits<'_, T> {
    type Output = Vec<[Lanes<T>; Emotion::COUNT]>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Self::Output {
        self.outputs.chunks_exact(self.rows).map(|outputs| self.readout.logits(outputs)).collect()
    }
}

/// Sums over the steps of a group.
struct Sums<T> {
    loss: f64,
    /// `[units][classes]`
    kernel: Vec<[Lanes<T>; Emotion::COUNT]>,
    bias: [Lanes<T>; Emotion::COUNT],
}

/// [`Network::read_steps`], to be compiled for each vector width.
struct ReadSteps<'a, T> {
    readout: &'a Readout<T>,
    /// Weight of a step of each class.
    weights: [T; Emotion::COUNT],
    loss: LossConfig,
    /// Labels of the sequences in the lanes.
    labels: &'a [&'a [Option<usize>]],
    rows: usize,
    /// `[steps][rows]`
    outputs: &'a [Lanes<T>],
    of_outputs: &'a mut Vec<Lanes<T>>,
    sums: &'a mut Sums<T>,
}

impl<T: Real> pulp::WithSimd for ReadSteps<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        let Self { readout, weights: of_classes, loss, labels, rows, outputs, of_outputs, sums } = self;
        of_outputs.clear();
        of_outputs.resize(outputs.len(), Lanes::zero());
        let steps = outputs.chunks_exact(rows).zip(of_outputs.chunks_exact_mut(rows));
        for (step, (outputs, of_outputs)) in steps.enumerate() {
            let logits = readout.logits(outputs);
            let mut of_logits = [Lanes::zero(); Emotion::COUNT];
            for (lane, labels) in labels.iter().enumerate() {
                let Some(&Some(label)) = labels.get(step) else { continue };
                let weight = of_classes[label];
                let answer = loss.of(logits.map(|logit| logit.0[lane]), label);
                sums.loss += weight.widen() * answer.loss.widen();
                for (of_logit, gradient) in of_logits.iter_mut().zip(answer.gradient) {
                    of_logit.0[lane] = gradient * weight;
                }
            }
            for (((output, of_output), weights), sums) in
                outputs.iter().zip(of_outputs).zip(&readout.kernel).zip(&mut sums.kernel)
            {
                for class in 0..Emotion::COUNT {
                    of_output.add_scaled(of_logits[class], weights[class]);
                    // After its end a sequence keeps computing, but has no gradient.
                    sums[class].add_product(*output, of_logits[class]);
                }
            }
            for (sum, of_logit) in sums.bias.iter_mut().zip(of_logits) {
                *sum = sum.plus(of_logit);
            }
        }
    }
}
