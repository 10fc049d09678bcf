use std::f64::consts::TAU;

use super::*;
use crate::config::{FeatureGroup, N_PROSODY};
use crate::frontend::features;

const RATE: f64 = 16_000.0;
const SECONDS: f64 = 1.2;

/// Prosody alone, with a frame every 10 ms.
fn config() -> FrontEndConfig {
    FrontEndConfig { groups: vec![FeatureGroup::Prosody], ..FrontEndConfig::speech_25_10() }
}

/// The values of each frame.
fn prosody_of(samples: &[f64]) -> Vec<[f64; N_PROSODY]> {
    let steps = features(&config(), samples).unwrap();
    steps.rows().into_iter().map(|step| std::array::from_fn(|value| step[value])).collect()
}

/// A tone with the pitch `hz` as a function of time and these amplitudes of its harmonics.
fn tone(hz: impl Fn(f64) -> f64, harmonics: &[f64]) -> Vec<f64> {
    let mut phase = 0.0;
    (0..(SECONDS * RATE) as usize)
        .map(|i| {
            phase += hz(i as f64 / RATE) / RATE;
            harmonics.iter().zip(1..).map(|(amplitude, k)| 0.1 * amplitude * (TAU * phase * f64::from(k)).sin()).sum()
        })
        .collect()
}

/// White noise with this root mean square.
fn noise(rms: f64) -> Vec<f64> {
    let mut state = 1_u32;
    let mut uniform = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 23) - 1.0
    };
    (0..(SECONDS * RATE) as usize).map(|_| rms * 3.0_f64.sqrt() * uniform()).collect()
}

const VOICE: [f64; 9] = [1.0, 0.5, 0.33, 0.25, 0.2, 0.17, 0.14, 0.12, 0.11];

/// Largest error of the pitch away from the ends, semitones; every frame there must be voiced.
fn largest_error(samples: &[f64], hz: impl Fn(f64) -> f64) -> f64 {
    let frames = prosody_of(samples);
    let inner = frames.iter().enumerate().take(frames.len() - 4).skip(4);
    inner.fold(0.0, |largest, (t, frame)| {
        assert!(frame[2] >= 0.1, "frame {t} has no voice: {frame:?}");
        largest.max((frame[0] - semitones(hz(t as f64 * 0.01))).abs())
    })
}

#[test]
fn a_steady_pitch_is_exact_over_the_whole_range() {
    for hz in [61.0, 75.0, 120.0, 210.5, 333.0, 495.0] {
        for harmonics in [&VOICE[..], &[1.0]] {
            let error = largest_error(&tone(|_| hz, harmonics), |_| hz);
            assert!(error < 0.02, "{hz} Hz with {} harmonics: {error} semitones", harmonics.len());
        }
    }
}

#[test]
fn a_glide_and_a_vibrato_are_followed() {
    let glide = |t: f64| 80.0 * (400.0_f64 / 80.0).powf(t / SECONDS);
    let vibrato = |t: f64| 200.0 * (0.5 / 12.0 * (TAU * 5.5 * t).sin()).exp2();
    assert!(largest_error(&tone(glide, &VOICE), glide) < 0.15);
    assert!(largest_error(&tone(vibrato, &VOICE), vibrato) < 0.1);
}

#[test]
fn octave_traps_are_none() {
    for (trap, harmonics) in [
        ("no fundamental", &[0.0, 1.0, 1.0, 1.0, 1.0, 1.0][..]),
        ("a strong second harmonic", &[0.2, 1.0, 0.1]),
        ("weak odd harmonics", &[0.3, 1.0, 0.3, 1.0]),
        ("a strong third harmonic", &[0.2, 0.2, 1.0, 0.2]),
    ] {
        for hz in [75.0, 150.0, 240.0] {
            let error = largest_error(&tone(|_| hz, harmonics), |_| hz);
            assert!(error < 0.02, "{trap}, {hz} Hz: {error} semitones");
        }
    }
}

#[test]
fn noise_costs_precision_and_strength_but_no_octaves() {
    for hz in [80.0, 150.0, 300.0] {
        let voice = tone(|_| hz, &VOICE);
        let rms = (voice.iter().map(|x| x * x).sum::<f64>() / voice.len() as f64).sqrt();
        let mut strengths = Vec::new();
        for (snr_db, bound) in [(100.0_f64, 0.02), (20.0, 0.1), (10.0, 0.3)] {
            let noisy: Vec<f64> =
                voice.iter().zip(noise(rms * 10.0_f64.powf(-snr_db / 20.0))).map(|(voice, noise)| voice + noise).collect();
            let error = largest_error(&noisy, |_| hz);
            assert!(error < bound, "{hz} Hz, {snr_db} dB: {error} semitones");
            strengths.push(prosody_of(&noisy)[60][2]);
        }
        assert!(strengths[0] > 0.95 && strengths.is_sorted_by(|a, b| a > b), "{strengths:?}");
    }
}

#[test]
fn silence_and_noise_have_no_voice() {
    let white = noise(0.1);
    let (mut brown, mut low) = (Vec::new(), 0.0);
    for &sample in &white {
        low = 0.99 * low + 0.1 * sample;
        brown.push(low);
    }
    for samples in [vec![0.0; 16_000], vec![0.25; 16_000], white, brown] {
        let frames = prosody_of(&samples);
        let inner = &frames[4..frames.len() - 4];
        let n_voiced = inner.iter().filter(|frame| frame[2] > 0.0).count();
        assert!(n_voiced * 50 <= inner.len(), "{n_voiced} of {} frames are voiced", inner.len());
        assert!(inner.iter().all(|frame| frame[2] > 0.0 || frame[0] == 0.0 && frame[1] == 0.0));
    }
}

#[test]
fn the_derivatives_are_librosas_where_all_is_voiced() {
    // Two semitones up in 0.1 s, which is 0.2 per frame.
    let glide = |t: f64| 110.0 * (t / 0.6).exp2();
    let samples: Vec<f64> = tone(glide, &VOICE).iter().enumerate().map(|(i, x)| x * 10.0_f64.powf(i as f64 / RATE)).collect();
    let frames = prosody_of(&samples);
    for t in 12..frames.len() - 12 {
        let delta = |value: usize| {
            let sum: f64 = (0..9).map(|k| (k as f64 - 4.0) * frames[t + k - 4][value]).sum();
            sum / 60.0
        };
        assert!((frames[t][1] - delta(0)).abs() < 1e-9, "frame {t}");
        assert!((frames[t][4] - delta(3)).abs() < 1e-9, "frame {t}");
        assert!((frames[t][1] - 0.2).abs() < 0.02, "frame {t}: {} semitones a frame", frames[t][1]);
        // Twenty decibels per second, and the ripple of a frame that is not a whole number of periods.
        assert!((frames[t][4] - 0.2).abs() < 0.05, "frame {t}: {} dB a frame", frames[t][4]);
    }
}

#[test]
fn the_slope_is_that_of_the_voiced_frames_and_needs_three() {
    let (voice, none) = (|pitch: f64| [pitch, 0.8, -20.0], [0.0, 0.0, -20.0]);
    let slope = crate::frontend::derivative::savitzky_golay(5, 1);
    let delta = |own: [f64; 3], window: [[f64; 3]; 5]| values(own, window.into_iter(), &slope)[1];
    assert!((delta(voice(30.0), [none, voice(28.0), voice(30.0), none, voice(34.0)]) - 2.0).abs() < 1e-12);
    assert_eq!(delta(voice(30.0), [none, none, voice(30.0), none, voice(34.0)]), 0.0);
    assert_eq!(delta(none, [voice(26.0), voice(28.0), none, voice(32.0), voice(34.0)]), 0.0);
}

#[test]
fn gain_moves_the_level_and_nothing_else() {
    let samples = tone(|t| 150.0 + 50.0 * t, &VOICE);
    let quiet: Vec<f64> = samples.iter().map(|x| x / 16.0).collect();
    for (loud, quiet) in prosody_of(&samples).iter().zip(prosody_of(&quiet)) {
        assert!((loud[3] - quiet[3] - 20.0 * 16.0_f64.log10()).abs() < 1e-9);
        for value in [0, 1, 2, 4] {
            assert!((loud[value] - quiet[value]).abs() < 1e-9);
        }
    }
}

#[test]
fn rows_wait_for_their_pitch_and_keep_their_order() {
    let config = FrontEndConfig { n_mfcc: 2, ..config() };
    let mut prosody = Prosody::<f64>::new(&config);
    assert_eq!(look_ahead_frames(&config), 5);
    let sound = yin::Yin::new(config.sample_rate).of_frame(&tone(|_| 200.0, &VOICE)[..frame_samples(config.sample_rate)]);
    for n_frames in [1, 3, 5, 6, 17] {
        let mut rows: Vec<Vec<f64>> = Vec::new();
        for t in 0..n_frames {
            prosody.push(&[f64::from(t), -1.0], &sound, &mut |row: &[f64]| rows.push(row.to_vec()));
            assert_eq!(rows.len(), usize::try_from(t + 1).unwrap().saturating_sub(5));
        }
        prosody.finish(&mut |row: &[f64]| rows.push(row.to_vec()));
        prosody.reset();
        assert_eq!(rows.len(), usize::try_from(n_frames).unwrap());
        for (row, t) in rows.iter().zip(0..) {
            assert_eq!((row[0], row[1], row[4]), (f64::from(t), -1.0, sound.level_db));
            assert!((row[2] - semitones(200.0)).abs() < 0.01 && row[3] > 0.95);
        }
    }
}
