//! Behaviour if ONNX Runtime cannot be loaded. In a separate process, because a loaded library stays loaded.

use std::fs;

use moodline_engine::classifier::LibrarySearch;
use moodline_engine::{Backend, BackendChoice, Classifier, ClassifierError, Model};

/// A search without any library, and one with a file of its name that is not a library.
fn searches() -> (tempfile::TempDir, [LibrarySearch; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("libonnxruntime.so");
    fs::write(&broken, "this is no library").unwrap();
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    (folder, [LibrarySearch::in_places(vec![empty]), LibrarySearch::in_places(vec![broken])])
}

#[test]
fn auto_falls_back_to_the_native_kernel_and_says_why() {
    let (folder, searches) = searches();
    for search in searches {
        let mut classifier = Classifier::with_search(&Model::embedded(), BackendChoice::Auto, &search).unwrap();
        assert_eq!(classifier.backend(), Backend::Native);
        let reason = classifier.fallback_reason().unwrap();
        assert!(reason.contains(&folder.path().display().to_string()), "{reason}");
        let n_features = Model::embedded().contract().front_end.n_features();
        assert!(classifier.classify(&vec![0.5; n_features], 1).is_ok());
    }
}

#[test]
fn asked_for_by_name_its_absence_is_an_error_that_says_what_to_do() {
    let (folder, searches) = searches();
    for search in searches {
        let error = Classifier::with_search(&Model::embedded(), BackendChoice::OnnxRuntime, &search).unwrap_err();
        assert!(matches!(error, ClassifierError::OnnxRuntimeUnavailable { .. }));
        let text = error.to_string();
        for part in [&folder.path().display().to_string(), "cargo xtask setup", "MOODLINE_ONNXRUNTIME"] {
            assert!(text.contains(part), "{part} is missing from: {text}");
        }
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[test]
fn a_library_that_can_call_home_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libonnxruntime.so");
    fs::write(&library, "\x7fELF https://mobile.events.data.microsoft.com/OneCollector/1.0/").unwrap();
    let search = LibrarySearch::in_places(vec![library.clone()]);
    let on_auto = |search| Classifier::with_search(&Model::embedded(), BackendChoice::Auto, search).unwrap();
    let classifier = on_auto(&search);
    assert_eq!(classifier.backend(), Backend::Native);
    let reason = classifier.fallback_reason().unwrap();
    let why = format!("{}: it was refused, because it can send telemetry over the network", library.display());
    assert!(reason.contains(&why) && reason.contains("1.28.0"), "{reason}");

    fs::write(&library, "another file in its place").unwrap();
    let classifier = on_auto(&search);
    let reason = classifier.fallback_reason().unwrap();
    assert!(!reason.contains("telemetry over"), "what was known of the old file is not said of the new one: {reason}");
}

#[test]
fn the_native_kernel_needs_no_library() {
    let classifier = Classifier::with_search(&Model::embedded(), BackendChoice::Native, &LibrarySearch::default()).unwrap();
    assert_eq!((classifier.backend(), classifier.fallback_reason()), (Backend::Native, None));
}
