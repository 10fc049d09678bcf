//! Hosts that render faster than real time.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use hound::{SampleFormat, WavSpec, WavWriter};
use moodline_engine::decode::AudioReader;
use moodline_engine::file_analysis::analyse_file;
use moodline_engine::live::{RING_SECONDS, Source, StreamFormat, Transport};
use moodline_engine::timeline::Clock;
use moodline_engine::{GapReason, Model, State};

use crate::host::{Host, RATE, analysed, assert_found, frame, playing, settings, speech};
use crate::tap;

const FILE_RATE: u32 = 22_050;
const FILE_SECONDS: u32 = 600;

/// Ten minutes of speech, interrupted by silence, left and right at different levels.
fn write_long_file(path: &Path) {
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

/// The transport that a host reports while it renders, from each of these seconds.
const CLAIMS: [(&str, &[(f64, bool)]); 5] = [
    ("offline", &[(0.0, true)]),
    ("realtime", &[(0.0, false)]),
    ("offline, then realtime", &[(0.0, true), (200.0, false)]),
    ("realtime, then offline", &[(0.0, false), (200.0, true)]),
    ("one after the other", &[(0.0, false), (90.0, true), (91.0, false), (300.0, true), (450.0, false)]),
];

/// Renders the file as fast as possible.
fn render(path: &Path, claims: &[(f64, bool)]) -> Host {
    let mut host = Host::inactive(settings());
    host.activate(StreamFormat { sample_rate: FILE_RATE, offline: claims[0].1 });
    let mut reader = AudioReader::open(path).unwrap();
    let (mut chunk, mut position) = (Vec::new(), 0);
    while reader.read(&mut chunk).unwrap() {
        let seconds = position as f64 / f64::from(FILE_RATE);
        let claim = claims.iter().rfind(|(from_s, _)| *from_s <= seconds).unwrap();
        host.tap().set_offline(claim.1);
        let channel = |index: usize| chunk.iter().skip(index).step_by(2).copied().collect::<Vec<f32>>();
        let (left, right) = (channel(0), channel(1));
        host.tap().push(&[&left, &right], Source::Mix, Transport::Playing(position));
        position += left.len() as i64;
    }
    host.deactivate();
    host
}

#[test]
fn a_bounce_of_ten_minutes_has_the_segments_of_the_file_whatever_the_host_claims() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.wav");
    write_long_file(&path);
    let expected =
        analyse_file(&path, &Model::embedded(), settings().backend, settings().analysis(), |_| ControlFlow::Continue(()))
            .unwrap()
            .results
            .voices
            .remove(0)
            .segments;
    assert!(expected.len() > 1190 && expected.iter().any(|segment| segment.state == State::NoSpeech));
    for (name, claims) in CLAIMS {
        let host = render(&path, claims);
        assert_eq!(host.gaps(Clock::Host), [], "{name}");
        assert_eq!(host.monitor.status().dropped_frames, 0, "{name}");
        assert_found(&host.segments(Clock::Host), &expected, 0.0);
    }
}

#[test]
fn a_starved_worker_leaves_a_gap_at_its_time_and_nothing_stale() {
    let speech = speech();
    let long: Vec<f32> = speech.iter().chain(&speech).chain(&speech).copied().collect();
    let mut host = Host::new(settings());
    host.play(&speech[..frame(5.0)], playing(0.0));
    let lock = host.settings.clone();
    // The worker cannot continue while it waits for the settings.
    let starving = lock.lock().unwrap();
    let clock = tap::Clock::default();
    let (mut tap, reader) = clock.stream(StreamFormat { sample_rate: RATE, offline: false });
    host.live.take_up(reader);
    for (index, buffer) in long.chunks(4096).enumerate() {
        tap.push(&[buffer], Source::Mix, Transport::Playing(frame(100.0) as i64 + index as i64 * 4096));
        clock.advance(Duration::from_secs_f64(buffer.len() as f64 / f64::from(RATE)));
    }
    drop(starving);
    host.deactivate();
    let gaps: Vec<_> = host.gaps(Clock::Host);
    let [(gap_start_s, gap_end_s, GapReason::Overrun)] = gaps[..] else { panic!("{gaps:?}") };
    let fitting_s = 100.0 + RING_SECONDS as f64;
    assert!((fitting_s - 0.5..=fitting_s).contains(&gap_start_s) && gap_end_s == 160.0, "{gaps:?}");
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
fn an_instance_that_goes_away_lets_a_rendering_host_go_on() {
    for offline in [true, false] {
        let mut host = Host::inactive(settings());
        let mut tap = host.live.connect(StreamFormat { sample_rate: RATE, offline });
        let rendering = std::thread::spawn(move || {
            let silence = vec![0.0_f32; 8192];
            for index in 0..1000 {
                tap.push(&[&silence], Source::Mix, Transport::Playing(index * 8192));
            }
        });
        drop(host);
        rendering.join().unwrap();
    }
}
