//! Conversion to a rate that is lower by an integer factor.
//!
//! In: blocks of samples. Out: one sample for every `factor` of them, delayed by half a filter.
//!
//! The filter is rubato's. Its passband fits into the lower rate, so nothing above has to be computed: every `factor`th sample forms a sequence of its own
//! (polyphase decomposition), each is convolved with every `factor`th tap at the lower rate, and the sums are the output. The transforms have the output's
//! length, and the only other work is a pass over their bins.

use std::f64::consts::{PI, TAU};
use std::sync::Arc;

use moodline_fourier::{Complex, Fft, Plan as _};
use rubato::calculate_cutoff;

use super::{FILTER_SAMPLES, WINDOW};

/// Output samples per block, and bins of a transform: the sequences have this many samples, followed by as many zeros, in pairs.
const BLOCK: usize = FILTER_SAMPLES;

/// Number of bins multiplied in parallel.
const LANES: usize = 16;

/// An FFT filter for one ratio of rates.
///
/// # Source
/// Overlap-add of real sequences as pairs (even, odd): with `E` and `O` the transforms of a filter's even and odd taps and `w = exp(-i tau k / BLOCK)`, the pairs `z`
/// of a sequence become the pairs of its convolution by `V[k] = (E + i/2 (1 - w) O) Z[k] + i/2 (1 + w) O conj(Z[-k])`.
#[derive(Clone)]
pub(super) struct Decimation {
    arch: pulp::Arch,
    factor: usize,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
    /// One filter per sequence.
    filters: Arc<[PairFilter]>,
    /// The pairs of each sequence, then their transform with the first bin repeated at the end, `[factor, BLOCK + 1]`.
    sequences: Vec<Complex<f32>>,
    /// The transform of the output's pairs, then the pairs themselves, `[BLOCK]`.
    sum: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    /// The overlap of the last block with the next, `[BLOCK]`.
    overlap: Vec<f32>,
}

/// Factors of the bins of one sequence, each `[BLOCK]`.
struct PairFilter {
    own_re: Vec<f32>,
    own_im: Vec<f32>,
    mirrored_re: Vec<f32>,
    mirrored_im: Vec<f32>,
}

impl Decimation {
    /// Output samples before the first of the stream.
    pub(super) const DELAY: usize = FILTER_SAMPLES / 2;

    /// Computes the filter from a rate to one that is `factor` times lower, at least 2.
    pub(super) fn new(factor: usize) -> Self {
        let (forward, inverse) = (f32::forward(BLOCK), f32::inverse(BLOCK));
        let n_scratch = forward.get_inplace_scratch_len().max(inverse.get_inplace_scratch_len());
        let taps = low_pass(factor);
        Self {
            arch: pulp::Arch::new(),
            factor,
            forward,
            inverse,
            filters: (0..factor).map(|sequence| PairFilter::new(&taps, factor, sequence)).collect(),
            sequences: vec![Complex::default(); factor * (BLOCK + 1)],
            sum: vec![Complex::default(); BLOCK],
            scratch: vec![Complex::default(); n_scratch],
            overlap: vec![0.0; BLOCK],
        }
    }

    /// Numbers of input and output samples of [`run`](Self::run).
    pub(super) const fn frames(&self) -> (usize, usize) {
        (self.factor * BLOCK, BLOCK)
    }

    /// Takes the next block of the stream, `[factor * BLOCK]`, and writes `output`, `[BLOCK]`.
    pub(super) fn run(&mut self, input: &[f32], output: &mut [f32]) {
        let Self { arch, factor, forward, inverse, filters, sequences, sum, scratch, overlap } = self;
        arch.dispatch(Split { input, factor: *factor, sequences });
        for sequence in sequences.chunks_exact_mut(BLOCK + 1) {
            forward.process_with_scratch(&mut sequence[..BLOCK], scratch);
            sequence[BLOCK] = sequence[0];
        }
        arch.dispatch(Convolve { sequences, filters, sum });
        inverse.process_with_scratch(sum, scratch);
        let (now, later) = sum.split_at(BLOCK / 2);
        let (pairs, _) = output.as_chunks_mut::<2>();
        let (overlaps, _) = overlap.as_chunks_mut::<2>();
        for (((output, overlap), now), later) in pairs.iter_mut().zip(overlaps).zip(now).zip(later) {
            *output = [now.re + overlap[0], now.im + overlap[1]];
            *overlap = [later.re, later.im];
        }
    }

    /// Returns to the start of a stream.
    pub(super) fn restart(&mut self) {
        self.overlap.fill(0.0);
    }
}

/// Writes the pairs of every sequence.
struct Split<'a> {
    input: &'a [f32],
    factor: usize,
    sequences: &'a mut [Complex<f32>],
}

impl pulp::NullaryFnOnce for Split<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { input, factor, sequences } = self;
        match factor {
            // With a constant the loop compiles to shuffles.
            3 => split(input, 3, sequences),
            _ => split(input, factor, sequences),
        }
    }
}

#[inline(always)]
fn split(input: &[f32], factor: usize, sequences: &mut [Complex<f32>]) {
    for (first, sequence) in sequences.chunks_exact_mut(BLOCK + 1).enumerate() {
        let (pairs, zeros) = sequence[..BLOCK].split_at_mut(BLOCK / 2);
        for (pair, samples) in pairs.iter_mut().zip(input.chunks_exact(2 * factor)) {
            *pair = Complex { re: samples[first], im: samples[first + factor] };
        }
        zeros.fill(Complex::default());
    }
}

/// Writes the transform of the sum of all sequences, each multiplied by its filter.
struct Convolve<'a> {
    sequences: &'a [Complex<f32>],
    filters: &'a [PairFilter],
    sum: &'a mut [Complex<f32>],
}

impl pulp::NullaryFnOnce for Convolve<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { sequences, filters, sum } = self;
        for (bins, first) in sum.chunks_exact_mut(LANES).zip((0..).step_by(LANES)) {
            let (mut re, mut im) = ([0.0; LANES], [0.0; LANES]);
            for (sequence, filter) in sequences.chunks_exact(BLOCK + 1).zip(filters) {
                let own = &sequence[first..first + LANES];
                let mirrored = &sequence[BLOCK + 1 - LANES - first..BLOCK + 1 - first];
                let (p_re, p_im) = (&filter.own_re[first..first + LANES], &filter.own_im[first..first + LANES]);
                let (q_re, q_im) = (&filter.mirrored_re[first..first + LANES], &filter.mirrored_im[first..first + LANES]);
                for lane in 0..LANES {
                    let (a, b) = (own[lane], mirrored[LANES - 1 - lane]);
                    re[lane] += p_re[lane] * a.re - p_im[lane] * a.im + q_re[lane] * b.re + q_im[lane] * b.im;
                    im[lane] += p_re[lane] * a.im + p_im[lane] * a.re + q_im[lane] * b.re - q_re[lane] * b.im;
                }
            }
            for (lane, bin) in bins.iter_mut().enumerate() {
                *bin = Complex { re: re[lane], im: im[lane] };
            }
        }
    }
}

impl PairFilter {
    /// Every `factor`th of `taps`, for the samples `sequence`, `sequence + factor`, ... of a block.
    fn new(taps: &[f64], factor: usize, sequence: usize) -> Self {
        let tap = |index: usize| (index * factor).checked_sub(sequence).and_then(|at| taps.get(at)).copied().unwrap_or(0.0);
        let transform = |offset: usize| {
            let mut bins: Vec<_> = (0..BLOCK).map(|pair| Complex::new(tap(2 * pair + offset), 0.0)).collect();
            f64::forward(BLOCK).process(&mut bins);
            bins
        };
        let (even, odd) = (transform(0), transform(1));
        let scale = 1.0 / BLOCK as f64;
        let half_i = Complex::new(0.0, 0.5);
        let turn = |bin: usize| Complex::from_polar(1.0, -TAU * bin as f64 / BLOCK as f64);
        let own = |bin: usize| (even[bin] + half_i * (1.0 - turn(bin)) * odd[bin]) * scale;
        let mirrored = |bin: usize| half_i * (1.0 + turn(bin)) * odd[bin] * scale;
        Self {
            own_re: (0..BLOCK).map(|bin| own(bin).re as f32).collect(),
            own_im: (0..BLOCK).map(|bin| own(bin).im as f32).collect(),
            mirrored_re: (0..BLOCK).map(|bin| mirrored(bin).re as f32).collect(),
            mirrored_im: (0..BLOCK).map(|bin| mirrored(bin).im as f32).collect(),
        }
    }
}

/// The filter at the higher rate, `[FILTER_SAMPLES * factor]`; its sum is 1.
///
/// # Source
/// rubato 5 `sinc.rs` `make_sincs` and `windows.rs`: a sinc with the square of the periodic Blackman-Harris window.
fn low_pass(factor: usize) -> Vec<f64> {
    let n = FILTER_SAMPLES * factor;
    let cutoff = calculate_cutoff::<f64>(FILTER_SAMPLES, WINDOW) / factor as f64;
    let tap = |index: usize| {
        let angle = TAU * index as f64 / n as f64;
        let window = 0.358_75 - 0.488_29 * angle.cos() + 0.141_28 * (2.0 * angle).cos() - 0.011_68 * (3.0 * angle).cos();
        let x = PI * cutoff * (index as f64 - (n / 2) as f64);
        window * window * if x == 0.0 { 1.0 } else { x.sin() / x }
    };
    let taps: Vec<f64> = (0..n).map(tap).collect();
    let sum: f64 = taps.iter().sum();
    taps.into_iter().map(|tap| tap / sum).collect()
}

#[cfg(test)]
mod tests {
    use moodline_fourier::BlockFilter;

    use super::*;

    #[test]
    fn it_is_rubatos_filter() {
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state as f32 / u32::MAX as f32 - 0.5
        };
        for factor in [2, 3, 6, 12, 24, 48] {
            let mut decimation = Decimation::new(factor);
            let (n_in, n_out) = decimation.frames();
            let mut expected = BlockFilter::new(factor, 1, n_in, WINDOW);
            assert_eq!(((n_in, n_out), Decimation::DELAY), (expected.frames(), expected.delay()));
            for block in 0..5 {
                let input: Vec<f32> = (0..n_in).map(|_| noise()).collect();
                let (mut found, mut output) = (vec![0.0; n_out], vec![0.0; n_out]);
                decimation.run(&input, &mut found);
                expected.run(&input, &mut output);
                for (at, (found, expected)) in found.iter().zip(&output).enumerate() {
                    assert!((found - expected).abs() < 2e-6, "factor {factor}, block {block}, sample {at}: {found} {expected}");
                }
            }
        }
    }
}
