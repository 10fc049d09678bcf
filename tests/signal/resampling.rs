//! The resampler compared with analytic signals: accuracy, alignment, aliases, length, and independence of how the audio was cut.

use std::f64::consts::TAU;

use moodline_core::resample::{ResampleError, Resampler};
use proptest::prelude::*;
use test_support::allocation::without_allocation;
use test_support::golden;

const TARGET_HZ: u32 = 16_000;

/// Common rates, and some that share hardly any factor with others.
const RATES_HZ: [u32; 16] = [
    8_000, 8_001, 11_025, 16_000, 22_050, 24_414, 32_000, 37_800, 44_100, 44_101, 48_000, 88_200, 96_000, 176_400, 192_000,
    384_000,
];

/// Samples at either end of the output that are affected by the signal's sudden start and end, as many as the golden data omits.
const N_EDGE: usize = 800;

fn resample_in_parts(source_hz: u32, target_hz: u32, samples: &[f32], cut: usize) -> Vec<f32> {
    let mut resampler = Resampler::new(source_hz, target_hz).unwrap();
    let mut output = Vec::new();
    for part in samples.chunks(cut) {
        resampler.push(part, &mut |samples: &[f32]| output.extend_from_slice(samples)).unwrap();
    }
    resampler.finish(&mut |samples: &[f32]| output.extend_from_slice(samples));
    output
}

fn resample(source_hz: u32, target_hz: u32, samples: &[f32]) -> Vec<f32> {
    resample_in_parts(source_hz, target_hz, samples, 1000)
}

fn tone(hz: f64, sample_rate: u32, n: usize) -> Vec<f32> {
    (0..n).map(|i| (0.5 * (TAU * hz * i as f64 / f64::from(sample_rate)).sin()) as f32).collect()
}

/// A sweep from `from_hz` to `to_hz` in `duration_s`.
fn chirp(from_hz: f64, to_hz: f64, duration_s: f64, sample_rate: u32) -> Vec<f32> {
    let times = (0..seconds(duration_s, sample_rate)).map(|i| i as f64 / f64::from(sample_rate));
    times.map(|t| (0.5 * (TAU * (from_hz * t + 0.5 * (to_hz - from_hz) / duration_s * t * t)).sin()) as f32).collect()
}

fn seconds(seconds: f64, sample_rate: u32) -> usize {
    (seconds * f64::from(sample_rate)).round() as usize
}

fn rms(samples: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = samples.len() as f64;
    (samples.map(|x| x * x).sum::<f64>() / n).sqrt()
}

/// Signal-to-error ratio, dB, without the edges.
fn snr_db(actual: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(actual.len(), expected.len());
    let middle = N_EDGE..expected.len() - N_EDGE;
    let error = rms(middle.clone().map(|i| f64::from(actual[i]) - f64::from(expected[i])));
    20.0 * (rms(middle.map(|i| f64::from(expected[i]))) / error).log10()
}

/// Level of a tone after resampling relative to before, dB, without the edges.
fn gain_db(hz: f64, source_hz: u32) -> f64 {
    let output = resample(source_hz, TARGET_HZ, &tone(hz, source_hz, seconds(0.5, source_hz)));
    let middle = &output[N_EDGE..output.len() - N_EDGE];
    20.0 * (rms(middle.iter().map(|&x| f64::from(x))) * 2.0 * 2.0_f64.sqrt()).max(1e-12).log10()
}

#[test]
fn chirps_come_out_as_the_analytic_chirp() {
    let (from_hz, to_hz, duration_s) = (50.0, 7000.0, 0.25);
    let expected = chirp(from_hz, to_hz, duration_s, TARGET_HZ);
    for (source_hz, required_db) in [(48_000, 100.0), (44_100, 80.0)] {
        let output = resample(source_hz, TARGET_HZ, &chirp(from_hz, to_hz, duration_s, source_hz));
        let soxr = golden::vector(&format!("resample/chirp_{source_hz}_to_16000_soxr_hq_f32.npy")).mapv(|x| x as f32).to_vec();
        let (analytic, soxr) = (snr_db(&output, &expected), snr_db(&output, &soxr));
        println!("{source_hz}: {analytic:.1} dB against the analytic chirp, {soxr:.1} dB against soxr_hq");
        assert!(analytic >= required_db, "{source_hz}: {analytic}");
    }
}

#[test]
fn tones_keep_their_phase_and_level_at_any_rate() {
    for source_hz in RATES_HZ {
        for hz in [60.0, 1000.3, 3500.0, 7000.0] {
            if hz > 0.44 * f64::from(source_hz) {
                continue;
            }
            let n = seconds(0.5, source_hz);
            let output = resample(source_hz, TARGET_HZ, &tone(hz, source_hz, n));
            let snr = snr_db(&output, &tone(hz, TARGET_HZ, output.len()));
            println!("{source_hz} Hz, tone of {hz} Hz: {snr:.1} dB");
            assert!(snr >= 100.0, "{source_hz} Hz, tone of {hz} Hz: {snr} dB");
        }
    }
}

#[test]
fn other_targets_than_the_models_work_as_well() {
    for (source_hz, target_hz) in
        [(16_000, 48_000), (16_000, 44_101), (384_000, 8_000), (8_000, 384_000), (44_100, 22_050), (48_000, 8_001)]
    {
        let output = resample(source_hz, target_hz, &tone(440.0, source_hz, seconds(0.5, source_hz)));
        let middle = |x: &[f32]| x[target_hz as usize / 10..x.len() - target_hz as usize / 10].to_vec();
        let snr = snr_db(&middle(&output), &middle(&tone(440.0, target_hz, output.len())));
        assert!(snr >= 100.0, "{source_hz} to {target_hz}: {snr} dB");
    }
}

#[test]
fn nothing_above_half_the_target_rate_comes_through() {
    for source_hz in RATES_HZ.into_iter().filter(|&hz| hz >= 22_050) {
        let nyquist = f64::from(source_hz) / 2.0;
        for hz in [
            8_100.0,
            8_200.0,
            8_400.0,
            8_600.0,
            9_000.0,
            10_000.0,
            12_000.0,
            15_900.0,
            16_000.0,
            20_000.0,
            0.49 * f64::from(source_hz),
        ] {
            if hz < nyquist {
                let gain = gain_db(hz, source_hz);
                assert!(gain <= -80.0, "{source_hz} Hz, tone of {hz} Hz: {gain} dB");
            }
        }
        let sweep = chirp(8_500.0, 0.49 * f64::from(source_hz), 0.4, source_hz);
        let output = resample(source_hz, TARGET_HZ, &sweep);
        let middle = &output[N_EDGE..output.len() - N_EDGE];
        let rejection =
            20.0 * (rms(sweep.iter().map(|&x| f64::from(x))) / rms(middle.iter().map(|&x| f64::from(x))).max(1e-12)).log10();
        println!("{source_hz} Hz: sweep above 8.5 kHz rejected by {rejection:.1} dB");
        assert!(rejection >= 80.0, "{source_hz} Hz: {rejection} dB");
    }
}

#[test]
fn the_passband_is_flat_up_to_seven_kilohertz() {
    for source_hz in RATES_HZ.into_iter().filter(|&hz| hz >= 16_000) {
        for hz in [20.0, 500.0, 3_000.0, 6_000.0, 6_900.0, 7_000.0] {
            let gain = gain_db(hz, source_hz);
            // The RMS differs slightly for a tone that does not have a whole number of periods in the measured stretch.
            assert!(gain.abs() <= 0.03, "{source_hz} Hz, tone of {hz} Hz: {gain} dB");
        }
    }
}

#[test]
fn the_length_is_exact() {
    for source_hz in RATES_HZ {
        for target_hz in [8_000, TARGET_HZ, 44_101] {
            for n in [0_usize, 1, 2, 3, 100, 1023, 1536, 20_000] {
                let expected = (n as u64 * u64::from(target_hz)).div_ceil(u64::from(source_hz));
                let output = resample(source_hz, target_hz, &vec![0.5; n]);
                assert_eq!(output.len() as u64, expected, "{n} samples from {source_hz} to {target_hz} Hz");
            }
        }
    }
}

#[test]
fn equal_rates_change_nothing() {
    let samples = tone(300.0, 44_100, 5000);
    assert_eq!(resample(44_100, 44_100, &samples), samples);
}

#[test]
fn an_impulse_stays_where_it_is() {
    for source_hz in [48_000, 44_100, 44_101, 8_000, 8_001] {
        let mut samples = vec![0.0; source_hz as usize];
        let at = 0.5;
        samples[seconds(at, source_hz)] = 1.0;
        let output = resample(source_hz, TARGET_HZ, &samples);
        let peak = output.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
        let expected = (seconds(at, source_hz) as f64 / f64::from(source_hz) * f64::from(TARGET_HZ)).round();
        assert!((peak as f64 - expected).abs() <= 1.0, "{source_hz}: {peak}, expected {expected}");
    }
}

#[test]
fn a_sample_that_is_no_number_is_named_and_nothing_is_consumed() {
    for source_hz in [16_000, 48_000, 44_101] {
        let samples = tone(440.0, source_hz, 20_000);
        let mut spoiled = samples.clone();
        spoiled[12_345] = f32::INFINITY;
        let mut resampler = Resampler::new(source_hz, TARGET_HZ).unwrap();
        let mut output = Vec::new();
        let mut collect = |samples: &[f32]| output.extend_from_slice(samples);
        resampler.push(&samples[..10_000], &mut collect).unwrap();
        let error = resampler.push(&spoiled[10_000..], &mut collect).unwrap_err();
        assert_eq!(error, ResampleError::Sample { index: 12_345, found: f32::INFINITY });
        resampler.push(&samples[10_000..], &mut collect).unwrap();
        resampler.finish(&mut collect);
        assert_eq!(output, resample(source_hz, TARGET_HZ, &samples));
    }
}

#[test]
fn nothing_is_allocated_after_construction() {
    for source_hz in RATES_HZ {
        let samples = tone(440.0, source_hz, 30_000);
        let mut resampler = Resampler::new(source_hz, TARGET_HZ).unwrap();
        let mut n = 0;
        without_allocation(|| {
            for _ in 0..2 {
                for part in samples.chunks(777) {
                    resampler.push(part, &mut |samples: &[f32]| n += samples.len()).unwrap();
                }
                resampler.finish(&mut |samples: &[f32]| n += samples.len());
                resampler.push(&samples[..5000], &mut |samples: &[f32]| n += samples.len()).unwrap();
                resampler.reset();
            }
        });
        assert!(n > 0);
    }
}

#[test]
fn a_sample_comes_out_soon_after_it_went_in() {
    for source_hz in RATES_HZ {
        let mut resampler = Resampler::new(source_hz, TARGET_HZ).unwrap();
        let (mut n_out, second) = (0, vec![0.1; source_hz as usize]);
        for n in 1..=3 {
            resampler.push(&second, &mut |samples: &[f32]| n_out += samples.len()).unwrap();
            let late = f64::from(n) - n_out as f64 / f64::from(TARGET_HZ);
            assert!((0.0..=0.5).contains(&late), "{source_hz} Hz: {late} s");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_cut_never_changes_a_bit(
        source_hz in prop::sample::select(RATES_HZ.to_vec()),
        n in 0_usize..30_000,
        cuts in prop::collection::vec(1_usize..6000, 0..8),
    ) {
        let samples: Vec<f32> = (0..n).map(|i| ((i * i % 7919) as f32 / 7919.0) - 0.5).collect();
        let whole = resample_in_parts(source_hz, TARGET_HZ, &samples, usize::MAX);
        let mut resampler = Resampler::new(source_hz, TARGET_HZ).unwrap();
        for _ in 0..2 {
            let (mut output, mut rest) = (Vec::new(), &samples[..]);
            for &cut in cuts.iter().chain([&n]) {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                resampler.push(now, &mut |samples: &[f32]| output.extend_from_slice(samples)).unwrap();
                rest = later;
            }
            resampler.finish(&mut |samples: &[f32]| output.extend_from_slice(samples));
            prop_assert_eq!(&output, &whole);
        }
    }
}
