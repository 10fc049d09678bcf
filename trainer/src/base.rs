//! What every wing of the trainer stands on: files that appear complete, what the commands say, progress, tables and pictures.
//!
//! In: values to write, print or draw. Out: files, lines, tables, SVG and PNG. Knows nothing of clips, networks or runs, and imports none of the wings
//! above it.

pub mod config;
pub(crate) mod console;
pub mod files;
pub mod plot;
pub mod progress;
pub mod table;

/// What is written into files as the program that made them: its name and version.
pub(crate) const PROGRAM: &str = concat!("trainer ", env!("CARGO_PKG_VERSION"));
