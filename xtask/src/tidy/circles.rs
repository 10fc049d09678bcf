//! No circular imports: two module files may name each other only if one is the parent of the other.
//!
//! A parent declares its children, so importing a folder's main module counts as importing the whole folder: a cycle between two folders is found even if no
//! two files name each other. Names used in tests do not count.

use std::collections::BTreeSet;

use super::modules::{Place, Tree};

/// One sentence per group of files in `tree` that form a cycle.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut reported = BTreeSet::new();
    let mut violations = vec![];
    for start in tree.keys() {
        if reported.contains(start) {
            continue;
        }
        if let Some(circle) = shortest_circle(tree, start) {
            violations.push(sentence(tree, &circle));
            reported.extend(circle);
        }
    }
    violations
}

/// Modules that `place` names, except those that contain it.
fn steps<'a>(tree: &'a Tree, place: &'a Place) -> impl Iterator<Item = &'a Place> {
    tree[place].names.keys().filter(|target| !place.starts_with(target))
}

/// The shortest path from `start` back to it, with `start` once.
fn shortest_circle(tree: &Tree, start: &Place) -> Option<Vec<Place>> {
    let mut seen = BTreeSet::new();
    let mut ways = vec![vec![start.clone()]];
    while !ways.is_empty() {
        let mut longer = vec![];
        for way in &ways {
            for next in steps(tree, way.last().unwrap_or(start)) {
                if next == start {
                    return Some(way.clone());
                }
                if seen.insert(next.clone()) {
                    longer.push([way.as_slice(), std::slice::from_ref(next)].concat());
                }
            }
        }
        ways = longer;
    }
    None
}

fn sentence(tree: &Tree, circle: &[Place]) -> String {
    let arrow = |(from, to): (&Place, &Place)| match &tree[from].names[to] {
        path if to.starts_with(from) && path.starts_with("self::") => format!("{} declares {}", tree[from].file, tree[to].file),
        path => format!("{} names {} ({path})", tree[from].file, tree[to].file),
    };
    let back = circle.iter().cycle().skip(1);
    let arrows: Vec<_> = circle.iter().zip(back).map(arrow).collect();
    format!("a circle of {} files, where only a parent and its children may form one: {}", circle.len(), arrows.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::modules::trees;
    use super::*;

    /// The cycles of a crate with the modules `a` (with the child `c`) and `b`.
    fn circles(a: &str, c: &str, b: &str) -> Vec<String> {
        let files = [("x/src/lib.rs", "mod a; mod b;"), ("x/src/a.rs", a), ("x/src/a/c.rs", c), ("x/src/b.rs", b)];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        trees(&files).iter().flat_map(check).collect()
    }

    #[test]
    fn a_parent_and_its_children_may_name_each_other() {
        assert!(circles("mod c; use c::C; use crate::b::B;", "use super::A; use crate::Root;", "use crate::Root;").is_empty());
    }

    #[test]
    fn two_files_that_name_each_other_are_found() {
        assert_eq!(
            circles("use crate::b::B;", "", "use super::a::A;"),
            ["a circle of 2 files, where only a parent and its children may form one: \
             x/src/a.rs names x/src/b.rs (crate::b::B), x/src/b.rs names x/src/a.rs (super::a::A)"]
        );
    }

    #[test]
    fn a_child_that_names_what_imports_its_room_closes_a_circle() {
        let found = circles("mod c;", "fn f() { crate::b::g() }", "use crate::a::A;");
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("x/src/a.rs declares x/src/a/c.rs"), "{found:?}");
        assert!(circles("mod c;", "#[cfg(test)] use crate::b::B;", "use crate::a::A;").is_empty());
    }

    #[test]
    fn siblings_below_one_parent_are_held_too() {
        let files = [
            ("x/src/main.rs", "mod a;"),
            ("x/src/a.rs", "mod b; mod c;"),
            ("x/src/a/b.rs", "use super::c::C;"),
            ("x/src/a/c.rs", "use super::b::B;"),
        ];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        assert_eq!(trees(&files).iter().flat_map(check).count(), 1);
    }
}
