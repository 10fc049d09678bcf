//! From mono PCM to the probabilities of four emotions, as pure functions: resampling, features, the network, and the model file that configures them.
//!
//! In: mono samples at any rate, and the bytes of a model file. Out: features, probabilities, a checked [`Contract`]. Training and inference share this crate,
//! so both process audio in exactly the same way. It never touches files, threads, clocks, globals or `unsafe`.
//!
//! # From the bytes of a model to probabilities
//!
//! ```
//! use moodline_core::frontend::{BlockFeatures, features};
//! use moodline_core::network::CommitteeKernel;
//! use moodline_core::resample::Resampler;
//! use moodline_core::{Probabilities, onnx};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/liquid-1/model.onnx");
//! # let recording: Vec<f32> = (0..240_000).map(|i| 0.1 * (0.02 * i as f32).sin()).collect();
//! // Everything that affects a result is in the file and was checked when it was read.
//! let model = onnx::read(&std::fs::read(path)?)?;
//! let contract = &model.contract;
//!
//! // 5 s at 48 kHz become 5 s at the model's rate, then one row of features per step.
//! let mut resampler = Resampler::new(48_000, contract.front_end.sample_rate)?;
//! let mut samples = Vec::new();
//! let mut collect = |resampled: &[f32]| samples.extend_from_slice(resampled);
//! resampler.push(&recording, &mut collect)?;
//! resampler.finish(&mut collect);
//! let steps = features(&contract.front_end, &samples)?;
//!
//! // Values relative to the block are computed just before the network.
//! let mut block = BlockFeatures::new(&contract.front_end);
//! let seen = block.of(steps.as_slice().expect("rows one after the other"));
//! let mut kernel = CommitteeKernel::new(&contract.networks, &model.weights);
//! let mut state = vec![0.0; contract.networks.state_size()];
//! let probabilities = Probabilities::softmax(kernel.run(seen, &mut state))?;
//!
//! // The network outputs follow the order of the contract's labels.
//! for (emotion, probability) in contract.labels.iter().zip(probabilities.as_array()) {
//!     println!("{emotion}: {probability:.2}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # A stream
//!
//! [`frontend::FrontEnd`] and [`resample::Resampler`] take samples in pieces of any length and give the same bits as for the whole; once created, neither they
//! nor [`network::CommitteeKernel`] allocate, so they may run on a real-time audio thread.
//!
//! ```
//! use moodline_core::FrontEndConfig;
//! use moodline_core::frontend::{FrontEnd, features};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = FrontEndConfig::speech_25_10();
//! let samples: Vec<f32> = (0..16_000).map(|i| (0.05 * i as f32).sin()).collect();
//!
//! let mut front_end = FrontEnd::new(&config)?;
//! let mut streamed = Vec::new();
//! for piece in samples.chunks(333) {
//!     front_end.push(piece, &mut |step: &[f32]| streamed.extend_from_slice(step))?;
//! }
//! front_end.finish(&mut |step: &[f32]| streamed.extend_from_slice(step));
//!
//! assert_eq!(streamed, features(&config, &samples)?.into_iter().collect::<Vec<f32>>());
//! # Ok(())
//! # }
//! ```
//!
//! # Where to look
//!
//! | you have | you want | look at |
//! |---|---|---|
//! | samples at any rate | samples at another | [`resample`] |
//! | samples at the model's rate | librosa's MFCC with derivatives, pitch, voicing, level | [`frontend`], [`config`] |
//! | features | logits | [`network`] |
//! | the bytes of a file | a checked model | [`onnx`], [`contract`] |
//! | features of a block | whether the model was trained on similar ones | [`familiarity`] |
//! | an answer | whether it is certain | [`certainty`] |
//! | answers for one voice | answers without the model's lean on it | [`voice`] |
//! | trained parameters | the bytes of a file | [`network::NetworkConfig::fold`], [`onnx::write()`] |
#![forbid(unsafe_code)]

pub mod certainty;
pub mod config;
pub mod contract;
pub mod digest;
pub mod emotion;
pub mod familiarity;
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
pub mod sound;
pub mod voice;

pub use certainty::Certainty;
pub use config::FrontEndConfig;
pub use contract::Contract;
pub use emotion::Emotion;
pub use familiarity::Familiarity;
pub use mismatch::Mismatch;
pub use probabilities::Probabilities;
pub use real::Real;
pub use sound::Sound;
pub use voice::{VoiceCorrection, VoiceProfile, VoiceWeights};

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
