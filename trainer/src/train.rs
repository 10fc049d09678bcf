//! A single training run, from its configuration to a model file.
//!
//! In: a [`TrainConfig`](config::TrainConfig) and a dataset or manifests. Out: a network in memory, a run folder with checkpoints, an ONNX file.
//! Imports [`base`](crate::base), [`data`](crate::data) and [`measure`](crate::measure); which runs are compared and what is published is decided at
//! a higher level.

pub mod checkpoint;
pub mod config;
pub mod epochs;
pub mod export;
pub(crate) mod familiarity;
pub mod fit;
pub mod run;
pub mod speech;
pub mod tensorboard;
pub mod trainer;
