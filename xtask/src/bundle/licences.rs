//! The licences of everything compiled into the plugin, collected from the packages themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use xshell::{Shell, cmd};

/// Prefixes of licence file names, in capitals; the last two are font licences.
const STARTS: &[&str] = &["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE", "OFL", "UFL"];

/// The licence text shipped with the plugin and the standalone of the checkout at `root`.
///
/// # Errors
/// A package does not state its licence, or cargo cannot list the packages.
pub(super) fn third_party(root: &Path, shell: &Shell) -> Result<String> {
    let version = cmd!(shell, "rustc --version --verbose").quiet().read()?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("plugin/Cargo.toml"))
        .features(CargoOpt::SomeFeatures(vec!["standalone".to_owned()]))
        .other_options(["--locked", "--filter-platform", host].map(str::to_owned))
        .exec()
        .context("cargo metadata failed")?;
    let mut components = vec![];
    for package in compiled_in(&metadata, "moodline")? {
        components.push(component(package)?);
    }
    Ok(document(&components))
}

/// One package and its stated licence.
struct Component {
    name: String,
    expression: String,
    home: String,
    texts: Vec<String>,
}

/// All runtime dependencies of `root` except our own crates, by name.
fn compiled_in<'a>(metadata: &'a Metadata, root: &str) -> Result<Vec<&'a Package>> {
    let resolve = metadata.resolve.as_ref().context("cargo metadata resolved nothing")?;
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let start = metadata.workspace_packages().into_iter().find(|package| package.name == root);
    let mut waiting = vec![&start.with_context(|| format!("there is no crate {root}"))?.id];
    let mut seen = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if seen.insert(id) {
            let needed = nodes[id].deps.iter().filter(|it| it.dep_kinds.iter().any(|it| it.kind == DependencyKind::Normal));
            waiting.extend(needed.map(|dependency| &dependency.pkg));
        }
    }
    let mut packages: Vec<_> =
        seen.into_iter().filter(|id| !metadata.workspace_members.contains(id)).map(|id| &metadata[id]).collect();
    packages.sort_by_key(|package| (package.name.to_string(), package.version.clone()));
    Ok(packages)
}

fn component(package: &Package) -> Result<Component> {
    let name = format!("{} {}", package.name, package.version);
    let folder = package.manifest_path.parent().context("a manifest lies in a folder")?.as_std_path();
    let mut paths: BTreeSet<PathBuf> = package.license_file.iter().map(|file| folder.join(file.as_std_path())).collect();
    // Fonts have their licences next to them.
    for place in [folder.to_owned(), folder.join("fonts"), folder.join("LICENSES")] {
        paths.extend(licence_files(&place));
    }
    // Texts need not be UTF-8, and a path in the manifest need not exist.
    let texts: Vec<_> =
        paths.iter().filter_map(|path| fs::read(path).ok()).map(|it| normal(&String::from_utf8_lossy(&it))).collect();
    let expression = package.license.clone().unwrap_or_else(|| "see its text".to_owned());
    ensure!(package.license.is_some() || !texts.is_empty(), "{name} says nothing about its licence");
    Ok(Component { name, expression, home: package.repository.clone().unwrap_or_default(), texts })
}

fn licence_files(folder: &Path) -> Vec<PathBuf> {
    // Most packages have no such folder.
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    let is_licence = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        let names_a_licence = STARTS.iter().any(|start| name.starts_with(start)) || name.ends_with("LICENSE.TXT");
        names_a_licence && !name.ends_with(".RS") && path.is_file()
    };
    entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_licence).collect()
}

/// The text without differences between copies: line endings and surrounding whitespace.
fn normal(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_matches('\n').to_owned()
}

/// The list of all packages, followed by each text once with the packages it belongs to.
fn document(components: &[Component]) -> String {
    let mut texts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut document = String::from("Third-party software in Moodline's plugin and standalone\n\n");
    for Component { name, expression, home, texts: own } in components {
        let absent = if own.is_empty() { "; its package holds no text" } else { "" };
        let _ = writeln!(document, "{name}: {expression}{absent} {home}");
        for text in own {
            texts.entry(text).or_default().push(name);
        }
    }
    let mut ordered: Vec<_> = texts.into_iter().collect();
    ordered.sort_by(|a, b| a.1.cmp(&b.1).then(a.0.cmp(b.0)));
    for (text, names) in ordered {
        let _ = write!(document, "\n{}\nOf {}:\n\n{text}\n", "-".repeat(80), names.join(", "));
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, texts: &[&str]) -> Component {
        let texts = texts.iter().map(|text| normal(text)).collect();
        Component { name: name.to_owned(), expression: "MIT".to_owned(), home: "https://example.org".to_owned(), texts }
    }

    #[test]
    fn a_text_shared_by_two_packages_appears_once() {
        let text = document(&[part("a 1", &["Do as you like.\r\n"]), part("b 2", &["\nDo as you like."]), part("c 3", &[])]);
        assert_eq!(text.matches("Do as you like.").count(), 1);
        assert!(text.contains("Of a 1, b 2:"), "{text}");
        assert!(text.contains("c 3: MIT; its package holds no text"), "{text}");
    }

    #[test]
    fn licence_files_are_known_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["LICENSE-MIT", "copying", "OFL.txt", "emoji-license.txt", "licence.rs", "README.md"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let mut found: Vec<_> =
            licence_files(folder.path()).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
        found.sort();
        assert_eq!(found, ["LICENSE-MIT", "OFL.txt", "copying", "emoji-license.txt"]);
    }

    #[test]
    fn the_plugins_dependencies_are_listed_and_its_build_tools_are_not() {
        let root = crate::workspace::root();
        let text = third_party(&root, &crate::workspace::shell(&root).unwrap()).unwrap();
        for name in ["\nnice-plug 0", "\negui 0", "\njack 0", "\nrtrb 0"] {
            assert!(text.contains(name), "{name}");
        }
        assert!(!text.contains("\nmoodline-engine ") && !text.contains("\ncriterion "));
        assert!(text.contains("SIL OPEN FONT LICENSE") && text.contains("Permission is hereby granted"));
    }
}
