//! The plugin as hosts load it: a shared library with the CLAP interface, in a host of clack's making.

mod audio;
mod editor;
pub(crate) mod host;
mod lifecycle;
mod params;
mod render;
mod state;
mod syscalls;
