//! The level of one frame and what its period may be.
//!
//! # Source
//! A. de Cheveigné and H. Kawahara, "YIN, a fundamental frequency estimator for speech and music", JASA 111 (2002): the difference function
//! (equation 6, from the autocorrelation), the cumulative mean normalised difference (equation 8), parabolic interpolation (step 5). Deviations:
//! for each lag, everything in the frame that has a partner is compared, which keeps every lag centred on the frame (as in librosa 0.11,
//! `librosa.yin`), and the *mean* of the squared differences is taken, so that long lags, which have fewer pairs, are not preferred; and all
//! minima are kept for [`super::path`] instead of the first below a threshold.

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::{MAX_HZ, MIN_HZ, frame_samples, semitones};
use crate::frontend::decibel;
use crate::real::Real;

/// Periods kept for a frame.
pub(crate) const N_CANDIDATES: usize = 6;

/// Minima above this are none: nothing repeats in a frame of noise.
const MAX_APERIODICITY: f64 = 0.9;

/// What an octave downwards costs: twice the period fits as well as the period.
const OCTAVE_COST: f64 = 0.02;

/// One period that a frame may have.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Candidate {
    /// Pitch, semitones above [`super::REFERENCE_HZ`].
    pub(crate) semitones: f64,
    /// The normalised difference at this period, 0 (repeats exactly) to 0.9.
    pub(crate) aperiodicity: f64,
}

impl Candidate {
    /// How well it fits, less is better.
    #[must_use]
    pub(crate) fn cost(self) -> f64 {
        self.aperiodicity + OCTAVE_COST / 12.0 * (semitones(MAX_HZ) - self.semitones)
    }

    /// The strength of the voice, 0.1 to 1.
    #[must_use]
    pub(crate) fn periodicity(self) -> f64 {
        1.0 - self.aperiodicity
    }
}

/// What one frame sounds like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sound {
    /// Level of the frame: root mean square about the mean, dB re full scale, at least -100.
    pub(crate) level_db: f64,
    candidates: [Candidate; N_CANDIDATES],
    n_candidates: usize,
}

impl Sound {
    /// The best periods, best first.
    #[must_use]
    pub(crate) fn candidates(&self) -> &[Candidate] {
        &self.candidates[..self.n_candidates]
    }

    /// Keeps `candidate` if it is among the best.
    fn offer(&mut self, candidate: Candidate) {
        let place = self.candidates().partition_point(|better| better.cost() <= candidate.cost());
        if place == N_CANDIDATES {
            return;
        }
        self.n_candidates = (self.n_candidates + 1).min(N_CANDIDATES);
        self.candidates[place..self.n_candidates].rotate_right(1);
        self.candidates[place] = candidate;
    }
}

/// Measures frames of one sample rate.
#[derive(Clone)]
pub(crate) struct Yin {
    sample_rate: f64,
    shortest_lag: usize,
    forward: Arc<dyn RealToComplex<f64>>,
    inverse: Arc<dyn ComplexToReal<f64>>,
    /// The frame about its mean, `[frame_samples]`.
    samples: Vec<f64>,
    /// The frame and zeros, then its autocorrelation times the length of the transform.
    correlation: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
    /// The normalised difference of each lag, `[longest_lag + 2]`.
    difference: Vec<f64>,
}

impl Yin {
    /// Plans the transforms.
    #[must_use]
    pub(crate) fn new(sample_rate: u32) -> Self {
        let n_samples = frame_samples(sample_rate);
        let sample_rate = f64::from(sample_rate);
        let longest_lag = (sample_rate / MIN_HZ).ceil() as usize;
        let n_fft = smooth_length(n_samples + longest_lag + 2);
        let mut planner = RealFftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(n_fft), planner.plan_fft_inverse(n_fft));
        Self {
            sample_rate,
            shortest_lag: (sample_rate / MAX_HZ).floor() as usize,
            samples: vec![0.0; n_samples],
            correlation: vec![0.0; n_fft],
            spectrum: forward.make_output_vec(),
            scratch: vec![Complex::default(); forward.get_scratch_len().max(inverse.get_scratch_len())],
            difference: vec![0.0; longest_lag + 2],
            forward,
            inverse,
        }
    }

    /// Samples in a frame.
    #[must_use]
    pub(crate) fn n_samples(&self) -> usize {
        self.samples.len()
    }

    /// Level and candidates of `frame`, `[frame_samples]`. A frame of -100 dB or less is silence and has none.
    pub(crate) fn of_frame<T: Real>(&mut self, frame: &[T]) -> Sound {
        let n = frame.len() as f64;
        let mean = sum(frame, |sample| sample.widen()) / n;
        for (value, sample) in self.samples.iter_mut().zip(frame) {
            *value = sample.widen() - mean;
        }
        let energy = sum(&self.samples, |value| value * value);
        let mut sound =
            Sound { level_db: decibel::of_power(energy / n), candidates: [Candidate::default(); N_CANDIDATES], n_candidates: 0 };
        if energy / n > decibel::MIN_POWER {
            self.correlate();
            self.compare(energy);
            self.find_minima(&mut sound);
        }
        sound
    }

    /// Fills `correlation`.
    fn correlate(&mut self) {
        let Self { forward, inverse, samples, correlation, spectrum, scratch, .. } = self;
        let (signal, zeros) = correlation.split_at_mut(samples.len());
        signal.copy_from_slice(samples);
        zeros.fill(0.0);
        // INVARIANT: all lengths are those of the plans, and a power spectrum is real.
        forward.process_with_scratch(correlation, spectrum, scratch).expect("the lengths of the plan");
        for bin in spectrum.iter_mut() {
            *bin = Complex::new(bin.norm_sqr(), 0.0);
        }
        inverse.process_with_scratch(spectrum, correlation, scratch).expect("the lengths of the plan");
    }

    /// Fills `difference`.
    fn compare(&mut self, energy: f64) {
        let Self { samples, correlation, difference, .. } = self;
        let (n, scale) = (samples.len(), 2.0 / correlation.len() as f64);
        let (mut pair_energy, mut sum) = (2.0 * energy, 0.0);
        for (lag, difference) in difference.iter_mut().enumerate() {
            let mean_square = (pair_energy - scale * correlation[lag]).max(0.0) / (n - lag) as f64;
            pair_energy -= samples[lag].powi(2) + samples[n - 1 - lag].powi(2);
            // The difference at lag 0 is 0 but for rounding, and no part of the mean.
            sum += if lag == 0 { 0.0 } else { mean_square };
            *difference = if sum > 0.0 { mean_square * lag as f64 / sum } else { 1.0 };
        }
    }

    fn find_minima(&self, sound: &mut Sound) {
        for (lag, three) in (self.shortest_lag..).zip(self.difference[self.shortest_lag - 1..].windows(3)) {
            let &[before, at, after] = three else { return };
            if at > before || at >= after || at >= MAX_APERIODICITY {
                continue;
            }
            let shift = 0.5 * (before - after) / (before - 2.0 * at + after);
            // The outermost lags are whole samples, and a period may lie up to half a sample beyond them.
            let hz = (self.sample_rate / (lag as f64 + shift)).clamp(MIN_HZ, MAX_HZ);
            sound.offer(Candidate { semitones: semitones(hz), aperiodicity: (at - 0.25 * (before - after) * shift).max(0.0) });
        }
    }
}

/// The sum of `f` over all values, in several sums side by side: one after the other, each addition would wait for the one before.
fn sum<T: Copy>(values: &[T], f: impl Fn(T) -> f64) -> f64 {
    const SUMS: usize = 8;
    let (eights, rest) = values.as_chunks::<SUMS>();
    let mut sums = [0.0; SUMS];
    for eight in eights {
        for (sum, value) in sums.iter_mut().zip(eight) {
            *sum += f(*value);
        }
    }
    sums.into_iter().chain(rest.iter().map(|value| f(*value))).sum()
}

/// The shortest even length from `n` on that has no prime factor above 3: transforms of other lengths take longer.
fn smooth_length(n: usize) -> usize {
    let is_smooth = |mut n: usize| {
        for factor in [2, 3] {
            while n.is_multiple_of(factor) {
                n /= factor;
            }
        }
        n == 1
    };
    // INVARIANT: there is a power of 2 ahead.
    (n.next_multiple_of(2)..).step_by(2).find(|&length| is_smooth(length)).expect("a power of 2")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 16_000;

    /// The definition, lag by lag.
    fn naive_difference(frame: &[f64], n_lags: usize) -> Vec<f64> {
        let mean_square = |lag: usize| {
            let pairs = frame.iter().zip(&frame[lag..]);
            pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>() / (frame.len() - lag) as f64
        };
        let normalised = |lag: usize| mean_square(lag) * lag as f64 / (1..=lag).map(mean_square).sum::<f64>();
        (0..n_lags).map(|lag| if lag == 0 { 1.0 } else { normalised(lag) }).collect()
    }

    fn frame_of(hz: f64) -> Vec<f64> {
        let phase = |i: usize| std::f64::consts::TAU * hz * i as f64 / f64::from(RATE);
        (0..frame_samples(RATE)).map(|i| 0.1 * (phase(i).sin() + 0.5 * (2.0 * phase(i)).sin()) + 0.02).collect()
    }

    #[test]
    fn the_difference_is_the_definition() {
        let mut yin = Yin::new(RATE);
        for hz in [61.0, 123.4, 499.0] {
            let mut frame = frame_of(hz);
            frame.iter_mut().enumerate().for_each(|(i, sample)| *sample += 0.03 * ((i * i) as f64 * 0.1).sin());
            yin.of_frame(&frame);
            let expected = naive_difference(&frame, yin.difference.len());
            for (lag, (found, expected)) in yin.difference.iter().zip(expected).enumerate() {
                assert!((found - expected).abs() < 1e-9, "{hz} Hz, lag {lag}: {found} {expected}");
            }
        }
    }

    #[test]
    fn the_best_candidate_is_the_period_at_every_rate() {
        for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000] {
            for hz in [62.0, 100.0, 220.0, 450.0] {
                let phase = |i: usize| std::f64::consts::TAU * hz * i as f64 / f64::from(rate);
                let frame: Vec<f32> =
                    (0..frame_samples(rate)).map(|i| (phase(i).sin() + 0.5 * (2.0 * phase(i)).sin()) as f32).collect();
                let sound = Yin::new(rate).of_frame(&frame);
                let found = sound.candidates()[0];
                assert!((found.semitones - semitones(hz)).abs() < 0.05, "{hz} Hz at {rate} Hz: {found:?}");
                assert!(found.periodicity() > 0.95);
                assert!(sound.candidates().is_sorted_by(|a, b| a.cost() <= b.cost()));
            }
        }
    }

    #[test]
    fn both_precisions_decide_alike() {
        let narrow: Vec<f32> = frame_of(180.0).iter().map(|&sample| sample as f32).collect();
        let wide: Vec<f64> = narrow.iter().map(|&sample| f64::from(sample)).collect();
        let mut yin = Yin::new(RATE);
        let (a, b) = (yin.of_frame(&narrow), yin.of_frame(&wide));
        assert_eq!((a.level_db, a.candidates()), (b.level_db, b.candidates()));
    }

    #[test]
    fn the_level_is_the_root_mean_square_about_the_mean() {
        let frame = frame_of(200.0);
        let mean = frame.iter().sum::<f64>() / frame.len() as f64;
        let rms = (frame.iter().map(|sample| (sample - mean).powi(2)).sum::<f64>() / frame.len() as f64).sqrt();
        assert!((Yin::new(RATE).of_frame(&frame).level_db - 20.0 * rms.log10()).abs() < 1e-10);
        // A sine of 0.1 and its octave of 0.05: 10 log10((0.1^2 + 0.05^2) / 2).
        assert!((20.0 * rms.log10() + 22.04).abs() < 0.01);
    }

    #[test]
    fn silence_and_an_offset_have_no_period() {
        let mut yin = Yin::new(RATE);
        for value in [0.0_f32, 0.5, -1e-7] {
            let sound = yin.of_frame(&vec![value; frame_samples(RATE)]);
            assert!((sound.level_db + 100.0).abs() < 1e-9 && sound.candidates().is_empty());
        }
    }

    #[test]
    fn a_length_is_the_next_smooth_one() {
        assert_eq!([1069, 512, 1153, 5].map(smooth_length), [1152, 512, 1296, 6]);
    }
}
