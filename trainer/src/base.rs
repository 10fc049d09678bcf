//! Shared foundations of the trainer: atomically written files, console output, progress, tables and figures.
//!
//! In: values to write, print or draw. Out: files, lines, tables, SVG and PNG. Knows nothing about clips, networks or runs, and imports none of the
//! wings above it.

pub mod config;
pub(crate) mod console;
pub mod files;
pub mod plot;
pub mod progress;
pub mod table;

/// The name and version of the program, as recorded in the files it writes.
pub(crate) const PROGRAM: &str = concat!("trainer ", env!("CARGO_PKG_VERSION"));
