//! Prepares a bare machine for building, running and testing everything, or reports what it could not do.

mod packages;

use anyhow::Result;

use crate::onnxruntime;
pub(crate) use packages::{Purpose, can_build_standalone, packages};

/// Installs what is missing for `purpose` and reports it; missing parts are not an error here, because whatever needs them reports that.
pub(crate) fn run(purpose: Purpose) -> Result<()> {
    packages(purpose);
    match onnxruntime::ensure_installed() {
        Ok(path) => println!("ONNX Runtime {} is ready: {}", onnxruntime::VERSION, path.display()),
        Err(error) => println!("ONNX Runtime is not available: {error:#}. Moodline runs its native kernel instead."),
    }
    Ok(())
}
