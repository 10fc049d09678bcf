//! Who trains the trials: the cores of this machine, or a cluster.

use super::SweepError;
use super::scoreboard::Scoreboard;
use super::trial::Job;
use crate::base::progress::Interrupt;

/// Brings trials to their halts.
pub(crate) trait Executor {
    /// Returns when every job has its record in the folder of the sweep. `board` is told what goes on.
    ///
    /// # Errors
    /// [`SweepError`] when a trial could not be brought there; those that were have their records.
    fn run(&mut self, jobs: &[Job<'_>], board: &Scoreboard<'_>, interrupt: &Interrupt) -> Result<(), SweepError>;
}
