//! What is recorded, as a host gets it back from the saved state.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clack_extensions::render::RenderMode;
use moodline_engine::decode::AudioReader;
use moodline_engine::recording;
use moodline_engine::timeline::{Content, Entry, GapReason, Timeline};
use moodline_engine::{AnalysisConfig, BackendChoice, Model, Segment, State};
use tempfile::TempDir;

use super::host::{Track, load};

const RATE_HZ: u32 = 16_000;

/// Largest difference of a probability: the saved timeline rounds, and rates are the same.
const TOLERANCE: f32 = 1e-4;

/// The sample recording, repeated to 60 s.
fn minute() -> Vec<f32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/stream.flac");
    let mut reader = AudioReader::open(&path).unwrap();
    assert_eq!(reader.sample_rate(), RATE_HZ);
    let (mut chunk, mut samples) = (Vec::new(), Vec::new());
    while reader.read_mono(&mut chunk).unwrap() {
        samples.extend_from_slice(&chunk);
    }
    let n_samples = 60 * RATE_HZ as usize;
    samples.iter().copied().cycle().take(n_samples).collect()
}

/// `samples` as a file, in a folder that lasts as long as what is returned.
fn write(samples: &[f32]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("speech.wav");
    let format =
        hound::WavSpec { channels: 1, sample_rate: RATE_HZ, bits_per_sample: 32, sample_format: hound::SampleFormat::Float };
    let mut writer = hound::WavWriter::create(&path, format).unwrap();
    for &sample in samples {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
    (folder, path)
}

/// What the command finds in `samples`.
fn analysed(samples: &[f32]) -> Vec<Segment> {
    let (_folder, path) = write(samples);
    let config = AnalysisConfig { hop_seconds: 0.5, ..AnalysisConfig::default() };
    let recording = recording::analyse(&path, &Model::embedded(), BackendChoice::Native, config, |_| ControlFlow::Continue(()));
    recording.unwrap().report.segments
}

/// A track that renders offline, with the native backend.
fn rendering(entry: &clack_host::prelude::PluginEntry) -> Track {
    let mut track = Track::new(entry);
    track.set(&[("backend", 2.0)]);
    track.render_mode(RenderMode::Offline);
    track
}

#[track_caller]
fn assert_same(recorded: &Timeline, analysed: &[Segment]) {
    assert_eq!(recorded.entries().len(), analysed.len());
    for (entry, segment) in recorded.entries().iter().zip(analysed) {
        let at = format!("at {} s", segment.start_s);
        assert!((entry.start_s - segment.start_s).abs() < 1e-3 && (entry.end_s - segment.end_s).abs() < 1e-3, "{at}: {entry:?}");
        match (entry.content, segment.state) {
            (Content::Segment(State::Speech(found)), State::Speech(expected)) => {
                assert_eq!(found.winner(), expected.winner(), "{at}");
                for (found, expected) in found.as_array().iter().zip(expected.as_array()) {
                    assert!((found - expected).abs() <= TOLERANCE, "{at}: {found}, expected {expected}");
                }
            }
            (Content::Segment(State::NoSpeech), State::NoSpeech) => {}
            (found, expected) => panic!("{at}: {found:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn a_minute_rendered_offline_is_what_the_command_finds() {
    let Some(entry) = load() else { return };
    let samples = minute();
    let expected = analysed(&samples);
    assert!(expected.iter().any(|segment| matches!(segment.state, State::Speech(_))), "the sample is speech");
    for (n_channels, max_frames) in [(2, 512), (1, 8192), (6, 37)] {
        let mut track = rendering(&entry);
        track.select_layout(n_channels);
        track.play(RATE_HZ.into(), n_channels, max_frames, |player| {
            player.position = Some(0);
            player.play(&samples);
        });
        assert_same(&track.timelines().host, &expected);
    }
}

#[test]
fn without_a_transport_it_is_recorded_on_its_own_clock() {
    let Some(entry) = load() else { return };
    let samples = &minute()[..20 * RATE_HZ as usize];
    let mut track = rendering(&entry);
    track.play(RATE_HZ.into(), 2, 512, |player| player.play(samples));
    assert_same(&track.timelines().stream, &analysed(samples));
    assert!(track.timelines().host.entries().is_empty());
}

/// The entries that start in `from..to`, seconds.
fn starting_in(timeline: &Timeline, from: f64, to: f64) -> Vec<Entry> {
    timeline.entries().iter().filter(|entry| (from..to).contains(&entry.start_s)).copied().collect()
}

#[test]
fn a_loop_replaces_its_passage_and_nothing_else() {
    let Some(entry) = load() else { return };
    let samples = minute();
    let at = |seconds: usize| seconds * RATE_HZ as usize;
    let mut track = rendering(&entry);
    track.play(RATE_HZ.into(), 2, 512, |player| {
        player.position = Some(0);
        player.play(&samples[..at(40)]);
    });
    let first = track.timelines().host;

    // Three times round a loop from 10 s to 20 s, in which there is silence now.
    track.play(RATE_HZ.into(), 2, 512, |player| {
        for _ in 0..3 {
            player.position = Some(at(10) as i64);
            player.play(&vec![0.0; at(10)]);
        }
    });
    let second = track.timelines().host;
    assert_eq!(starting_in(&second, 0.0, 10.0), starting_in(&first, 0.0, 10.0));
    assert_eq!(starting_in(&second, 20.0, 60.0), starting_in(&first, 20.0, 60.0));
    let looped = starting_in(&second, 10.0, 15.0);
    assert!(!looped.is_empty());
    for entry in looped {
        assert_eq!(entry.content, Content::Segment(State::NoSpeech), "at {} s", entry.start_s);
    }
}

#[test]
fn what_is_no_number_becomes_a_gap_and_never_a_result() {
    let Some(entry) = load() else { return };
    let mut samples = minute()[..30 * RATE_HZ as usize].to_vec();
    let broken = 12 * RATE_HZ as usize;
    samples[broken] = f32::NAN;
    samples[broken + 1] = f32::INFINITY;
    samples[broken + 2] = f32::from_bits(1);
    let mut track = rendering(&entry);
    track.play(RATE_HZ.into(), 2, 512, |player| {
        player.position = Some(0);
        player.play(&samples);
    });
    let timeline = track.timelines().host;
    let is_gap = |entry: &&Entry| entry.content == Content::Gap(GapReason::NotFinite);
    let gap = timeline.entries().iter().find(is_gap).expect("there is a gap");
    assert!((gap.start_s..=gap.end_s).contains(&12.0) && gap.end_s - gap.start_s < 1.0, "{gap:?}");
    for entry in timeline.entries() {
        if let Content::Segment(State::Speech(probabilities)) = entry.content {
            assert!(probabilities.as_array().iter().all(|probability| probability.is_finite()), "{entry:?}");
            assert!(entry.end_s <= gap.start_s + 1e-3 || entry.start_s >= gap.end_s - 1e-3, "{entry:?} hears the gap {gap:?}");
        }
    }
    assert!(timeline.entries().iter().any(|entry| entry.start_s > 12.5), "it goes on after the gap");
}
