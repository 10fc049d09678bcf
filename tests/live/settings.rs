//! Changes of settings, rates and models while audio arrives.

use std::fs;

use moodline_engine::analysis::Segmentation;
use moodline_engine::live::{Asked, Level, ModelState, Settings, StreamFormat, Transport};
use moodline_engine::timeline::Clock;
use moodline_engine::{Backend, Model};

use crate::host::{Host, RATE, analysed, analysed_at, assert_found, frame, playing, settings, speech};

#[test]
fn new_settings_hold_from_where_they_were_set() {
    let speech = speech();
    let mut host = Host::new(settings());
    host.play(&speech[..frame(6.0)], playing(0.0));
    let coarser = Settings { window_seconds: 3.0, hop_seconds: 1.0, ..settings() };
    host.set(coarser);
    host.play(&speech[frame(6.0)..], playing(6.0));
    host.deactivate();
    let recorded = host.segments(Clock::Host);
    let before = analysed(&speech[..frame(6.0)], &settings());
    assert_found(&recorded[..before.len()], &before, 0.0);
    assert_found(&recorded[before.len()..], &analysed(&speech[frame(6.0)..], &coarser), 6.0);
}

#[test]
fn phrases_are_those_of_a_file_and_take_the_place_of_blocks() {
    let speech = speech();
    let of_phrases = Settings { window_seconds: 5.0, segmentation: Segmentation::Phrases, ..settings() };
    let mut host = Host::new(settings());
    host.play(&speech, playing(0.0));
    host.set(of_phrases);
    // In two parts, so that the end of the first gets an early answer.
    let (first, second) = speech.split_at(frame(7.3));
    host.play(first, playing(0.0));
    host.play(second, playing(7.3));
    host.deactivate();
    let expected = analysed(&speech, &of_phrases);
    assert!(expected.iter().filter(|segment| segment.emotion().is_some()).count() > 2, "{expected:?}");
    assert_found(&host.segments(Clock::Host), &expected, 0.0);
}

#[test]
fn blocks_that_leave_time_between_them_leave_nothing_of_an_earlier_pass_there() {
    let speech = speech();
    let mut host = Host::new(settings());
    host.play(&speech, playing(0.0));
    let apart = Settings { hop_seconds: 5.0, ..settings() };
    host.set(apart);
    // Up to 12 s: what was heard before the last block is replaced, and what was not heard again stays.
    host.play(&speech[..frame(12.0)], playing(0.0));
    host.deactivate();
    let (replaced, kept): (Vec<_>, Vec<_>) = host.segments(Clock::Host).into_iter().partition(|(start_s, ..)| *start_s < 11.9);
    assert_found(&replaced, &analysed(&speech[..frame(12.0)], &apart), 0.0);
    assert!(kept.len() > 10 && kept.iter().all(|(start_s, end_s, _)| end_s - start_s < 2.1 && *start_s < 20.0), "{kept:?}");
}

#[test]
fn a_higher_gate_level_finds_no_speech() {
    let speech = speech();
    let mut host = Host::new(Settings { gate_level_db: 0.0, ..settings() });
    host.play(&speech[..frame(4.0)], playing(0.0));
    host.deactivate();
    let recorded = host.segments(Clock::Host);
    assert!(!recorded.is_empty() && recorded.iter().all(|segment| segment.2.name() == "no_speech"));
    assert!(analysed(&speech[..frame(4.0)], &settings()).iter().any(|segment| segment.emotion().is_some()));
}

#[test]
fn a_stream_at_another_rate_continues_the_clock() {
    let speech = speech();
    let mut host = Host::inactive(settings());
    let mut start_s = 0.0;
    let mut n_recorded = 0;
    for sample_rate in [44_100, 8_000, 96_000, 44_100] {
        host.activate(StreamFormat { sample_rate, offline: true });
        let samples = &speech[..3 * sample_rate as usize];
        host.play(samples, Transport::None);
        host.deactivate();
        let recorded = host.segments(Clock::Stream);
        assert_found(&recorded[n_recorded..], &analysed_at(sample_rate, samples, &settings()), start_s);
        assert_eq!(host.monitor.status().sample_rate, Some(sample_rate));
        n_recorded = recorded.len();
        start_s += 3.0;
    }
}

#[test]
fn the_backend_and_the_model_in_use_are_told() {
    let mut host = Host::new(settings());
    host.play(&speech()[..frame(3.0)], playing(0.0));
    let status = host.monitor.status();
    let model = Model::embedded();
    let ready = ModelState::Ready { id: model.id().to_owned(), fingerprint: model.fingerprint().to_owned() };
    assert_eq!((status.model, status.backend), (ready, Some(Backend::Native)));
    assert_eq!((status.fallback_reason, status.problem, status.sample_rate), (None, None, Some(RATE)));
    assert!(status.latency.is_some() && status.latest_age.is_some());
    assert!(host.monitor.level().peak_db > -60.0);
}

#[test]
fn a_model_from_a_file_takes_over_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    fs::write(&path, Model::embedded().bytes()).unwrap();
    let speech = speech();
    let mut host = Host::new(settings());
    host.play(&speech[..frame(5.0)], playing(0.0));
    host.control.use_model(Some(path), Asked::ByUser);
    host.play(&speech[frame(5.0)..], playing(5.0));
    host.deactivate();
    assert_found(&host.segments(Clock::Host), &analysed(&speech, &settings()), 0.0);
    assert!(host.gaps(Clock::Host).is_empty());
}

#[test]
fn the_version_is_raised_by_what_is_new_and_by_nothing_else() {
    let mut host = Host::new(settings());
    host.play(&speech()[..frame(3.0)], playing(0.0));
    // Long enough for the level to decay to its floor.
    host.play(&vec![0.0; frame(12.0)], playing(3.0));
    host.deactivate();
    assert_eq!(host.monitor.level(), Level::SILENCE);
    let version = host.monitor.version();
    for _ in 0..10 {
        host.settle();
    }
    assert_eq!(host.monitor.version(), version);
    host.control.clear();
    assert!(host.monitor.version() > version);
}
