//! The modules that one Rust file declares and the paths it names, read from its text.
//!
//! In: code as returned by [`code_of`](super::code::code_of). Out: the child modules it declares and every path in it, with the trees of `use` expanded. That
//! suffices to know which module file names which other, without asking the compiler.

/// The modules and paths of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Imports {
    /// Modules that are files of their own: `mod name;`.
    pub(super) children: Vec<String>,
    /// Paths, segment by segment; `use a::{b, c::d}` is two.
    pub(super) paths: Vec<Vec<String>>,
}

/// The modules and paths of `code`, including its tests.
pub(super) fn imports_of(code: &str) -> Imports {
    read(&tokens(code))
}

/// As [`imports_of`], without items under `#[cfg(test)]`.
pub(super) fn imports_outside_tests(code: &str) -> Imports {
    read(&without_tests(tokens(code)))
}

/// Names, `::`, and every other non-blank character.
fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = vec![];
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_part = |character: char| character.is_alphanumeric() || character == '_';
        let length = match first {
            ':' if rest.starts_with("::") => 2,
            _ if is_part(first) => rest.find(|character| !is_part(character)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    tokens
}

fn is_name(token: &str) -> bool {
    token.starts_with(|character: char| character.is_alphabetic() || character == '_')
}

fn without_tests(tokens: Vec<&str>) -> Vec<&str> {
    let mut kept = vec![];
    let mut at = 0;
    while at < tokens.len() {
        if is_test_attribute(&tokens[at..]) {
            at += item_length(&tokens[at..]);
        } else {
            kept.push(tokens[at]);
            at += 1;
        }
    }
    kept
}

/// Whether `#[cfg(test)]` or `#[cfg(all(test, ...))]` starts here.
fn is_test_attribute(tokens: &[&str]) -> bool {
    tokens.starts_with(&["#", "[", "cfg", "(", "test", ")"])
        || tokens.starts_with(&["#", "[", "cfg", "(", "all", "(", "test", ","])
}

/// Number of tokens up to the end of the item that starts here with its attributes: a `;` or a `}` outside all brackets.
fn item_length(tokens: &[&str]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match *token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

fn read(tokens: &[&str]) -> Imports {
    let mut imports = Imports::default();
    let mut at = 0;
    while at < tokens.len() {
        if let ["mod", name, ";", ..] = tokens[at..] {
            imports.children.push(name.to_owned());
            at += 3;
        } else if is_name(tokens[at]) && tokens.get(at + 1) == Some(&"::") {
            at = read_tree(tokens, at, &[], &mut imports.paths);
        } else {
            at += 1;
        }
    }
    imports
}

/// Reads the path or tree of paths that starts at `at`, prefixing each with `before`, and returns where it ends.
fn read_tree(tokens: &[&str], mut at: usize, before: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    let mut path = before.to_vec();
    while let Some(token) = tokens.get(at) {
        match *token {
            "{" => return read_group(tokens, at + 1, &path, paths),
            name if is_name(name) => path.push(name.to_owned()),
            _ => break,
        }
        at += 1;
        if tokens.get(at) != Some(&"::") {
            break;
        }
        at += 1;
    }
    paths.push(path);
    at
}

/// Reads the contents of braces, from after the opening to after the closing one.
fn read_group(tokens: &[&str], mut at: usize, before: &[String], paths: &mut Vec<Vec<String>>) -> usize {
    while let Some(token) = tokens.get(at) {
        match *token {
            "}" => return at + 1,
            "as" => at += 2,
            name if is_name(name) => at = read_tree(tokens, at, before, paths),
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(code: &str) -> Vec<String> {
        imports_outside_tests(code).paths.iter().map(|path| path.join("::")).collect()
    }

    #[test]
    fn trees_are_written_out_and_paths_in_code_count() {
        assert_eq!(
            paths("use crate::a::{self, B as C, d::{E, F}, *};"),
            ["crate::a::self", "crate::a::B", "crate::a::d::E", "crate::a::d::F"]
        );
        assert_eq!(
            paths("pub(super) fn f(x: &super::g::H) -> u8 { crate::i::j(x) + k::<u8>() + l.m }"),
            ["super::g::H", "crate::i::j", "k"]
        );
    }

    #[test]
    fn children_are_modules_in_files() {
        let imports = imports_of("mod a;\npub(crate) mod b;\nmod c { use super::a; }\n#[cfg(test)]\nmod tests;");
        assert_eq!(imports.children, ["a", "b", "tests"]);
    }

    #[test]
    fn tests_can_be_left_out() {
        let code = "use a::B;\n#[cfg(test)]\n#[allow(x)]\nmod tests { use c::D; fn e() { f::g([1; 2]); } }\nuse h::I;\n#[cfg(all(test, unix))]\nuse j::K;";
        assert_eq!(paths(code), ["a::B", "h::I"]);
        assert_eq!(imports_of(code).paths.len(), 5);
        assert_eq!(paths("#[cfg(not(test))]\nuse a::B;"), ["a::B"]);
    }
}
