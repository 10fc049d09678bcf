//! Low-pass filter and decimation by a whole number, streaming.

use std::f64::consts::PI;

/// Length of the filter in output periods.
const LENGTH_PERIODS: usize = 8;

/// Keeps every `factor`-th sample of the low-passed input; delay compensated.
#[derive(Clone)]
pub(super) struct Decimator {
    factor: usize,
    taps: Vec<f32>,
    pending: Vec<f32>,
}

impl Decimator {
    /// `cutoff`: edge of the passband as a fraction of the output rate, below 0.5.
    pub(super) fn new(factor: usize, cutoff: f64) -> Self {
        let mut decimator = Self { factor, taps: low_pass(factor, cutoff), pending: Vec::new() };
        decimator.reset();
        decimator
    }

    /// Appends to `out` what `samples` complete.
    pub(super) fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        self.pending.extend_from_slice(samples);
        let mut at = 0;
        while at + self.taps.len() <= self.pending.len() {
            out.push(dot(&self.taps, &self.pending[at..at + self.taps.len()]));
            at += self.factor;
        }
        self.pending.drain(..at);
    }

    /// Starts a new stream: the filter's first output is centred on the first sample.
    pub(super) fn reset(&mut self) {
        self.pending.clear();
        self.pending.resize(self.taps.len() / 2, 0.0);
    }
}

/// A Hamming-windowed sinc of unit gain, `[LENGTH_PERIODS * factor + 1]`.
fn low_pass(factor: usize, cutoff: f64) -> Vec<f32> {
    let half = (LENGTH_PERIODS * factor / 2) as f64;
    let tap = |i: usize| {
        let t = i as f64 - half;
        let x = 2.0 * PI * cutoff * t / factor as f64;
        let sinc = if t == 0.0 { 1.0 } else { x.sin() / x };
        sinc * (0.54 + 0.46 * (PI * t / (half + 0.5)).cos())
    };
    let taps: Vec<f64> = (0..=LENGTH_PERIODS * factor).map(tap).collect();
    let gain: f64 = taps.iter().sum();
    taps.into_iter().map(|tap| (tap / gain) as f32).collect()
}

/// The dot product, summed in eight lanes so that the compiler can vectorise it.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut sums = [0.0_f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (a_chunk, b_chunk) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += a_chunk[lane] * b_chunk[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gain of the decimator for a sine of `frequency` (fraction of the output rate), in dB.
    fn gain_db(frequency: f64) -> f64 {
        let factor = 6;
        let mut decimator = Decimator::new(factor, 0.25);
        let sine: Vec<f32> = (0..6000).map(|i| (2.0 * PI * frequency * f64::from(i) / factor as f64).sin() as f32).collect();
        let mut out = Vec::new();
        decimator.push(&sine, &mut out);
        let settled = &out[100..900];
        10.0 * (2.0 * settled.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / settled.len() as f64).log10()
    }

    #[test]
    fn the_passband_passes_and_what_would_fold_is_removed() {
        assert!(gain_db(0.05).abs() < 0.1);
        assert!(gain_db(0.7) < -40.0);
    }

    #[test]
    fn the_dot_product_takes_any_length() {
        for n in 0..40 {
            let a: Vec<f32> = (0..n).map(|i| i as f32).collect();
            assert_eq!(dot(&a, &a), a.iter().map(|x| x * x).sum::<f32>());
        }
    }
}
