//! The one loop over epochs. A run, a training in memory and a trial of a sweep differ only in what they do between epochs.
//!
//! In: a [`Trainer`] and a [`Watch`]. Out: how it ended; what was trained is in the trainer.

use std::ops::ControlFlow;

use crate::train::checkpoint::EpochRecord;
use crate::train::trainer::{BatchRecord, TrainError, Trainable, Trainer};

/// What is done between batches and epochs, and whether the training goes on.
pub trait Watch<N: Trainable> {
    /// Why the training cannot go on.
    type Error: From<TrainError>;

    /// Before each epoch.
    fn before_epoch(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// After each batch. To break here costs the epoch.
    fn batch(&mut self, record: &BatchRecord) -> ControlFlow<()>;

    /// After each epoch.
    ///
    /// # Errors
    /// What is to end the training with an error, such as an epoch that cannot be stored.
    fn epoch(&mut self, trainer: &Trainer<'_, N>, record: &EpochRecord) -> Result<ControlFlow<()>, Self::Error>;
}

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is finished, or has as many epochs as were asked for.
    Done,
    /// The watch ended it between two epochs.
    Stopped,
    /// The watch ended it within an epoch: the network is in the middle of it, and only the last checkpoint is of use.
    BrokenOff,
}

/// Trains until the last epoch, early stopping, `n_epochs` epochs in all, or until `watch` ends it.
///
/// # Errors
/// What the watch made of a number that is not finite, or its own.
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
