//! Utilities shared by the integration tests.
//!
//! In: the golden data, samples and models of the repository, and the tools on this machine. Out: the same as values, a way to report that a test is skipped,
//! separate processes and screens, waiting for events, and a CLAP host. It depends only on core and engine, so that a test of the front end links neither the
//! trainer nor a GUI framework.

pub mod allocation;
pub mod clap;
pub mod folder;
pub mod golden;
pub mod hosts;
pub mod networks;
pub mod own_process;
pub mod processor;
pub mod recordings;
pub mod samples;
pub mod screen;
pub mod skip;
pub mod waiting;

use std::path::{Path, PathBuf};

use moodline_engine::Model;

pub use samples::{format_file, sample};

/// The root of the checkout.
pub fn repository() -> PathBuf {
    tests().parent().expect("tests lies in the checkout").to_owned()
}

/// The path of a file or folder in `tests`.
pub fn tests_file(name: &str) -> PathBuf {
    tests().join(name)
}

fn tests() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in tests")
}

/// A model of the repository, by name.
pub fn shipped(id: &str) -> Model {
    Model::open(&repository().join("models").join(id).join("model.onnx")).expect("the repository's models are whole")
}
