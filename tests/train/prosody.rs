//! The trainer and the engine give a network the same prosody.

use moodline_core::frontend::{BlockFeatures, features};
use moodline_engine::analysis::{Analyser, AnalysisConfig};
use moodline_engine::decode::read_mono_resampled;
use moodline_engine::{BackendChoice, Classifier, Model, Segment, State};
use test_support::sample;
use tests_train::{options, run, workplace};
use trainer::base::progress::{Interrupt, Progress};
use trainer::data::dataset::ClipLoader;
use trainer::data::manifest::{Manifest, Splits};
use trainer::train::export::{OnnxRuntimeLeg, export};
use trainer::train::run::folder::RunFolder;

fn samples(clip: &str) -> Vec<f32> {
    read_mono_resampled(&sample(&format!("{clip}.flac")), 16_000).unwrap()
}

/// A model with prosody, trained briefly on the samples: the trainer, the engine on clips and the engine on overlapping blocks find the same.
#[test]
fn trainer_and_engine_show_the_network_the_same_prosody() {
    let place = workplace(&[]);
    let options = options(&place, "run", &[r#"front_end.groups=["mfcc", "prosody", "delta"]"#]);
    run(&options).unwrap();
    let out = place.path().join("model.onnx");
    export(&[RunFolder::open(&options.out).unwrap()], &out, OnnxRuntimeLeg::IfFound).unwrap();
    let model = Model::open(&out).unwrap();
    let front_end = &model.contract().front_end;
    assert_eq!(front_end.n_features(), 31);
    let mut block = BlockFeatures::new(front_end);
    let mut classifier = Classifier::new(&model, BackendChoice::Native).unwrap();

    let manifest = Manifest::read(&options.manifests, Splits::Required).unwrap();
    let utterances: Vec<_> = manifest.utterances.iter().collect();
    let loader = ClipLoader::new(front_end, model.contract().block_seconds, None);
    let (clips, problems) = loader.load(&utterances, Progress::Silent, &Interrupt::default()).unwrap();
    assert!(problems.is_empty() && clips.len() == 16);
    for clip in &clips {
        let levels = clip.features.column(13 + 3);
        assert!(levels.iter().all(|level| (-60.0..=0.0).contains(level)) && levels.iter().any(|&level| level == 0.0));
        assert!(clip.features.column(13).iter().all(|pitch| (13.5..=50.3).contains(pitch)), "every step has a pitch");
        let trained_on = classifier.classify(clip.features.as_slice().unwrap(), clip.features.nrows()).unwrap();
        let samples = read_mono_resampled(&clip.utterance.path, 16_000).unwrap();
        let heard = segments(&model, &samples, model.contract().block_seconds, model.contract().block_seconds);
        assert_eq!(heard, [State::Speech(trained_on)], "{}", clip.utterance.name);
    }

    let voice: Vec<f32> = ["03a02Wc", "08a01Na", "12a01Fb"].into_iter().flat_map(samples).collect();
    let steps = features(front_end, &voice).unwrap();
    let n_window = (1.0 / front_end.step_seconds()).round() as usize;
    let blocks = segments(&model, &voice, 1.0, 0.25);
    assert!(blocks.len() > 10);
    for (index, found) in blocks.into_iter().enumerate() {
        let first = (0.25 * index as f64 / front_end.step_seconds()).round() as usize;
        let end = (first + n_window).min(steps.nrows());
        let steps: Vec<f32> = steps.slice(ndarray::s![first..end, ..]).iter().copied().collect();
        assert_eq!(found, State::Speech(classifier.classify(block.of(&steps), end - first).unwrap()), "block {index}");
    }
}

/// The engine's result for each block, without a gate.
fn segments(model: &Model, samples: &[f32], window_seconds: f64, hop_seconds: f64) -> Vec<State> {
    let classifier = Classifier::new(model, BackendChoice::Native).unwrap();
    let mut analyser = Analyser::new(
        model,
        classifier,
        16_000,
        AnalysisConfig { window_seconds, hop_seconds, gate: None, ..AnalysisConfig::default() },
    )
    .unwrap();
    let mut states = Vec::new();
    let mut keep = |segment: Segment, _| states.push(segment.state);
    for part in samples.chunks(1024) {
        analyser.push(part, &mut keep).unwrap();
    }
    analyser.finish(&mut keep).unwrap();
    states
}
