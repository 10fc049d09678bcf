//! Everything that must be the same in the trainer and in the product: mono PCM to features, the model contract, and the
//! network's forward pass.
//!
//! In: mono samples at any rate, or the bytes of a model file. Out: features, probabilities, a checked [`contract::Contract`].
//! This crate is pure. It never touches files, threads, clocks, globals or `unsafe`, and imports nothing else of Moodline.
#![forbid(unsafe_code)]

pub mod config;
pub mod contract;
pub mod digest;
pub mod emotion;
pub mod fourier;
pub mod frontend;
mod mismatch;
pub mod network;
mod nodes;
mod normalisation;
pub mod onnx;
pub mod probabilities;
pub mod real;
pub mod resample;
pub mod samples;

pub use config::FrontEndConfig;
pub use contract::Contract;
pub use emotion::Emotion;
pub use mismatch::Mismatch;
pub use probabilities::Probabilities;
pub use real::Real;
