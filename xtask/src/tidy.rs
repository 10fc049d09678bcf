//! Checks the checkout against the rules of ARCHITECTURE.md: which imports are allowed, and what every crate, source and model must have.
//!
//! Each rule is a function from text to violations, so that its tests can pass it text that breaks it.

mod circles;
mod code;
mod dependencies;
mod documents;
mod imports;
mod modules;
mod packages;
mod picture;
mod quotes;
mod sources;
mod weight;
mod wings;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

/// The options of `cargo xtask tidy`.
#[derive(Args)]
pub(crate) struct Options {
    /// Draw docs/architecture.svg first.
    #[arg(long)]
    draw: bool,
}

impl Options {
    /// Draws the picture if requested, and [`run`]s.
    ///
    /// # Errors
    /// Those of [`run`], or the picture cannot be written.
    pub(crate) fn run(&self, root: &Path) -> Result<()> {
        if self.draw {
            picture::draw(root)?;
        }
        run(root)
    }
}

/// Prints all violations.
///
/// # Errors
/// There is a violation, or the checkout cannot be read.
pub(crate) fn run(root: &Path) -> Result<()> {
    let violations = check(root)?;
    for violation in &violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => Ok(()),
        1 => bail!("1 rule is broken"),
        n => bail!("{n} rules are broken"),
    }
}

/// One sentence per violation.
fn check(root: &Path) -> Result<Vec<String>> {
    let files = text_files(root)?;
    let mut violations = dependencies::check(root)?;
    for (path, text) in &files {
        violations.extend(sources::check(path, text));
    }
    for tree in modules::trees(&files) {
        violations.extend(circles::check(&tree));
        violations.extend(wings::check(&tree));
    }
    violations.extend(documents::check(root)?);
    violations.extend(packages::check(root)?);
    violations.extend(quotes::check(root));
    violations.extend(picture::check(root)?);
    violations.extend(weight::check(root, &tracked(root)?));
    Ok(violations)
}

/// Every text file that git tracks or would track: its path from the root, with '/', and its content.
fn text_files(root: &Path) -> Result<Vec<(String, String)>> {
    // Files that were just deleted and binary files have no text.
    let text = |path: String| fs::read_to_string(root.join(&path)).ok().map(|text| (path, text));
    Ok(tracked(root)?.into_iter().filter_map(text).collect())
}

/// Every file that git tracks or would track, by its path from the root, with '/'.
fn tracked(root: &Path) -> Result<Vec<String>> {
    let list =
        Command::new("git").args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root).output();
    let list = list.context("tidy needs git to list the files of the checkout")?;
    ensure!(list.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&list.stderr).trim());
    let paths = String::from_utf8(list.stdout).context("a file name is not UTF-8")?;
    Ok(paths.split_terminator('\0').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checkout_is_tidy() {
        let violations = check(&crate::workspace::root()).unwrap();
        assert!(violations.is_empty(), "{}", violations.join("\n"));
    }
}
