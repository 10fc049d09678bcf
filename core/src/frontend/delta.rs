//! Time derivatives of the coefficients, and the feature vector they are part of.
//!
//! In: one vector of coefficients a frame. Out: one feature vector a frame, `delta_width / 2` frames later.
//!
//! # Source
//! librosa 0.11 `librosa.feature.delta(width, order, mode)`, which is scipy's `savgol_filter(polyorder=order, deriv=order)`: delta2 is
//! the second derivative of a parabola fitted to the coefficients, not the delta of the delta. Both edge modes act at the start
//! and the end of the stream only.
//!
//! With [`DeltaMode::Interp`] the polynomial fitted to the outermost `delta_width` frames continues to the edge. The derivative of as
//! high an order as the polynomial's degree is constant, so the edge frames repeat the value of the first frame with a full
//! neighbourhood.
//!
//! Deviation: a stream of fewer than `delta_width` frames, where librosa raises `ParameterError`, is filtered with [`DeltaMode::Nearest`].

use crate::config::{DeltaMode, FeatureGroup, FrontEndConfig};
use crate::real::Real;

/// Weights of the Savitzky-Golay filter that gives the `order`th derivative (1 or 2, a frame being the unit of time) of the polynomial
/// of degree `order` fitted to `width` (odd) frames; to be multiplied with the frames in their order.
#[must_use]
pub fn savitzky_golay(width: usize, order: usize) -> Vec<f64> {
    let half = (width / 2) as i64;
    let moment = |power: u32| (-half..=half).map(|k| k.pow(power) as f64).sum::<f64>();
    let (s0, s2, s4) = (moment(0), moment(2), moment(4));
    (-half..=half)
        .map(|k| {
            let k = k as f64;
            match order {
                1 => k / s2,
                _ => 2.0 * (s0 * k * k - s2) / (s0 * s4 - s2 * s2),
            }
        })
        .collect()
}

/// Coefficients filtered side by side.
const LANES: usize = 16;

/// Appends the derivatives that the configuration asks for to each vector of coefficients.
pub struct Derivatives<T> {
    arch: pulp::Arch,
    groups: Vec<FeatureGroup>,
    mode: DeltaMode,
    n_mfcc: usize,
    width: usize,
    delta: Vec<T>,
    delta2: Vec<T>,
    /// The last `width` frames of coefficients, each padded to whole lanes; frame `t` is row `t % width`.
    recent: Vec<[T; LANES]>,
    /// Rows of the frames under the filter.
    rows: Vec<usize>,
    n_pushed: usize,
    n_emitted: usize,
    features: Vec<T>,
}

impl<T: Real> Derivatives<T> {
    /// A filter at the start of a stream.
    #[must_use]
    pub fn new(config: &FrontEndConfig) -> Self {
        let only_coefficients = config.groups == [FeatureGroup::Mfcc];
        let width = if only_coefficients { 1 } else { config.delta_width };
        let weights = |order| savitzky_golay(config.delta_width, order).into_iter().map(T::of).collect();
        Self {
            arch: pulp::Arch::new(),
            groups: config.groups.clone(),
            mode: config.delta_mode,
            n_mfcc: config.n_mfcc,
            width,
            delta: weights(1),
            delta2: weights(2),
            recent: vec![[T::zero(); LANES]; width * config.n_mfcc.div_ceil(LANES)],
            rows: vec![0; width],
            n_pushed: 0,
            n_emitted: 0,
            features: vec![T::zero(); config.n_features()],
        }
    }

    /// Values in a feature vector.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.features.len()
    }

    /// Takes the coefficients of the next frame, `[n_mfcc]`; hands every feature vector they complete to `sink`.
    pub fn push(&mut self, mfcc: &[T], sink: &mut impl FnMut(&[T])) {
        let n_blocks = self.n_mfcc.div_ceil(LANES);
        let first_block = self.n_pushed % self.width * n_blocks;
        let row = self.recent[first_block..first_block + n_blocks].as_flattened_mut();
        row[..self.n_mfcc].copy_from_slice(mfcc);
        self.n_pushed += 1;
        if self.mode == DeltaMode::Interp && self.n_pushed < self.width {
            return;
        }
        let half = self.width / 2;
        while self.n_emitted + half < self.n_pushed {
            let centre = match self.mode {
                DeltaMode::Interp => self.n_emitted.max(half),
                DeltaMode::Nearest => self.n_emitted,
            };
            self.emit(centre, sink);
        }
    }

    /// Hands the feature vectors of the last frames to `sink`.
    pub fn finish(&mut self, sink: &mut impl FnMut(&[T])) {
        let interpolate = self.mode == DeltaMode::Interp && self.n_pushed >= self.width;
        while self.n_emitted < self.n_pushed {
            let centre = if interpolate { self.n_pushed - 1 - self.width / 2 } else { self.n_emitted };
            self.emit(centre, sink);
        }
    }

    /// Returns to the start of a stream.
    pub fn reset(&mut self) {
        self.n_pushed = 0;
        self.n_emitted = 0;
    }

    /// Hands the next frame to `sink`, with the derivatives of frame `centre`.
    fn emit(&mut self, centre: usize, sink: &mut impl FnMut(&[T])) {
        self.find_rows(centre);
        let Self { arch, groups, n_mfcc, width, delta, delta2, recent, rows, features, .. } = self;
        let own_row = self.n_emitted % *width;
        for (group, values) in groups.iter().zip(features.chunks_exact_mut(*n_mfcc)) {
            match group {
                FeatureGroup::Mfcc => {
                    let block = own_row * n_mfcc.div_ceil(LANES);
                    values.copy_from_slice(&recent[block..].as_flattened()[..*n_mfcc]);
                }
                FeatureGroup::Delta => arch.dispatch(WeightedSum { recent, rows, weights: delta, values }),
                FeatureGroup::Delta2 => arch.dispatch(WeightedSum { recent, rows, weights: delta2, values }),
            }
        }
        self.n_emitted += 1;
        sink(&self.features);
    }

    /// Finds the rows of the `width` frames around `centre`; beyond the ends of the stream its first or last frame repeats.
    fn find_rows(&mut self, centre: usize) {
        let half = self.width / 2;
        let last = self.n_pushed - 1;
        let mut frame = centre.saturating_sub(half);
        let mut row = frame % self.width;
        for (k, slot) in self.rows.iter_mut().enumerate() {
            if centre + k > frame + half && frame < last {
                frame += 1;
                row = if row + 1 == self.width { 0 } else { row + 1 };
            }
            *slot = row;
        }
    }
}

/// Writes the sum of `rows` of `recent`, each times its weight, to `values`, `[n_mfcc]`.
struct WeightedSum<'a, T> {
    recent: &'a [[T; LANES]],
    rows: &'a [usize],
    weights: &'a [T],
    values: &'a mut [T],
}

impl<T: Real> pulp::NullaryFnOnce for WeightedSum<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let n_blocks = self.values.len().div_ceil(LANES);
        for (block, values) in self.values.chunks_mut(LANES).enumerate() {
            let mut sums = [T::zero(); LANES];
            for (row, &weight) in self.rows.iter().zip(self.weights) {
                let coefficients = &self.recent[row * n_blocks + block];
                for lane in 0..LANES {
                    sums[lane] += weight * coefficients[lane];
                }
            }
            values.copy_from_slice(&sums[..values.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Derivative of a least-squares polynomial, from the normal equations of the monomials.
    fn fitted_derivative(values: &[f64], order: usize) -> f64 {
        let half = (values.len() / 2) as f64;
        let n = order + 1;
        let mut system = vec![vec![0.0; n + 1]; n];
        for (i, value) in values.iter().enumerate() {
            let x = i as f64 - half;
            for (row, equation) in system.iter_mut().enumerate() {
                for (column, cell) in equation.iter_mut().enumerate() {
                    *cell += x.powi(row as i32) * if column == n { *value } else { x.powi(column as i32) };
                }
            }
        }
        for pivot in 0..n {
            let pivot_row = system[pivot].clone();
            for (_, equation) in system.iter_mut().enumerate().filter(|(row, _)| *row != pivot) {
                let factor = equation[pivot] / pivot_row[pivot];
                for (cell, pivot_cell) in equation.iter_mut().zip(&pivot_row) {
                    *cell -= factor * pivot_cell;
                }
            }
        }
        let leading = system[order][n] / system[order][order];
        leading * (1..=order).product::<usize>() as f64
    }

    #[test]
    fn the_weights_differentiate_the_fitted_polynomial_for_any_width() {
        for width in [3, 5, 9, 21, 101] {
            let values: Vec<f64> = (0..width).map(|i| (i as f64 * 0.8).sin() + 0.1 * i as f64).collect();
            for order in [1, 2] {
                let actual: f64 = savitzky_golay(width, order).iter().zip(&values).map(|(w, v)| w * v).sum();
                let expected = fitted_derivative(&values, order);
                assert!((actual - expected).abs() < 1e-9, "{width} {order}: {actual} {expected}");
            }
        }
    }

    #[test]
    fn width_nine_has_the_known_weights() {
        for (k, weight) in (-4..=4).zip(savitzky_golay(9, 1)) {
            assert!((weight - f64::from(k) / 60.0).abs() < 1e-15);
        }
        for (known, weight) in [28.0, 7.0, -8.0, -17.0, -20.0, -17.0, -8.0, 7.0, 28.0].into_iter().zip(savitzky_golay(9, 2)) {
            assert!((weight - known / 462.0).abs() < 1e-15);
        }
    }

    #[test]
    fn a_parabola_has_its_exact_derivatives_and_constant_edges() {
        let config = FrontEndConfig { n_mfcc: 1, ..FrontEndConfig::librosa_16k() };
        let mut filter = Derivatives::<f64>::new(&config);
        let mut frames = Vec::new();
        for t in 0..30 {
            filter.push(&[f64::from(t * t)], &mut |frame: &[f64]| frames.push(frame.to_vec()));
        }
        filter.finish(&mut |frame: &[f64]| frames.push(frame.to_vec()));
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
        let mut filter = Derivatives::<f64>::new(&config);
        let frame: Vec<f64> = (0..20).map(f64::from).collect();
        let mut n = 0;
        filter.push(&frame, &mut |features: &[f64]| {
            assert_eq!(features, frame);
            n += 1;
        });
        assert_eq!(n, 1);
    }
}
