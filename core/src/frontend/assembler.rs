//! Assembles feature vectors from the coefficients of a frame, their time derivatives, and prosody, in the order given by the configuration.
//!
//! In: one row per frame: the coefficients and, with [`FeatureGroup::Prosody`], the columns of [`super::prosody`]. Out: one feature vector per frame,
//! `delta_width / 2` frames later.
//!
//! # Source
//! librosa 0.11 `librosa.feature.delta(width, order, mode)`, which is scipy's `savgol_filter(polyorder=order, deriv=order)`: delta2 is
//! the second derivative of a parabola fitted to the coefficients, not the delta of the delta. Both edge modes act at the start
//! and the end of the stream only.
//!
//! With [`DeltaMode::Interp`] the polynomial fitted to the outermost `delta_width` frames continues to the edge. A derivative of the same
//! order as the polynomial's degree is constant, so the edge frames repeat the value of the first frame with a full
//! neighbourhood.
//!
//! Deviation: a stream of fewer than `delta_width` frames, where librosa raises `ParameterError`, is filtered with [`DeltaMode::Nearest`].

use super::derivative::savitzky_golay;
use super::prosody;
use crate::config::{DeltaMode, FeatureGroup, FrontEndConfig, N_PROSODY};
use crate::real::Real;

/// Number of coefficients filtered in parallel.
const LANES: usize = 16;

/// Turns each row into a feature vector with the configured derivatives.
///
/// The derivatives are always those of the last `width` rows. [`DeltaMode::Nearest`] adds the repeated edge frames as real rows, so
/// only [`DeltaMode::Interp`] needs special handling at the edges.
#[derive(Clone)]
pub struct Assembler<T> {
    arch: pulp::Arch,
    groups: Vec<FeatureGroup>,
    mode: DeltaMode,
    n_mfcc: usize,
    /// Values in a row.
    n_columns: usize,
    /// Blocks of [`LANES`] values per row.
    n_blocks: usize,
    width: usize,
    delta: Vec<T>,
    delta2: Vec<T>,
    /// The last `width` rows, each padded to whole blocks and kept twice, `width` rows apart, so that the rows under
    /// the filter are always contiguous: row `t` is at `t % width` and at `t % width + width`.
    rows: Vec<[T; LANES]>,
    n_rows: usize,
    /// The feature vector, and room for the lanes that extend beyond its last group.
    features: Vec<T>,
}

impl<T: Real> Assembler<T> {
    /// Creates an assembler at the start of a stream.
    #[must_use]
    pub fn new(config: &FrontEndConfig) -> Self {
        let only_coefficients = config.groups == [FeatureGroup::Mfcc];
        let width = if only_coefficients { 1 } else { config.delta_width };
        let weights = |order| savitzky_golay(config.delta_width, order).into_iter().map(T::of).collect();
        let n_columns = config.n_mfcc + if config.has(FeatureGroup::Prosody) { prosody::N_COLUMNS } else { 0 };
        let n_blocks = n_columns.div_ceil(LANES);
        Self {
            arch: pulp::Arch::new(),
            groups: config.groups.clone(),
            mode: config.delta_mode,
            n_mfcc: config.n_mfcc,
            n_columns,
            n_blocks,
            width,
            delta: weights(1),
            delta2: weights(2),
            rows: vec![[T::zero(); LANES]; 2 * width * n_blocks],
            n_rows: 0,
            features: vec![T::zero(); config.n_features() + LANES],
        }
    }

    /// Values in a feature vector.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.features.len() - LANES
    }

    /// Takes the next row, `[n_mfcc]` or, with prosody, `[n_mfcc + prosody::N_COLUMNS]`; hands every feature vector it completes to `sink`.
    pub fn push(&mut self, row: &[T], sink: &mut impl FnMut(&[T])) {
        match self.mode {
            DeltaMode::Interp => self.push_interpolating(row, sink),
            DeltaMode::Nearest => self.push_repeating(row, sink),
        }
    }

    /// Hands the feature vectors of the last frames to `sink`.
    pub fn finish(&mut self, sink: &mut impl FnMut(&[T])) {
        match self.mode {
            DeltaMode::Interp if self.n_rows >= self.width => {
                for row in self.n_rows - self.width / 2..self.n_rows {
                    self.emit(row, sink);
                }
            }
            DeltaMode::Interp => self.finish_short(sink),
            DeltaMode::Nearest => self.repeat_last(self.width / 2, sink),
        }
    }

    /// Returns to the start of a stream.
    pub fn reset(&mut self) {
        self.n_rows = 0;
    }

    fn push_interpolating(&mut self, row: &[T], sink: &mut impl FnMut(&[T])) {
        self.add_row(row);
        let half = self.width / 2;
        if self.n_rows == self.width {
            for row in 0..=half {
                self.emit(row, sink);
            }
        } else if self.n_rows > self.width {
            self.emit(self.n_rows - 1 - half, sink);
        }
    }

    fn push_repeating(&mut self, row: &[T], sink: &mut impl FnMut(&[T])) {
        let is_first = self.n_rows == 0;
        self.add_row(row);
        if is_first {
            self.repeat_last(self.width / 2, sink);
        } else {
            self.emit_if_full(sink);
        }
    }

    /// Adds the last row `n` more times; there may be no row yet.
    fn repeat_last(&mut self, n: usize, sink: &mut impl FnMut(&[T])) {
        if self.n_rows == 0 {
            return;
        }
        for _ in 0..n {
            let last = (self.n_rows - 1) % self.width * self.n_blocks;
            let next = self.n_rows % self.width * self.n_blocks;
            for copy in [next, next + self.width * self.n_blocks] {
                self.rows.copy_within(last..last + self.n_blocks, copy);
            }
            self.n_rows += 1;
            self.emit_if_full(sink);
        }
    }

    /// Processes a whole stream of fewer than `width` frames, with the edges of [`DeltaMode::Nearest`]. The first copies of all its rows are still
    /// present; the second ones are overwritten with the rows under the filter.
    fn finish_short(&mut self, sink: &mut impl FnMut(&[T])) {
        let (n_frames, half) = (self.n_rows, self.width / 2);
        let window = self.width * self.n_blocks;
        for frame in 0..n_frames {
            for k in 0..self.width {
                let source = (frame + k).saturating_sub(half).min(n_frames - 1) * self.n_blocks;
                self.rows.copy_within(source..source + self.n_blocks, window + k * self.n_blocks);
            }
            self.assemble(frame * self.n_blocks, window, sink);
        }
    }

    /// Stores the row of a frame.
    fn add_row(&mut self, row: &[T]) {
        let first = self.n_rows % self.width * self.n_blocks;
        for copy in [first, first + self.width * self.n_blocks] {
            self.rows[copy..copy + self.n_blocks].as_flattened_mut()[..self.n_columns].copy_from_slice(row);
        }
        self.n_rows += 1;
    }

    fn emit_if_full(&mut self, sink: &mut impl FnMut(&[T])) {
        if self.n_rows >= self.width {
            self.emit(self.n_rows - 1 - self.width / 2, sink);
        }
    }

    /// Hands row `own` to `sink`, with the derivatives of the last `width` rows.
    fn emit(&mut self, own: usize, sink: &mut impl FnMut(&[T])) {
        self.assemble(own % self.width * self.n_blocks, self.n_rows % self.width * self.n_blocks, sink);
    }

    /// Hands the row at block `own` to `sink`, with the derivatives of the rows from block `first` on.
    fn assemble(&mut self, own: usize, first: usize, sink: &mut impl FnMut(&[T])) {
        let n_features = self.n_features();
        let Self { arch, groups, n_mfcc, n_blocks, width, delta, delta2, rows, features, .. } = self;
        arch.dispatch(Assemble {
            groups,
            own: &rows[own..own + *n_blocks],
            window: &rows[first..first + *width * *n_blocks],
            delta,
            delta2,
            n_mfcc: *n_mfcc,
            features,
        });
        sink(&self.features[..n_features]);
    }
}

/// Writes the groups of a feature vector one after another, in whole blocks; the next group overwrites the excess of a block.
struct Assemble<'a, T> {
    groups: &'a [FeatureGroup],
    own: &'a [[T; LANES]],
    window: &'a [[T; LANES]],
    delta: &'a [T],
    delta2: &'a [T],
    n_mfcc: usize,
    features: &'a mut [T],
}

impl<T: Real> pulp::NullaryFnOnce for Assemble<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let n_blocks = self.own.len();
        let mut first = 0;
        for group in self.groups {
            for block in 0..self.n_mfcc.div_ceil(LANES) {
                let values = match group {
                    FeatureGroup::Mfcc => self.own[block],
                    FeatureGroup::Delta => weighted_sum(self.window, block, n_blocks, self.delta),
                    FeatureGroup::Delta2 => weighted_sum(self.window, block, n_blocks, self.delta2),
                    FeatureGroup::Prosody => break,
                };
                let place = first + block * LANES;
                self.features[place..place + LANES].copy_from_slice(&values);
            }
            if *group == FeatureGroup::Prosody {
                let values = self.prosody();
                self.features[first..first + N_PROSODY].copy_from_slice(&values);
            }
            first += group.n_values(self.n_mfcc);
        }
    }
}

impl<T: Real> Assemble<'_, T> {
    #[inline(always)]
    fn prosody(&self) -> [T; N_PROSODY] {
        let columns = |row: &[[T; LANES]]| std::array::from_fn(|column| row.as_flattened()[self.n_mfcc + column]);
        prosody::values(columns(self.own), self.window.chunks_exact(self.own.len()).map(columns), self.delta)
    }
}

/// Weighted sum of every `n_blocks`th block from `block` on.
#[inline(always)]
fn weighted_sum<T: Real>(window: &[[T; LANES]], block: usize, n_blocks: usize, weights: &[T]) -> [T; LANES] {
    let mut sums = [T::zero(); LANES];
    for (row, &weight) in window.chunks_exact(n_blocks).zip(weights) {
        for (sum, &coefficient) in sums.iter_mut().zip(&row[block]) {
            *sum += weight * coefficient;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parabola_has_its_exact_derivatives_and_constant_edges() {
        let config = FrontEndConfig { n_mfcc: 1, ..FrontEndConfig::librosa_16k() };
        let mut assembler = Assembler::<f64>::new(&config);
        let mut frames = Vec::new();
        for t in 0..30 {
            assembler.push(&[f64::from(t * t)], &mut |frame: &[f64]| frames.push(frame.to_vec()));
        }
        assembler.finish(&mut |frame: &[f64]| frames.push(frame.to_vec()));
        assert_eq!(frames.len(), 30);
        for (t, frame) in frames.iter().enumerate() {
            let t = t as f64;
            assert_eq!(frame[0], t * t);
            assert!((frame[1] - 2.0 * t.clamp(4.0, 25.0)).abs() < 1e-10, "{t}: {}", frame[1]);
            assert!((frame[2] - 2.0).abs() < 1e-10);
        }
    }

    #[test]
    fn coefficients_alone_come_out_at_once() {
        let config = FrontEndConfig { n_mfcc: 20, groups: vec![FeatureGroup::Mfcc], ..FrontEndConfig::librosa_16k() };
        let mut assembler = Assembler::<f64>::new(&config);
        let frame: Vec<f64> = (0..20).map(f64::from).collect();
        let mut n = 0;
        assembler.push(&frame, &mut |features: &[f64]| {
            assert_eq!(features, frame);
            n += 1;
        });
        assert_eq!(n, 1);
    }
}
