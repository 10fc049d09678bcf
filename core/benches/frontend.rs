//! Time that the front end and the resampler take for five seconds of audio on one thread.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use moodline_core::FrontEndConfig;
use moodline_core::config::FeatureGroup;
use moodline_core::frontend::{FrontEnd, Sample, features};
use moodline_core::resample::Resampler;

const SECONDS: usize = 5;

/// A voice-like signal: a gliding harmonic tone with pauses and a little noise.
fn voice(sample_rate: usize) -> Vec<f64> {
    let (mut phase, mut noise) = (0.0_f64, 12_345_u32);
    (0..SECONDS * sample_rate)
        .map(|i| {
            let t = i as f64 / sample_rate as f64;
            phase += (140.0 + 40.0 * (2.1 * t).sin()) / sample_rate as f64;
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let tone: f64 = (1..20).map(|k| (std::f64::consts::TAU * phase * f64::from(k)).sin() / f64::from(k)).sum();
            0.1 * tone * (13.0 * t).sin().max(0.0) + 5e-4 * (f64::from(noise) / f64::from(u32::MAX) - 0.5)
        })
        .collect()
}

fn front_end<T: Sample>(criterion: &mut Criterion, configuration: &str, precision: &str, config: &FrontEndConfig) {
    let samples: Vec<T> = voice(16_000).into_iter().map(T::of).collect();
    let mut group = criterion.benchmark_group("features_5s");

    let mut front_end = FrontEnd::<T>::new(config).unwrap();
    let mut values = Vec::new();
    group.bench_function(format!("{configuration}/{precision}"), |bencher| {
        bencher.iter(|| {
            values.clear();
            front_end.push(black_box(&samples), &mut |step: &[T]| values.extend_from_slice(step)).unwrap();
            front_end.finish(&mut |step: &[T]| values.extend_from_slice(step));
            black_box(values.len())
        });
    });

    // With the set-up of tables and plans included, as for a caller with a single clip.
    group.bench_function(format!("{configuration}/{precision}_with_setup"), |bencher| {
        bencher.iter(|| features(config, black_box(&samples)).unwrap());
    });
    group.finish();
}

fn front_ends(criterion: &mut Criterion) {
    let speech = FrontEndConfig::speech_25_10();
    let mut prosody = speech.clone();
    prosody.groups.push(FeatureGroup::Prosody);
    for (configuration, config) in [("A", FrontEndConfig::librosa_16k()), ("C", speech), ("C_prosody", prosody)] {
        front_end::<f32>(criterion, configuration, "f32", &config);
        front_end::<f64>(criterion, configuration, "f64", &config);
    }
}

fn resamplers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("resample_5s");
    for source_hz in [44_100_u32, 44_101, 48_000] {
        let samples: Vec<f32> = voice(source_hz as usize).into_iter().map(|x| x as f32).collect();
        let mut resampler = Resampler::new(source_hz, 16_000).unwrap();
        group.bench_function(format!("{source_hz}_to_16000"), |bencher| {
            bencher.iter(|| {
                let mut n = 0;
                resampler.push(black_box(&samples), &mut |samples: &[f32]| n += samples.len()).unwrap();
                resampler.finish(&mut |samples: &[f32]| n += samples.len());
                black_box(n)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, front_ends, resamplers);
criterion_main!(benches);
