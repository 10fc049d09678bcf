//! The autocorrelation of a frame, in single precision.
//!
//! A frame takes two complex transforms of half its padded length: one of its samples in pairs, and one of their power spectrum in pairs. Between them, one
//! pass over the bins computes the power and the input of the second transform. The padded length may be a power of 2 that is slightly too short: the last
//! lags then contain wrapped-around products of the first and last samples of the frame, which are subtracted again.

use std::f64::consts::TAU;
use std::sync::Arc;

use moodline_fourier::{Complex, Fft, Plan as _};

/// Number of bins computed in parallel.
const LANES: usize = 16;

/// Largest number of lags that are corrected for wrap-around, a multiple of [`LANES`].
const MAX_FOLDED: usize = 64;

/// Transforms of one length.
#[derive(Clone)]
pub(super) struct Autocorrelation {
    arch: pulp::Arch,
    fft: Arc<dyn Fft<f32>>,
    /// Samples in pairs (even, odd) and zeros, then their power spectrum in pairs, `[n_fft / 2]`.
    pairs: Vec<Complex<f32>>,
    /// The transform of either, `[n_fft / 2]`.
    bins: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    turns: Turns,
    n_lags: usize,
    /// Number of lags at the end for which the padding is too short, rounded up to whole groups of [`LANES`].
    n_folded: usize,
    /// The last samples of the frame in reverse order, preceded by equally many zeros, `[2 * MAX_FOLDED]`.
    ending: Vec<f32>,
}

/// Sine and cosine of `tau k / n_fft` for the bins `k` in `1..=n_fft / 4`.
#[derive(Clone)]
struct Turns {
    sine: Vec<f32>,
    cosine: Vec<f32>,
}

impl Autocorrelation {
    /// Plans the transforms for frames of `n_samples`, even, and lags below `n_lags`.
    pub(super) fn new(n_samples: usize, n_lags: usize) -> Self {
        let n_wanted = n_samples + n_lags;
        let power = n_wanted.next_power_of_two() / 2;
        let n_fft = if power + MAX_FOLDED >= n_wanted { power } else { smooth_length(n_wanted) };
        let fft = f32::forward(n_fft / 2);
        let angle = |bin: usize| TAU * bin as f64 / n_fft as f64;
        Self {
            arch: pulp::Arch::new(),
            pairs: vec![Complex::default(); n_fft / 2],
            bins: vec![Complex::default(); n_fft / 2],
            scratch: vec![Complex::default(); fft.get_outofplace_scratch_len()],
            turns: Turns {
                sine: (1..=n_fft / 4).map(|bin| angle(bin).sin() as f32).collect(),
                cosine: (1..=n_fft / 4).map(|bin| angle(bin).cos() as f32).collect(),
            },
            n_lags,
            n_folded: n_wanted.saturating_sub(n_fft).next_multiple_of(LANES),
            ending: vec![0.0; 2 * MAX_FOLDED],
            fft,
        }
    }

    /// Writes the autocorrelation, the sum of products of all pairs of samples at each distance, to `correlation`, `[n_lags]`; `frame` is `[n_samples]`.
    pub(super) fn of_frame(&mut self, frame: &[f32], correlation: &mut [f32]) {
        let Self { arch, fft, pairs, bins, scratch, turns, .. } = self;
        let (samples, zeros) = pairs.split_at_mut(frame.len() / 2);
        for (pair, samples) in samples.iter_mut().zip(frame.chunks_exact(2)) {
            *pair = Complex::new(samples[0], samples[1]);
        }
        zeros.fill(Complex::default());
        fft.process_outofplace_with_scratch(pairs, bins, scratch);
        arch.dispatch(PowerPairs { bins, turns, pairs });
        fft.process_outofplace_with_scratch(pairs, bins, scratch);
        let scale = 1.0 / (2 * bins.len()) as f32;
        let (lags, last) = correlation.as_chunks_mut::<2>();
        for (lags, bin) in lags.iter_mut().zip(bins.iter()) {
            *lags = [scale * bin.re, -scale * bin.im];
        }
        if let [lag] = last {
            *lag = scale * bins[lags.len()].re;
        }
        if self.n_folded > 0 {
            self.unfold(frame, correlation);
        }
    }

    /// Subtracts from the last lags what the transforms have wrapped around. For the lag `k` after the first affected one, these are the products of the first
    /// `k + 1` samples with the last ones.
    fn unfold(&mut self, frame: &[f32], correlation: &mut [f32]) {
        let Self { arch, n_folded, ending, bins, n_lags, .. } = self;
        for (ending, sample) in ending[MAX_FOLDED..].iter_mut().zip(frame.iter().rev()) {
            *ending = *sample;
        }
        let first = 2 * bins.len() + 1 - frame.len();
        for start in (0..*n_folded).step_by(LANES) {
            let sums = arch.dispatch(Wrapped { beginning: &frame[..start + LANES], ending, start });
            for (lag, sum) in correlation[(first + start).min(*n_lags)..].iter_mut().zip(sums) {
                *lag -= sum;
            }
        }
    }
}

/// The sums of the products of the first `k + 1` samples with the last ones, for `k` in `start..start + LANES`.
struct Wrapped<'a> {
    /// `[start + LANES]`
    beginning: &'a [f32],
    /// As in [`Autocorrelation`].
    ending: &'a [f32],
    start: usize,
}

impl pulp::NullaryFnOnce for Wrapped<'_> {
    type Output = [f32; LANES];

    #[inline(always)]
    fn call(self) -> [f32; LANES] {
        let Self { beginning, ending, start } = self;
        let mut sums = [0.0; LANES];
        for (at, first) in beginning.iter().enumerate() {
            let last = &ending[MAX_FOLDED + start - at..MAX_FOLDED + start - at + LANES];
            for (sum, last) in sums.iter_mut().zip(last) {
                *sum += first * last;
            }
        }
        sums
    }
}

/// Writes the input of the second transform, `[n_fft / 2]`, from the transform of a frame's pairs, `[n_fft / 2]`.
///
/// With `P` the power of the real transform, the pairs `s - d sin - i d cos` of the sum `s` and the difference `d` of `P[k]` and `P[n_fft / 2 - k]` are the
/// conjugates of what an inverse transform of half the length needs, so a forward one gives the conjugates of its pairs. With the bins `a` and `b` at `k` and
/// `n_fft / 2 - k`, `s = |a|^2 + |b|^2` and `d = 2 (a.re b.im + a.im b.re) cos - (|a|^2 - |b|^2) sin`.
///
/// # Source
/// Press et al., Numerical Recipes, section 12.3.2, in both directions.
struct PowerPairs<'a> {
    bins: &'a [Complex<f32>],
    turns: &'a Turns,
    pairs: &'a mut [Complex<f32>],
}

impl pulp::NullaryFnOnce for PowerPairs<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { bins, turns, pairs } = self;
        pairs[0] = Complex::new(2.0 * bins[0].norm_sqr(), -4.0 * bins[0].re * bins[0].im);
        // The last group may overlap the previous one.
        let last = bins.len() / 2 + 1 - LANES;
        let mut k = 1;
        while k < last {
            power_of_lanes(bins, turns, pairs, k);
            k += LANES;
        }
        power_of_lanes(bins, turns, pairs, last);
    }
}

/// The pairs of the bins `k..k + LANES` and of their partners.
#[inline(always)]
fn power_of_lanes(bins: &[Complex<f32>], turns: &Turns, pairs: &mut [Complex<f32>], k: usize) {
    let partner = bins.len() + 1 - k - LANES;
    let (a, b) = (&bins[k..k + LANES], &bins[partner..partner + LANES]);
    let (sine, cosine) = (&turns.sine[k - 1..k - 1 + LANES], &turns.cosine[k - 1..k - 1 + LANES]);
    let (mut low, mut high) = ([Complex::default(); LANES], [Complex::default(); LANES]);
    for lane in 0..LANES {
        let (a, b) = (a[lane], b[LANES - 1 - lane]);
        let (a_power, b_power) = (a.re * a.re + a.im * a.im, b.re * b.re + b.im * b.im);
        let sum = a_power + b_power;
        let difference = 2.0 * (a.re * b.im + a.im * b.re) * cosine[lane] - (a_power - b_power) * sine[lane];
        let (turned, im) = (difference * sine[lane], -difference * cosine[lane]);
        low[lane] = Complex { re: sum - turned, im };
        high[LANES - 1 - lane] = Complex { re: sum + turned, im };
    }
    pairs[k..k + LANES].copy_from_slice(&low);
    pairs[partner..partner + LANES].copy_from_slice(&high);
}

/// The smallest multiple of 4 that is at least `n` and has no prime factor above 3: transforms of other lengths take longer.
fn smooth_length(n: usize) -> usize {
    let is_smooth = |mut n: usize| {
        for factor in [2, 3] {
            while n.is_multiple_of(factor) {
                n /= factor;
            }
        }
        n == 1
    };
    // INVARIANT: there is always a larger power of 2.
    (n.next_multiple_of(4)..).step_by(4).find(|&length| is_smooth(length)).expect("a power of 2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sum_of_products() {
        for (n_samples, n_lags) in
            [(800, 272), (800, 269), (800, 225), (400, 136), (96, 40), (128, 64), (128, 65), (200, 120), (2400, 802)]
        {
            let frame: Vec<f32> =
                (0..n_samples).map(|i| 0.3 * (i as f32 * 0.11).sin() + 0.1 * ((i * i) as f32 * 0.01).cos()).collect();
            let mut found = vec![0.0; n_lags];
            let mut autocorrelation = Autocorrelation::new(n_samples, n_lags);
            for _ in 0..2 {
                autocorrelation.of_frame(&frame, &mut found);
                let product =
                    |lag: usize| frame.iter().zip(&frame[lag..]).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
                for (lag, found) in found.iter().enumerate() {
                    let (found, expected) = (f64::from(*found), product(lag));
                    assert!((found - expected).abs() < 1e-6 * product(0), "{n_samples} samples, lag {lag}: {found} {expected}");
                }
            }
        }
    }

    #[test]
    fn a_length_is_the_next_smooth_one() {
        assert_eq!([1069, 512, 1153, 5].map(smooth_length), [1152, 512, 1296, 8]);
    }
}
