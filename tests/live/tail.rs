//! The end of speech: the last, shorter block is recorded even though nothing announces that it is the last.

use std::time::Instant;

use moodline_engine::live::{StreamFormat, Transport};
use moodline_engine::timeline::Clock;
use moodline_engine::{Analyser, AnalysisConfig, Classifier, GateConfig, Model, Segment};
use test_support::waiting::wait_until;

use crate::host::{Host, RATE, analysed, assert_found, frame, playing, settings, speech};

/// Waits until the recording is as long as the results for `samples`, which it must equal.
#[track_caller]
fn arrives(host: &Host, samples: &[f32], start_s: f64) {
    let expected = analysed(samples, &settings());
    let last_end_s = start_s + expected.last().unwrap().end_s;
    let start = Instant::now();
    wait_until("the last block is recorded", || {
        host.segments(Clock::Host).last().is_some_and(|last| (last.1 - last_end_s).abs() < 1e-5)
    });
    println!("the last block is there after {:?}", start.elapsed());
    assert_found(&host.segments(Clock::Host), &expected, start_s);
}

#[test]
fn a_host_that_just_stops_calling_has_its_last_block() {
    for watched in [false, true] {
        let speech = speech();
        let mut host = Host::new(settings());
        host.control.set_watched(watched);
        // The worker decides when to answer early; see `engine/src/live/rhythm.rs`.
        host.push(&speech[..frame(4.3)], playing(50.0));
        arrives(&host, &speech[..frame(4.3)], 50.0);
    }
}

#[test]
fn audio_that_goes_on_takes_the_place_of_what_was_answered_early() {
    let speech = speech();
    let mut host = Host::new(settings());
    let mut start = 0;
    for end in [0.3, 1.1, 1.2, 2.0, 2.7, 5.0, 9.13, 20.0].map(frame) {
        host.push(&speech[start..end], Transport::Playing(start as i64));
        start = end;
        if end >= frame(0.5) {
            arrives(&host, &speech[..end], 0.0);
        }
    }
    host.deactivate();
    assert_found(&host.segments(Clock::Host), &analysed(&speech, &settings()), 0.0);
    assert!(host.gaps(Clock::Host).is_empty());
}

#[test]
fn a_save_has_everything_that_was_played_before_it() {
    let speech = speech();
    let mut host = Host::new(settings());
    for (start, end) in [(0.0, 0.8), (0.8, 3.5), (3.5, 3.6), (3.6, 11.0)] {
        host.play(&speech[frame(start)..frame(end)], playing(start));
        assert_found(&host.segments(Clock::Host), &analysed(&speech[..frame(end)], &settings()), 0.0);
    }
    let saved = host.monitor.timelines();
    host.settle();
    assert_eq!(host.monitor.timelines(), saved);
}

#[test]
fn a_pause_ends_the_run() {
    let speech = speech();
    let mut host = Host::new(settings());
    host.push(&speech[..frame(4.3)], playing(0.0));
    host.tap().pause();
    arrives(&host, &speech[..frame(4.3)], 0.0);
    host.tap().pause();
    host.play(&speech[frame(4.3)..frame(9.0)], playing(4.3));
    host.deactivate();
    let recorded = host.segments(Clock::Host);
    let first = analysed(&speech[..frame(4.3)], &settings());
    assert_found(&recorded[..first.len()], &first, 0.0);
    assert_found(&recorded[first.len()..], &analysed(&speech[frame(4.3)..frame(9.0)], &settings()), 4.3);
}

#[test]
fn the_streams_own_clock_goes_on_over_a_pause() {
    let speech = speech();
    let mut host = Host::new(settings());
    host.push(&speech[..frame(3.0)], Transport::None);
    host.tap().pause();
    host.play(&speech[frame(3.0)..frame(6.0)], Transport::None);
    host.deactivate();
    let recorded = host.segments(Clock::Stream);
    let first = analysed(&speech[..frame(3.0)], &settings());
    assert_found(&recorded[..first.len()], &first, 0.0);
    assert_found(&recorded[first.len()..], &analysed(&speech[frame(3.0)..frame(6.0)], &settings()), 3.0);
}

#[test]
fn what_is_not_recorded_is_not_answered_early_either() {
    let speech = speech();
    let mut host = Host::new(settings());
    host.play(&speech[..frame(0.45)], playing(0.0));
    host.play(&speech[..frame(4.0)], Transport::Stopped);
    assert!(host.entries(Clock::Host).is_empty() && host.entries(Clock::Stream).is_empty());
    host.activate(StreamFormat { sample_rate: RATE, offline: false });
    host.play(&[], playing(0.0));
    assert!(host.entries(Clock::Host).is_empty());
}

/// An analyser for samples at `source_hz`.
fn analyser(source_hz: u32, config: AnalysisConfig) -> Analyser {
    let model = Model::embedded();
    let classifier = Classifier::new(&model, settings().backend).unwrap();
    Analyser::new(&model, classifier, source_hz, config).unwrap()
}

/// Everything except the computing times.
fn findings(segments: &[Segment]) -> Vec<(f64, f64, moodline_engine::State)> {
    segments.iter().map(crate::host::found).collect()
}

#[test]
fn a_peek_is_what_the_end_would_be_and_changes_nothing() {
    let speech = speech();
    let configs = [(2.0, 0.5, true), (5.0, 5.0, true), (0.5, 3.0, false), (3.0, 0.7, false)];
    for source_hz in [16_000, 44_100, 8_000, 24_414, 44_101] {
        for (window_seconds, hop_seconds, gated) in configs {
            let config = AnalysisConfig {
                window_seconds,
                hop_seconds,
                gate: gated.then(GateConfig::default),
                ..AnalysisConfig::default()
            };
            let mut peeked = analyser(source_hz, config);
            let mut found = Vec::new();
            let piece = source_hz as usize * 37 / 31;
            for (index, samples) in speech.chunks(piece).enumerate().take(7) {
                peeked.push(samples, &mut |segment, _| found.push(segment)).unwrap();
                let mut with_rest = found.clone();
                peeked.peek(&mut |segment, _| with_rest.push(segment)).unwrap();
                let mut expected = Vec::new();
                let mut alone = analyser(source_hz, config);
                alone.push(&speech[..index * piece + samples.len()], &mut |segment, _| expected.push(segment)).unwrap();
                alone.finish(&mut |segment, _| expected.push(segment)).unwrap();
                assert_eq!(findings(&with_rest), findings(&expected), "{source_hz} Hz, {config:?}, piece {index}");
            }
        }
    }
}
