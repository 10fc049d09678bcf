//! The wings of the trainer: each imports only wings below it, including in its tests.

use super::modules::Tree;

/// The source folder and its wings, from the bottom up.
const WINGS: (&str, &[&str]) = ("trainer/src/", &["base", "data", "measure", "train", "study", "publish", "cli"]);

/// The names of the wings, from the bottom up.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    WINGS.1.iter().copied()
}

/// One sentence for each file of `tree` that imports a wing above its own, or that is in no wing.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let (folder, wings) = WINGS;
    let floor = |name: Option<&String>| name.and_then(|name| wings.iter().position(|wing| wing == name));
    let mut violations = vec![];
    for (place, module) in tree.iter().filter(|(place, module)| !place.is_empty() && module.file.starts_with(folder)) {
        let Some(own) = floor(place.first()) else {
            violations.push(format!("{}: in no wing; the trainer's wings are {}", module.file, wings.join(", ")));
            continue;
        };
        let above = module.names_with_tests.iter().filter(|(target, _)| floor(target.first()) > Some(own));
        let sentence = |path: &String| {
            format!("{}: `{path}`: {} stands below that wing and imports only what is below itself", module.file, wings[own])
        };
        violations.extend(above.map(|(_, path)| sentence(path)));
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::modules::trees;
    use super::*;

    /// The violations of a trainer with two wings and one file beside them.
    fn broken(root: &str, data: &str, train: &str) -> Vec<String> {
        let files = [("lib", root), ("data", data), ("train", train), ("odd", "")];
        let files = files.map(|(name, text)| (format!("trainer/src/{name}.rs"), text.to_owned()));
        trees(&files).iter().flat_map(check).collect()
    }

    #[test]
    fn a_wing_imports_what_stands_below_it_alone() {
        let root = "mod data; mod train;";
        assert!(broken(root, "", "use crate::data::D;").is_empty());
        assert_eq!(broken(root, "use crate::train::T;", "").len(), 1);
        assert_eq!(broken(root, "#[cfg(test)] mod tests { fn f() { crate::train::g() } }", "").len(), 1);
    }

    #[test]
    fn every_file_is_in_a_wing() {
        assert_eq!(
            broken("mod odd;", "", ""),
            ["trainer/src/odd.rs: in no wing; the trainer's wings are base, data, measure, train, study, publish, cli"]
        );
    }
}
