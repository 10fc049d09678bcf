//! Speech and noises at the gate.

use std::f64::consts::TAU;
use std::fs;
use std::path::PathBuf;

use moodline_engine::decode::read_mono_resampled;
use moodline_engine::gate::{Gate, GateConfig, GateFrame};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use test_support::sample;

const RATE: u32 = 16_000;
const BLOCK_SECONDS: f64 = 5.0;

fn frames(samples: &[f32]) -> (Gate, Vec<GateFrame>) {
    let mut gate = Gate::new(RATE, GateConfig::default());
    let mut frames = Vec::new();
    gate.push(samples, &mut |frame| frames.push(frame));
    (gate, frames)
}

fn is_speech(samples: &[f32]) -> bool {
    let (gate, frames) = frames(samples);
    gate.is_speech(&frames)
}

/// Whether any block of five seconds of a longer recording is speech.
fn any_block_is_speech(samples: &[f32]) -> bool {
    samples.chunks((BLOCK_SECONDS * f64::from(RATE)) as usize).any(is_speech)
}

fn samples_of_the_repository() -> Vec<PathBuf> {
    let folder = sample("");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let clips: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|extension| extension == "flac")).collect();
    assert_eq!(clips.len(), 17);
    clips
}

/// `seconds` of samples, scaled to a level in dBFS (RMS).
fn at_level(level_db: f64, samples: &[f64]) -> Vec<f32> {
    let rms = (samples.iter().map(|x| x * x).sum::<f64>() / samples.len() as f64).sqrt();
    samples.iter().map(|x| (x / rms * 10_f64.powf(level_db / 20.0)) as f32).collect()
}

fn seconds_of(seconds: usize, mut sample: impl FnMut(f64) -> f64) -> Vec<f64> {
    (0..seconds * RATE as usize).map(|index| sample(index as f64 / f64::from(RATE))).collect()
}

/// White noise, nearly normal.
fn white(seed: u64, seconds: usize) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    seconds_of(seconds, |_| (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0)
}

/// Noise whose power falls by `1 / f`: Paul Kellet's filter of white noise.
fn pink(white: &[f64]) -> Vec<f64> {
    const POLES: [(f64, f64); 6] = [
        (0.998_86, 0.055_517_9),
        (0.993_32, 0.075_075_9),
        (0.969, 0.153_852),
        (0.866_5, 0.310_485_6),
        (0.55, 0.532_952_2),
        (-0.7616, -0.016_898),
    ];
    let mut states = [0.0; 6];
    let filter = |&x: &f64| {
        for (state, (pole, gain)) in states.iter_mut().zip(POLES) {
            *state = pole * *state + gain * x;
        }
        states.iter().sum::<f64>() + 0.5362 * x
    };
    white.iter().map(filter).collect()
}

/// Noise whose power falls by `1 / f²`.
fn brown(white: &[f64]) -> Vec<f64> {
    let mut state = 0.0;
    let integrate = |&x: &f64| {
        state = 0.998 * state + x;
        state
    };
    white.iter().map(integrate).collect()
}

/// A quiet room: dull noise that breathes, over a little mains hum.
fn room(white: &[f64]) -> Vec<f64> {
    let mut state = 0.0;
    let shape = |(index, x): (usize, f64)| {
        let time = index as f64 / f64::from(RATE);
        state = 0.9 * state + 0.1 * x;
        state * (1.0 + 0.3 * (1.7 * time).sin()) + 0.05 * (TAU * 50.0 * time).sin() + 0.02 * (TAU * 150.0 * time).sin()
    };
    pink(white).into_iter().enumerate().map(shape).collect()
}

#[test]
fn every_sample_of_speech_is_speech_at_any_level() {
    for path in samples_of_the_repository() {
        let samples = read_mono_resampled(&path, RATE).unwrap();
        for gain_db in [0.0, -20.0, -40.0] {
            let scaled: Vec<f32> = samples.iter().map(|x| x * 10_f32.powf(gain_db / 20.0)).collect();
            assert!(is_speech(&scaled), "{} at {gain_db} dB", path.display());
        }
    }
}

#[test]
fn noise_is_no_speech_at_any_level() {
    for seed in 0..4 {
        let white = white(seed, 20);
        for (name, noise) in [("pink", pink(&white)), ("brown", brown(&white)), ("room", room(&white)), ("white", white)] {
            for level_db in [-70.0, -40.0, -20.0, -6.0] {
                assert!(!any_block_is_speech(&at_level(level_db, &noise)), "{name} noise, seed {seed}, {level_db} dBFS");
            }
        }
    }
}

#[test]
fn silence_and_dither_are_no_speech() {
    assert!(!is_speech(&vec![0.0; 80_000]));
    assert!(!is_speech(&vec![0.3; 80_000]), "a constant offset");
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let dither: Vec<f32> = (0..80_000).map(|_| f32::from(random.random_range(-1_i8..=1)) / 32_768.0).collect();
    assert!(!is_speech(&dither));
}

#[test]
fn hum_is_no_speech_clean_or_noisy() {
    for mains_hz in [50.0, 60.0] {
        let harmonic = |time: f64, k: i32| (TAU * mains_hz * f64::from(k) * time + f64::from(k)).sin() / f64::from(k);
        let hum = seconds_of(10, |time| (1..12).map(|k| harmonic(time, k)).sum());
        for (name, noise) in [("clean", vec![0.0; hum.len()]), ("white", white(1, 10)), ("pink", pink(&white(2, 10)))] {
            let sum: Vec<f64> = hum.iter().zip(&noise).map(|(x, y)| x + 0.2 * y).collect();
            assert!(!any_block_is_speech(&at_level(-30.0, &sum)), "{mains_hz} Hz, {name}");
        }
    }
}

#[test]
fn tones_and_beeps_are_no_speech() {
    for frequency in [100.0, 220.0, 440.0, 1000.0, 3000.0] {
        let tone = seconds_of(5, |time| (TAU * frequency * time).sin());
        assert!(!is_speech(&at_level(-12.0, &tone)), "a tone of {frequency} Hz");
        let beeps = seconds_of(10, |time| if time % 0.9 < 0.3 { (TAU * frequency * time).sin() } else { 0.0 });
        assert!(!any_block_is_speech(&at_level(-12.0, &beeps)), "beeps of {frequency} Hz");
    }
}

#[test]
fn clicks_are_no_speech() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let regular = seconds_of(10, |time| if (time * 2.0).fract() < 1.0 / 8000.0 { 0.9 } else { 0.0 });
    let irregular = seconds_of(20, |_| if random.random::<f64>() < 0.001 { 0.9 } else { 0.0 });
    assert!(!any_block_is_speech(&at_level(-30.0, &regular)));
    assert!(!any_block_is_speech(&at_level(-30.0, &irregular)));
}

#[test]
fn speech_is_found_in_noise_and_not_where_it_pauses() {
    let speech = read_mono_resampled(&sample("14a04Tb.flac"), RATE).unwrap();
    let floor = at_level(-70.0, &white(5, 15));
    let mut samples = floor.clone();
    let start = 5 * RATE as usize;
    for (sample, voice) in samples[start..].iter_mut().zip(&speech) {
        *sample += voice;
    }
    let (gate, frames) = frames(&samples);
    let speaks = |start: f64, end: f64| {
        let (first, end) = gate.frames_between(start, end);
        gate.is_speech(&frames[first as usize..(end as usize).min(frames.len())])
    };
    assert!(!speaks(0.0, 5.0));
    assert!(speaks(5.0, 10.0));
    assert!(!speaks(10.0, 15.0));
}
