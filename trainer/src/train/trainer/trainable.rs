//! What the training loop requires of a network.

use moodline_core::Emotion;
use moodline_core::network::Tensors;
use moodline_learn::network::{Batch, BatchOutcome, CnnBilstm, Network, NetworkError};
use ndarray::ArrayView2;

/// A network that a [`super::Trainer`] can train.
pub trait Trainable: Sized {
    /// The trained parameters.
    fn parameters(&self) -> &Tensors<f32>;

    /// The trained parameters, mutable.
    fn parameters_mut(&mut self) -> &mut Tensors<f32>;

    /// The same network with other parameters.
    ///
    /// # Errors
    /// [`NetworkError`] naming the first parameter that does not belong to the network.
    fn with_parameters(&self, parameters: Tensors<f32>) -> Result<Self, NetworkError>;

    /// Probabilities of each sequence, in [`Emotion::ALL`] order.
    ///
    /// # Errors
    /// [`NetworkError`] for a sequence that does not fit the network.
    fn predict(&self, sequences: &[ArrayView2<'_, f32>]) -> Result<Vec<[f32; Emotion::COUNT]>, NetworkError>;

    /// Loss of a batch and its exact gradients.
    ///
    /// # Errors
    /// [`NetworkError`]: an input that does not fit, or a value that is not finite.
    fn loss_and_gradients(&self, batch: &Batch<'_, f32>, l2: f64) -> Result<BatchOutcome<f32>, NetworkError>;
}

/// Both networks have inherent methods with these names.
macro_rules! trainable {
    ($network:ty) => {
        impl Trainable for $network {
            fn parameters(&self) -> &Tensors<f32> {
                &self.parameters
            }

            fn parameters_mut(&mut self) -> &mut Tensors<f32> {
                &mut self.parameters
            }

            fn with_parameters(&self, parameters: Tensors<f32>) -> Result<Self, NetworkError> {
                self.with_parameters(parameters)
            }

            fn predict(&self, sequences: &[ArrayView2<'_, f32>]) -> Result<Vec<[f32; Emotion::COUNT]>, NetworkError> {
                self.predict(sequences)
            }

            fn loss_and_gradients(&self, batch: &Batch<'_, f32>, l2: f64) -> Result<BatchOutcome<f32>, NetworkError> {
                self.loss_and_gradients(batch, l2)
            }
        }
    };
}

trainable!(Network<f32>);
trainable!(CnnBilstm<f32>);
