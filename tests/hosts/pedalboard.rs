//! The VST3 plugin in pedalboard, a JUCE-based host on PyPI.

use std::fs;
use std::path::Path;
use std::process::Command;

use moodline_core::Emotion;
use moodline_engine::State;
use moodline_engine::decode::read_mono_resampled;
use moodline_engine::timeline::{Timeline, Timelines};
use serde_json::Value;
use test_support::{hosts, sample, tests_file};
use tests_command::moodline;

/// Maximum difference between the plugin's and the command's probabilities: they mix the samples to mono differently.
const TOLERANCE: f64 = 1e-4;

/// Times are accurate to one frame.
const TIME_TOLERANCE_S: f64 = 1e-4;

/// The result of a task of `tests/python/pedalboard_host.py`, or `None` after reporting what is missing.
fn ask(arguments: &[&str]) -> Option<Value> {
    let (bundle, python) = (hosts::vst3()?, hosts::python("numpy, pedalboard")?);
    let script = tests_file("python/pedalboard_host.py");
    let output = Command::new(python).arg(script).arg(bundle).args(arguments).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "pedalboard failed:\n{log}");
    let text = String::from_utf8(output.stdout).unwrap();
    let last = text.lines().last().unwrap_or_else(|| panic!("pedalboard found nothing:\n{log}"));
    Some(serde_json::from_str(last).unwrap())
}

#[test]
fn audio_passes_bit_for_bit_at_every_rate_and_block_size() {
    let Some(found) = ask(&["audio"]) else { return };
    assert_eq!(found["changed"], Value::Array(vec![]));
    assert_eq!(found["runs"], found["expected_runs"]);
    assert!(found["runs"].as_u64().unwrap() >= 160);
    assert_eq!(found["latency"], 0);
}

#[test]
fn state_survives_and_garbage_changes_nothing() {
    let Some(found) = ask(&["state"]) else { return };
    let names: Vec<_> = found["names"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let expected = [
        "bypass",
        "hold",
        "source",
        "window",
        "hop",
        "smoothing",
        "gate_threshold",
        "confidence_threshold",
        "follow_transport",
        "backend",
    ];
    // pedalboard appends units to some names.
    assert_eq!(names.len(), expected.len(), "{names:?}");
    // JUCE lists parameters group by group.
    for name in &names {
        assert_eq!(expected.iter().filter(|expected| name.starts_with(*expected)).count(), 1, "{name} is unknown");
        assert_ne!(found["before"][name], found["moved"][name], "{name} was not moved");
    }
    assert_eq!(found["fresh"], found["before"]);
    assert_eq!(found["restored"], found["moved"]);
    let attempts = found["after_garbage"].as_array().unwrap();
    assert_eq!(attempts.len(), 6);
    for after in attempts {
        assert_eq!(*after, found["moved"]);
    }
}

/// End to end: a JUCE host, the VST3 wrapper, tap, ring, worker, timeline and saved state, compared with the command on the same samples.
#[test]
fn speech_leaves_the_timeline_that_the_command_finds() {
    let folder = tempfile::tempdir().unwrap();
    for (rate, n_channels) in [(16_000, 1), (48_000, 2)] {
        let speech = read_mono_resampled(&sample("unheard.flac"), rate).unwrap();
        // The right channel is quieter, so that the mix equals neither channel.
        let gains = &[1.0, 0.5][..n_channels];
        let samples: Vec<f32> = speech.iter().flat_map(|sample| gains.iter().map(move |gain| gain * sample)).collect();
        let raw = folder.path().join("speech.f32");
        fs::write(&raw, samples.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<_>>()).unwrap();
        let arguments = ["speech", raw.to_str().unwrap(), &rate.to_string(), &n_channels.to_string()];
        let Some(found) = ask(&arguments) else { return };
        assert_eq!(found["changed"], false);
        let encoded: String = serde_json::from_str(found["fields"]["fields"]["timeline"].as_str().unwrap()).unwrap();
        let timelines = Timelines::decode(&encoded).unwrap();
        assert!(timelines.host.entries().is_empty(), "without a transport nothing belongs to a host's time");
        compare(&timelines.stream, &commands_segments(&samples, rate, n_channels, folder.path()));
    }
}

/// The results of `moodline analyze` for the same samples with the plugin's window and hop.
fn commands_segments(samples: &[f32], rate: u32, n_channels: usize, folder: &Path) -> Vec<Value> {
    let path = folder.join("speech.wav");
    let spec = hound::WavSpec {
        channels: n_channels as u16,
        sample_rate: rate,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    samples.iter().for_each(|&sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
    let path = path.to_str().unwrap();
    let outcome = moodline([
        "analyze",
        "--voice",
        "none",
        "--format",
        "json",
        "--backend",
        "native",
        "--window",
        "5",
        "--hop",
        "0.5",
        path,
    ]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    report["segments"].as_array().unwrap().clone()
}

fn compare(timeline: &Timeline, expected: &[Value]) {
    assert!(expected.len() > 30, "the recording is long enough");
    let times = || timeline.entries().iter().map(|entry| (entry.start_s, entry.end_s)).collect::<Vec<_>>();
    assert_eq!(timeline.entries().len(), expected.len(), "{:.3?}", times());
    // pedalboard plays a moment of silence when it loads a plugin, which advances the stream's clock.
    let offset_s = timeline.entries()[0].start_s;
    assert!((0.0..0.5).contains(&offset_s), "{offset_s}");
    for (entry, expected) in timeline.entries().iter().zip(expected) {
        let seconds = |name: &str| expected[name].as_f64().unwrap() + offset_s;
        assert!((entry.start_s - seconds("start_s")).abs() < TIME_TOLERANCE_S, "{entry:?}, {expected}");
        assert!((entry.end_s - seconds("end_s")).abs() < TIME_TOLERANCE_S, "{entry:?}, {expected}");
        match entry.state {
            State::Speech(probabilities) | State::Unfamiliar(probabilities) => {
                assert_eq!(expected["state"], entry.state.name(), "{entry:?}, {expected}");
                assert_eq!(expected["emotion"].as_str(), entry.emotion().map(Emotion::name), "{entry:?}, {expected}");
                for emotion in Emotion::ALL {
                    let theirs = expected["probabilities"][emotion.name()].as_f64().unwrap();
                    assert!((f64::from(probabilities.of(emotion)) - theirs).abs() <= TOLERANCE, "{entry:?}, {expected}");
                }
            }
            State::NoSpeech => assert_eq!(expected["state"], "no_speech", "{entry:?}"),
            State::Gap(reason) => panic!("{reason:?} at {} s, where the command found {expected}", entry.start_s),
        }
    }
}
