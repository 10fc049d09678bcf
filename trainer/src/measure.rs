//! How well a model answers.
//!
//! In: answers and labels, or a model file and a manifest. Out: confusion matrix, UAR with its interval, calibration, per speaker and on worse recordings,
//! and their figures. Imports [`base`](crate::base) and [`data`](crate::data); how a model came about is not known here.

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
