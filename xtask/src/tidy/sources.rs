//! Rules about the text of one file.

use std::collections::BTreeMap;

use super::code::{code_of, lines_with};

/// Maximum length of a source file; longer ones must be split by meaning.
const MAX_LINES: usize = 500;

/// Files and folders that may contain `unsafe`, with the reason.
const UNSAFE_ALLOWED: &[(&str, &str)] = &[
    ("engine/src/live/threads.rs", "keeping a library loaded opens it"),
    ("plugin/src/guard", "CLAP and VST3 are C interfaces"),
    ("plugin/src/session.rs", "the framework's trait for parameters is unsafe to implement"),
    ("tests/hosts/clap_host/bent.rs", "a host that bends rules calls the C interface itself"),
    ("tests/hosts/hosted/clap.rs", "an editor keeps the window it is given"),
    ("tests/hosts/vst3_host", "VST3 is a C interface"),
    ("engine/src/stop.rs", "no safe function asks whether a signal is ignored"),
    ("bench/process.rs", "the framework fills its buffers in no other way"),
    ("tests/hosts/plugin_audio.rs", "the framework fills its buffers in no other way"),
    ("tests/support/clap.rs", "loading a library runs its code"),
    ("tests/hosts/clap_host/editor.rs", "an editor keeps the window it is given"),
    ("tests/hosts/private/programs.rs", "an editor keeps the window it is given"),
    ("bench/plugin.rs", "an editor keeps the window it is given"),
];

/// Names that code under a folder must not use, except in the files that start with one of the given paths.
struct Ban {
    folder: &'static str,
    names: &'static [&'static str],
    except: &'static [&'static str],
    reason: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        folder: "core/src/",
        names: &["std::fs", "std::thread", "std::time", "std::net", "std::env", "std::process", "static mut"],
        except: &[],
        reason: "core is pure: no files, threads, clocks or globals",
    },
    Ban {
        folder: "fourier/src/",
        names: &["std::fs", "std::thread", "std::time", "std::net", "std::env", "std::process", "std::io", "static mut"],
        except: &[],
        reason: "fourier plans transforms: no files, threads or clocks",
    },
    Ban {
        folder: "augment/src/",
        names: &["std::fs", "std::path", "std::time", "std::net", "std::env", "std::process", "std::io", "static mut"],
        except: &[],
        reason: "augment changes samples: no files, paths, clocks or terminal",
    },
    Ban {
        folder: "learn/src/",
        names: &["std::fs", "std::path", "std::time", "std::net", "std::env", "std::process", "std::io", "static mut"],
        except: &[],
        reason: "learn is the mathematics of training: no files, paths, clocks or terminal",
    },
    Ban {
        folder: "",
        names: &["ort::", "use ort"],
        except: &["engine/src/classifier"],
        reason: "only the engine's classifier names ONNX Runtime's bindings",
    },
    Ban {
        folder: "",
        names: &["realfft::", "use realfft", "rustfft::", "use rustfft", "rubato::", "use rubato"],
        except: &["fourier/", "core/"],
        reason: "features and resampling are made in core, for the trainer and the product alike, and transforms are planned in fourier",
    },
    Ban {
        folder: "",
        names: &["symphonia::", "use symphonia"],
        except: &["engine/src/decode"],
        reason: "one module decodes audio files, for the command and the trainer alike",
    },
    Ban { folder: "", names: &["dbg!", "todo!", "unimplemented!"], except: &[], reason: "unfinished code is not committed" },
];

/// All violations in the file at `path` (from the root, with '/').
pub(super) fn check(path: &str, text: &str) -> Vec<String> {
    let mut violations = [work_left(path, text), machine_paths(path, text)].concat();
    if path.ends_with(".rs") || path.ends_with(".py") {
        violations.extend(length(path, text));
    }
    if path.ends_with(".rs") {
        let code = code_of(text);
        violations.extend(BANS.iter().flat_map(|ban| banned(ban, path, &code)));
        violations.extend(grouped_std(path, &code));
        violations.extend(unsafe_code(path, &code));
    }
    violations
}

fn length(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > MAX_LINES).then(|| format!("{path}: {lines} lines, at most {MAX_LINES}; split it by meaning"))
}

fn banned(ban: &Ban, path: &str, code: &str) -> Vec<String> {
    if !path.starts_with(ban.folder) || ban.except.iter().any(|start| path.starts_with(start)) {
        return vec![];
    }
    // One name per line is enough, even though `use x::y` matches two.
    let places: BTreeMap<_, _> =
        ban.names.iter().flat_map(|name| lines_with(code, name).into_iter().map(move |line| (line, name))).collect();
    places.into_iter().map(|(line, name)| format!("{path}:{line}: `{name}`: {}", ban.reason)).collect()
}

/// `use std::{fs, ...}` would hide a module from [`BANS`].
fn grouped_std(path: &str, code: &str) -> Vec<String> {
    if !["fourier/src/", "core/src/", "augment/src/", "learn/src/"].iter().any(|folder| path.starts_with(folder)) {
        return vec![];
    }
    let lines = lines_with(code, "use std::{");
    lines
        .into_iter()
        .map(|line| format!("{path}:{line}: import modules of std one by one, so that they can be checked"))
        .collect()
}

/// Whether `path` is `place`, or a file of the module or folder with that name.
fn is_in(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest == ".rs")
}

fn unsafe_code(path: &str, code: &str) -> Vec<String> {
    if UNSAFE_ALLOWED.iter().any(|(allowed, _)| is_in(path, allowed)) {
        return vec![];
    }
    let lines = lines_with(code, "unsafe");
    lines.into_iter().map(|line| format!("{path}:{line}: `unsafe` outside the allow-list of tidy")).collect()
}

/// The words are assembled here so that this file can be checked, too.
fn work_left(path: &str, text: &str) -> Vec<String> {
    let words = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X"].concat()];
    let found = words.iter().flat_map(|word| lines_with(text, word).into_iter().map(move |line| (line, word)));
    found.map(|(line, word)| format!("{path}:{line}: {word}: work that is left belongs in an issue")).collect()
}

/// Path components that occur on every machine: a home called "user" identifies nobody, and X11 keeps its sockets in the same folder everywhere.
const EVERYBODYS: [&str; 2] = ["user", ".X11-unix/"];

/// Absolute paths of a particular machine.
fn machine_paths(path: &str, text: &str) -> Vec<String> {
    let places = [["/wo", "rk/"], ["/ro", "ot/"], ["/ho", "me/"], ["/t", "mp/"], ["C:", "\\Users"]].map(|parts| parts.concat());
    let goes_on = |character: char| character.is_alphanumeric() || "._-~/})>$".contains(character);
    let absolute = |line: &str, place: &String| {
        let mut found = line.match_indices(place.as_str());
        found.any(|(at, _)| {
            !line[..at].ends_with(goes_on) && !EVERYBODYS.iter().any(|name| line[at + place.len()..].starts_with(name))
        })
    };
    let lines = text.lines().enumerate().filter(|(_, line)| places.iter().any(|place| absolute(line, place)));
    lines
        .map(|(n, _)| format!("{path}:{}: a path of one machine; use one relative to the checkout or a temporary folder", n + 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(path: &str, text: &str) -> usize {
        check(path, text).len()
    }

    #[test]
    fn a_plain_file_breaks_nothing() {
        assert_eq!(broken("core/src/a.rs", "//! Pure; std::fs is never used.\nfn f() -> usize { 1 }\n"), 0);
    }

    #[test]
    fn core_must_not_touch_the_outside() {
        assert_eq!(broken("core/src/a.rs", "use std::fs;"), 1);
        assert_eq!(broken("core/src/a.rs", "let now = std::time::Instant::now();"), 1);
        assert_eq!(broken("core/src/a.rs", "use std::{fmt, fs};"), 1);
        assert_eq!(broken("engine/src/a.rs", "use std::fs;"), 0);
    }

    #[test]
    fn learn_must_not_touch_files_or_clocks() {
        assert_eq!(broken("learn/src/a.rs", "use std::path::Path;"), 1);
        assert_eq!(broken("learn/src/a.rs", "let now = std::time::Instant::now();"), 1);
        assert_eq!(broken("learn/src/a.rs", "use std::{fmt, fs};"), 1);
        assert_eq!(broken("learn/src/a.rs", "use std::thread;"), 0);
    }

    #[test]
    fn augment_must_not_touch_files_or_clocks() {
        assert_eq!(broken("augment/src/a.rs", "use std::path::Path;"), 1);
        assert_eq!(broken("augment/src/a.rs", "let now = std::time::Instant::now();"), 1);
        assert_eq!(broken("augment/src/a.rs", "use std::{fmt, fs};"), 1);
    }

    #[test]
    fn libraries_have_one_home() {
        assert_eq!(broken("engine/src/worker.rs", "use ort::session::Session;"), 1);
        assert_eq!(broken("engine/src/classifier/onnxruntime.rs", "use ort::session::Session;"), 0);
        assert_eq!(broken("cli/src/main.rs", "let planner = realfft::RealFftPlanner::new();"), 1);
        assert_eq!(broken("trainer/src/data/dataset.rs", "let planner = realfft::RealFftPlanner::new();"), 1);
        assert_eq!(broken("trainer/src/data/dataset.rs", "use symphonia::core::io;"), 1);
        assert_eq!(broken("engine/src/decode.rs", "use symphonia::core::io;"), 0);
    }

    #[test]
    fn unsafe_code_is_found_in_code_only() {
        assert_eq!(broken("engine/src/a.rs", "// unsafe\nfn f() { unsafe { g() } }"), 1);
        assert_eq!(broken("engine/src/a.rs", "#![forbid(unsafe_code)]"), 0);
    }

    #[test]
    fn a_folder_on_the_list_is_no_prefix_of_others() {
        assert!(is_in("plugin/src/guard.rs", "plugin/src/guard") && is_in("plugin/src/guard/clap.rs", "plugin/src/guard"));
        assert!(!is_in("plugin/src/guardian.rs", "plugin/src/guard"));
    }

    #[test]
    fn unfinished_work_is_found_everywhere() {
        let word = ["TO", "DO"].concat();
        assert_eq!(broken("README.md", &format!("{word}: write this")), 1);
        assert_eq!(broken("core/src/a.rs", "fn f() { todo!() }"), 1);
        assert_eq!(broken("core/src/a.rs", "let x = dbg!(1);"), 1);
    }

    #[test]
    fn machine_paths_are_found_and_relative_ones_are_not() {
        let place = ["/ro", "ot/x"].concat();
        assert_eq!(broken("README.md", &format!("see {place}")), 1);
        assert_eq!(broken("README.md", &format!("see example.org{place}")), 0);
        let home = ["/ho", "me/"].concat();
        assert_eq!(broken("README.md", &format!("see {home}ada/x")), 1);
        assert_eq!(broken("README.md", &format!("see {home}user/x")), 0);
    }

    #[test]
    fn a_long_source_is_named_with_its_length() {
        let text = "\n".repeat(MAX_LINES + 1);
        assert_eq!(check("core/src/a.rs", &text), ["core/src/a.rs: 501 lines, at most 500; split it by meaning"]);
        assert_eq!(broken("core/src/a.rs", &"\n".repeat(MAX_LINES)), 0);
        assert_eq!(broken("data.csv", &text), 0);
    }
}
