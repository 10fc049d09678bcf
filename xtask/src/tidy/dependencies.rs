//! Rules about dependencies between crates, read from `cargo metadata` and the manifests.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// `(crate, all allowed dependencies)` for pure crates: arithmetic, and parsing of the bytes they are given. A new entry must be as pure.
const PURE: &[(&str, &[&str])] = &[
    (
        "moodline-core",
        &["moodline-fourier", "ndarray", "num-traits", "prost", "pulp", "rubato", "serde", "serde_json", "sha2", "thiserror"],
    ),
    ("moodline-fourier", &["realfft", "rubato", "rustfft"]),
    ("moodline-augment", &["moodline-core", "moodline-fourier", "rand", "rand_chacha", "serde", "sha2"]),
    ("moodline-learn", &["moodline-core", "ndarray", "pulp", "rand", "rand_chacha", "rayon", "serde", "thiserror"]),
];

/// Our crates, except `moodline-fourier`, which stands below them and which any may use that transforms something.
const OURS: &[&str] = &[
    "moodline",
    "moodline-core",
    "moodline-models",
    "moodline-engine",
    "moodline-cli",
    "moodline-augment",
    "moodline-learn",
    "moodline-bench",
    "golden",
    "test-support",
    "tests-command",
    "tests-hosts",
    "tests-in-process",
    "tests-live",
    "tests-signal",
    "tests-train",
    "trainer",
    "xtask",
];

/// Crates that tests of sound, features, networks or the live analysis must not link: they would be rebuilt after changes that do not concern them.
const AFAR: &[&str] = &["moodline", "moodline-cli", "trainer", "nice-plug", "egui", "plotters"];

/// `(crate, forbidden dependencies)`, directly and for any purpose.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("moodline-fourier", OURS),
    ("moodline-core", OURS),
    ("moodline-models", OURS),
    (
        "moodline-engine",
        &[
            "trainer",
            "moodline",
            "moodline-cli",
            "moodline-augment",
            "moodline-learn",
            "nice-plug",
            "nice-plug-egui",
            "egui",
            "baseview",
            "rfd",
            "realfft",
            "rubato",
        ],
    ),
    ("moodline-augment", &["trainer", "moodline", "moodline-cli", "moodline-models", "moodline-engine", "moodline-learn"]),
    ("moodline-learn", &["trainer", "moodline", "moodline-cli", "moodline-models", "moodline-engine", "moodline-augment"]),
    ("moodline", &["trainer", "moodline-cli", "moodline-augment", "moodline-learn", "ort", "realfft", "rubato", "symphonia"]),
    ("moodline-cli", &["moodline", "moodline-augment", "moodline-learn", "trainer", "ort", "realfft", "rubato", "symphonia"]),
    ("trainer", &["moodline", "moodline-cli", "ort", "realfft", "rubato", "symphonia"]),
    ("golden", OURS),
    ("test-support", AFAR),
    ("tests-signal", AFAR),
    ("tests-live", AFAR),
    ("tests-train", &["moodline", "moodline-cli", "nice-plug", "egui"]),
    ("tests-in-process", &["trainer", "moodline-cli"]),
    ("tests-command", &["moodline", "trainer", "nice-plug", "egui"]),
    ("xtask", OURS),
];

/// One dependency of one of our crates.
struct Edge {
    from: String,
    to: String,
    kind: DependencyKind,
}

/// The packages of the workspace at `root`, without external ones.
pub(super) fn metadata(root: &Path) -> Result<Metadata> {
    let mut command = MetadataCommand::new();
    command.manifest_path(root.join("Cargo.toml")).no_deps().other_options(["--locked".to_owned()]);
    command.exec().context("cargo metadata failed")
}

/// All violations of the workspace at `root`.
pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let mut violations = vec![];
    for package in metadata(root)?.workspace_packages() {
        let edge = |to: &cargo_metadata::Dependency| Edge { from: package.name.to_string(), to: to.name.clone(), kind: to.kind };
        violations.extend(package.dependencies.iter().map(edge).filter_map(|edge| forbidden(&edge)));
        let manifest = fs::read_to_string(&package.manifest_path)?;
        violations.extend(manifest_rules(&package.name, &manifest)?);
    }
    Ok(violations)
}

fn forbidden(edge: &Edge) -> Option<String> {
    let listed = FORBIDDEN.iter().any(|(from, to)| *from == edge.from && to.contains(&edge.to.as_str()));
    let not_allowed = |(from, allowed): &(&str, &[&str])| *from == edge.from && !allowed.contains(&edge.to.as_str());
    let impure = edge.kind == DependencyKind::Normal && PURE.iter().any(not_allowed);
    (listed || impure).then(|| format!("{} must not depend on {}: see the table of ARCHITECTURE.md", edge.from, edge.to))
}

/// A crate inherits its lints and the version of every dependency from the workspace.
fn manifest_rules(name: &str, manifest: &str) -> Result<Vec<String>> {
    let manifest: toml::Table = manifest.parse().with_context(|| format!("the manifest of {name} is not TOML"))?;
    let inherits =
        |value: Option<&toml::Value>| value.and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool) == Some(true);
    let mut violations = vec![];
    if !inherits(manifest.get("lints")) {
        violations.push(format!("{name}: its manifest lacks `[lints] workspace = true`"));
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let Some(entries) = manifest.get(section).and_then(toml::Value::as_table) else { continue };
        let own = entries.iter().filter(|(_, value)| !inherits(Some(value)));
        violations.extend(own.map(|(entry, _)| format!("{name}: {entry} must come from [workspace.dependencies]")));
    }
    Ok(violations)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_forbidden(from: &str, to: &str, kind: DependencyKind) -> bool {
        forbidden(&Edge { from: from.to_owned(), to: to.to_owned(), kind }).is_some()
    }

    #[test]
    fn the_streams_flow_one_way() {
        assert!(is_forbidden("moodline-core", "moodline-engine", DependencyKind::Development));
        assert!(is_forbidden("moodline-engine", "egui", DependencyKind::Normal));
        assert!(is_forbidden("moodline-engine", "nice-plug", DependencyKind::Development));
        for library in ["trainer", "moodline-cli", "ort", "realfft", "rubato", "symphonia"] {
            assert!(is_forbidden("moodline", library, DependencyKind::Normal), "{library}");
        }
        assert!(is_forbidden("moodline-cli", "trainer", DependencyKind::Normal));
        assert!(is_forbidden("trainer", "moodline", DependencyKind::Normal));
        assert!(is_forbidden("xtask", "moodline-core", DependencyKind::Build));
        assert!(is_forbidden("moodline-learn", "moodline-engine", DependencyKind::Development));
        assert!(is_forbidden("moodline-engine", "moodline-learn", DependencyKind::Normal));
        assert!(!is_forbidden("moodline-learn", "moodline-core", DependencyKind::Normal));
        assert!(!is_forbidden("trainer", "moodline-engine", DependencyKind::Normal));
        assert!(is_forbidden("tests-signal", "trainer", DependencyKind::Development));
    }

    #[test]
    fn core_and_learn_take_only_what_is_known_to_be_pure() {
        assert!(is_forbidden("moodline-core", "rayon", DependencyKind::Normal));
        assert!(!is_forbidden("moodline-learn", "rayon", DependencyKind::Normal));
        assert!(is_forbidden("moodline-learn", "indicatif", DependencyKind::Normal));
        assert!(!is_forbidden("moodline-core", "criterion", DependencyKind::Development));
        assert!(!is_forbidden("moodline-core", "ndarray", DependencyKind::Normal));
    }

    #[test]
    fn manifests_inherit_from_the_workspace() {
        let good =
            "[lints]\nworkspace = true\n[dependencies]\nserde.workspace = true\nx = { workspace = true, features = [\"y\"] }";
        assert!(manifest_rules("a", good).unwrap().is_empty());
        let bad = "[dependencies]\nserde = \"1\"\n[dev-dependencies]\nx = { path = \"../x\" }";
        assert_eq!(manifest_rules("a", bad).unwrap().len(), 3);
    }
}
