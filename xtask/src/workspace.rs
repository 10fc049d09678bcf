//! Locations: the checkout, its target folder and the user's cache.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::Shell;

/// The root of the checkout that this `cargo xtask` belongs to, regardless of the current folder.
pub(crate) fn root() -> PathBuf {
    // Cargo's value at run time takes precedence: with a target folder shared by two checkouts, the program may have been built in the other one.
    let xtask = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    // INVARIANT: xtask is a folder of the workspace.
    xtask.parent().expect("xtask lies in the workspace").to_owned()
}

/// A shell in the root of the checkout.
pub(crate) fn shell(root: &Path) -> Result<Shell> {
    let shell = Shell::new()?;
    shell.change_dir(root);
    Ok(shell)
}

/// Cargo's output folder.
pub(crate) fn target(root: &Path) -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root.join(folder),
        None => root.join("target"),
    }
}

/// Moodline's folder in the user's cache; the engine looks for `onnxruntime` there.
///
/// # Errors
/// The folder cannot be determined, because neither `XDG_CACHE_HOME` (absolute) nor a home is set.
pub(crate) fn cache() -> Result<PathBuf> {
    let base = absolute("XDG_CACHE_HOME").or_else(platform_cache);
    Ok(base.context("no cache folder: set XDG_CACHE_HOME or HOME to an absolute path")?.join("moodline"))
}

/// The folder named by this environment variable, unless it is relative.
fn absolute(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from).filter(|folder| folder.is_absolute())
}

#[cfg(target_os = "macos")]
fn platform_cache() -> Option<PathBuf> {
    Some(absolute("HOME")?.join("Library/Caches"))
}

#[cfg(windows)]
fn platform_cache() -> Option<PathBuf> {
    absolute("LOCALAPPDATA")
}

#[cfg(not(any(windows, target_os = "macos")))]
fn platform_cache() -> Option<PathBuf> {
    Some(absolute("HOME")?.join(".cache"))
}

/// The built program `name` of `profile` ("debug" or "release").
pub(crate) fn program(root: &Path, profile: &str, name: &str) -> Result<PathBuf> {
    let path = target(root).join(profile).join(format!("{name}{}", env::consts::EXE_SUFFIX));
    if !path.is_file() {
        bail!("{} was built but is not there; is CARGO_BUILD_TARGET set?", path.display());
    }
    Ok(path)
}
