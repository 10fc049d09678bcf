//! Hosts that render faster than real time.

use std::ops::ControlFlow;

use hound::{SampleFormat, WavSpec, WavWriter};
use moodline_engine::decode::AudioReader;
use moodline_engine::live::{Source, StreamFormat, Transport};
use moodline_engine::recording;
use moodline_engine::timeline::{Clock, GapReason};
use moodline_engine::{Model, State};

use super::host::{Host, RATE, analysed, assert_found, frame, playing, settings, speech};

const FILE_RATE: u32 = 22_050;
const FILE_SECONDS: u32 = 600;

/// Ten minutes of speech, interrupted by silence, left and right at different levels.
fn write_long_file(path: &std::path::Path) {
    let spec = WavSpec { channels: 2, sample_rate: FILE_RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut writer = WavWriter::create(path, spec).unwrap();
    let speech = speech();
    for n in 0..(FILE_SECONDS * FILE_RATE) as usize {
        let speaks = n / speech.len() % 3 != 2;
        let sample = if speaks { speech[n % speech.len()] * f32::from(i16::MAX) } else { 0.0 };
        writer.write_sample(sample as i16).unwrap();
        writer.write_sample((0.4 * sample) as i16).unwrap();
    }
    writer.finalize().unwrap();
}

#[test]
fn an_offline_bounce_of_ten_minutes_has_the_segments_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.wav");
    write_long_file(&path);
    let mut host = Host::inactive(settings());
    let mut tap = host.live.connect(StreamFormat { sample_rate: FILE_RATE, offline: true });
    let mut reader = AudioReader::open(&path).unwrap();
    let (mut chunk, mut position) = (Vec::new(), 0);
    while reader.read(&mut chunk).unwrap() {
        let channel = |index: usize| chunk.iter().skip(index).step_by(2).copied().collect::<Vec<f32>>();
        let (left, right) = (channel(0), channel(1));
        tap.push(&[&left, &right], Source::Mix, Transport::Playing(position));
        position += left.len() as i64;
    }
    drop(tap);
    host.deactivate();
    let expected =
        recording::analyse(&path, &Model::embedded(), settings().backend, settings().analysis(), |_| ControlFlow::Continue(()))
            .unwrap()
            .report
            .segments;
    let recorded = host.segments(Clock::Host);
    assert!(expected.len() > 1190 && expected.iter().any(|segment| segment.state == State::NoSpeech));
    assert_eq!(recorded.len(), expected.len());
    for ((start_s, end_s, state), expected) in recorded.into_iter().zip(expected) {
        assert!((start_s - expected.start_s).abs() < 1e-5 && (end_s - expected.end_s).abs() < 1e-5);
        match (state, expected.state) {
            (State::NoSpeech, State::NoSpeech) => {}
            (State::Speech(found), State::Speech(expected)) => {
                assert_eq!(found.winner(), expected.winner(), "{start_s} s");
                let errors = found.as_array().iter().zip(expected.as_array()).map(|(a, b)| (a - b).abs());
                assert!(errors.fold(0.0, f32::max) < 1e-4, "{start_s} s: {found:?}, expected {expected:?}");
            }
            other => panic!("{start_s} s: {other:?}"),
        }
    }
    assert!(host.gaps(Clock::Host).is_empty());
    assert_eq!(host.monitor.status().dropped_frames, 0);
}

#[test]
fn a_starved_worker_leaves_a_gap_at_its_time_and_nothing_stale() {
    let speech = speech();
    let long: Vec<f32> = speech.iter().chain(&speech).chain(&speech).copied().collect();
    let mut host = Host::new(settings());
    host.play(&speech[..frame(5.0)], playing(0.0));
    let lock = host.settings.clone();
    // The worker cannot go on while it waits for the settings.
    let starving = lock.lock().unwrap();
    let mut tap = host.live.connect(StreamFormat { sample_rate: RATE, offline: false });
    for (index, buffer) in long.chunks(4096).enumerate() {
        tap.push(&[buffer], Source::Mix, Transport::Playing(frame(100.0) as i64 + index as i64 * 4096));
    }
    drop(starving);
    host.deactivate();
    let gaps: Vec<_> = host.gaps(Clock::Host);
    let [(gap_start_s, gap_end_s, GapReason::Overrun)] = gaps[..] else { panic!("{gaps:?}") };
    assert!(gap_start_s >= 129.0 && gap_end_s == 160.0, "{gaps:?}");
    assert_eq!(host.monitor.status().dropped_frames, frame(gap_end_s - gap_start_s) as u64);
    assert_eq!(host.monitor.status().latest, None);
    drop(tap);
    host.activate(StreamFormat { sample_rate: RATE, offline: false });
    host.play(&speech, playing(160.0));
    host.deactivate();
    let recorded = host.segments(Clock::Host);
    let n_before = analysed(&speech[..frame(5.0)], &settings()).len();
    let kept = analysed(&long[..frame(gap_start_s - 100.0)], &settings());
    assert_found(&recorded[n_before..][..kept.len()], &kept, 100.0);
    assert_found(&recorded[n_before + kept.len()..], &analysed(&speech, &settings()), 160.0);
}

#[test]
fn an_instance_that_goes_away_lets_an_offline_host_go_on() {
    let mut host = Host::inactive(settings());
    let mut tap = host.live.connect(StreamFormat { sample_rate: RATE, offline: true });
    let rendering = std::thread::spawn(move || {
        let silence = vec![0.0_f32; 8192];
        for index in 0..1000 {
            tap.push(&[&silence], Source::Mix, Transport::Playing(index * 8192));
        }
    });
    drop(host);
    rendering.join().unwrap();
}
