//! Level, and what equipment does to it: clipping, a noise gate, and coarse quantisation.

use moodline_core::samples::MAX_MAGNITUDE;
use serde::{Deserialize, Serialize};

/// Compression of mu-law before quantisation.
///
/// # Source
/// ITU-T G.711 (the continuous form of its mu-law).
const MU: f32 = 255.0;

/// Attenuation from which on a gate leaves nothing, dB.
pub const MUTE_DB: f64 = 80.0;

/// Length of the frames in which a gate measures, and of the fades with which it opens and closes, seconds.
const GATE_FRAME: f64 = 0.01;

/// How many further frames a gate stays open.
const GATE_HOLD: usize = 8;

/// How the quantisation steps of a codec are spaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Law {
    /// Logarithmically: fine for quiet samples, coarse for loud ones, as telephones do.
    #[default]
    MuLaw,
    /// Evenly.
    Linear,
}

/// Makes `samples` louder by `db`, or quieter if it is negative. They may leave -1..=1: full scale is no limit in the product either.
pub fn gain(samples: &mut [f32], db: f64) {
    let factor = crate::filter::amplitude(db) as f32;
    samples.iter_mut().for_each(|sample| *sample *= factor);
}

/// Scales `samples` to `level_db`, dBFS (RMS); silence stays silent.
pub fn bring_to(samples: &mut [f32], level_db: f64) {
    let power = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / samples.len().max(1) as f64;
    if power > 0.0 {
        let factor = (10.0_f64.powf(level_db / 10.0) / power).sqrt() as f32;
        samples.iter_mut().for_each(|sample| *sample *= factor);
    }
}

/// Clips everything above `threshold_db` (negative) relative to the peak, like an overdriven input stage.
pub fn clip(samples: &mut [f32], threshold_db: f64) {
    let limit = peak(samples) * crate::filter::amplitude(threshold_db) as f32;
    samples.iter_mut().for_each(|sample| *sample = sample.clamp(-limit, limit));
}

/// Lowers by `range_db` (positive) whatever is quieter than `threshold_db` (negative) relative to the loudest 10 ms, like a noise gate: it opens 10 ms
/// before, and closes 80 ms later, both within 10 ms. From [`MUTE_DB`] on, what it closes is digital silence.
pub fn gate(samples: &mut [f32], sample_rate: f64, threshold_db: f64, range_db: f64) {
    let n_frame = ((GATE_FRAME * sample_rate) as usize).max(1);
    let power = |frame: &[f32]| frame.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / frame.len() as f64;
    let powers: Vec<f64> = samples.chunks(n_frame).map(power).collect();
    let threshold = powers.iter().copied().fold(0.0, f64::max) * crate::filter::amplitude(threshold_db).powi(2);
    let is_open = |frame: usize| {
        powers[frame.saturating_sub(GATE_HOLD)..powers.len().min(frame + 2)].iter().any(|power| *power >= threshold)
    };
    let closed = if range_db >= MUTE_DB { 0.0 } else { crate::filter::amplitude(-range_db) as f32 };
    let gain = |frame: usize| if is_open(frame) { 1.0 } else { closed };
    let mut before = gain(0);
    for (index, frame) in samples.chunks_mut(n_frame).enumerate() {
        let after = gain(index);
        for (position, sample) in frame.iter_mut().enumerate() {
            *sample *= before + (after - before) * (position + 1) as f32 / n_frame as f32;
        }
        before = after;
    }
}

/// Rounds every sample to one of `2^bits - 1` levels in -1..=1, including zero; louder samples become -1 or 1.
pub fn quantise(samples: &mut [f32], law: Law, bits: f64) {
    let steps = bits.round().exp2() as f32 / 2.0 - 1.0;
    let round = |value: f32| (value * steps).round() / steps;
    for sample in samples {
        let value = sample.clamp(-1.0, 1.0);
        *sample = match law {
            Law::Linear => round(value),
            Law::MuLaw => {
                let compressed = (MU * value.abs()).ln_1p() / MU.ln_1p();
                ((round(compressed) * MU.ln_1p()).exp_m1() / MU).copysign(value)
            }
        };
    }
}

/// Ensures that every value is a number of a magnitude that the front end accepts.
pub fn bound(samples: &mut [f32]) {
    let most = MAX_MAGNITUDE as f32;
    for sample in samples {
        *sample = if sample.is_nan() { 0.0 } else { sample.clamp(-most, most) };
    }
}

/// Largest magnitude; 0 if there are no samples.
pub fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, sample| peak.max(sample.abs()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::signals::{power, sum_of_tones};

    #[test]
    fn six_decibels_are_twice() {
        let mut samples = vec![0.1, -0.4, 0.7];
        gain(&mut samples, 20.0 * 2.0_f64.log10());
        for (found, expected) in samples.iter().zip([0.2, -0.8, 1.4]) {
            assert!((found - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn a_gate_mutes_what_lies_between_words_and_leaves_words_alone() {
        const RATE: f64 = 16_000.0;
        // Half a second of something quiet, a word, as much again, and a word.
        let word = sum_of_tones(&[1000.0], 0.5);
        let quiet: Vec<f32> = word.iter().map(|sample| 2e-3 * sample).collect();
        let before = [quiet.clone(), word.clone(), quiet, word].concat();
        let gated = |threshold_db, range_db| {
            let mut samples = before.clone();
            gate(&mut samples, RATE, threshold_db, range_db);
            samples
        };
        let muted = gated(-30.0, MUTE_DB);
        assert_eq!(muted[8000..16_000], before[8000..16_000]);
        assert_eq!(muted[24_000..], before[24_000..]);
        assert!(muted[..7600].iter().chain(&muted[17_700..23_600]).all(|sample| *sample == 0.0));
        let lowered = gated(-30.0, 20.0);
        assert!((power(&lowered[..7600]) / power(&before[..7600]) - 0.01).abs() < 1e-4);
        assert_eq!(gated(-80.0, MUTE_DB), before, "the floor is louder than the threshold");
        for mut silence in [vec![], vec![0.0; 300]] {
            let before = silence.clone();
            gate(&mut silence, RATE, -30.0, MUTE_DB);
            assert_eq!(silence, before);
        }
    }

    #[test]
    fn a_level_is_reached_from_any_other_and_silence_has_none() {
        for loudness in [1e-3, 1.0] {
            let mut tone = sum_of_tones(&[440.0], loudness);
            bring_to(&mut tone, -60.0);
            assert!((10.0 * power(&tone).log10() + 60.0).abs() < 1e-3);
        }
        for mut silence in [vec![], vec![0.0; 3]] {
            let before = silence.clone();
            bring_to(&mut silence, -60.0);
            assert_eq!(silence, before);
        }
    }

    #[test]
    fn clipping_is_relative_to_the_peak_and_leaves_the_rest() {
        let mut samples = vec![0.1, -0.2, 0.05, 0.15];
        clip(&mut samples, -6.0206);
        assert!((peak(&samples) - 0.1).abs() < 1e-6);
        assert_eq!(samples[2], 0.05);
        let mut silent = vec![0.0; 3];
        clip(&mut silent, -3.0);
        assert_eq!(silent, [0.0; 3]);
    }

    #[test]
    fn a_quantiser_has_its_levels_and_no_more() {
        for law in [Law::MuLaw, Law::Linear] {
            let mut samples: Vec<f32> = (-2000..=2000).map(|n| n as f32 / 1600.0).collect();
            let before = samples.clone();
            quantise(&mut samples, law, 4.0);
            let levels: BTreeSet<i64> = samples.iter().map(|sample| (f64::from(*sample) * 1e9).round() as i64).collect();
            assert_eq!(levels.len(), 15, "{law:?}");
            assert!(levels.contains(&0) && levels.contains(&1_000_000_000) && levels.contains(&-1_000_000_000));
            let mut again = samples.clone();
            quantise(&mut again, law, 4.0);
            again.iter().zip(&samples).for_each(|(a, b)| assert!((a - b).abs() < 1e-6));
            for (a, b) in samples.iter().zip(&before) {
                assert!(a * b >= 0.0, "no sample changes its sign");
            }
        }
    }

    #[test]
    fn eight_bit_telephony_has_38_db_of_signal_over_noise() {
        // G.711 gives about 38 dB over a wide range of levels, whereas 8 uniform bits would lose SNR with the level.
        for level_db in [0.0, -20.0] {
            let mut tone = sum_of_tones(&[997.0], 0.5);
            gain(&mut tone, level_db);
            let mut coded = tone.clone();
            quantise(&mut coded, Law::MuLaw, 8.0);
            let error: Vec<f32> = coded.iter().zip(&tone).map(|(coded, tone)| coded - tone).collect();
            let snr = 10.0 * (power(&tone) / power(&error)).log10();
            assert!((36.0..40.0).contains(&snr), "{level_db}: {snr}");
        }
    }
}
