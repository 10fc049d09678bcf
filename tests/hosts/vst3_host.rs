//! The plugin as VST3 in a host of our own, on the bindings that the plugin's framework uses.
//!
//! The host is in the files that allow `unsafe`: [`module`] loads the library, [`objects`] and [`frame`] are what a host shows a plugin,
//! [`track`] and [`view`] call the plugin. All else is safe. What both formats have is tested in [`crate::hosted`].

mod frame;
mod instances;
mod manners;
pub(crate) mod module;
pub(crate) mod objects;
mod rules;
pub(crate) mod track;
pub(crate) mod view;
