//! Integration tests.
mod gate;
mod decode;
mod command;
mod bad_input;
mod analyze;
mod python_onnx;
mod skip;
