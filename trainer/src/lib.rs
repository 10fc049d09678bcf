//! Creates the models: from corpora to features, to a trained network, to a verified ONNX file.
//!
//! In: manifests of labelled clips and a TOML configuration. Out: a run folder with checkpoints and metrics, and the model exported from it.
//! Everything after "mono PCM" is `moodline-core`, the same code the product runs; the mathematics of training is in `moodline-learn`; exported
//! models are evaluated through `moodline-engine`. Imports nothing from the plugin.

// Output goes through `console`, which tolerates a closed pipe.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod base;
pub mod cli;
pub mod data;
pub mod measure;
pub mod publish;
pub mod study;
pub mod train;
