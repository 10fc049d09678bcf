//! None of our programs uses the network, writes where the README does not say, or starts another program.
//!
//! Command, trainer, standalone and plugin run in parallel for a minute, each under strace, in a network namespace with only its own loopback and a resolver
//! that records its queries.

mod namespace;
mod programs;
mod resolver;
mod trace;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use moodline_engine::classifier::LibrarySearch;
use moodline_engine::{BackendChoice, Classifier, Model};
use test_support::screen::Screen;
use test_support::skip::skip;

use programs::Watched;
use resolver::Resolver;
use trace::Trace;

/// How long the programs run after loading ONNX Runtime. Its telemetry client looks up its host after about 10 s and again every 30 s; a program that has not
/// done so within a minute, on a machine as busy as this test makes it, has no such client.
const WATCHED: Duration = Duration::from_secs(60);

/// The user's folders, relative to the home folder, that the README lists as written to.
const NAMED_IN_README: [&str; 4] =
    [".cache/moodline", ".cache/mesa_shader_cache", ".cache/mesa_shader_cache_db", ".config/moodline"];

#[test]
fn no_program_uses_the_network_or_writes_elsewhere_or_starts_another() {
    if !namespace::inside("private::no_program_uses_the_network_or_writes_elsewhere_or_starts_another") {
        return;
    }
    if !trace::is_possible() {
        return;
    }
    let resolver = Resolver::start();
    the_watch_sees_what_it_must(&resolver);

    let library = onnxruntime();
    let screen = Screen::start();
    let mut watched = programs::start_all(screen.as_ref(), library.as_deref());
    if let Some(library) = &library {
        watched.iter_mut().for_each(|program| program.wait_until_it_runs(library));
    }
    thread::sleep(WATCHED);
    let found: BTreeSet<String> = watched.iter_mut().flat_map(found_by).collect();
    let queries = resolver.take();
    let found: Vec<String> = found.into_iter().collect();
    assert!(found.is_empty() && queries.is_empty(), "{}\nnames asked for: {queries:?}", found.join("\n"));
}

/// The library that this process loads: the programs, which have another home, would not find it. `None`, after reporting it, if there is none.
fn onnxruntime() -> Option<PathBuf> {
    if let Err(error) = Classifier::new(&Model::embedded(), BackendChoice::OnnxRuntime) {
        skip("ONNX Runtime", &format!("the programs are watched with Moodline's own kernel, because {error}"));
        return None;
    }
    let loaded = fs::read_to_string("/proc/self/maps").unwrap();
    let mut candidates = LibrarySearch::of_this_process().candidates().into_iter().filter_map(|path| path.canonicalize().ok());
    candidates.find(|path| loaded.contains(&path.display().to_string()))
}

/// Ends the program and returns its violations.
fn found_by(program: &mut Watched) -> Vec<String> {
    let trace = program.stop();
    assert!(trace.n_threads() > 1, "{}: strace follows threads", program.name());
    let misdeeds = trace.misdeeds(&program.may_write());
    misdeeds.into_iter().map(|misdeed| format!("{} {misdeed}", program.name())).collect()
}

/// A process that looks up a name, writes outside its folder and starts a program is caught.
fn the_watch_sees_what_it_must(resolver: &Resolver) {
    let place = tempfile::tempdir().unwrap();
    let (file, elsewhere) = (place.path().join("trace"), place.path().join("elsewhere"));
    let mut naughty = Command::new("sh");
    naughty.args(["-c", "getent hosts events.example.invalid; true > \"$0\""]).arg(&elsewhere);
    trace::traced(&naughty, &file).output().unwrap();
    let misdeeds = Trace::read(&file, place.path()).misdeeds(&[place.path().join("work")]);
    for expected in ["a socket of AF_INET", "elsewhere", "getent"] {
        assert!(misdeeds.iter().any(|misdeed| misdeed.contains(expected)), "{expected} is not in {misdeeds:?}");
    }
    assert!(resolver.take().iter().any(|name| name == "events.example.invalid"));
}

#[test]
fn the_readme_names_every_folder_that_is_written_to() {
    let readme = fs::read_to_string(test_support::repository().join("README.md")).unwrap();
    for folder in NAMED_IN_README {
        assert!(readme.contains(&format!("`~/{folder}`")), "{folder}");
    }
}

/// [`NAMED_IN_README`] in this home folder.
fn named_in_readme(home: &Path) -> Vec<PathBuf> {
    NAMED_IN_README.iter().map(|folder| home.join(folder)).collect()
}
