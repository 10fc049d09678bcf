//! Noise: white, pink and brown, and its level relative to the voice.

use std::f64::consts::TAU;

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::random::{normal_pair, normals};

/// Corner frequency of brown noise, Hz; below it the spectrum is flat.
const BROWN_CORNER_HZ: f64 = 20.0;

/// How the power of a noise falls off with frequency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Not at all.
    White,
    /// 3 dB per octave, as in many rooms and streets.
    Pink,
    /// 6 dB per octave above 20 Hz: rumble and wind.
    Brown,
}

impl Colour {
    /// All colours.
    pub const ALL: [Self; 3] = [Self::White, Self::Pink, Self::Brown];

    /// The name used in configurations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::White => "white",
            Self::Pink => "pink",
            Self::Brown => "brown",
        }
    }
}

/// `n` samples of noise, at an arbitrary level.
///
/// # Source
/// Pink: P. Kellet's filter ("refined", 1999; within 0.05 dB of its slope above a 4800th of the sample rate). Brown: a first-order low-pass.
pub fn noise(colour: Colour, n: usize, sample_rate: f64, rng: &mut dyn Rng) -> Vec<f32> {
    match colour {
        Colour::White => normals(rng, n),
        Colour::Pink => {
            let mut filter = [0.0_f32; 7];
            normals(rng, n).into_iter().map(|white| pink(&mut filter, white)).collect()
        }
        Colour::Brown => {
            let kept = (-TAU * BROWN_CORNER_HZ / sample_rate).exp() as f32;
            // Starts in the stationary state, with the standard deviation of the filter's output.
            let mut value = normal_pair(rng)[0] / (1.0 - kept * kept).sqrt();
            normals(rng, n)
                .into_iter()
                .map(|white| {
                    value = kept * value + white;
                    value
                })
                .collect()
        }
    }
}

fn pink(filter: &mut [f32; 7], white: f32) -> f32 {
    const KEPT: [f32; 6] = [0.99886, 0.99332, 0.96900, 0.86650, 0.55000, -0.7616];
    const TAKEN: [f32; 6] = [0.055_517_9, 0.075_075_9, 0.153_852, 0.310_485_6, 0.532_952_2, -0.016_898];
    let before = filter[6];
    for ((state, kept), taken) in filter.iter_mut().zip(KEPT).zip(TAKEN) {
        *state = kept * *state + taken * white;
    }
    filter[6] = 0.115926 * white;
    filter[..6].iter().sum::<f32>() + before + 0.5362 * white
}

/// Adds `noise` so that the power of `samples` is `snr_db` above that of the noise, both over all of `samples`. The noise starts at sample `from` and
/// is repeated if it is shorter. Nothing is added if either is silent.
pub fn add_at_snr(samples: &mut [f32], noise: &[f32], from: usize, snr_db: f64) {
    if noise.is_empty() {
        return;
    }
    let noise = noise.iter().cycle().skip(from % noise.len());
    let power = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>();
    let noise_power = noise.clone().take(samples.len()).map(|&sample| f64::from(sample).powi(2)).sum::<f64>();
    if power > 0.0 && noise_power > 0.0 {
        let gain = (power / noise_power * 10.0_f64.powf(-snr_db / 10.0)).sqrt() as f32;
        samples.iter_mut().zip(noise).for_each(|(sample, noise)| *sample += gain * noise);
    }
}

/// Adds white noise whose standard deviation, relative to full scale, does not depend on the voice.
pub fn add_hiss(samples: &mut [f32], sigma: f64, rng: &mut dyn Rng) {
    let hiss = normals(rng, samples.len());
    samples.iter_mut().zip(hiss).for_each(|(sample, noise)| *sample += sigma as f32 * noise);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::generator;
    use crate::signals::{RATE, power, sum_of_tones};

    /// Power of `samples` in the octave above `low_hz`, summed over single bins.
    fn octave_power(samples: &[f32], low_hz: f64) -> f64 {
        let mut total = 0.0;
        for part in samples.chunks_exact(1600) {
            // One bin every 10 Hz.
            for bin in (low_hz / 10.0) as usize..(low_hz / 5.0) as usize {
                let (mut re, mut im) = (0.0, 0.0);
                for (n, &sample) in part.iter().enumerate() {
                    let weight = 0.5 - 0.5 * (TAU * n as f64 / 1600.0).cos();
                    let (sin, cos) = (TAU * ((bin * n) % 1600) as f64 / 1600.0).sin_cos();
                    re += weight * cos * f64::from(sample);
                    im += weight * sin * f64::from(sample);
                }
                total += re * re + im * im;
            }
        }
        total
    }

    #[test]
    fn every_colour_has_its_slope() {
        // Each octave holds twice the bins of the one below: white noise gains 3 dB per octave, pink stays the same, brown loses 3 dB.
        for (colour, per_octave) in [(Colour::White, 3.01), (Colour::Pink, 0.0), (Colour::Brown, -3.01)] {
            let samples = noise(colour, 64_000, RATE, &mut generator(&[colour.name().as_bytes()]));
            let [low, high] = [200.0, 1600.0].map(|hz| 10.0 * octave_power(&samples, hz).log10());
            let found = (high - low) / 3.0;
            assert!((found - per_octave).abs() < 0.4, "{colour:?}: {found} dB an octave");
        }
    }

    #[test]
    fn the_ratio_is_the_one_asked_for() {
        let tone = sum_of_tones(&[500.0], 1.0);
        for colour in Colour::ALL {
            for snr_db in [-5.0, 10.0, 40.0] {
                // Shorter than the clip, so it is repeated.
                let noise = noise(colour, 7000, RATE, &mut generator(&[b"snr"]));
                let mut mixed = tone.clone();
                add_at_snr(&mut mixed, &noise, 900, snr_db);
                let added: Vec<f32> = mixed.iter().zip(&tone).map(|(mixed, tone)| mixed - tone).collect();
                let found = 10.0 * (power(&tone) / power(&added)).log10();
                assert!((found - snr_db).abs() < 0.01, "{colour:?}: {found} {snr_db}");
                let (a, b) = (added[0], added[7000]);
                assert!((a - b).abs() < 1e-6, "the noise repeats: {a} {b}");
            }
        }
    }

    #[test]
    fn silence_stays_as_it_is() {
        let mut silent = vec![0.0; 100];
        add_at_snr(&mut silent, &[1.0, -1.0], 0, 20.0);
        assert_eq!(silent, [0.0; 100]);
        let mut tone = sum_of_tones(&[500.0], 0.01);
        let before = tone.clone();
        add_at_snr(&mut tone, &[], 5, 20.0);
        add_at_snr(&mut tone, &[0.0], 5, 20.0);
        assert_eq!(tone, before);
    }

    #[test]
    fn hiss_has_its_deviation() {
        let mut samples = vec![0.0; 50_000];
        add_hiss(&mut samples, 0.005, &mut generator(&[b"hiss"]));
        assert!((power(&samples).sqrt() - 0.005).abs() < 1e-4);
    }
}
