//! Requirements for packaging a crate that others can use.
//!
//! In: `cargo metadata`, and the files that cargo would put into each package. Out: violations. Nothing is built: `cargo package` without `--list` takes
//! minutes to find out whether each package compiles alone, against the packages it depends on.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cargo_metadata::{DependencyKind, Metadata, Package};

use super::dependencies;

/// Maximum number of keywords, and likewise of categories, on crates.io.
const MOST_WORDS: usize = 5;

/// The macros that include a file at compile time.
const INCLUDES: [&str; 2] = ["include_str!(\"", "include_bytes!(\""];

/// All violations of the workspace at `root`.
pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let metadata = dependencies::metadata(root)?;
    let mut violations = vec![];
    for package in packages(&metadata) {
        violations.extend(described(package));
        violations.extend(package.dependencies.iter().filter_map(|needed| unpublished(package, needed, &metadata)));
        let folder = package.manifest_path.parent().context("a manifest lies in a folder")?.as_std_path();
        violations.extend(left_out(&package.name, folder, &files(root, &package.name)?));
    }
    Ok(violations)
}

fn packages(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    metadata.workspace_packages().into_iter().filter(|package| package.publish.is_none())
}

/// Metadata missing from the package's page on crates.io.
fn described(package: &Package) -> Vec<String> {
    let words = |words: &[String]| (1..=MOST_WORDS).contains(&words.len());
    let has = [
        ("a description", package.description.is_some()),
        ("a licence", package.license.is_some()),
        ("a README", package.readme().is_some_and(|path| path.is_file())),
        ("1 to 5 keywords", words(&package.keywords)),
        ("1 to 5 categories", words(&package.categories)),
    ];
    has.iter()
        .filter(|(_, is_there)| !is_there)
        .map(|(what, _)| format!("{} is published and lacks {what}", package.name))
        .collect()
}

/// A sentence if a local dependency needed to build a package is not published.
fn unpublished(package: &Package, needed: &cargo_metadata::Dependency, metadata: &Metadata) -> Option<String> {
    let is_ours = needed.path.is_some() && needed.kind != DependencyKind::Development;
    let can_be_had = needed.req.to_string() != "*" && packages(metadata).any(|other| *other.name == needed.name);
    (is_ours && !can_be_had)
        .then(|| format!("{} is published and depends on {}, which is not, or has no version", package.name, needed.name))
}

/// The files of a package, relative to its folder.
fn files(root: &Path, name: &str) -> Result<BTreeSet<PathBuf>> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["package", "--list", "--allow-dirty", "--locked", "--package", name]).current_dir(root);
    let output = command.output().context("cargo could not be started")?;
    ensure!(output.status.success(), "cargo package --list failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(PathBuf::from).collect())
}

/// Files that are included at compile time but missing from the package.
fn left_out(name: &str, folder: &Path, files: &BTreeSet<PathBuf>) -> Vec<String> {
    let mut violations = vec![];
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs")) {
        let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
        for included in included(&text) {
            let path = resolved(file, included);
            if !path.as_ref().is_some_and(|path| files.contains(path)) {
                violations.push(format!("{name}: {} includes {included}, which is not in the package", file.display()));
            }
        }
    }
    violations
}

/// The paths of the files that a source includes at compile time.
fn included(text: &str) -> impl Iterator<Item = &str> {
    let after = INCLUDES.iter().flat_map(|start| text.split(start).skip(1));
    after.filter_map(|rest| rest.split_once("\")").map(|(path, _)| path))
}

/// `included` relative to the package, resolved from the folder of `file`; `None` if outside the package.
fn resolved(file: &Path, included: &str) -> Option<PathBuf> {
    let mut path = file.parent()?.to_owned();
    for part in included.split('/') {
        match part {
            ".." => path.pop().then_some(())?,
            part => path.push(part),
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_outside_the_package_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        let source = "#[doc = include_str!(\"../README.md\")] const A: &[u8] = include_bytes!(\"a.bin\"); const B: &str = include_str!(\"../../b.txt\");";
        fs::write(folder.path().join("src/lib.rs"), source).unwrap();
        let files = ["README.md", "src/lib.rs"].map(PathBuf::from).into();
        let found = left_out("x", folder.path(), &files);
        assert_eq!(
            found,
            [
                "x: src/lib.rs includes ../../b.txt, which is not in the package",
                "x: src/lib.rs includes a.bin, which is not in the package"
            ]
        );
    }
}
