//! What training minimises: class-weighted cross-entropy, and L2 on the kernels.

use moodline_core::Real;
use moodline_core::emotion::Emotion;
use moodline_core::ltc::LtcParameters;
use ndarray::Array2;

/// Cross-entropy of one sequence and the softmax it came from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossEntropy<T> {
    /// `-ln softmax(logits)[label]`
    pub loss: T,
    /// `softmax(logits)`
    pub probabilities: [T; Emotion::COUNT],
}

impl<T: Real> CrossEntropy<T> {
    /// Computed from the logarithm of the softmax, so that no logits overflow and a certain mistake costs a finite amount.
    ///
    /// # Panics
    /// When `label` is not below four.
    #[must_use]
    pub fn new(logits: [T; Emotion::COUNT], label: usize) -> Self {
        let log_probabilities = log_softmax(logits);
        Self { loss: -log_probabilities[label], probabilities: log_probabilities.map(T::exp) }
    }

    /// Gradient of `weight * loss` with respect to the logits: `weight (probabilities - one_hot(label))`.
    #[must_use]
    pub fn gradient(&self, label: usize, weight: T) -> [T; Emotion::COUNT] {
        let mut gradient = self.probabilities;
        gradient[label] -= T::one();
        gradient.map(|value| value * weight)
    }
}

/// `softmax(logits)`
#[must_use]
pub fn softmax<T: Real>(logits: [T; Emotion::COUNT]) -> [T; Emotion::COUNT] {
    log_softmax(logits).map(T::exp)
}

fn log_softmax<T: Real>(logits: [T; Emotion::COUNT]) -> [T; Emotion::COUNT] {
    let largest = logits.iter().copied().fold(T::neg_infinity(), |a, b| if b > a { b } else { a });
    let log_sum = logits.iter().map(|logit| (*logit - largest).exp()).fold(T::zero(), |a, b| a + b).ln();
    logits.map(|logit| logit - largest - log_sum)
}

/// `l2` times the sum of squares of the three kernels: Keras' `regularizers.L2`, without the factor 1/2 of other frameworks.
#[must_use]
pub fn l2_penalty<T: Real>(parameters: &LtcParameters<T>, l2: f64) -> f64 {
    let squares = |kernel: &Array2<T>| kernel.iter().map(|value| value.widen() * value.widen()).sum::<f64>();
    l2 * (squares(&parameters.kernel) + squares(&parameters.recurrent_kernel) + squares(&parameters.dense_kernel))
}

/// Adds the gradient of [`l2_penalty`], `2 l2 w`, to `gradients`.
///
/// # Panics
/// When the two have different shapes.
pub fn add_l2_gradient<T: Real>(parameters: &LtcParameters<T>, l2: f64, gradients: &mut LtcParameters<T>) {
    let factor = T::of(2.0 * l2);
    gradients.kernel.scaled_add(factor, &parameters.kernel);
    gradients.recurrent_kernel.scaled_add(factor, &parameters.recurrent_kernel);
    gradients.dense_kernel.scaled_add(factor, &parameters.dense_kernel);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cross_entropy_is_what_its_definition_says() {
        let logits = [0.3_f64, -1.2, 2.0, 0.0];
        let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
        let answer = CrossEntropy::new(logits, 1);
        assert!((answer.loss - (sum.ln() + 1.2)).abs() < 1e-14);
        for (probability, logit) in answer.probabilities.into_iter().zip(logits) {
            assert!((probability - logit.exp() / sum).abs() < 1e-15);
        }
        assert_eq!(softmax(logits), answer.probabilities);
    }

    #[test]
    fn its_gradient_agrees_with_differences() {
        let logits = [0.3_f64, -1.2, 2.0, 0.0];
        let gradient = CrossEntropy::new(logits, 3).gradient(3, 1.7);
        for (index, gradient) in gradient.into_iter().enumerate() {
            let at = |delta| {
                let mut logits = logits;
                logits[index] += delta;
                1.7 * CrossEntropy::new(logits, 3).loss
            };
            assert!((gradient - (at(1e-5) - at(-1e-5)) / 2e-5).abs() < 1e-9);
        }
    }

    #[test]
    fn a_certain_mistake_costs_a_finite_amount() {
        let answer = CrossEntropy::new([1000.0_f32, 0.0, -1000.0, 0.0], 2);
        assert_eq!((answer.loss, answer.probabilities), (2000.0, [1.0, 0.0, 0.0, 0.0]));
    }
}
