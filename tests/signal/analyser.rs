//! The analysis of a stream: the blocks do not depend on how the audio is cut into pieces.

use moodline_core::frontend;
use moodline_engine::analysis::{Analyser, AnalysisConfig, Segmentation};
use moodline_engine::decode::read_mono_resampled;
use moodline_engine::speech::SpeechSteps;
use moodline_engine::{BackendChoice, Classifier, GateConfig, Model, Segment, SpeechDetector, SpeechModel, State};
use test_support::sample;
use test_support::samples::speech;

const RATE: u32 = 16_000;

fn analyser(source_hz: u32, window_seconds: f64, hop_seconds: f64) -> Analyser {
    let model = Model::embedded();
    let classifier = Classifier::new(&model, BackendChoice::Native).unwrap();
    Analyser::new(&model, classifier, source_hz, AnalysisConfig { window_seconds, hop_seconds, ..AnalysisConfig::default() })
        .unwrap()
}

/// The segments of `samples`, pushed in pieces of the given lengths, cyclically.
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

/// Everything except the computing time.
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

/// The features of the whole clip, computed at once and cut by hand, through the same network.
#[test]
fn a_block_is_a_view_of_the_features_of_the_whole_stream() {
    let (model, samples) = (Model::embedded(), stream());
    let config = &model.contract().front_end;
    let (window, hop) = (4.0, 1.5);
    let features = frontend::features(config, &samples).unwrap();
    let mut block = frontend::BlockFeatures::new(config);
    let mut heard = SpeechDetector::new(&SpeechModel::embedded(), RATE, GateConfig::default(), 60.0).unwrap();
    heard.push(&samples).unwrap();
    heard.finish().unwrap();
    let mut speech_steps = SpeechSteps::new(config, features.ncols());
    let mut classifier = Classifier::new(&model, BackendChoice::Native).unwrap();
    let n_window = (window / config.step_seconds()).round() as usize;
    let segments = segments_of(&mut analyser(RATE, window, hop), &samples, &[1000]);
    for (index, segment) in segments.iter().enumerate() {
        let first = (index as f64 * hop / config.step_seconds()).round() as usize;
        let n_steps = n_window.min(features.nrows() - first);
        let steps: Vec<f32> = features.slice(ndarray::s![first..first + n_steps, ..]).iter().copied().collect();
        let seen = block.of(speech_steps.of(Some(&heard), first as u64, &steps));
        let expected = classifier.classify(seen, seen.len() / config.n_features()).unwrap();
        assert_eq!(segment.answer(), Some(&expected), "block {index}");
    }
}

#[test]
fn what_is_unlike_the_training_is_told_apart_and_keeps_its_answer() {
    let embedded = Model::embedded();
    let with_limit = |limit: f64| {
        let mut contract = embedded.contract().clone();
        contract.familiarity.as_mut().expect("the shipped model tells").limit = limit;
        let model = Model::from_bytes(moodline_core::onnx::write(&contract, embedded.weights())).unwrap();
        let classifier = Classifier::new(&model, BackendChoice::Native).unwrap();
        let mut analyser =
            Analyser::new(&model, classifier, RATE, AnalysisConfig { hop_seconds: 2.0, ..AnalysisConfig::default() }).unwrap();
        segments_of(&mut analyser, &stream(), &[1000])
    };
    let (all, none) = (with_limit(f64::MAX), with_limit(1e-9));
    assert_eq!(all.len(), none.len());
    assert!(all.iter().any(|segment| segment.emotion().is_some()));
    for (familiar, unfamiliar) in all.iter().zip(&none) {
        assert_eq!(familiar.answer(), unfamiliar.answer());
        assert!(unfamiliar.emotion().is_none() && unfamiliar.probabilities().is_none());
        let expected = if familiar.state == State::NoSpeech { "no_speech" } else { "unfamiliar" };
        assert_eq!(unfamiliar.state.name(), expected);
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

/// Three clips with a second of silence before, between and after them, and the position of each.
fn three_takes() -> (Vec<f32>, Vec<(f64, f64)>) {
    let pause = vec![0.0; RATE as usize];
    let (mut samples, mut times) = (pause.clone(), Vec::new());
    for name in ["03a02Wc.flac", "08a02Tb.flac", "12a01Fb.flac"] {
        let start = samples.len();
        samples.extend(read_mono_resampled(&sample(name), RATE).unwrap());
        times.push((start as f64 / f64::from(RATE), samples.len() as f64 / f64::from(RATE)));
        samples.extend(&pause);
    }
    (samples, times)
}

fn phrases(window_seconds: f64, samples: &[f32], pieces: &[usize]) -> Vec<Segment> {
    let model = Model::embedded();
    let classifier = Classifier::new(&model, BackendChoice::Native).unwrap();
    let config = AnalysisConfig { window_seconds, segmentation: Segmentation::Phrases, ..AnalysisConfig::default() };
    segments_of(&mut Analyser::new(&model, classifier, RATE, config).unwrap(), samples, pieces)
}

#[test]
fn phrases_are_what_is_said_between_pauses_and_leave_no_time_out() {
    let (samples, takes) = three_takes();
    let segments = phrases(5.0, &samples, &[samples.len()]);
    assert!(segments.first().unwrap().start_s < 1e-9);
    assert!((segments.last().unwrap().end_s - samples.len() as f64 / f64::from(RATE)).abs() < 0.05);
    assert!(segments.windows(2).all(|pair| (pair[0].end_s - pair[1].start_s).abs() < 1e-9), "{segments:?}");
    let spoken: Vec<&Segment> = segments.iter().filter(|segment| segment.probabilities().is_some()).collect();
    assert!(spoken.len() >= takes.len());
    for segment in &spoken {
        let within = |(start_s, end_s): &(f64, f64)| segment.start_s > start_s - 0.1 && segment.end_s < end_s + 0.1;
        assert!(takes.iter().any(within), "{segment:?} is in none of {takes:?}");
    }
    for (start_s, end_s) in &takes {
        let heard: f64 = spoken.iter().map(|one| (one.end_s.min(*end_s) - one.start_s.max(*start_s)).max(0.0)).sum();
        assert!(heard > 0.6 * (end_s - start_s), "{heard} of {start_s} to {end_s}");
    }
}

#[test]
fn phrases_do_not_depend_on_how_the_stream_was_cut_and_are_no_longer_than_the_window() {
    let (samples, _) = three_takes();
    for window_seconds in [1.0, 5.0] {
        let whole = findings(&phrases(window_seconds, &samples, &[samples.len()]));
        assert!(whole.iter().all(|(start_s, end_s, _)| end_s - start_s <= window_seconds + 1e-9), "{whole:?}");
        for pieces in [&[160][..], &[7, 4096, 1, 333]] {
            assert_eq!(findings(&phrases(window_seconds, &samples, pieces)), whole, "{window_seconds} s, {pieces:?}");
        }
    }
}

/// A pause is reported when the phrase after it has ended, and both may be nearly as long as the window: the detector must remember so much, wherever the stream began.
#[test]
fn a_long_pause_before_a_long_phrase_is_one_pause_wherever_the_stream_began() {
    let window_seconds = 5.0;
    let take = read_mono_resampled(&sample("12a01Fb.flac"), RATE).unwrap();
    let [without, silence] = [0.25, 4.0].map(|seconds| (seconds * f64::from(RATE)) as usize);
    // Without the silence at its edges, three times, so that nothing in it is a pause.
    let phrase = take[without..take.len() - without].repeat(3);
    let (mut stream, n_pauses) = (Vec::new(), 4);
    for _ in 0..n_pauses {
        stream.extend(&phrase);
        stream.extend(vec![0.0; silence]);
    }
    stream.extend(&phrase);
    for lead_seconds in (0..24).map(|lead| 0.3 * f64::from(lead)) {
        let samples = [vec![0.0; (lead_seconds * f64::from(RATE)) as usize], stream.clone()].concat();
        let segments = phrases(window_seconds, &samples, &[1000]);
        let begins = segments.iter().find(|segment| segment.state != State::NoSpeech).unwrap().start_s;
        let pauses = segments.iter().filter(|segment| segment.state == State::NoSpeech && segment.start_s > begins);
        let pauses: Vec<f64> = pauses.map(|pause| pause.end_s - pause.start_s).collect();
        let long = |seconds: &&f64| **seconds > 3.5;
        assert_eq!((pauses.iter().filter(long).count(), pauses.len()), (n_pauses, n_pauses), "{lead_seconds} s: {pauses:?}");
    }
}
