//! The plugin as hosts load it: a shared library with the CLAP interface, in a host based on clack.

mod audio;
pub(crate) mod bent;
mod editor;
mod lifecycle;
mod params;
mod state;
