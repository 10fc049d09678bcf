//! The command's results for the audio a host plays, and whether a timeline contains them.

use std::iter;
use std::ops::ControlFlow;

use hound::{SampleFormat, WavSpec, WavWriter};
use moodline_engine::file_analysis::analyse_file;
use moodline_engine::timeline::{Clock, Timeline};
use moodline_engine::{AnalysisConfig, BackendChoice, Model, Segment, State};
use test_support::{samples, waiting};

use crate::host::{HostedTrack, Setup};

/// The sample rate of the model, at which plugin and command process the same samples.
pub(crate) const RATE_HZ: u32 = 16_000;

/// Mono at [`RATE_HZ`]: the least work for the same blocks.
pub(crate) const MONO: Setup = Setup { rate_hz: RATE_HZ as f64, n_channels: 1, max_frames: 512 };

/// Maximum difference of a probability: the saved timeline rounds, and rates are the same.
const TOLERANCE: f32 = 1e-4;

/// Times are saved in microseconds.
const TIME_TOLERANCE_S: f64 = 1e-5;

/// The sample recording, repeated, mono at [`RATE_HZ`].
pub(crate) fn speech(seconds: f64) -> Vec<f32> {
    samples::speech(RATE_HZ).into_iter().cycle().take(frame(seconds)).collect()
}

/// The frame at `seconds`.
pub(crate) fn frame(seconds: f64) -> usize {
    (seconds * f64::from(RATE_HZ)).round() as usize
}

/// The recording on `clock`, once it extends to `end_s`: the worker needs time to analyse the rest, especially on a busy machine.
pub(crate) fn recorded(track: &mut impl HostedTrack, clock: Clock, end_s: f64) -> Timeline {
    let mut timeline = Timeline::default();
    // If it never extends that far, the caller sees what is missing.
    waiting::comes_true(|| {
        timeline = track.timelines().on(clock).clone();
        timeline.bounds().is_some_and(|(_, found_s)| (found_s - end_s).abs() < TIME_TOLERANCE_S)
    });
    timeline
}

/// The command's results for `samples` with the plugin's window and hop.
pub(crate) fn analysed(samples: &[f32]) -> Vec<Segment> {
    analysed_every(0.5, samples)
}

/// The command's results for `samples` with the plugin's window and another hop, seconds.
pub(crate) fn analysed_every(hop_seconds: f64, samples: &[f32]) -> Vec<Segment> {
    let file = tempfile::Builder::new().suffix(".wav").tempfile().unwrap();
    let format = WavSpec { channels: 1, sample_rate: RATE_HZ, bits_per_sample: 32, sample_format: SampleFormat::Float };
    let mut writer = WavWriter::create(file.path(), format).unwrap();
    samples.iter().for_each(|&sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
    let config = AnalysisConfig { hop_seconds, ..AnalysisConfig::default() };
    let model = Model::embedded();
    let analysis = analyse_file(file.path(), &model, BackendChoice::Native, config, |_| ControlFlow::Continue(()));
    analysis.unwrap().results.voices.remove(0).segments
}

/// Asserts that the recording equals `expected`, without a gap.
#[track_caller]
pub(crate) fn assert_same(recorded: &Timeline, expected: &[Segment]) {
    assert_same_from(recorded.entries(), expected, 0.0);
}

/// Asserts that `recorded` equals `expected`, shifted by `start_s`.
#[track_caller]
fn assert_same_from(recorded: &[Segment], expected: &[Segment], start_s: f64) {
    if recorded.len() != expected.len() {
        let gap = recorded.iter().find(|entry| matches!(entry.state, State::Gap(_)));
        panic!("{} entries, expected {}; the first gap is {gap:?}", recorded.len(), expected.len());
    }
    for (entry, segment) in recorded.iter().zip(expected) {
        let at = format!("at {} s", segment.start_s + start_s);
        assert!((entry.start_s - segment.start_s - start_s).abs() < TIME_TOLERANCE_S, "{at}: {entry:?}");
        assert!((entry.end_s - segment.end_s - start_s).abs() < TIME_TOLERANCE_S, "{at}: {entry:?}, not {segment:?}");
        match (entry.state, segment.state) {
            (State::Speech(found), State::Speech(expected)) | (State::Unfamiliar(found), State::Unfamiliar(expected)) => {
                assert_eq!(found.winner(), expected.winner(), "{at}");
                for (found, expected) in found.as_array().iter().zip(expected.as_array()) {
                    assert!((found - expected).abs() <= TOLERANCE, "{at}: {found}, expected {expected}");
                }
            }
            (State::NoSpeech, State::NoSpeech) => {}
            (found, expected) => panic!("{at}: {found:?}, expected {expected:?}"),
        }
    }
}

/// Asserts that gaps are where they are reported, and that what lies between them equals the command's results for that part of `samples` alone, with a block
/// every `hop_s`. Returns the lost time, seconds.
#[track_caller]
pub(crate) fn assert_truthful(recorded: &Timeline, hop_s: f64, samples: &[f32]) -> f64 {
    let entries = recorded.entries();
    let is_gap = |entry: &Segment| matches!(entry.state, State::Gap(_));
    let gaps: Vec<_> = entries.iter().copied().filter(is_gap).collect();
    let bounds = gaps.iter().flat_map(|gap| [gap.start_s, gap.end_s]);
    let end_s = samples.len() as f64 / f64::from(RATE_HZ);
    let times: Vec<_> = iter::once(0.0).chain(bounds).chain([end_s]).collect();
    let mut runs = entries.split(is_gap);
    for [start_s, end_s] in times.as_chunks().0.iter().copied() {
        let run = runs.next().expect("there is a run on both sides of a gap");
        let expected = if start_s < end_s { analysed_every(hop_s, &samples[frame(start_s)..frame(end_s)]) } else { Vec::new() };
        assert_same_from(run, &expected, start_s);
    }
    gaps.iter().map(|gap| gap.end_s - gap.start_s).sum()
}
