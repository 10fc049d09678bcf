//! One block of 5 s as processed by the plugin: 48 kHz stereo to mono, resampling, features, network; for each backend, and for the network alone.
//!
//! Real time is 5 s per block: a time of 5 ms is a load of one thousandth.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use moodline_engine::{Analyser, AnalysisConfig, BackendChoice, Classifier, Model};

const RATE_HZ: u32 = 48_000;
const BLOCK_SECONDS: usize = 5;

/// Samples per host buffer.
const BUFFER: usize = 512;

/// A glottal pulse train of changing pitch with noise, left and right at different levels.
fn stereo() -> (Vec<f32>, Vec<f32>) {
    let mut phase = 0.0_f32;
    let mut noise = 1_u32;
    let mono: Vec<f32> = (0..BLOCK_SECONDS * RATE_HZ as usize)
        .map(|n| {
            let seconds = n as f32 / RATE_HZ as f32;
            phase = (phase + (140.0 + 40.0 * (3.0 * seconds).sin()) / RATE_HZ as f32).fract();
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            0.2 * (1.0 - phase).powi(8) + 0.01 * (noise as f32 / u32::MAX as f32 - 0.5)
        })
        .collect();
    (mono.clone(), mono.iter().map(|sample| 0.7 * sample).collect())
}

/// Every backend available on this machine.
fn backends(model: &Model) -> Vec<(BackendChoice, &'static str)> {
    let all = [(BackendChoice::Native, "native"), (BackendChoice::OnnxRuntime, "onnxruntime")];
    let (found, missing): (Vec<_>, Vec<_>) = all.into_iter().partition(|(choice, _)| Classifier::new(model, *choice).is_ok());
    for (_, name) in missing {
        println!("SKIPPED: {name}: it is not installed; `cargo xtask setup` installs it");
    }
    found
}

fn whole_block(criterion: &mut Criterion) {
    let model = Model::embedded();
    let (left, right) = stereo();
    let mut group = criterion.benchmark_group("block of 5 s, 48 kHz stereo");
    for (choice, name) in backends(&model) {
        group.bench_function(name, |bencher| {
            let analyser = || {
                let classifier = Classifier::new(&model, choice).expect("the backend was found");
                let config = AnalysisConfig { gate: None, ..AnalysisConfig::default() };
                Analyser::new(&model, classifier, RATE_HZ, config).expect("the default configuration is valid")
            };
            bencher.iter_batched_ref(analyser, |analyser| analyse(analyser, &left, &right), BatchSize::PerIteration);
        });
    }
}

fn analyse(analyser: &mut Analyser, left: &[f32], right: &[f32]) {
    let mut mono = [0.0; BUFFER];
    let mut n_segments = 0;
    for (left, right) in left.chunks(BUFFER).zip(right.chunks(BUFFER)) {
        let mono = &mut mono[..left.len()];
        for ((mono, left), right) in mono.iter_mut().zip(left).zip(right) {
            *mono = 0.5 * (left + right);
        }
        analyser
            .push(mono, &mut |segment, _| n_segments += usize::from(black_box(segment).end_s > 0.0))
            .expect("the signal is finite");
    }
    analyser.finish(&mut |segment, _| n_segments += usize::from(black_box(segment).end_s > 0.0)).expect("the signal is finite");
    assert!(n_segments > 0, "a block was analysed");
}

fn network(criterion: &mut Criterion) {
    let model = Model::embedded();
    let n_features = model.contract().front_end.n_features();
    let mut group = criterion.benchmark_group("network");
    for (choice, name) in backends(&model) {
        let mut classifier = Classifier::new(&model, choice).expect("the backend was found");
        for n_steps in [157, 500] {
            let features: Vec<f32> = (0..n_steps * n_features).map(|i| (i as f32 * 0.37).sin()).collect();
            group.bench_function(format!("{name}, {n_steps} steps"), |bencher| {
                bencher.iter(|| classifier.classify(black_box(&features), n_steps).expect("the features are finite"));
            });
        }
    }
}

criterion_group!(benches, whole_block, network);
criterion_main!(benches);
