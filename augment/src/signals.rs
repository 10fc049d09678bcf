//! Test signals with known properties, and measurements that share no code with the transforms under test.

use std::f64::consts::TAU;

/// Rate of the test signals, Hz.
pub const RATE: f64 = 16_000.0;

/// A sum of tones with a total amplitude of 0.5.
pub fn sum_of_tones(hz: &[f64], seconds: f64) -> Vec<f32> {
    let amplitude = 0.5 / hz.len() as f64;
    (0..(seconds * RATE) as usize)
        .map(|n| hz.iter().map(|hz| amplitude * (TAU * hz * n as f64 / RATE).sin()).sum::<f64>() as f32)
        .collect()
}

/// The middle half, which is free of edge effects.
pub fn middle(samples: &[f32]) -> &[f32] {
    &samples[samples.len() / 4..samples.len() * 3 / 4]
}

/// Amplitude at a frequency in the middle of `samples`, by correlation under a Hann window.
pub fn level_at(samples: &[f32], hz: f64) -> f64 {
    let middle = middle(samples);
    let (mut re, mut im, mut sum) = (0.0, 0.0, 0.0);
    for (n, &sample) in middle.iter().enumerate() {
        let weight = 0.5 - 0.5 * (TAU * (n as f64 + 0.5) / middle.len() as f64).cos();
        let (sin, cos) = (TAU * hz * n as f64 / RATE).sin_cos();
        re += weight * cos * f64::from(sample);
        im += weight * sin * f64::from(sample);
        sum += weight;
    }
    2.0 * re.hypot(im) / sum
}

/// Frequency of the strongest tone between two frequencies: the maximum of [`level_at`], to within 0.01 Hz.
pub fn strongest_hz(samples: &[f32], between: [f64; 2]) -> f64 {
    // The coarsest step is finer than the main lobe of a tone of one second.
    let (mut best, mut step) = (between[0], 1.0);
    let (mut from, mut to) = (between[0], between[1]);
    while step > 0.01 {
        let n = ((to - from) / step).ceil() as usize;
        let level = |index: usize| level_at(samples, from + index as f64 * step);
        let at = (0..=n).map(|index| (index, level(index))).max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(index, _)| index);
        best = from + at as f64 * step;
        (from, to, step) = (best - step, best + step, step / 8.0);
    }
    best
}

/// Mean power.
pub fn power(samples: &[f32]) -> f64 {
    samples.iter().map(|&sample| f64::from(sample) * f64::from(sample)).sum::<f64>() / samples.len() as f64
}
