//! Integration tests.
mod allocation;
mod analyze;
mod ardour;
mod bad_input;
mod clap_host;
mod command;
mod corpora;
mod corpus;
mod decode;
mod features;
#[cfg(unix)]
mod files;
mod gate;
mod golden;
mod hosted;
mod hostile;
mod hosts;
mod live;
mod manifests;
mod metrics;
mod networks;
mod own_process;
mod parity;
mod pedalboard;
mod picture;
mod plugin_audio;
mod plugin_state;
#[cfg(target_os = "linux")]
mod private;
mod prosody;
mod python_onnx;
mod resampling;
mod screen;
mod skip;
mod slurm;
mod sweep;
mod tap;
mod timeline;
mod trainer;
mod training_math;
#[cfg(target_os = "linux")]
mod vst3_host;
