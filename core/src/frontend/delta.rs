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

/// Appends the derivatives that the configuration asks for to each vector of coefficients.
pub struct Derivatives<T> {
    groups: Vec<FeatureGroup>,
    mode: DeltaMode,
    n_mfcc: usize,
    width: usize,
    delta: Vec<T>,
    delta2: Vec<T>,
    /// The last `width` frames of coefficients; frame `t` is in row `t % width`.
    recent: Vec<T>,
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
            groups: config.groups.clone(),
            mode: config.delta_mode,
            n_mfcc: config.n_mfcc,
            width,
            delta: weights(1),
            delta2: weights(2),
            recent: vec![T::zero(); width * config.n_mfcc],
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
        let row = self.n_pushed % self.width * self.n_mfcc;
        self.recent[row..row + self.n_mfcc].copy_from_slice(mfcc);
        self.n_pushed += 1;
        let half = self.width / 2;
        let n_waiting = match self.mode {
            DeltaMode::Interp if self.n_pushed < self.width => return,
            DeltaMode::Interp | DeltaMode::Nearest => half,
        };
        while self.n_emitted + n_waiting < self.n_pushed {
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
        for (group, values) in self.groups.iter().zip(self.features.chunks_exact_mut(self.n_mfcc)) {
            match group {
                FeatureGroup::Mfcc => {
                    let row = self.n_emitted % self.width * self.n_mfcc;
                    values.copy_from_slice(&self.recent[row..row + self.n_mfcc]);
                }
                FeatureGroup::Delta | FeatureGroup::Delta2 => {
                    let weights = if *group == FeatureGroup::Delta { &self.delta } else { &self.delta2 };
                    values.fill(T::zero());
                    for (k, &weight) in weights.iter().enumerate() {
                        // Beyond the ends of the stream its first or last frame repeats.
                        let frame = (centre + k).saturating_sub(self.width / 2).min(self.n_pushed - 1);
                        let row = frame % self.width * self.n_mfcc;
                        for (value, &c) in values.iter_mut().zip(&self.recent[row..row + self.n_mfcc]) {
                            *value += weight * c;
                        }
                    }
                }
            }
        }
        self.n_emitted += 1;
        sink(&self.features);
    }
}
