//! The plugin as VST3 in a host of our own, based on the bindings used by the plugin's framework.
//!
//! The host is in the files that allow `unsafe`: [`module`] loads the library, [`objects`] and [`frame`] are the host's objects for a plugin, [`track`] and
//! [`view`] call the plugin. Everything else is safe. Features common to both formats are tested in [`crate::hosted`].

mod frame;
mod instances;
mod manners;
pub(crate) mod module;
pub(crate) mod objects;
mod rules;
pub(crate) mod track;
pub(crate) mod view;
