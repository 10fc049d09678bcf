//! Makes the models: corpora to features to a trained network to a checked ONNX file.
//!
//! In: manifests of labelled clips and a TOML configuration. Out: a run folder with checkpoints and metrics, and the model exported from it.
//! Everything after "mono PCM" is `moodline-core`, the same code the product runs; what was exported is evaluated through `moodline-engine`.
//! Imports nothing of the plugin.

// What is said goes through `console`, which survives a reader that went away.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod augment;
pub mod baselines;
pub mod cache;
pub mod card;
pub mod checkpoint;
pub mod cli;
pub mod config;
mod console;
pub mod corpus;
pub mod crossval;
pub mod dataset;
pub mod evaluate;
pub mod export;
pub mod files;
pub mod fit;
pub mod loss;
pub mod manifest;
pub mod metrics;
pub mod network;
pub mod optimiser;
pub mod parallel;
pub mod plot;
pub mod progress;
pub mod protocol;
mod published;
pub mod report;
pub mod robustness;
pub mod run;
pub mod run_folder;
pub mod run_log;
pub mod runs;
pub mod schedule;
pub mod stats;
pub mod sweep;
pub mod table;
pub mod tensorboard;
pub mod train;
pub mod wiring;
