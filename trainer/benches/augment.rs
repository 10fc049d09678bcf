//! Cost of each transform on one thread, for 2.5 s of speech-like sound at 16 kHz, a typical clip length. The throughput is in samples, so 16 M
//! elements per second are 1000 times real time.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use moodline_fourier::Fourier;
use trainer::data::augment::{AugmentationConfig, Augmenter};

const RATE_HZ: u32 = 16_000;

/// One transform of each kind, with medium parameters, and a chain as used for training models.
const CASES: [(&str, &str); 15] = [
    ("pitch_shift", "[{ kind = 'pitch_shift', semitones = 2 }]"),
    ("time_stretch", "[{ kind = 'time_stretch', rate = 0.9 }]"),
    ("speed", "[{ kind = 'speed', rate = [0.85, 1.18] }]"),
    ("vocal_tract", "[{ kind = 'vocal_tract', alpha = 1.1 }]"),
    ("gain", "[{ kind = 'gain', db = -6 }]"),
    ("tilt", "[{ kind = 'tilt', db_per_octave = 3 }]"),
    ("equaliser", "[{ kind = 'equaliser', bands = 6, db = [-8, 8] }]"),
    ("band_limit", "[{ kind = 'band_limit', low_hz = 300, high_hz = 3400 }]"),
    ("reverb", "[{ kind = 'reverb', t60_seconds = 0.5, direct_db = 5 }]"),
    ("noise, white", "[{ kind = 'noise', colours = ['white'], snr_db = 20 }]"),
    ("noise, pink", "[{ kind = 'noise', colours = ['pink'], snr_db = 20 }]"),
    ("clipping", "[{ kind = 'clipping', threshold_db = -6 }]"),
    ("gate", "[{ kind = 'gate', threshold_db = -30, range_db = 80 }]"),
    ("codec", "[{ kind = 'codec', bits = 8, high_hz = 3400 }]"),
    (
        "chain: speed, equaliser, band limit, noise, gain",
        "[{ kind = 'speed', rate = [0.85, 1.18] }, { kind = 'equaliser', bands = 6, db = [-8, 8] }, { kind = 'band_limit', high_hz = [3400, 8000] }, \
         { kind = 'noise', snr_db = [10, 50] }, { kind = 'gain', db = [-12, 12] }]",
    ),
];

/// Harmonics with a rising and falling level, like syllables.
fn speech_like() -> Vec<f32> {
    (0..5 * RATE_HZ / 2)
        .map(|n| {
            let time = f64::from(n) / f64::from(RATE_HZ);
            let voice: f64 = (1..30).map(|k| (std::f64::consts::TAU * 140.0 * f64::from(k) * time).sin() / f64::from(k)).sum();
            (0.2 * voice * (std::f64::consts::TAU * 3.0 * time).sin().abs()) as f32
        })
        .collect()
}

fn transforms(criterion: &mut Criterion) {
    let samples = speech_like();
    let mut group = criterion.benchmark_group("augment 2.5 s");
    group.throughput(Throughput::Elements(samples.len() as u64));
    group.sample_size(20);
    for (name, transforms) in CASES {
        let config: AugmentationConfig =
            toml::from_str(&format!("copies = 1\ntransforms = {transforms}")).expect("a configuration");
        let (augmenter, _) = Augmenter::new(&config, RATE_HZ).expect("no files");
        let mut fourier = Fourier::new();
        let mut copy = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                copy += 1;
                black_box(augmenter.copy(&samples, &[7; 32], copy, &mut fourier))
            });
        });
    }
}

criterion_group!(benches, transforms);
criterion_main!(benches);
