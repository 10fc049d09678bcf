//! The models that every Moodline program has inside, as the bytes of their files.
//!
//! `moodline_engine::Model::embedded` and `moodline_engine::SpeechModel::embedded` read them. What they were trained with, and how good they are, stands in
//! their model cards.

/// `liquid-2/model.onnx` as it was when this was compiled.
pub static BUILT_IN: &[u8] = include_bytes!("liquid-2/model.onnx");

/// `speech-2/model.onnx`, the speech detector, as it was when this was compiled.
pub static SPEECH: &[u8] = include_bytes!("speech-2/model.onnx");
