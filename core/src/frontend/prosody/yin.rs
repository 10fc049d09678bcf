//! The level and the candidate periods of one frame.
//!
//! # Source
//! A. de Cheveigné and H. Kawahara, "YIN, a fundamental frequency estimator for speech and music", JASA 111 (2002): the difference function
//! (equation 6, from the autocorrelation), the cumulative mean normalised difference (equation 8), parabolic interpolation (step 5). Deviations:
//! for each lag, everything in the frame that has a partner is compared, which keeps every lag centred on the frame (as in librosa 0.11,
//! `librosa.yin`), and the *mean* of the squared differences is taken, so that long lags, which have fewer pairs, are not preferred; and all
//! minima are kept for [`super::path`] instead of the first below a threshold.
//!
//! The level is exact to `f64`; the autocorrelation is `f32`, whose rounding is far below any difference that matters to the costs of candidates.

use super::autocorrelation::Autocorrelation;
use super::{MAX_HZ, MIN_HZ, frame_samples, semitones};
use crate::frontend::decibel;
use crate::real::Real;

/// Number of periods kept per frame.
pub(crate) const N_CANDIDATES: usize = 6;

/// Minima above this value are ignored: nothing repeats in a frame of noise.
const MAX_APERIODICITY: f64 = 0.9;

/// Cost of an octave downwards: twice the period fits as well as the period itself.
const OCTAVE_COST: f64 = 0.02;

/// One candidate period of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Candidate {
    /// Pitch, semitones above [`super::REFERENCE_HZ`].
    pub(crate) semitones: f64,
    /// The normalised difference at this period, 0 (repeats exactly) to 0.9.
    pub(crate) aperiodicity: f64,
}

impl Candidate {
    /// The cost of this period; lower is better.
    #[must_use]
    pub(crate) fn cost(self) -> f64 {
        self.aperiodicity + OCTAVE_COST / 12.0 * (semitones(MAX_HZ) - self.semitones)
    }

    /// The strength of voicing, 0.1 to 1.
    #[must_use]
    pub(crate) fn periodicity(self) -> f64 {
        1.0 - self.aperiodicity
    }
}

/// Level and candidate periods of one frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PitchFrame {
    /// Level of the frame: root mean square after subtraction of the mean, dB re full scale, at least -100.
    pub(crate) level_db: f64,
    candidates: [Candidate; N_CANDIDATES],
    n_candidates: usize,
}

impl PitchFrame {
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

/// Number of values computed in parallel.
const LANES: usize = 16;

/// Analyses frames of one sample rate.
#[derive(Clone)]
pub(crate) struct Yin {
    arch: pulp::Arch,
    sample_rate: f64,
    shortest_lag: usize,
    longest_lag: usize,
    autocorrelation: Autocorrelation,
    /// The frame without its mean, `[frame_samples]`.
    samples: Vec<f32>,
    /// The autocorrelation at each lag, `[n_lags]`: up to one more than the longest lag, in whole groups of [`LANES`].
    correlation: Vec<f32>,
    /// The reciprocal of the number of pairs at each lag, `[n_lags]`.
    per_pair: Vec<f64>,
    /// Running sums over the lags, `[n_lags]`.
    sums: Vec<f64>,
    /// The normalised difference of each lag, `[n_lags]`.
    difference: Vec<f64>,
}

impl Yin {
    /// Plans the transforms.
    #[must_use]
    pub(crate) fn new(sample_rate: u32) -> Self {
        let n_samples = frame_samples(sample_rate);
        let sample_rate = f64::from(sample_rate);
        let longest_lag = (sample_rate / MIN_HZ).ceil() as usize;
        let n_lags = (longest_lag + 2).next_multiple_of(LANES);
        Self {
            arch: pulp::Arch::new(),
            sample_rate,
            shortest_lag: (sample_rate / MAX_HZ).floor() as usize,
            longest_lag,
            autocorrelation: Autocorrelation::new(n_samples, n_lags),
            samples: vec![0.0; n_samples],
            correlation: vec![0.0; n_lags],
            per_pair: (0..n_lags).map(|lag| ((n_samples - lag) as f64).recip()).collect(),
            sums: vec![0.0; n_lags],
            difference: vec![0.0; n_lags],
        }
    }

    /// Samples in a frame.
    #[must_use]
    pub(crate) fn n_samples(&self) -> usize {
        self.samples.len()
    }

    /// Level and candidates of `frame`, `[frame_samples]`. A frame of -100 dB or less is silence and has none.
    pub(crate) fn of_frame<T: Real>(&mut self, frame: &[T]) -> PitchFrame {
        let energy = self.arch.dispatch(AboutMean { frame, samples: &mut self.samples });
        let power = energy / frame.len() as f64;
        let mut sound =
            PitchFrame { level_db: decibel::of_power(power), candidates: [Candidate::default(); N_CANDIDATES], n_candidates: 0 };
        if power > decibel::MIN_POWER {
            let Self { arch, autocorrelation, samples, correlation, per_pair, sums, difference, .. } = self;
            autocorrelation.of_frame(samples, correlation);
            arch.dispatch(Compare { samples, energy, correlation, per_pair, sums, difference });
            self.find_minima(&mut sound);
        }
        sound
    }

    fn find_minima(&self, sound: &mut PitchFrame) {
        let first = self.shortest_lag - 1;
        let mut rest = &self.difference[first..self.longest_lag + 2];
        let mut lag = self.shortest_lag;
        while rest.len() >= 3 {
            let mut minima = self.arch.dispatch(Minima(rest));
            while minima != 0 {
                let at = minima.trailing_zeros() as usize;
                sound.offer(self.candidate(lag + at, &rest[at..]));
                minima &= minima - 1;
            }
            rest = &rest[Minima::WINDOWS.min(rest.len() - 2)..];
            lag += Minima::WINDOWS;
        }
    }

    /// The period around the minimum at `lag`, which is the second of `differences`.
    fn candidate(&self, lag: usize, differences: &[f64]) -> Candidate {
        let [before, at, after] = [differences[0], differences[1], differences[2]];
        let shift = 0.5 * (before - after) / (before - 2.0 * at + after);
        // The outermost lags are whole samples, and a period may be up to half a sample beyond them.
        let hz = (self.sample_rate / (lag as f64 + shift)).clamp(MIN_HZ, MAX_HZ);
        Candidate { semitones: semitones(hz), aperiodicity: (at - 0.25 * (before - after) * shift).max(0.0) }
    }
}

/// Bit `i` is set if value `i + 1` is a minimum, for all complete windows of three values, at most [`Minima::WINDOWS`].
struct Minima<'a>(&'a [f64]);

impl Minima<'_> {
    const WINDOWS: usize = 32;
    const VALUES: usize = Self::WINDOWS + 2;
}

impl pulp::NullaryFnOnce for Minima<'_> {
    type Output = u32;

    #[inline(always)]
    fn call(self) -> u32 {
        let is_minimum = |before: f64, at: f64, after: f64| (at <= before) & (at < after) & (at < MAX_APERIODICITY);
        match self.0.first_chunk::<{ Minima::VALUES }>() {
            // A fixed number of windows is compared in parallel.
            Some(values) => (0..Self::WINDOWS)
                .fold(0, |minima, i| minima | u32::from(is_minimum(values[i], values[i + 1], values[i + 2])) << i),
            None => {
                let windows = self.0.windows(3).enumerate();
                windows.fold(0, |minima, (i, three)| minima | u32::from(is_minimum(three[0], three[1], three[2])) << i)
            }
        }
    }
}

/// Writes a frame without its mean, and returns its energy.
struct AboutMean<'a, T> {
    frame: &'a [T],
    samples: &'a mut [f32],
}

impl<T: Real> pulp::NullaryFnOnce for AboutMean<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        let Self { frame, samples } = self;
        let (groups, rest) = frame.as_chunks::<LANES>();
        // In parallel: in a sequential sum, each addition would wait for the previous one.
        let (mut sums, mut squares) = ([0.0; LANES], [0.0; LANES]);
        for group in groups {
            for lane in 0..LANES {
                let value = group[lane].widen();
                sums[lane] += value;
                squares[lane] += value * value;
            }
        }
        for (lane, value) in rest.iter().enumerate() {
            let value = value.widen();
            sums[lane] += value;
            squares[lane] += value * value;
        }
        let n = frame.len() as f64;
        let mean = sums.iter().sum::<f64>() / n;
        for (to, from) in samples.iter_mut().zip(frame) {
            *to = (from.widen() - mean) as f32;
        }
        (squares.iter().sum::<f64>() - n * mean * mean).max(0.0)
    }
}

/// Writes the normalised difference of each lag; all slices are `[n_lags]`, in whole groups of [`LANES`].
struct Compare<'a> {
    samples: &'a [f32],
    energy: f64,
    correlation: &'a [f32],
    per_pair: &'a [f64],
    sums: &'a mut [f64],
    difference: &'a mut [f64],
}

impl pulp::NullaryFnOnce for Compare<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { samples, energy, correlation, per_pair, sums, difference } = self;
        // Each further lag loses one sample at either end.
        sums[0] = 0.0;
        for ((sum, &first), &last) in sums[1..].iter_mut().zip(samples).zip(samples.iter().rev()) {
            let (first, last) = (f64::from(first), f64::from(last));
            *sum = -(first * first + last * last);
        }
        running_sums(sums);
        for (lag, (((difference, sum), correlation), per_pair)) in
            difference.iter_mut().zip(sums.iter_mut()).zip(correlation).zip(per_pair).enumerate()
        {
            let squares = 2.0 * energy + *sum - 2.0 * f64::from(*correlation);
            let mean_square = if squares > 0.0 { squares * per_pair } else { 0.0 };
            *sum = mean_square;
            *difference = mean_square * f64::from(lag as u32);
        }
        // The difference at lag 0 is 0 except for rounding, and is not part of the mean.
        sums[0] = 0.0;
        running_sums(sums);
        for (difference, sum) in difference.iter_mut().zip(sums.iter()) {
            *difference = if *sum > 0.0 { *difference / *sum } else { 1.0 };
        }
    }
}

/// Replaces each value by the sum of all values up to it, in whole groups of [`LANES`]. The additions within a group do not wait for the previous group.
#[inline(always)]
fn running_sums(values: &mut [f64]) {
    let mut before = 0.0;
    for group in values.as_chunks_mut::<LANES>().0 {
        for lane in 1..LANES {
            group[lane] += group[lane - 1];
        }
        let all = group[LANES - 1];
        for value in group.iter_mut() {
            *value += before;
        }
        before += all;
    }
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
                assert!((found - expected).abs() < 2e-6, "{hz} Hz, lag {lag}: {found} {expected}");
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
}
