//! Host-agnostic analysis: audio in, segments with emotions out.
//!
//! In: audio files, or the audio of a host, and a model. Out: [`Segment`]s, the timeline they are recorded on, and the text formats they are
//! exported in. This crate knows neither a plugin API nor a screen.

pub mod analysis;
pub mod block;
pub mod classifier;
pub mod decode;
pub mod display;
pub mod export;
pub mod file_analysis;
pub mod files;
pub mod gate;
pub mod live;
pub mod model;
pub mod remote;
pub mod segment;
#[cfg(feature = "stop")]
pub mod stop;
pub mod timeline;

pub use analysis::{Analyser, AnalysisConfig, AnalysisError};
pub use classifier::{Backend, BackendChoice, Classifier, ClassifierError};
pub use gate::{Gate, GateConfig};
pub use model::{Model, OpenModelError};
pub use segment::{GapReason, Latency, Segment, State};
