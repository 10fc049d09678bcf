//! The numbers that networks compute with, and the functions that are compiled for them in this crate.

use moodline_core::Real;
use moodline_core::emotion::Emotion;
use ndarray::{Array2, ArrayView2};

use super::{Batch, BatchOutcome, CnnBilstm, Network, NetworkError, StepBatch, StepOutcome, Trace};

/// `f32` (used for training) or `f64` (used to check the mathematics).
///
/// A generic function is compiled in the crate that calls it, once for every such crate and with that crate's optimisation. These functions are not generic, so
/// that cells, layers and their gradients are compiled here alone. Call the methods of [`Network`] and [`CnnBilstm`].
pub trait Precision: Real {
    #[doc(hidden)]
    fn predict(network: &Network<Self>, sequences: &[ArrayView2<'_, Self>]) -> Result<Vec<[Self; Emotion::COUNT]>, NetworkError>;

    #[doc(hidden)]
    fn loss(network: &Network<Self>, batch: &Batch<'_, Self>) -> Result<f64, NetworkError>;

    #[doc(hidden)]
    fn loss_and_gradients(network: &Network<Self>, batch: &Batch<'_, Self>, l2: f64) -> Result<BatchOutcome<Self>, NetworkError>;

    #[doc(hidden)]
    fn predict_steps(network: &Network<Self>, sequences: &[ArrayView2<'_, Self>]) -> Result<Vec<Array2<Self>>, NetworkError>;

    #[doc(hidden)]
    fn step_loss_and_gradients(
        network: &Network<Self>,
        batch: &StepBatch<'_, Self>,
        l2: f64,
    ) -> Result<StepOutcome<Self>, NetworkError>;

    #[doc(hidden)]
    fn trace(network: &Network<Self>, sequence: &ArrayView2<'_, Self>) -> Result<Trace<Self>, NetworkError>;

    #[doc(hidden)]
    fn input_gradients(network: &Network<Self>, batch: &Batch<'_, Self>) -> Result<Vec<Array2<Self>>, NetworkError>;

    #[doc(hidden)]
    fn predict_cnn(
        network: &CnnBilstm<Self>,
        sequences: &[ArrayView2<'_, Self>],
    ) -> Result<Vec<[Self; Emotion::COUNT]>, NetworkError>;

    #[doc(hidden)]
    fn cnn_loss_and_gradients(
        network: &CnnBilstm<Self>,
        batch: &Batch<'_, Self>,
        l2: f64,
    ) -> Result<BatchOutcome<Self>, NetworkError>;
}

macro_rules! precision {
    ($number:ty) => {
        // Inlined elsewhere, they would be compiled there.
        impl Precision for $number {
            #[inline(never)]
            fn predict(
                network: &Network<Self>,
                sequences: &[ArrayView2<'_, Self>],
            ) -> Result<Vec<[Self; Emotion::COUNT]>, NetworkError> {
                network.generic_predict(sequences)
            }

            #[inline(never)]
            fn loss(network: &Network<Self>, batch: &Batch<'_, Self>) -> Result<f64, NetworkError> {
                network.generic_loss(batch)
            }

            #[inline(never)]
            fn loss_and_gradients(
                network: &Network<Self>,
                batch: &Batch<'_, Self>,
                l2: f64,
            ) -> Result<BatchOutcome<Self>, NetworkError> {
                network.generic_loss_and_gradients(batch, l2)
            }

            #[inline(never)]
            fn predict_steps(
                network: &Network<Self>,
                sequences: &[ArrayView2<'_, Self>],
            ) -> Result<Vec<Array2<Self>>, NetworkError> {
                network.generic_predict_steps(sequences)
            }

            #[inline(never)]
            fn step_loss_and_gradients(
                network: &Network<Self>,
                batch: &StepBatch<'_, Self>,
                l2: f64,
            ) -> Result<StepOutcome<Self>, NetworkError> {
                network.generic_step_loss_and_gradients(batch, l2)
            }

            #[inline(never)]
            fn trace(network: &Network<Self>, sequence: &ArrayView2<'_, Self>) -> Result<Trace<Self>, NetworkError> {
                network.generic_trace(sequence)
            }

            #[inline(never)]
            fn input_gradients(network: &Network<Self>, batch: &Batch<'_, Self>) -> Result<Vec<Array2<Self>>, NetworkError> {
                network.generic_input_gradients(batch)
            }

            #[inline(never)]
            fn predict_cnn(
                network: &CnnBilstm<Self>,
                sequences: &[ArrayView2<'_, Self>],
            ) -> Result<Vec<[Self; Emotion::COUNT]>, NetworkError> {
                network.generic_predict(sequences)
            }

            #[inline(never)]
            fn cnn_loss_and_gradients(
                network: &CnnBilstm<Self>,
                batch: &Batch<'_, Self>,
                l2: f64,
            ) -> Result<BatchOutcome<Self>, NetworkError> {
                network.generic_loss_and_gradients(batch, l2)
            }
        }
    };
}

precision!(f32);
precision!(f64);
