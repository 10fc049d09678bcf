//! From mono samples at any rate to mono samples at another.
//!
//! In: samples of one stream, cut in any way. Out: the same sound at the target rate, aligned with the input: output sample `m` is the value
//! at the time of input sample `m * source / target`.
//!
//! Pairs of rates with a short common block use an FFT filter, a special one (`decimation`) where the source rate is an integer multiple of the
//! target; pairs without one (44,101 Hz, say) use windowed sinc interpolation. All filters span `FILTER_SAMPLES` samples of the lower rate, pass
//! 0.94 of its Nyquist frequency unchanged and stop everything above it.

mod decimation;

use std::ops::RangeInclusive;

use moodline_fourier::BlockFilter;
use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{
    Adjustable as _, Async, FixedAsync, Indexing, Resampler as _, Resizable as _, SincInterpolationParameters,
    SincInterpolationType, WindowFunction, calculate_cutoff,
};

use crate::samples::{MAX_MAGNITUDE, first_unusable};
use decimation::Decimation;

/// Supported source and target rates, Hz.
pub const RATES_HZ: RangeInclusive<u32> = 8_000..=384_000;

/// Length of the anti-aliasing filter in samples of the lower of the two rates; for the FFT filter this is the minimum.
const FILTER_SAMPLES: usize = 512;
/// Its side lobes are below `f32` resolution.
const WINDOW: WindowFunction = WindowFunction::BlackmanHarris2;
/// Longest block of the FFT filter; rates that need a longer one are interpolated.
const MAX_BLOCK_SECONDS: f64 = 0.2;
/// Number of samples the interpolating filter computes at a time.
const SINC_CHUNK: usize = 256;
/// Points of the filter's table per sample of the lower rate; cubic interpolation between them is exact to `f32`.
const SINC_POINTS: f64 = 128.0;

/// Why the resampler refused rates or samples.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ResampleError {
    /// A rate is not supported.
    #[error("resampling: the {which} rate must be {}..={} Hz, found {found} Hz", expected.start(), expected.end())]
    Rate {
        /// `source` or `target`.
        which: &'static str,
        /// [`RATES_HZ`].
        expected: RangeInclusive<u32>,
        /// The rate, Hz.
        found: u32,
    },
    /// A sample is NaN, infinite or absurdly large.
    #[error("resampling: sample {index} must be a finite number of magnitude at most {MAX_MAGNITUDE:e}, found {found}")]
    Sample {
        /// Position in the stream, counted from 0.
        index: u64,
        /// Its value.
        found: f32,
    },
}

/// Converts one stream of samples.
///
/// `n` samples give exactly `ceil(n * target / source)`, the same ones wherever the stream was cut. A clone continues the stream from the same
/// position; for pairs of rates without a short block, cloning takes some 100 us for every second of the stream so far.
///
/// # Realtime safety
/// [`push`](Self::push), [`finish`](Self::finish) and [`reset`](Self::reset) do not allocate, lock or block. A sample is output at most
/// half a second after the corresponding input sample.
pub struct Resampler {
    source_hz: u64,
    target_hz: u64,
    filter: Filter,
    /// The inputs the filter has already taken, as far as they still matter, then those not yet taken, with room for its next chunk.
    input: Vec<f32>,
    n_pending: usize,
    /// Room for the filter's largest output.
    output: Vec<f32>,
    /// Number of output samples still to be dropped: the delay of the filter.
    n_skip: usize,
    n_in: u64,
    n_out: u64,
}

enum Filter {
    Identity,
    Decimation(Box<Decimation>),
    Block(BlockFilter),
    Sinc(Box<SincFilter>),
}

impl Resampler {
    /// Computes the filter from `source_hz` to `target_hz`.
    ///
    /// # Errors
    /// [`ResampleError::Rate`] for a rate outside [`RATES_HZ`].
    pub fn new(source_hz: u32, target_hz: u32) -> Result<Self, ResampleError> {
        for (which, found) in [("source", source_hz), ("target", target_hz)] {
            if !RATES_HZ.contains(&found) {
                return Err(ResampleError::Rate { which, expected: RATES_HZ, found });
            }
        }
        let filter = Filter::new(source_hz, target_hz);
        let (n_in_max, n_out_max) = filter.max_frames();
        let n_past = filter.n_past();
        let mut resampler = Self {
            source_hz: u64::from(source_hz),
            target_hz: u64::from(target_hz),
            filter,
            input: vec![0.0; n_past + n_in_max],
            n_pending: 0,
            output: vec![0.0; n_out_max],
            n_skip: 0,
            n_in: 0,
            n_out: 0,
        };
        resampler.reset();
        Ok(resampler)
    }

    /// Takes the next samples and hands what they complete to `sink`.
    ///
    /// # Errors
    /// [`ResampleError::Sample`]; none of `samples` is then consumed.
    pub fn push(&mut self, mut samples: &[f32], sink: &mut impl FnMut(&[f32])) -> Result<(), ResampleError> {
        if let Some(at) = first_unusable(samples) {
            return Err(ResampleError::Sample { index: self.n_in + at as u64, found: samples[at] });
        }
        self.n_in += samples.len() as u64;
        if matches!(self.filter, Filter::Identity) {
            self.n_out = self.n_in;
            sink(samples);
            return Ok(());
        }
        while !samples.is_empty() {
            let n = samples.len().min(self.filter.next_frames() - self.n_pending);
            let (now, later) = samples.split_at(n);
            let end = self.filter.n_past() + self.n_pending;
            self.input[end..end + n].copy_from_slice(now);
            self.n_pending += n;
            samples = later;
            if self.n_pending == self.filter.next_frames() {
                self.run_filter(sink);
            }
        }
        Ok(())
    }

    /// Ends the stream: hands the remaining samples to `sink` and is ready for a new stream.
    pub fn finish(&mut self, sink: &mut impl FnMut(&[f32])) {
        while self.n_out < self.n_expected() {
            let first = self.filter.n_past();
            self.input[first + self.n_pending..first + self.filter.next_frames()].fill(0.0);
            self.run_filter(sink);
        }
        self.reset();
    }

    /// Drops the current stream and is ready for a new one.
    pub fn reset(&mut self) {
        self.n_skip = self.filter.restart();
        self.input.fill(0.0);
        self.n_pending = 0;
        self.n_in = 0;
        self.n_out = 0;
    }

    /// Number of output samples that correspond to the input so far.
    fn n_expected(&self) -> u64 {
        (self.n_in * self.target_hz).div_ceil(self.source_hz)
    }

    fn run_filter(&mut self, sink: &mut impl FnMut(&[f32])) {
        let (n_past, n_taken) = (self.filter.n_past(), self.filter.next_frames());
        let n_made = self.filter.run(&self.input[n_past..], &mut self.output);
        self.input.copy_within(n_taken..n_taken + n_past, 0);
        self.n_pending = 0;
        let n_dropped = self.n_skip.min(n_made);
        self.n_skip -= n_dropped;
        let n_left = usize::try_from(self.n_expected() - self.n_out).unwrap_or(usize::MAX);
        let n_kept = (n_made - n_dropped).min(n_left);
        if n_kept > 0 {
            self.n_out += n_kept as u64;
            sink(&self.output[n_dropped..n_dropped + n_kept]);
        }
    }
}

/// rubato's filters cannot be cloned: new ones are advanced to the same position.
impl Clone for Resampler {
    fn clone(&self) -> Self {
        let filter = match &self.filter {
            Filter::Identity => Filter::Identity,
            Filter::Decimation(decimation) => Filter::Decimation(decimation.clone()),
            Filter::Block(_) | Filter::Sinc(_) => {
                let mut filter = Filter::new(self.source_hz as u32, self.target_hz as u32);
                filter.restart();
                filter.follow(&self.input[..self.filter.n_past()], self.n_in - self.n_pending as u64);
                filter
            }
        };
        Self { filter, input: self.input.clone(), output: self.output.clone(), ..*self }
    }
}

impl Filter {
    fn new(source_hz: u32, target_hz: u32) -> Self {
        if source_hz == target_hz {
            return Self::Identity;
        }
        if source_hz.is_multiple_of(target_hz) {
            return Self::Decimation(Box::new(Decimation::new((source_hz / target_hz) as usize)));
        }
        let common = gcd(source_hz, target_hz);
        let shortest = (source_hz.min(target_hz) / common) as usize;
        // The filter delays by half a block, so the number of base blocks is even.
        let n_base_blocks = FILTER_SAMPLES.div_ceil(shortest).next_multiple_of(2);
        if n_base_blocks as f64 / f64::from(common) > MAX_BLOCK_SECONDS {
            return Self::Sinc(Box::new(SincFilter::new(source_hz, target_hz)));
        }
        let block = n_base_blocks * (source_hz / common) as usize;
        Self::Block(BlockFilter::new(source_hz as usize, target_hz as usize, block, WINDOW))
    }

    /// Largest numbers of input and output samples of one run.
    fn max_frames(&self) -> (usize, usize) {
        match self {
            Self::Identity => (0, 0),
            Self::Decimation(decimation) => decimation.frames(),
            Self::Block(filter) => filter.frames(),
            Self::Sinc(sinc) => (sinc.inner.input_frames_max(), sinc.inner.output_frames_max()),
        }
    }

    /// Number of past input samples that [`follow`](Self::follow) needs.
    fn n_past(&self) -> usize {
        match self {
            Self::Identity | Self::Decimation(_) => 0,
            // The overlap of a block with the next.
            Self::Block(filter) => filter.frames().0,
            Self::Sinc(sinc) => sinc.n_past(),
        }
    }

    /// Advances from the start of a stream to after `n_taken` samples, of which `past` are the last [`n_past`](Self::n_past).
    fn follow(&mut self, past: &[f32], n_taken: u64) {
        match self {
            Self::Block(filter) if n_taken > 0 => filter.run(past, &mut vec![0.0; filter.frames().1]),
            Self::Sinc(sinc) => sinc.follow(past, n_taken),
            _ => {}
        }
    }

    /// Number of input samples of the next run.
    fn next_frames(&self) -> usize {
        match self {
            Self::Identity => 0,
            Self::Decimation(decimation) => decimation.frames().0,
            Self::Block(filter) => filter.frames().0,
            Self::Sinc(sinc) => sinc.inner.input_frames_next(),
        }
    }

    /// Takes the next [`next_frames`](Self::next_frames) of `input`; returns the number of samples written to `output`.
    fn run(&mut self, input: &[f32], output: &mut [f32]) -> usize {
        match self {
            Self::Identity => 0,
            Self::Decimation(decimation) => {
                decimation.run(input, output);
                output.len()
            }
            Self::Block(filter) => {
                filter.run(&input[..filter.frames().0], output);
                output.len()
            }
            Self::Sinc(sinc) => sinc.run(input, output, None),
        }
    }

    /// Returns to the start of a stream; returns the number of output samples before the first of the stream.
    fn restart(&mut self) -> usize {
        match self {
            Self::Identity => 0,
            Self::Decimation(decimation) => {
                decimation.restart();
                Decimation::DELAY
            }
            Self::Block(filter) => {
                filter.restart();
                filter.delay()
            }
            Self::Sinc(sinc) => {
                sinc.restart();
                sinc.n_before_start
            }
        }
    }
}

/// rubato's interpolating filter, aligned so that it samples exactly at the times of the output.
///
/// By default it starts at an arbitrary time between two output samples. Its first step is therefore lengthened or shortened, by at most
/// half a step, so that all later samples fall on the grid.
struct SincFilter {
    inner: Async<f32>,
    /// Ratio of target to source rate.
    ratio: f64,
    /// First step, in input samples.
    first_step: f64,
    length: usize,
    started: bool,
    n_before_start: usize,
}

impl SincFilter {
    fn new(source_hz: u32, target_hz: u32) -> Self {
        let ratio = f64::from(target_hz) / f64::from(source_hz);
        // Input samples per sample of the lower rate.
        let stretch = (1.0 / ratio).max(1.0);
        let length = ((FILTER_SAMPLES as f64 * stretch).ceil() as usize).next_multiple_of(8);
        let oversampling = (SINC_POINTS / stretch).ceil() as usize;
        let parameters = SincInterpolationParameters::new(length, WINDOW)
            .f_cutoff(calculate_cutoff(FILTER_SAMPLES, WINDOW))
            .oversampling_factor(oversampling)
            .interpolation(SincInterpolationType::Cubic);
        // INVARIANT: the ratio is positive, its range at least 1 and the chunk not empty.
        let inner = Async::new_sinc(ratio, 2.0, &parameters, SINC_CHUNK, 1, FixedAsync::Output).expect("positive sizes");
        // Output `k`, counted from 1, is at `k * step - delay`: half the filter, less the point by which rubato's table is shifted.
        let delay = length as f64 / 2.0 - 1.0 / oversampling as f64;
        let n_before_start = (delay * ratio).round() as usize - 1;
        let first_step = delay - n_before_start as f64 / ratio;
        Self { inner, ratio, first_step, length, started: false, n_before_start }
    }

    fn restart(&mut self) {
        self.inner.reset();
        self.set(1, 1.0 / self.first_step);
        self.started = false;
    }

    fn run(&mut self, input: &[f32], output: &mut [f32], which: Option<&Indexing>) -> usize {
        let n = process(&mut self.inner, input, output, which);
        if !self.started {
            self.started = true;
            self.set(SINC_CHUNK, self.ratio);
        }
        n
    }

    /// Number of input samples on which its next output can still depend, plus a chunk, so that they begin with a whole one.
    fn n_past(&self) -> usize {
        2 * self.length + self.inner.input_frames_max()
    }

    /// Its position is a sum of individually rounded steps, which only the same number of steps reproduces. Those before `past` need no input and
    /// produce no output.
    fn follow(&mut self, past: &[f32], n_taken: u64) {
        let silent = Indexing { active_channels_mask: Some(vec![false]), ..Indexing::default() };
        let nothing = vec![0.0; self.inner.input_frames_max()];
        let mut output = vec![0.0; self.inner.output_frames_max()];
        let mut n_left = n_taken;
        while n_left > 0 {
            let n = self.inner.input_frames_next() as u64;
            let first = (past.len() as u64).checked_sub(n_left).map(|first| first as usize);
            match first {
                Some(first) => self.run(&past[first..], &mut output, None),
                None => self.run(&nothing, &mut output, Some(&silent)),
            };
            n_left -= n;
        }
    }

    fn set(&mut self, chunk: usize, ratio: f64) {
        // INVARIANT: the chunk is at most SINC_CHUNK, the ratio within a factor of 2 of the nominal one.
        self.inner.set_chunk_size(chunk).expect("within the size it was made for");
        self.inner.set_resample_ratio(ratio, false).expect("within the range it was made for");
    }
}

fn process(filter: &mut Async<f32>, input: &[f32], output: &mut [f32], which: Option<&Indexing>) -> usize {
    let (n_in, n_out) = (filter.input_frames_next(), filter.output_frames_next());
    // INVARIANT: both buffers hold the filter's maximum.
    let input = SequentialSlice::new(&input[..n_in], 1, n_in).expect("one channel");
    let mut output = SequentialSlice::new_mut(&mut output[..n_out], 1, n_out).expect("one channel");
    let (_, n_made) = filter.process_into_buffer(&input, &mut output, which).expect("buffers of the size it asked for");
    n_made
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_out_of_range_are_refused_by_name() {
        for (source, target, which, found) in [
            (0, 16_000, "source", 0),
            (7_999, 16_000, "source", 7_999),
            (384_001, 16_000, "source", 384_001),
            (16_000, 0, "target", 0),
        ] {
            let error = Resampler::new(source, target).err().unwrap();
            assert_eq!(error, ResampleError::Rate { which, expected: 8_000..=384_000, found });
        }
    }

    #[test]
    fn common_rates_have_a_block_and_coprime_ones_are_interpolated() {
        for hz in [8_000, 11_025, 22_050, 44_100, 88_200, 176_400] {
            assert!(matches!(Filter::new(hz, 16_000), Filter::Block(_)), "{hz}");
        }
        for hz in [32_000, 48_000, 96_000, 192_000, 384_000] {
            assert!(matches!(Filter::new(hz, 16_000), Filter::Decimation(_)), "{hz}");
        }
        for hz in [8_001, 24_414, 44_101, 383_999] {
            assert!(matches!(Filter::new(hz, 16_000), Filter::Sinc(_)), "{hz}");
        }
    }

    /// A rate that is its own, a multiple, ones with a block, ones that are interpolated down and up.
    const PAIRS: [(u32, u32); 7] = [
        (16_000, 16_000),
        (48_000, 16_000),
        (44_100, 16_000),
        (8_000, 16_000),
        (44_101, 16_000),
        (8_001, 16_000),
        (96_001, 16_000),
    ];

    fn noise(n: usize) -> Vec<f32> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state as f32 / u32::MAX as f32 - 0.5
        };
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn a_clone_goes_on_where_the_original_is_and_leaves_it_alone() {
        for (source, target) in PAIRS {
            let samples = noise(source as usize * 3 / 2);
            let mut original = Resampler::new(source, target).unwrap();
            let mut found = Vec::new();
            for (index, piece) in samples.chunks(source as usize / 7).enumerate() {
                let mut ended = found.clone();
                original.clone().finish(&mut |part| ended.extend_from_slice(part));
                let n_pushed = index * (source as usize / 7);
                assert_eq!(ended, resampled(&samples[..n_pushed], source, target), "{source} Hz after {n_pushed}");
                original.push(piece, &mut |part| found.extend_from_slice(part)).unwrap();
                original = original.clone();
            }
            original.finish(&mut |part| found.extend_from_slice(part));
            assert_eq!(found, resampled(&samples, source, target), "{source} Hz");
        }
    }

    fn resampled(samples: &[f32], source: u32, target: u32) -> Vec<f32> {
        let mut resampler = Resampler::new(source, target).unwrap();
        let mut found = Vec::new();
        resampler.push(samples, &mut |part| found.extend_from_slice(part)).unwrap();
        resampler.finish(&mut |part| found.extend_from_slice(part));
        found
    }
}
