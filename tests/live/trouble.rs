//! Failures cost only their own time.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use moodline_engine::file_analysis::analyse_file;
use moodline_engine::live::{Asked, FileLane, FileState, Live, ModelState, Monitor, Settings, Source, StreamFormat, Transport};
use moodline_engine::timeline::Clock;
use moodline_engine::{GapReason, Model};
use test_support::waiting::wait_until;

use crate::host::{Host, RATE, analysed, assert_found, frame, playing, settings, settle, speech};

#[test]
fn samples_that_are_no_numbers_are_a_gap_between_two_runs() {
    let speech = speech();
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
        let mut host = Host::new(settings());
        let mut samples = speech.clone();
        let (first, last) = (frame(8.0), frame(8.0) + 3);
        samples[first] = bad;
        samples[last] = bad;
        host.play(&samples, playing(0.0));
        host.deactivate();
        let recorded = host.segments(Clock::Host);
        let before = analysed(&speech[..first], &settings());
        let gap_end_s = (last + 1) as f64 / f64::from(RATE);
        assert_found(&recorded[..before.len()], &before, 0.0);
        assert_found(&recorded[before.len()..], &analysed(&speech[last + 1..], &settings()), gap_end_s);
        assert_eq!(host.gaps(Clock::Host), [(8.0, gap_end_s, GapReason::NotFinite)]);
    }
}

#[test]
fn subnormal_samples_are_silence() {
    let mut host = Host::new(settings());
    host.play(&vec![1e-40; frame(4.0)], playing(0.0));
    host.deactivate();
    assert_found(&host.segments(Clock::Host), &analysed(&vec![0.0; frame(4.0)], &settings()), 0.0);
}

/// Waits until the model of `monitor` is no longer loading.
fn loaded(monitor: &Monitor) -> ModelState {
    wait_until("the model is loaded", || monitor.status().model != ModelState::Loading);
    monitor.status().model
}

#[test]
fn without_a_model_there_is_a_gap_and_a_sentence_and_later_a_reading() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = folder.path().join("hostile.onnx");
    fs::write(&hostile, [0xff; 4096]).unwrap();
    let missing = folder.path().join("missing.onnx");
    let speech = speech();
    for path in [missing, hostile, folder.path().to_owned()] {
        let mut host = Host::inactive(settings());
        host.control.use_model(Some(path.clone()), Asked::ByUser);
        assert_eq!(host.monitor.status().model, ModelState::Loading, "nobody needs it yet");
        host.activate(StreamFormat { sample_rate: RATE, offline: false });
        host.play(&speech[..frame(4.0)], playing(0.0));
        let ModelState::Failed(sentence) = host.monitor.status().model else { panic!("{path:?}") };
        assert!(sentence.contains(&path.display().to_string()), "{sentence}");
        assert_eq!(host.monitor.status().latest, None);
        host.control.use_model(None, Asked::ByUser);
        host.play(&speech[..frame(4.0)], playing(4.0));
        host.deactivate();
        assert_eq!(host.gaps(Clock::Host), [(0.0, 4.0, GapReason::Failure)]);
        assert_found(&host.segments(Clock::Host), &analysed(&speech[..frame(4.0)], &settings()), 4.0);
    }
}

#[test]
fn settings_that_make_no_sense_are_told_and_are_a_gap() {
    let speech = speech();
    let mut host = Host::new(Settings { window_seconds: f64::NAN, ..settings() });
    host.play(&speech[..frame(2.0)], playing(0.0));
    assert!(host.monitor.status().problem.unwrap().contains("window"));
    host.set(settings());
    host.play(&speech[..frame(4.0)], playing(2.0));
    assert_eq!(host.monitor.status().problem, None);
    host.deactivate();
    assert_eq!(host.gaps(Clock::Host), [(0.0, 2.0, GapReason::Failure)]);
    assert_found(&host.segments(Clock::Host), &analysed(&speech[..frame(4.0)], &settings()), 2.0);
}

#[test]
fn a_panic_costs_its_run_and_the_worker_goes_on() {
    let armed = Arc::new(AtomicBool::new(false));
    let trigger = Arc::clone(&armed);
    let mut live = Live::new(settings, move || assert!(!trigger.swap(false, Ordering::Relaxed), "a host's closure panics"));
    let (monitor, control) = (live.monitor(), live.control());
    let mut tap = live.connect(StreamFormat { sample_rate: RATE, offline: false });
    let speech = speech();
    tap.push(&[&speech[..frame(1.0)]], Source::Mix, playing(0.0));
    settle(&control);
    armed.store(true, Ordering::Relaxed);
    tap.push(&[&speech[frame(1.0)..frame(5.0)]], Source::Mix, playing(1.0));
    settle(&control);
    assert!(!armed.load(Ordering::Relaxed));
    tap.push(&[&speech[frame(5.0)..frame(15.0)]], Source::Mix, playing(5.0));
    drop(tap);
    settle(&control);
    monitor.with_timeline(Clock::Host, |timeline| {
        let gaps = timeline.entries().len() - timeline.without_gaps().len();
        assert!(gaps <= 1, "{:?}", timeline.entries());
        let (start_s, end_s) = timeline.bounds().unwrap();
        assert_eq!((start_s, end_s), (0.0, 15.0));
        assert!(timeline.between(9.0, 15.0).len() > 6, "the audio after it was analysed");
    });
}

fn sample() -> PathBuf {
    test_support::sample("unheard.flac")
}

/// Waits until the file is no longer being analysed.
fn finished(monitor: &Monitor) -> FileLane {
    wait_until("the file is finished", || monitor.file().expect("a file was opened").state != FileState::Running);
    monitor.file().expect("it is still open")
}

#[test]
fn a_file_is_analysed_beside_the_live_audio_as_the_command_does() {
    let host = Host::inactive(settings());
    host.control.analyse_file(sample());
    let lane = finished(&host.monitor);
    let expected =
        analyse_file(&sample(), &Model::embedded(), settings().backend, settings().analysis(), |_| ControlFlow::Continue(()))
            .unwrap();
    assert_eq!((lane.state, lane.progress, lane.duration_s), (FileState::Done, 1.0, expected.results.duration_s));
    let states = |segments: &[moodline_engine::Segment]| segments.iter().map(crate::host::found).collect::<Vec<_>>();
    assert_eq!(states(&lane.segments), states(&expected.results.voices[0].segments));
    assert_eq!(lane.results.unwrap().file, expected.results.file);
    host.control.close_file();
    assert!(host.monitor.file().is_none());
}

#[test]
fn a_file_that_cannot_be_read_or_is_no_longer_wanted_says_so() {
    let host = Host::inactive(settings());
    host.control.analyse_file("missing.wav".into());
    let FileState::Failed(sentence) = finished(&host.monitor).state else { panic!("it was not there") };
    assert!(sentence.contains("missing.wav"), "{sentence}");
    host.control.analyse_file(sample());
    host.control.cancel_file();
    assert_eq!(finished(&host.monitor).state, FileState::Cancelled);
    host.control.use_model(Some("missing.onnx".into()), Asked::ByProject);
    host.control.analyse_file(sample());
    let FileState::Failed(sentence) = finished(&host.monitor).state else { panic!("there is no model") };
    assert!(sentence.contains("missing.onnx"), "{sentence}");
    // A failed choice by the user keeps the running model.
    host.control.use_model(None, Asked::ByUser);
    assert!(matches!(loaded(&host.monitor), ModelState::Ready { .. }));
    host.control.use_model(Some("missing.onnx".into()), Asked::ByUser);
    host.control.analyse_file(sample());
    assert_eq!(finished(&host.monitor).state, FileState::Done);
    assert!(host.monitor.refused_model().is_some_and(|sentence| sentence.contains("missing.onnx")));
    // Dropping everything during a file's analysis waits only for its thread.
    host.control.use_model(None, Asked::ByUser);
    host.control.analyse_file(sample());
    drop(host);
}

#[test]
fn an_open_editor_needs_the_model_and_a_thousand_activations_end() {
    let mut host = Host::inactive(settings());
    assert_eq!(host.monitor.status().model, ModelState::Loading);
    host.control.set_watched(true);
    assert!(matches!(loaded(&host.monitor), ModelState::Ready { .. }));
    for _ in 0..1000 {
        host.activate(StreamFormat { sample_rate: 8_000, offline: false });
    }
    host.play(&[0.1; 512], Transport::None);
    host.deactivate();
    assert_eq!(host.monitor.playhead(), Some(512.0 / 8_000.0));
}

/// Named things that are not regular files, in `folder`.
#[cfg(unix)]
fn no_files(folder: &Path) -> [(PathBuf, &'static str); 3] {
    let pipe = folder.join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("every Unix has mkfifo");
    assert!(made.success());
    [(pipe, "a pipe"), ("/dev/zero".into(), "a device"), (folder.to_owned(), "a folder")]
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_told_and_nobody_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    for (path, found) in no_files(folder.path()) {
        for asked in [Asked::ByUser, Asked::ByProject] {
            let mut host = Host::inactive(settings());
            host.control.use_model(Some(path.clone()), asked);
            host.activate(StreamFormat { sample_rate: RATE, offline: false });
            let ModelState::Failed(sentence) = loaded(&host.monitor) else { panic!("{path:?} is no model") };
            assert!(sentence.contains(&format!("{}: expected a file, found {found}", path.display())), "{sentence}");
            host.control.use_model(None, Asked::ByUser);
            host.control.analyse_file(path.clone());
            let FileState::Failed(sentence) = finished(&host.monitor).state else { panic!("{path:?} is no recording") };
            assert!(sentence.contains(&format!("{}: expected a file, found {found}", path.display())), "{sentence}");
        }
    }
}
