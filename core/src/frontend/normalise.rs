//! Standardisation of features.
//!
//! # Source
//! scikit-learn 1.9 `StandardScaler`: population variance (ddof 0); a column whose variance is only rounding noise is treated as
//! constant and gets scale 1 (`sklearn.preprocessing._data._is_constant_feature`).

use crate::real::Real;

/// `(x - mean) / scale` for each feature.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaler {
    /// Mean of each feature, `[n_features]`.
    pub mean: Vec<f64>,
    /// Standard deviation of each feature, or 1 for a constant one, `[n_features]`.
    pub scale: Vec<f64>,
}

/// Why a scaler could not be fitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScalerError {
    /// There was no data to fit it to.
    #[error("scaler: at least one feature vector must be given, found none")]
    Empty,
}

impl Scaler {
    /// Standardises consecutive feature vectors in place, `[steps, n_features]`, row-major.
    pub fn apply<T: Real>(&self, features: &mut [T]) {
        for row in features.chunks_exact_mut(self.mean.len()) {
            for ((value, mean), scale) in row.iter_mut().zip(&self.mean).zip(&self.scale) {
                *value = T::of((value.widen() - mean) / scale);
            }
        }
    }
}

/// Mean and variance of features that arrive incrementally.
///
/// Updates follow Welford and Chan, so that neither the number of vectors nor a large mean costs accuracy. The order of the updates affects
/// only the last bits of the result; keep it fixed where bits matter.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalerFit {
    n: u64,
    mean: Vec<f64>,
    /// Sum of squared distances from the mean.
    squares: Vec<f64>,
}

impl ScalerFit {
    /// Creates an empty fit.
    #[must_use]
    pub fn new(n_features: usize) -> Self {
        Self { n: 0, mean: vec![0.0; n_features], squares: vec![0.0; n_features] }
    }

    /// Adds consecutive feature vectors, `[steps, n_features]`, row-major.
    pub fn update<T: Real>(&mut self, features: &[T]) {
        for row in features.chunks_exact(self.mean.len()) {
            self.n += 1;
            let n = self.n as f64;
            for ((value, mean), squares) in row.iter().zip(&mut self.mean).zip(&mut self.squares) {
                let before = value.widen() - *mean;
                *mean += before / n;
                *squares += before * (value.widen() - *mean);
            }
        }
    }

    /// Adds all data that `other` was fitted to.
    pub fn merge(&mut self, other: &Self) {
        if other.n == 0 {
            return;
        }
        let (a, b) = (self.n as f64, other.n as f64);
        self.n += other.n;
        for i in 0..self.mean.len() {
            let distance = other.mean[i] - self.mean[i];
            self.mean[i] += distance * b / (a + b);
            self.squares[i] += other.squares[i] + distance * distance * a * b / (a + b);
        }
    }

    /// Number of feature vectors so far.
    #[must_use]
    pub fn n_vectors(&self) -> u64 {
        self.n
    }

    /// The scaler of all data so far.
    ///
    /// # Errors
    /// [`ScalerError::Empty`].
    pub fn finish(&self) -> Result<Scaler, ScalerError> {
        if self.n == 0 {
            return Err(ScalerError::Empty);
        }
        let n = self.n as f64;
        let scale = self.mean.iter().zip(&self.squares).map(|(mean, squares)| {
            let variance = squares / n;
            let rounding = n * f64::EPSILON * variance + (n * mean * f64::EPSILON).powi(2);
            if variance <= rounding { 1.0 } else { variance.sqrt() }
        });
        Ok(Scaler { mean: self.mean.clone(), scale: scale.collect() })
    }
}
