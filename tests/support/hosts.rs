//! The output of `cargo xtask test` for tests that run in a host, and Python for hosts.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::skip::skip;

/// The path in the variable, or `None` after reporting that the test is skipped.
fn built(what: &str, variable: &str) -> Option<PathBuf> {
    let path = env::var_os(variable).map(PathBuf::from).filter(|path| path.exists());
    if path.is_none() {
        skip(what, &format!("{variable} does not name it; `cargo xtask test` builds it and sets the variable"));
    }
    path
}

/// The plugin as VST3.
pub fn vst3() -> Option<PathBuf> {
    built("Moodline as VST3", "MOODLINE_VST3")
}

/// The standalone.
pub fn standalone() -> Option<PathBuf> {
    built("Moodline as standalone", "MOODLINE_STANDALONE")
}

/// A Python that can import `packages`.
pub fn python(packages: &str) -> Option<PathBuf> {
    let python = env::var_os("MOODLINE_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    let imports = Command::new(&python).args(["-c", &format!("import {packages}")]).stderr(Stdio::null()).status();
    let can = imports.is_ok_and(|status| status.success());
    if !can {
        let why = "they are not installed; `cargo xtask test` installs them where pip works";
        skip(&format!("Python packages {packages}"), why);
    }
    can.then_some(python)
}
