//! Assembles cargo's output into what hosts load: the plugin as CLAP and VST3, the standalone, and accompanying files.
//!
//! The layouts are made here rather than by nice-plug-xtask, because that takes a program with the name of the plugin's package to be the standalone (here it
//! is the command), and gives property lists its own identifier and version.

pub(crate) mod layout;
mod licences;
mod moduleinfo;
mod plist;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use xshell::{Shell, cmd};

use crate::platform::{Platform, System};
use crate::setup::{self, Purpose};
use crate::{files, onnxruntime, workspace};
use layout::{LIBRARY, Part, STANDALONE};

/// Cargo's package of the plugin.
const PACKAGE: &str = "moodline";

/// What to bundle.
#[derive(Args)]
pub(crate) struct Options {
    /// The package to bundle; there is only one.
    #[arg(value_enum, default_value = PACKAGE)]
    package: Bundled,
    /// Optimise as far as possible: small and fast, but slow to build (minutes).
    #[arg(long)]
    release: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Bundled {
    Moodline,
}

/// How cargo builds the bundled parts.
#[derive(Clone, Copy)]
pub(crate) struct Build {
    /// Cargo's name for the profile.
    pub(crate) profile: &'static str,
    /// Cargo's output folder for the profile.
    pub(crate) folder: &'static str,
}

impl Build {
    /// Optimised across crates and stripped, for users.
    pub(crate) const RELEASE: Self = Self { profile: "dist", folder: "dist" };
    /// As for the tests.
    pub(crate) const DEVELOPMENT: Self = Self { profile: "dev", folder: "debug" };
}

/// Bundles into `target/bundled` and prints the location of each part.
///
/// # Errors
/// It does not build, or a file cannot be written.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let Bundled::Moodline = options.package;
    let build = if options.release { Build::RELEASE } else { Build::DEVELOPMENT };
    for path in build_and_bundle(root, build)? {
        println!("Written: {}", path.strip_prefix(root).unwrap_or(&path).display());
    }
    Ok(())
}

/// The output folder of [`build_and_bundle`].
pub(crate) fn folder(root: &Path) -> PathBuf {
    workspace::target(root).join("bundled")
}

/// Sets up, builds and bundles; returns the contents of the bundle's folder.
pub(crate) fn build_and_bundle(root: &Path, build: Build) -> Result<Vec<PathBuf>> {
    setup::packages(Purpose::Plugin);
    let shell = workspace::shell(root)?;
    let profile = build.profile;
    cmd!(shell, "cargo build --locked --profile {profile} --package {PACKAGE} --features standalone").run()?;
    let built = Built { folder: workspace::target(root).join(build.folder), standalone: true };
    assemble(root, &shell, &built, &folder(root))
}

/// The output of cargo.
pub(crate) struct Built {
    /// Its location.
    pub(crate) folder: PathBuf,
    /// Whether it includes the standalone.
    pub(crate) standalone: bool,
}

/// Assembles the output of cargo in `built` into `folder`, replacing any previous bundle as a whole.
///
/// # Errors
/// Something was not built, or a file cannot be written.
pub(crate) fn assemble(root: &Path, shell: &Shell, built: &Built, folder: &Path) -> Result<Vec<PathBuf>> {
    let parent = folder.parent().context("a bundle lies in a folder")?;
    fs::create_dir_all(parent)?;
    let staging = tempfile::Builder::new().prefix(".bundle").tempdir_in(parent)?;
    let fresh = staging.path().join("bundle");
    fs::create_dir(&fresh)?;
    let platform = Platform::this();
    let onnxruntime = onnxruntime::ensure_installed();
    if let Err(error) = &onnxruntime {
        println!("The bundle has no ONNX Runtime: {error:#}. Moodline runs its native kernel instead.");
    }
    let onnxruntime = onnxruntime.ok();
    for (path, part) in layout::files(platform, env!("CARGO_PKG_VERSION")) {
        place(&fresh.join(path), &part, platform, built, onnxruntime.as_deref())?;
    }
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        files::copy(&root.join(licence), &fresh.join(licence))?;
    }
    fs::write(fresh.join("THIRD-PARTY.txt"), licences::third_party(root, shell)?)?;
    for (from, to) in onnxruntime.iter().flat_map(|library| onnxruntime::licences(library)) {
        files::copy(&from, &fresh.join(to))?;
    }
    if platform.system == System::MacOs {
        sign(shell, &fresh);
    }
    files::replace(folder, &fresh)?;
    let mut paths: Vec<_> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.sort();
    Ok(paths)
}

fn place(path: &Path, part: &Part, platform: Platform, built: &Built, onnxruntime: Option<&Path>) -> Result<()> {
    let source = match part {
        Part::Plugin => Some(built.folder.join(platform.library(LIBRARY))),
        Part::Standalone => built.standalone.then(|| built.folder.join(platform.program(STANDALONE))),
        Part::OnnxRuntime => onnxruntime.map(Path::to_owned),
        Part::Text(_) => None,
    };
    fs::create_dir_all(path.parent().context("a part lies in a folder")?)?;
    match (source, part) {
        (Some(source), _) => files::copy(&source, path),
        (None, Part::Text(text)) => fs::write(path, text).with_context(|| format!("cannot write {}", path.display())),
        (None, _) => Ok(()),
    }
}

/// Signs the bundles without a certificate, which suffices on the machine that built them; others must be told to trust them.
fn sign(shell: &Shell, folder: &Path) {
    let names = layout::names(Platform::this());
    for bundle in [names.clap, names.vst3, names.standalone].map(|name| folder.join(name)) {
        if let Err(error) = cmd!(shell, "codesign --force --deep --sign - {bundle}").run() {
            println!("{} is not signed ({error}); macOS may refuse to load it.", bundle.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::tests::LINUX;

    #[test]
    fn parts_come_from_where_cargo_put_them() {
        let folder = tempfile::tempdir().unwrap();
        let built = Built { folder: folder.path().join("debug"), standalone: true };
        fs::create_dir(&built.folder).unwrap();
        fs::write(built.folder.join("libmoodline.so"), "plugin").unwrap();
        let put = |name: &str, part: &Part| place(&folder.path().join(name), part, LINUX, &built, None);
        put("a/b/moodline.so", &Part::Plugin).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("a/b/moodline.so")).unwrap(), "plugin");
        put("a/text", &Part::Text("text".to_owned())).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("a/text")).unwrap(), "text");
        put("a/libonnxruntime.so", &Part::OnnxRuntime).unwrap();
        assert!(!folder.path().join("a/libonnxruntime.so").exists());
        let error = put("a/moodline-standalone", &Part::Standalone).unwrap_err().to_string();
        assert!(error.contains("cannot copy") && error.contains("moodline-standalone"), "{error}");
    }
}
