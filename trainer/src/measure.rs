//! Evaluation of models.
//!
//! In: predictions and labels, or a model file and a manifest. Out: confusion matrix, UAR with its interval, calibration, results per speaker and on
//! degraded recordings, and their figures. Imports [`base`](crate::base) and [`data`](crate::data); knows nothing about training.

mod confusion;
pub mod evaluate;
pub(crate) mod latency;
pub mod metrics;
mod reliability;
pub mod robustness;
pub mod speech;
pub mod streams;

pub use confusion::ConfusionFigure;
pub use reliability::Reliability;
