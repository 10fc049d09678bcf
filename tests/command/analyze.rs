//! The results of `moodline analyze`.

use std::fs;
use std::path::Path;

use moodline_engine::Model;
use serde_json::Value;
use test_support::sample;
use tests_command::{moodline, moodline_into};

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The report without fields that differ from run to run.
fn without_latency(mut report: Value) -> Value {
    for segment in report["segments"].as_array_mut().unwrap() {
        segment.as_object_mut().unwrap().remove("latency_ms").unwrap();
    }
    report
}

#[test]
fn json_of_one_file_is_one_object_with_exactly_these_fields() {
    let path = sample("unheard.flac");
    let outcome = moodline(["analyze", "--format", "json", "--backend", "native", path.to_str().unwrap()]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let keys = |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let mut expected = ["backend", "channels", "duration_s", "file", "model", "sample_rate", "segments", "voices"];
    expected.sort_unstable();
    let mut found = keys(&report);
    found.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(report["sample_rate"], 16_000);
    assert_eq!(report["channels"], 1);
    assert_eq!(report["backend"], "native");
    assert_eq!(report["model"]["fingerprint"], Model::embedded().fingerprint());
    let segments = report["segments"].as_array().unwrap();
    assert_eq!(segments.len(), 5);
    for segment in segments {
        assert_eq!(keys(segment).len(), 9);
        assert!(segment["channel"].is_null(), "a mix is no channel");
        let probabilities = segment["probabilities"].as_object().unwrap();
        let sum: f64 = probabilities.values().map(|value| value.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-3);
        let winner = probabilities.iter().max_by(|a, b| a.1.as_f64().unwrap().total_cmp(&b.1.as_f64().unwrap())).unwrap().0;
        assert_eq!(segment["emotion"], winner.as_str());
        assert_eq!(segment["state"], "speech");
        assert!(segment["latency_ms"]["features"].as_f64().unwrap() >= 0.0);
    }
}

#[test]
fn recordings_are_analysed_by_the_native_kernel_unless_another_is_asked_for() {
    let path = sample("unheard.flac");
    let of = |arguments: &[&str]| {
        let outcome = moodline(
            ["analyze", "--format", "json"].iter().copied().chain(arguments.iter().copied()).chain([path.to_str().unwrap()]),
        );
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        (outcome.stderr.lines().next().unwrap().to_owned(), json_lines(&outcome.stdout).remove(0))
    };
    let (said, by_default) = of(&[]);
    assert_eq!((said.as_str(), &by_default["backend"]), ("backend: native", &Value::from("native")));
    let (_, other) = of(&["--backend", "auto"]);
    for (one, other) in by_default["segments"].as_array().unwrap().iter().zip(other["segments"].as_array().unwrap()) {
        for emotion in ["angry", "happy", "sad", "neutral"] {
            let [one, other] = [one, other].map(|segment| segment["probabilities"][emotion].as_f64().unwrap());
            assert!((one - other).abs() < 1e-4, "{emotion}: {one} {other}");
        }
    }
}

#[test]
fn folders_are_searched_in_order_and_the_order_does_not_depend_on_the_number_of_jobs() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("b")).unwrap();
    for (name, copy) in
        [("03a02Nc.flac", "c.FLAC"), ("03a02Wc.flac", "b/z.flac"), ("08a02Tb.flac", "a.flac"), ("03a02Nc.flac", ".hidden.flac")]
    {
        fs::copy(sample(name), folder.path().join(copy)).unwrap();
    }
    fs::write(folder.path().join("notes.txt"), "no audio").unwrap();
    let path = folder.path().to_str().unwrap();
    let run = |jobs: &str| -> Vec<Value> {
        let outcome = moodline(["analyze", "--format", "json", "--backend", "native", "--jobs", jobs, "--hop", "0.5", path]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        json_lines(&outcome.stdout).into_iter().map(without_latency).collect()
    };
    let one = run("1");
    let names: Vec<&str> =
        one.iter().map(|report| Path::new(report["file"].as_str().unwrap()).file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["a.flac", "z.flac", "c.FLAC"]);
    for jobs in ["2", "5"] {
        assert_eq!(run(jobs), one);
    }
}

#[test]
fn one_run_writes_table_files_and_picture() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (stream, labels) = (sample("unheard.flac"), sample("unheard.csv"));
    let mut arguments = vec!["analyze".to_owned(), "--window".to_owned(), "2".to_owned(), "--hop".to_owned(), "1".to_owned()];
    arguments.extend(["--labels".to_owned(), labels.to_str().unwrap().to_owned()]);
    for format in ["csv", "json", "audacity", "srt", "vtt", "table"] {
        arguments.extend(["--save".to_owned(), format!("{format}={}", at(format))]);
    }
    arguments.extend(["--plot".to_owned(), at("stream.svg"), stream.to_str().unwrap().to_owned()]);
    let outcome = moodline(arguments);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.starts_with("backend: "), "{}", outcome.stderr);
    assert_eq!(fs::read_to_string(at("table")).unwrap(), outcome.stdout);
    assert!(outcome.stdout.contains("agreement with the true emotions"));
    // Two blocks span the boundary between these two; the emotion of the longer part comes first.
    for both in ["neutral, angry", "angry, neutral"] {
        assert_eq!(outcome.stdout.lines().filter(|line| line.contains(both)).count(), 1, "{both}: {}", outcome.stdout);
    }
    assert_eq!(fs::read_to_string(at("csv")).unwrap().lines().count(), 1 + 21);
    assert_eq!(json_lines(&fs::read_to_string(at("json")).unwrap())[0]["segments"].as_array().unwrap().len(), 21);
    assert!((4..21).contains(&fs::read_to_string(at("audacity")).unwrap().lines().count()));
    assert!(fs::read_to_string(at("srt")).unwrap().starts_with("1\n00:00:00,000 --> "));
    assert!(fs::read_to_string(at("vtt")).unwrap().starts_with("WEBVTT\n\n00:00:00.000 --> "));
    let svg = fs::read_to_string(at("stream.svg")).unwrap();
    for word in ["unheard.flac", "found", "true", "neutral", "sad", "happy", "angry", "time (min:s)"] {
        assert!(svg.contains(word), "{word} is missing in the picture");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 7, "temporary files were left behind");
}

#[test]
fn a_png_is_a_png_with_something_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("p.png");
    let outcome = moodline(["analyze", "--plot", picture.to_str().unwrap(), sample("08a02Tb.flac").to_str().unwrap()]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let bytes = fs::read(picture).unwrap();
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert!(bytes.len() > 10_000, "{} bytes", bytes.len());
}

#[test]
fn a_folder_gets_one_file_a_recording() {
    let folder = tempfile::tempdir().unwrap();
    let results = format!("{}/new/", folder.path().display());
    let (a, b) = (sample("03a02Nc.flac"), sample("03a02Wc.flac"));
    let arguments =
        ["analyze", "--format", "srt", "--output", &results, "--plot", &results, a.to_str().unwrap(), b.to_str().unwrap()];
    let outcome = moodline(arguments);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "{}", outcome.stderr);
    let mut names: Vec<_> =
        fs::read_dir(&results).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["03a02Nc.flac.srt", "03a02Nc.flac.svg", "03a02Wc.flac.srt", "03a02Wc.flac.svg"]);
}

#[test]
fn csv_of_several_files_has_one_header() {
    let (a, b) = (sample("03a02Nc.flac"), sample("03a02Wc.flac"));
    let outcome = moodline(["analyze", "--format", "csv", a.to_str().unwrap(), b.to_str().unwrap()]);
    assert_eq!(outcome.stdout.matches("file,start_s").count(), 1);
    assert_eq!(outcome.stdout.lines().count(), 3);
}

#[test]
fn an_interrupted_run_says_so_and_fails() {
    let mut stdout = Vec::new();
    let (code, stderr) = moodline_into(["analyze", sample("unheard.flac").to_str().unwrap()], &mut stdout, true);
    assert_eq!(code, 1);
    assert!(stdout.is_empty());
    assert!(stderr.contains("interrupted; 0 of 1 recordings"), "{stderr}");
}

#[test]
fn model_shows_the_contract() {
    let outcome = moodline(["model"]);
    assert_eq!(outcome.code, 0);
    for word in [Model::embedded().fingerprint(), "labels", "licence", "trained on"] {
        assert!(outcome.stdout.contains(word), "{word} is missing in {}", outcome.stdout);
    }
    let json: Value = serde_json::from_str(&moodline(["model", "--json"]).stdout).unwrap();
    assert_eq!(json["contract"]["front_end"]["sample_rate"], 16_000);
}

#[test]
fn help_and_version_go_to_standard_output() {
    for arguments in [&["--help"][..], &["analyze", "--help"], &["--version"]] {
        let outcome = moodline(arguments.iter().copied());
        assert_eq!(outcome.code, 0);
        assert!(outcome.stdout.contains("moodline") && outcome.stderr.is_empty());
    }
}
