//! Executors of trials: the cores of this machine, or a cluster.

use super::SweepError;
use super::scoreboard::Scoreboard;
use super::trial::Job;
use crate::base::progress::Interrupt;

/// Trains trials up to their halts.
pub(crate) trait Executor {
    /// Returns when every job has its record in the folder of the sweep. `board` is informed about the progress.
    ///
    /// # Errors
    /// [`SweepError`] if a trial did not get there; those that did have their records.
    fn run(&mut self, jobs: &[Job<'_>], board: &Scoreboard<'_>, interrupt: &Interrupt) -> Result<(), SweepError>;
}
