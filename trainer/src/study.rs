//! Many trainings that answer one question.
//!
//! In: a configuration, a manifest and a plan (a protocol's folds, a sweep's trials). Out: `results.json` and tables, resumable, and the same for any number of
//! threads. Imports every wing below it, and nothing of reports, model cards or commands.

pub mod baselines;
pub mod crossval;
pub mod paper;
pub mod plan;
pub mod protocol;
pub mod sweep;
