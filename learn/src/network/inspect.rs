//! Inspection of a network: the outputs of its layers at every step, and the features a loss depends on. Not needed for training.

use moodline_core::Real;
use moodline_core::emotion::Emotion;
use ndarray::{Array2, ArrayView2};

use super::batch::{self, check_labels, groups, in_batch_order};
use super::{Batch, Dropout, Network, NetworkError, Precision};

/// The outputs of a network for a whole sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace<T> {
    /// Outputs of the last layer after each step, `[steps, units]`.
    pub outputs: Array2<T>,
    /// Logits of the whole sequence.
    pub logits: [T; Emotion::COUNT],
}

impl<T: Precision> Network<T> {
    /// Outputs and logits of one sequence.
    ///
    /// # Errors
    /// As [`Network::predict`].
    pub fn trace(&self, sequence: &ArrayView2<'_, T>) -> Result<Trace<T>, NetworkError> {
        T::trace(self, sequence)
    }

    /// Gradient of the loss with respect to every feature of every sequence, which shows the moments of a recording that mattered.
    ///
    /// # Errors
    /// As [`Network::predict`].
    pub fn input_gradients(&self, batch: &Batch<'_, T>) -> Result<Vec<Array2<T>>, NetworkError> {
        T::input_gradients(self, batch)
    }
}

impl<T: Real> Network<T> {
    pub(super) fn generic_trace(&self, sequence: &ArrayView2<'_, T>) -> Result<Trace<T>, NetworkError> {
        let alone = [sequence.view()];
        let groups = groups(&alone, self.n_features)?;
        let stack = self.stack();
        self.with_workspace(&stack, |workspace| {
            stack.forward(groups[0].sequences(&groups[0].slices()), Dropout::default(), workspace);
            let (steps, units) = (sequence.nrows(), self.config.units);
            let outputs = stacked((0..steps).map(|step| workspace.output(units, step, 0)), steps, units);
            Ok(Trace { logits: batch::logits(&self.parameters, &self.pooled(workspace, 0).view()), outputs })
        })
    }

    pub(super) fn generic_input_gradients(&self, batch: &Batch<'_, T>) -> Result<Vec<Array2<T>>, NetworkError> {
        check_labels(batch)?;
        let groups = groups(&batch.sequences, self.n_features)?;
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
}

fn stacked<T: Real, R: Iterator<Item = T>>(rows: impl Iterator<Item = R>, n_rows: usize, n_columns: usize) -> Array2<T> {
    // INVARIANT: the callers pass `n_rows` rows of `n_columns` values.
    Array2::from_shape_vec((n_rows, n_columns), rows.flatten().collect()).expect("every row is complete")
}
