//! The output of `moodline features`.

use std::process::Command;

use moodline_core::frontend::{BlockFeatures, features};
use moodline_engine::decode::read_mono_resampled;
use moodline_engine::speech::SpeechSteps;
use moodline_engine::{GateConfig, Model, SpeechDetector, SpeechModel};
use serde_json::Value;
use test_support::{hosts, sample, tests_file};
use tests_command::moodline;

/// The features of a sample shorter than a block, for the steps that the network receives, computed in one go by the front end that is tested against librosa.
fn expected(path: &std::path::Path) -> Vec<f32> {
    let model = Model::embedded();
    let config = &model.contract().front_end;
    let samples = read_mono_resampled(path, config.sample_rate).unwrap();
    let steps = features::<f32>(config, &samples).unwrap();
    let mut heard = SpeechDetector::new(&SpeechModel::embedded(), config.sample_rate, GateConfig::default(), 60.0).unwrap();
    heard.push(&samples).unwrap();
    heard.finish().unwrap();
    let mut speech_steps = SpeechSteps::new(config, steps.ncols());
    BlockFeatures::new(config).of(speech_steps.of(Some(&heard), 0, steps.as_slice().unwrap())).to_vec()
}

#[test]
fn csv_has_times_names_and_every_digit() {
    let path = sample("08a02Tb.flac");
    let outcome = moodline(["features", path.to_str().unwrap()]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let mut lines = outcome.stdout.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!((names[0], names[1], names[names.len() - 1]), ("time_s", "mfcc_0", "level_delta"));
    let rows: Vec<Vec<f64>> = lines.map(|line| line.split(',').map(|value| value.parse().unwrap()).collect()).collect();
    // Three frames of 10 ms: the first step of a stream is at 10 ms, the centre of frames at 0, 10 and 20 ms.
    for row in &rows {
        let place = (row[0] - 0.01) / 0.03;
        assert!(place > -1e-6 && (place - place.round()).abs() < 1e-6, "{}", row[0]);
    }
    assert!(rows.is_sorted_by(|a, b| a[0] < b[0]));
    let values: Vec<f32> = rows.iter().flat_map(|row| &row[1..]).map(|&value| value as f32).collect();
    assert_eq!(values, expected(&path));
}

#[test]
fn numpy_reads_the_array() {
    let Some(python) = hosts::python("numpy") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (path, output) = (sample("08a02Tb.flac"), folder.path().join("features.npy"));
    let arguments = ["features", "--format", "npy", "--output", output.to_str().unwrap(), path.to_str().unwrap()];
    let outcome = moodline(arguments);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, ""), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains(" steps of 0.03 s, the first at 0.") && outcome.stderr.contains(": mfcc_0 mfcc_1"),
        "{}",
        outcome.stderr
    );
    let read = Command::new(python).arg(tests_file("python/read_features.py")).arg(&output).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let read: Value = serde_json::from_slice(&read.stdout).unwrap();
    let expected = expected(&path);
    let n_features = Model::embedded().contract().front_end.n_features();
    assert_eq!(read["dtype"], "float32");
    assert_eq!(read["shape"], serde_json::json!([expected.len() / n_features, n_features]));
    let values: Vec<f32> = read["values"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as f32).collect();
    assert_eq!(values, expected);
}

#[test]
fn what_is_read_is_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let talk = folder.path().join("talk.flac");
    std::fs::copy(sample("08a02Tb.flac"), &talk).unwrap();
    let talk = talk.to_str().unwrap();
    let outcome = moodline(["features", "--force", "--output", talk, talk]);
    assert_eq!(outcome.code, 2);
    assert!(outcome.sentence().contains("is an input and would be overwritten"), "{}", outcome.stderr);
}
