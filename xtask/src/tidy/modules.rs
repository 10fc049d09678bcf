//! The module files of the workspace, and which of them name which.
//!
//! In: paths and texts of Rust files. Out: one [`Tree`] per library and program. A module is its file: an inline module belongs to the file around it, and a
//! re-exported item belongs to the module that re-exports it.

use std::collections::BTreeMap;

use super::code::code_of;
use super::imports::{Imports, imports_of, imports_outside_tests};

/// A module by its position in the crate: `crate::a::b` is `[a, b]`, the root is empty.
pub(super) type Place = Vec<String>;

/// One module file.
#[derive(Debug)]
pub(super) struct Module {
    /// Its file, from the root of the workspace, with '/'.
    pub(super) file: String,
    /// The other modules of its crate that it names, with the first path that does so; excludes itself and its tests.
    pub(super) names: BTreeMap<Place, String>,
    /// The same, including its tests.
    pub(super) names_with_tests: BTreeMap<Place, String>,
}

/// The module files of one library or program.
pub(super) type Tree = BTreeMap<Place, Module>;

/// The contents of a file, with its tests and without.
struct Written {
    file: String,
    all: Imports,
    outside_tests: Imports,
}

/// The module tree of every `lib.rs` and `main.rs` among `files`.
pub(super) fn trees(files: &[(String, String)]) -> Vec<Tree> {
    let texts: BTreeMap<&str, &str> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let is_root = |path: &&&str| path.ends_with("/lib.rs") || path.ends_with("/main.rs");
    texts.keys().filter(is_root).map(|root| tree(root, &texts)).collect()
}

fn tree(root: &str, texts: &BTreeMap<&str, &str>) -> Tree {
    let mut written = BTreeMap::new();
    let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
    collect(&[], root, folder, texts, &mut written);
    let module = |(place, written_there): (&Place, &Written)| {
        let names = |imports: &Imports| named(place, imports, &written);
        let module = Module {
            file: written_there.file.clone(),
            names: names(&written_there.outside_tests),
            names_with_tests: names(&written_there.all),
        };
        (place.clone(), module)
    };
    written.iter().map(module).collect()
}

/// Reads the module at `place` and all modules below it; the files of its children are in `folder`.
fn collect(place: &[String], file: &str, folder: &str, texts: &BTreeMap<&str, &str>, written: &mut BTreeMap<Place, Written>) {
    let Some(text) = texts.get(file) else { return };
    let code = code_of(text);
    let entry = Written { file: file.to_owned(), all: imports_of(&code), outside_tests: imports_outside_tests(&code) };
    let children = entry.all.children.clone();
    written.insert(place.to_vec(), entry);
    for child in children {
        let below = [place, std::slice::from_ref(&child)].concat();
        let (beside, inside) = (format!("{folder}/{child}.rs"), format!("{folder}/{child}"));
        collect(&below, &beside, &inside, texts, written);
    }
}

fn named(place: &Place, imports: &Imports, modules: &BTreeMap<Place, Written>) -> BTreeMap<Place, String> {
    let children = imports.children.iter().map(|child| vec!["self".to_owned(), child.clone()]);
    let mut named = BTreeMap::new();
    for path in imports.paths.iter().cloned().chain(children) {
        let target = resolved(place, &path, modules);
        if let Some(target) = target.filter(|target| target != place) {
            named.entry(target).or_insert_with(|| path.join("::"));
        }
    }
    named
}

/// The module file that a path in `place` refers to; `None` for a path into another crate or to an item of the prelude.
fn resolved(place: &Place, path: &[String], modules: &BTreeMap<Place, Written>) -> Option<Place> {
    let (mut target, mut rest) = (place.clone(), path);
    match path.first()?.as_str() {
        "crate" => (target, rest) = (vec![], &path[1..]),
        "self" | "super" => {
            while let Some((first, others)) = rest.split_first().filter(|(first, _)| ["self", "super"].contains(&first.as_str()))
            {
                if first == "super" {
                    target.pop();
                }
                rest = others;
            }
        }
        first if modules.contains_key(&below(place, first)) => {}
        _ => return None,
    }
    for segment in rest {
        let next = below(&target, segment);
        if !modules.contains_key(&next) {
            break;
        }
        target = next;
    }
    Some(target)
}

fn below(place: &Place, child: &str) -> Place {
    let mut place = place.clone();
    place.push(child.to_owned());
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(files: &[(&str, &str)]) -> Vec<Tree> {
        trees(&files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect::<Vec<_>>())
    }

    fn place(path: &str) -> Place {
        path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn paths_lead_to_the_file_that_answers_for_them() {
        let trees = made(&[
            ("x/src/lib.rs", "mod a; mod b;"),
            ("x/src/a.rs", "mod c; use crate::b::Item; use c::Other; use std::fmt;"),
            ("x/src/a/c.rs", "use super::Own; fn f() { super::super::b::g() }"),
            ("x/src/b.rs", "use crate::Root; use self::inner::Deep; mod inner { }"),
            ("x/src/forgotten.rs", "use crate::a::X;"),
        ]);
        let tree = &trees[0];
        let named = |from: &str| tree[&place(from)].names.keys().map(|to| to.join("/")).collect::<Vec<_>>();
        assert_eq!(tree.len(), 4);
        assert_eq!(named(""), ["a", "b"]);
        assert_eq!(named("a"), ["a/c", "b"]);
        assert_eq!(named("a/c"), ["a", "b"]);
        assert_eq!(named("b"), [""]);
        assert_eq!(tree[&place("a/c")].names[&place("b")], "super::super::b::g");
    }

    #[test]
    fn a_test_names_more_than_its_module() {
        let trees = made(&[
            ("x/src/main.rs", "mod a; mod b;"),
            ("x/src/a.rs", "#[cfg(test)] mod tests { use crate::b::B; }"),
            ("x/src/b.rs", ""),
        ]);
        let module = &trees[0][&place("a")];
        assert!(module.names.is_empty());
        assert!(module.names_with_tests.contains_key(&place("b")));
    }
}
