//! Integration tests.
mod allocation;
mod analyze;
mod bad_input;
mod command;
mod decode;
mod features;
mod gate;
mod golden;
mod hostile;
mod manifests;
mod metrics;
mod parity;
mod python_onnx;
mod resampling;
mod skip;
mod trainer;
mod training_math;
