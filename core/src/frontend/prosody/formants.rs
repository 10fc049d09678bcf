//! Formants of one frame, by linear prediction from its power spectrum.
//!
//! # Source
//! J. Makhoul, "Spectral linear prediction: properties and applications", IEEE Transactions on Acoustics, Speech and Signal Processing 23 (1975): the
//! autocorrelation of part of a spectrum gives the all-pole model of that part. Formants are the peaks of the model.

use std::f64::consts::PI;

use super::N_FORMANTS;

/// The part of the spectrum that is modelled ends here, Hz: five formants of most voices lie below.
const TOP_HZ: f64 = 5000.0;

/// Poles of the model: two for each formant.
const ORDER: usize = 10;

/// Pre-emphasis, which balances the fall of the voice's own spectrum.
const PRE_EMPHASIS: f64 = 0.97;

/// Added to the autocorrelation at lag 0, relative to it: white noise 40 dB below, so that a line spectrum has a stable model.
const WHITE_NOISE: f64 = 1e-4;

/// Points of the model's spectrum among which peaks are searched for, up to [`TOP_HZ`].
const N_POINTS: usize = 128;

/// Peaks below are the fundamental, Hz.
const LOWEST_HZ: f64 = 200.0;

/// Where the formants of a neutral vowel lie, Hz: for those that the model does not show.
const NEUTRAL_HZ: [f64; N_FORMANTS] = [500.0, 1500.0, 2500.0];

/// Finds formants in spectra with one distance of bins.
#[derive(Clone)]
pub(super) struct Formants {
    /// Pre-emphasis and quadrature weight of each bin, `[n_bins]`.
    weights: Vec<f64>,
    /// Cosine of each bin's frequency, with [`TOP_HZ`] as pi, `[n_bins]`.
    cosines: Vec<f64>,
    /// Cosine and sine of each point, `[N_POINTS + 1]`.
    points: Vec<[f64; 2]>,
}

impl Formants {
    pub(super) fn new(bin_hz: f64) -> Self {
        let last = (TOP_HZ / bin_hz).round() as usize;
        let cosines: Vec<f64> = (0..=last).map(|bin| (PI * bin as f64 / last as f64).cos()).collect();
        let weight = |(bin, cosine): (usize, &f64)| {
            let edge = if bin == 0 || bin == last { 0.5 } else { 1.0 };
            edge * (1.0 + PRE_EMPHASIS * PRE_EMPHASIS - 2.0 * PRE_EMPHASIS * cosine)
        };
        let angle = |point: usize| PI * point as f64 / N_POINTS as f64;
        Self {
            weights: cosines.iter().enumerate().map(weight).collect(),
            cosines,
            points: (0..=N_POINTS).map(|point| [angle(point).cos(), angle(point).sin()]).collect(),
        }
    }

    /// The lowest formants, kHz, of a power spectrum, `[at least n_bins]`; where it ends below [`TOP_HZ`], the rest is empty.
    pub(super) fn of_power(&self, power: &[f64]) -> [f64; N_FORMANTS] {
        let model = predictor(&self.autocorrelation(power));
        let response = |point: usize| -gain(&model, self.points[point]);
        let mut found = NEUTRAL_HZ;
        let mut places = found.iter_mut();
        let (mut before, mut at) = (response(0), response(1));
        for point in 1..N_POINTS {
            let after = response(point + 1);
            let hz = TOP_HZ * point as f64 / N_POINTS as f64;
            if at > before && at >= after && hz > LOWEST_HZ {
                match places.next() {
                    Some(place) => *place = hz,
                    None => break,
                }
            }
            (before, at) = (at, after);
        }
        found.map(|hz| hz / 1000.0)
    }

    /// The autocorrelation of the modelled part, from its power spectrum.
    fn autocorrelation(&self, power: &[f64]) -> [f64; ORDER + 1] {
        let mut correlation = [0.0; ORDER + 1];
        for ((power, weight), &cosine) in power.iter().zip(&self.weights).zip(&self.cosines) {
            let power = power * weight;
            // Chebyshev's recurrence: cos(n x) = 2 cos(x) cos((n - 1) x) - cos((n - 2) x).
            let (mut before, mut now) = (cosine, 1.0);
            for value in &mut correlation {
                *value += power * now;
                (before, now) = (now, 2.0 * cosine * now - before);
            }
        }
        correlation[0] = correlation[0] * (1.0 + WHITE_NOISE) + f64::MIN_POSITIVE;
        correlation
    }
}

/// Coefficients of the prediction error filter, the first of them 1 (Levinson-Durbin).
fn predictor(correlation: &[f64; ORDER + 1]) -> [f64; ORDER + 1] {
    let mut filter = [0.0; ORDER + 1];
    filter[0] = 1.0;
    let mut error = correlation[0];
    for i in 1..=ORDER {
        let reflection = -(0..i).map(|j| filter[j] * correlation[i - j]).sum::<f64>() / error;
        let shorter = filter;
        for j in 1..=i {
            filter[j] = shorter[j] + reflection * shorter[i - j];
        }
        error *= 1.0 - reflection * reflection;
    }
    filter
}

/// Squared magnitude of the filter at a point of the unit circle.
fn gain(filter: &[f64; ORDER + 1], [cosine, sine]: [f64; 2]) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for value in filter.iter().rev() {
        (re, im) = (re * cosine - im * sine + value, re * sine + im * cosine);
    }
    re * re + im * im
}
