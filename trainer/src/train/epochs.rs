//! The shared loop over epochs. A run, an in-memory training and a trial of a sweep differ only in what they do between epochs.
//!
//! In: a [`Trainer`] and a [`Watch`]. Out: how the training ended; the result is in the trainer.

use std::ops::ControlFlow;

use crate::train::checkpoint::EpochRecord;
use crate::train::trainer::{BatchRecord, TrainError, Trainable, Trainer};

/// Called between batches and epochs; decides whether the training continues.
pub trait Watch<N: Trainable> {
    /// Why the training cannot continue.
    type Error: From<TrainError>;

    /// Before each epoch.
    fn before_epoch(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// After each batch. Breaking here discards the epoch.
    fn batch(&mut self, record: &BatchRecord) -> ControlFlow<()>;

    /// After each epoch.
    ///
    /// # Errors
    /// Anything that should end the training with an error, such as an epoch that cannot be stored.
    fn epoch(&mut self, trainer: &Trainer<'_, N>, record: &EpochRecord) -> Result<ControlFlow<()>, Self::Error>;
}

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is finished, or has reached the requested number of epochs.
    Done,
    /// The watch ended it between two epochs.
    Stopped,
    /// The watch ended it within an epoch: the network is in an intermediate state, and only the last checkpoint is usable.
    BrokenOff,
}

/// Trains until the last epoch, early stopping, `n_epochs` epochs in total, or until `watch` ends it.
///
/// # Errors
/// A value that is not finite, converted by the watch, or the watch's own error.
pub fn run_epochs<N: Trainable, W: Watch<N>>(
    trainer: &mut Trainer<'_, N>,
    n_epochs: usize,
    watch: &mut W,
) -> Result<End, W::Error> {
    while !trainer.finished() && trainer.epochs_done() < n_epochs {
        if watch.before_epoch().is_break() {
            return Ok(End::Stopped);
        }
        let Some(record) = trainer.epoch(&mut |batch| watch.batch(batch))? else { return Ok(End::BrokenOff) };
        if watch.epoch(trainer, &record)?.is_break() {
            return Ok(End::Stopped);
        }
    }
    Ok(End::Done)
}
