//! Integration tests.
mod analyze;
mod bad_input;
mod command;
mod decode;
mod gate;
mod manifests;
mod metrics;
mod python_onnx;
mod skip;
mod trainer;
mod hostile;
mod parity;
mod golden;
mod training_math;
mod allocation;
mod features;
mod resampling;
