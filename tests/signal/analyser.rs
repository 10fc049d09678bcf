//! The analysis of a stream: blocks, whatever pieces it comes in.

use moodline_core::frontend;
use moodline_engine::analysis::{Analyser, AnalysisConfig};
use moodline_engine::{BackendChoice, Classifier, Model, Segment, State};
use test_support::samples::speech;

const RATE: u32 = 16_000;

fn analyser(source_hz: u32, window_seconds: f64, hop_seconds: f64) -> Analyser {
    let model = Model::embedded();
    let classifier = Classifier::new(&model, BackendChoice::Native).unwrap();
    Analyser::new(&model, classifier, source_hz, AnalysisConfig { window_seconds, hop_seconds, ..AnalysisConfig::default() })
        .unwrap()
}

/// The segments of `samples`, pushed in pieces of the given lengths, which repeat.
fn segments_of(analyser: &mut Analyser, samples: &[f32], pieces: &[usize]) -> Vec<Segment> {
    let (mut segments, mut rest) = (Vec::new(), samples);
    for &piece in pieces.iter().cycle() {
        let (head, tail) = rest.split_at(piece.min(rest.len()));
        analyser.push(head, &mut |segment, _| segments.push(segment)).unwrap();
        rest = tail;
        if rest.is_empty() {
            break;
        }
    }
    analyser.finish(&mut |segment, _| segments.push(segment)).unwrap();
    segments
}

/// Everything but the time it took.
fn findings(segments: &[Segment]) -> Vec<(f64, f64, State)> {
    segments.iter().map(|segment| (segment.start_s, segment.end_s, segment.state)).collect()
}

fn stream() -> Vec<f32> {
    speech(RATE)
}

#[test]
fn segments_do_not_depend_on_how_the_stream_was_cut() {
    let samples = stream();
    for (source_hz, window, hop) in [(16_000, 5.0, 5.0), (16_000, 2.0, 0.25), (44_100, 1.5, 0.7), (48_000, 3.0, 4.5)] {
        let mut analyser = analyser(source_hz, window, hop);
        let whole = findings(&segments_of(&mut analyser, &samples, &[samples.len()]));
        assert!(whole.len() > 1);
        for pieces in [&[1][..], &[160], &[1152], &[7, 4096, 1, 333]] {
            assert_eq!(
                findings(&segments_of(&mut analyser, &samples, pieces)),
                whole,
                "{source_hz} Hz, {window} s, {hop} s, {pieces:?}"
            );
        }
    }
}

/// The features of the whole clip at once, cut by hand, through the same network.
#[test]
fn a_block_is_a_view_of_the_features_of_the_whole_stream() {
    let (model, samples) = (Model::embedded(), stream());
    let config = &model.contract().front_end;
    let (window, hop) = (4.0, 1.5);
    let features = frontend::features(config, &samples).unwrap();
    let mut block = frontend::BlockFeatures::new(config);
    let mut classifier = Classifier::new(&model, BackendChoice::Native).unwrap();
    let n_window = (window / config.step_seconds()).round() as usize;
    let segments = segments_of(&mut analyser(RATE, window, hop), &samples, &[1000]);
    for (index, segment) in segments.iter().enumerate() {
        let first = (index as f64 * hop / config.step_seconds()).round() as usize;
        let n_steps = n_window.min(features.nrows() - first);
        let steps: Vec<f32> = features.slice(ndarray::s![first..first + n_steps, ..]).iter().copied().collect();
        let seen = block.of(&steps);
        assert_eq!(segment.state, State::Speech(classifier.classify(seen, n_steps).unwrap()), "block {index}");
    }
}

#[test]
fn the_last_block_covers_the_rest_and_only_a_rest() {
    let ends = |n_samples: usize, window: f64, hop: f64| -> Vec<(f64, f64)> {
        let segments = segments_of(&mut analyser(RATE, window, hop), &vec![0.0; n_samples], &[1024]);
        segments.iter().map(|segment| (segment.start_s, segment.end_s)).collect()
    };
    assert_eq!(ends(0, 5.0, 5.0), []);
    assert_eq!(ends(1, 5.0, 5.0), [(0.0, 1.0 / 16_000.0)]);
    assert_eq!(ends(80_000, 5.0, 5.0), [(0.0, 5.0)]);
    assert_eq!(ends(88_000, 5.0, 5.0), [(0.0, 5.0), (5.0, 5.5)]);
    assert_eq!(ends(88_000, 5.0, 0.25), [(0.0, 5.0), (0.25, 5.25), (0.5, 5.5)]);
    assert_eq!(ends(86_400, 5.0, 0.25), [(0.0, 5.0), (0.25, 5.25), (0.5, 5.4)]);
    assert_eq!(ends(80_000, 2.0, 3.0), [(0.0, 2.0), (3.0, 5.0)]);
    assert_eq!(ends(40_000, 2.0, 3.0), [(0.0, 2.0)]);
}

#[test]
fn an_analyser_can_be_used_again() {
    let samples = stream();
    let mut analyser = analyser(RATE, 3.0, 1.0);
    let first = findings(&segments_of(&mut analyser, &samples, &[4096]));
    analyser.push(&samples[..30_000], &mut |_, _| {}).unwrap();
    analyser.reset();
    assert_eq!(findings(&segments_of(&mut analyser, &samples, &[4096])), first);
}

#[test]
fn silence_has_no_emotion() {
    let segments = segments_of(&mut analyser(48_000, 5.0, 5.0), &vec![0.0; 480_000], &[4096]);
    assert!(segments.iter().all(|segment| segment.state == State::NoSpeech && segment.emotion().is_none()));
}
