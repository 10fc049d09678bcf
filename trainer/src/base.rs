//! What every wing of the trainer stands on: files that appear complete, what the commands say, progress, tables and pictures.
//!
//! In: values to write, print or draw. Out: files, lines, tables, SVG and PNG. Knows nothing of clips, networks or runs, and imports none of the wings
//! above it.

pub(crate) mod console;
pub mod files;
pub mod plot;
pub mod progress;
pub mod table;
