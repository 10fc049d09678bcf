//! Operations on all trained parameters.

use moodline_core::Real;
use moodline_core::network::Tensors;

/// Zeros with the same names and shapes.
#[must_use]
pub fn zeros_like<T: Real>(parameters: &Tensors<T>) -> Tensors<T> {
    parameters.map(|_| T::zero())
}

/// Adds `other` to `parameters`, value by value.
///
/// # Panics
/// When the two have different shapes.
pub fn add<T: Real>(parameters: &mut Tensors<T>, other: &Tensors<T>) {
    for (sums, values) in parameters.iter_mut().zip(other.iter()) {
        assert_eq!(sums.shape, values.shape, "{} has the same shape on both sides", sums.name);
        for (sum, value) in sums.values.iter_mut().zip(&values.values) {
            *sum += *value;
        }
    }
}

/// The name of the first parameter with a non-finite value.
#[must_use]
pub fn first_not_finite<T: Real>(parameters: &Tensors<T>) -> Option<&str> {
    // Checking all values is faster than a branch for each.
    let all_finite = |values: &[T]| values.iter().fold(true, |all, value| all & value.is_finite());
    parameters.iter().find(|tensor| !all_finite(&tensor.values)).map(|tensor| tensor.name.as_str())
}

/// Whether a parameter is one of the matrices regularised by Keras: input kernel, recurrent kernel, those of a backbone, and readout.
#[must_use]
pub fn is_regularised(name: &str) -> bool {
    let name = name.rsplit('.').next().unwrap_or(name);
    ["kernel", "recurrent_kernel", "dense_kernel"].contains(&name)
}

#[cfg(test)]
mod tests {
    use moodline_core::network::Tensor;

    use super::*;

    #[test]
    fn what_is_not_finite_is_named_and_kernels_are_regularised() {
        let tensor = |name: &str, values: Vec<f32>| Tensor { name: name.to_owned(), shape: vec![values.len()], values };
        let mut parameters = Tensors::new(vec![tensor("layer0.bias", vec![1.0, 2.0]), tensor("layer0.tau", vec![3.0])]);
        assert_eq!(first_not_finite(&parameters), None);
        let other = parameters.clone();
        add(&mut parameters, &other);
        assert_eq!(parameters.get("layer0.bias").values, [2.0, 4.0]);
        parameters.get_mut("layer0.tau").values[0] = f32::NAN;
        assert_eq!(first_not_finite(&parameters), Some("layer0.tau"));
        assert!(zeros_like(&parameters).iter().all(|tensor| tensor.values.iter().all(|value| *value == 0.0)));

        for name in ["layer0.kernel", "layer2.recurrent_kernel", "layer0.backbone1.kernel", "layer1.heads.kernel", "dense_kernel"]
        {
            assert!(is_regularised(name), "{name}");
        }
        for name in ["layer0.input_kernel", "layer0.output_kernel", "layer0.bias", "layer0.heads.bias", "dense_bias", "attention"]
        {
            assert!(!is_regularised(name), "{name}");
        }
    }
}
