//! The plugin and the standalone in real use: in hosts and on a screen.
mod allocation;
mod ardour;
mod clap_host;
mod host;
mod hosted;
mod pedalboard;
mod picture;
mod plugin_audio;
mod plugin_state;
#[cfg(target_os = "linux")]
mod private;
#[cfg(target_os = "linux")]
mod vst3_host;
