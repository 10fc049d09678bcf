//! Host-agnostic analysis: audio in, segments with emotions out.
//!
//! In: audio files, or mono PCM from anybody, and a model. Out: [`Segment`]s and the text formats they are exported in. This crate knows
//! neither a plugin API nor a screen.

pub mod analysis;
pub mod block;
pub mod classifier;
pub mod decode;
pub mod export;
pub mod gate;
pub mod model;
pub mod segment;

pub use analysis::{Analyser, AnalysisConfig, AnalysisError};
pub use classifier::{Backend, BackendChoice, Classifier, ClassifierError};
pub use gate::{Gate, GateConfig};
pub use model::{Model, OpenModelError};
pub use segment::{Latency, Segment, State};
