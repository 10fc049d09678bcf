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
    let sound = SoundAnalysis::new(&config).of_frame(&tone(|_| 200.0, &VOICE)[..longest_frame(&config)]);
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
            assert_eq!((row[0], row[1], row[4]), (f64::from(t), -1.0, sound.pitch.level_db));
            assert!((row[2] - semitones(200.0)).abs() < 0.01 && row[3] > 0.95);
        }
    }
}

/// The values of `group` in each frame, without those near the ends.
fn inner(group: FeatureGroup, samples: &[f64]) -> Vec<Vec<f64>> {
    let config = FrontEndConfig { groups: vec![FeatureGroup::Prosody, group], ..config() };
    let frames = features(&config, samples).unwrap();
    let rows = frames.rows().into_iter().map(|frame| frame.to_vec()[N_PROSODY..].to_vec()).collect::<Vec<_>>();
    rows[6..rows.len() - 6].to_vec()
}

fn means(frames: &[Vec<f64>]) -> Vec<f64> {
    (0..frames[0].len()).map(|value| frames.iter().map(|frame| frame[value]).sum::<f64>() / frames.len() as f64).collect()
}

#[test]
fn harmonics_differ_by_their_amplitudes() {
    let mut amplitudes = VOICE.to_vec();
    amplitudes.extend([0.02, 0.02, 0.3, 0.02]);
    for hz in [110.0, 187.5, 210.3] {
        let found = means(&inner(FeatureGroup::Quality, &tone(|_| hz, &amplitudes)));
        assert!((found[1] - 6.02).abs() < 1.0, "{hz} Hz: H1-H2 {}", found[1]);
        // Of the harmonics from 2 to 3.5 kHz the twelfth is the strongest, but at 110 Hz it lies below.
        if hz > 170.0 {
            assert!((found[2] - 10.46).abs() < 1.0, "{hz} Hz: H1-A3 {}", found[2]);
        }
    }
}

#[test]
fn noise_lowers_the_harmonics_to_noise_ratio() {
    let voice = tone(|_| 150.0, &VOICE);
    let hnr = |rms: f64| {
        let noisy: Vec<f64> = voice.iter().zip(noise(rms)).map(|(voice, noise)| voice + noise).collect();
        means(&inner(FeatureGroup::Quality, &noisy))[0]
    };
    let (clean, little, more) = (hnr(0.0), hnr(0.01), hnr(0.03));
    assert!(clean > 25.0 && clean > little + 3.0 && little > more + 3.0, "{clean} {little} {more}");
}

#[test]
fn an_unsteady_pitch_is_jitter_and_an_unsteady_level_shimmer() {
    let steady = means(&inner(FeatureGroup::Jitter, &tone(|_| 150.0, &VOICE)));
    let trembling = means(&inner(FeatureGroup::Jitter, &tone(|t| 150.0 * (1.0 + 0.05 * (TAU * 12.0 * t).sin()), &VOICE)));
    let swelling: Vec<f64> =
        tone(|_| 150.0, &VOICE).iter().enumerate().map(|(i, x)| x * (1.0 + 0.7 * (TAU * 6.0 * i as f64 / RATE).sin())).collect();
    let swelling = means(&inner(FeatureGroup::Jitter, &swelling));
    // The frames hold no whole number of periods, so even a steady level wavers a little.
    assert!(steady[0] < 0.02 && steady[1] < 0.6, "{steady:?}");
    assert!(trembling[0] > 0.2 && trembling[1] < 0.8, "{trembling:?}");
    assert!(swelling[0] < 0.05 && swelling[1] > 1.0, "{swelling:?}");
}

/// Amplitudes of the harmonics of a voice of `hz` whose vocal tract resonates at these frequencies, Hz.
fn vowel(hz: f64, formants: [f64; 4]) -> Vec<f64> {
    let bandwidth = 80.0;
    let resonance = |at: f64, formant: f64| {
        let (re, im) = (1.0 - (at / formant).powi(2), at * bandwidth / formant.powi(2));
        re.hypot(im).recip()
    };
    (1..=(4800.0 / hz) as usize)
        .map(|k| 0.1 / k as f64 * formants.iter().map(|&formant| resonance(hz * k as f64, formant)).product::<f64>())
        .collect()
}

#[test]
fn formants_are_where_the_vocal_tract_resonates() {
    for (hz, formants) in [(100.0, [700.0, 1200.0, 2600.0, 3500.0]), (130.0, [300.0, 2200.0, 2900.0, 3700.0])] {
        let found = means(&inner(FeatureGroup::Formants, &tone(|_| hz, &vowel(hz, formants))));
        for (found, formant) in found.iter().zip(formants) {
            assert!((1000.0 * found - formant).abs() < 0.6 * hz + 40.0, "{hz} Hz: {found} kHz instead of {formant} Hz");
        }
    }
}

#[test]
fn without_voice_there_is_no_quality_no_jitter_and_no_formant() {
    for group in [FeatureGroup::Quality, FeatureGroup::Jitter, FeatureGroup::Formants] {
        for samples in [vec![0.0; 8000], noise(0.1)[..8000].to_vec()] {
            assert!(inner(group, &samples).iter().flatten().all(|&value| value == 0.0), "{group:?}");
        }
        let alone = FrontEndConfig { groups: vec![group], ..config() };
        assert_eq!(alone.validate().unwrap_err().field, "groups");
    }
}
