//! Studies: many training runs that answer one question.
//!
//! In: a configuration, a manifest and a plan (the folds of a protocol, the trials of a sweep). Out: `results.json` and tables, resumable and
//! identical for any number of threads. Imports all wings below it, but not reports, model cards or commands.

pub mod baselines;
pub mod crossval;
pub mod paper;
pub mod plan;
pub mod protocol;
pub mod sweep;
