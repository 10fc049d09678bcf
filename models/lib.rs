//! The model that every Moodline program has inside, as the bytes of its file.
//!
//! `moodline_engine::Model::embedded` reads it. What it was trained with, and how good it is, stands in its model card.

/// `liquid-2/model.onnx` as it was when this was compiled.
pub static BUILT_IN: &[u8] = include_bytes!("liquid-2/model.onnx");
