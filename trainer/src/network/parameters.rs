//! Trained parameters as eight named runs of numbers: for whatever treats them all alike.

use moodline_core::Real;
use moodline_core::emotion::Emotion;
use moodline_core::ltc::LtcParameters;
use ndarray::{Array1, Array2};

/// The parameters by their names, row-major.
///
/// # Panics
/// When an array is not in standard (row-major) order; all that this crate makes are.
#[must_use]
pub fn named<T>(parameters: &LtcParameters<T>) -> [(&'static str, &[T]); 8] {
    let LtcParameters { kernel, recurrent_kernel, bias, tau, c, g, dense_kernel, dense_bias } = parameters;
    [
        ("kernel", kernel.as_slice()),
        ("recurrent_kernel", recurrent_kernel.as_slice()),
        ("bias", bias.as_slice()),
        ("tau", tau.as_slice()),
        ("c", c.as_slice()),
        ("g", g.as_slice()),
        ("dense_kernel", dense_kernel.as_slice()),
        ("dense_bias", dense_bias.as_slice()),
    ]
    .map(|(name, values)| (name, values.expect("parameters are in row-major order")))
}

/// The parameters by their names, row-major, to be changed.
///
/// # Panics
/// As [`named`].
#[must_use]
pub fn named_mut<T>(parameters: &mut LtcParameters<T>) -> [(&'static str, &mut [T]); 8] {
    let LtcParameters { kernel, recurrent_kernel, bias, tau, c, g, dense_kernel, dense_bias } = parameters;
    [
        ("kernel", kernel.as_slice_mut()),
        ("recurrent_kernel", recurrent_kernel.as_slice_mut()),
        ("bias", bias.as_slice_mut()),
        ("tau", tau.as_slice_mut()),
        ("c", c.as_slice_mut()),
        ("g", g.as_slice_mut()),
        ("dense_kernel", dense_kernel.as_slice_mut()),
        ("dense_bias", dense_bias.as_slice_mut()),
    ]
    .map(|(name, values)| (name, values.expect("parameters are in row-major order")))
}

/// Parameters that are all 0.
#[must_use]
pub fn zeros<T: Real>(n_features: usize, units: usize) -> LtcParameters<T> {
    LtcParameters {
        kernel: Array2::zeros((n_features, units)),
        recurrent_kernel: Array2::zeros((units, units)),
        bias: Array1::zeros(units),
        tau: Array1::zeros(units),
        c: Array1::zeros(units),
        g: Array1::zeros(units),
        dense_kernel: Array2::zeros((units, Emotion::COUNT)),
        dense_bias: Array1::zeros(Emotion::COUNT),
    }
}

/// Adds `other` to `parameters`, value by value.
///
/// # Panics
/// When the two have different shapes.
pub fn add<T: Real>(parameters: &mut LtcParameters<T>, other: &LtcParameters<T>) {
    for ((name, sums), (_, values)) in named_mut(parameters).into_iter().zip(named(other)) {
        assert_eq!(sums.len(), values.len(), "{name} has the same shape on both sides");
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += *value;
        }
    }
}

/// The name of the first parameter with a value that is not finite.
#[must_use]
pub fn first_not_finite<T: Real>(parameters: &LtcParameters<T>) -> Option<&'static str> {
    named(parameters).into_iter().find(|(_, values)| !values.iter().all(|value| value.is_finite())).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_units_have_1012_values_under_eight_names() {
        let mut parameters = zeros::<f32>(39, 16);
        assert_eq!(named(&parameters).iter().map(|(_, values)| values.len()).sum::<usize>(), 1012);
        assert_eq!(parameters.count(), 1012);
        assert_eq!(first_not_finite(&parameters), None);
        named_mut(&mut parameters)[3].1[2] = f32::NAN;
        assert_eq!(first_not_finite(&parameters), Some("tau"));
    }
}
