//! The training objective: a class-weighted loss of the answers, and L2 regularisation of the kernels.

use moodline_core::Real;
use moodline_core::emotion::Emotion;
use moodline_core::network::Tensors;
use serde::{Deserialize, Serialize};

use crate::parameters::is_regularised;

/// The loss function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LossConfig {
    /// `-ln p[label]`
    #[default]
    CrossEntropy,
    /// Cross-entropy with a target that spreads `epsilon` evenly over all four classes, so that overconfidence does not pay.
    LabelSmoothing {
        /// 0..1
        epsilon: f64,
    },
    /// `-(1 - p[label])^gamma ln p[label]`: well-classified examples count less.
    Focal {
        /// Above 0; 2 in the source.
        gamma: f64,
    },
}

impl LossConfig {
    /// Loss of one sequence. It is computed from the logarithm of the softmax, so that no logits overflow and a confident mistake has a finite
    /// loss.
    ///
    /// # Panics
    /// When `label` is not below four.
    ///
    /// # Source
    /// Label smoothing: Szegedy et al. 2016, section 7, as `torch.nn.CrossEntropyLoss(label_smoothing=epsilon)`. Focal: Lin et al. 2017, equation 4.
    #[must_use]
    pub fn of<T: Real>(self, logits: [T; Emotion::COUNT], label: usize) -> SequenceLoss<T> {
        let log_probabilities = log_softmax(logits);
        let probabilities = log_probabilities.map(T::exp);
        let (log_p, p) = (log_probabilities[label], probabilities[label]);
        let one_hot = |class: usize| if class == label { T::one() } else { T::zero() };
        let toward = |target: &dyn Fn(usize) -> T| std::array::from_fn(|class| probabilities[class] - target(class));
        let (loss, gradient) = match self {
            Self::CrossEntropy => (-log_p, toward(&one_hot)),
            Self::LabelSmoothing { epsilon } => {
                let (kept, shared) = (T::of(1.0 - epsilon), T::of(epsilon / Emotion::COUNT as f64));
                let all = log_probabilities.iter().fold(T::zero(), |sum, log_probability| sum + *log_probability);
                (-(kept * log_p + shared * all), toward(&|class| kept * one_hot(class) + shared))
            }
            Self::Focal { gamma } => {
                // The sum of the other probabilities avoids the cancellation in 1 - p.
                let rest =
                    (0..Emotion::COUNT).filter(|&class| class != label).fold(T::zero(), |sum, class| sum + probabilities[class]);
                let power = rest.powf(T::of(gamma));
                let of_power = if rest > T::zero() { T::of(gamma) * p * power / rest * log_p } else { T::zero() };
                let factor = power - of_power;
                (-(power * log_p), toward(&one_hot).map(|difference: T| difference * factor))
            }
        };
        SequenceLoss { loss, probabilities, gradient }
    }
}

/// The second emotion of a sequence that mixes two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mixed {
    /// Its index in the order of the network's outputs.
    pub label: usize,
    /// Its share of the loss, 0..=1; the rest is that of the first emotion.
    pub part: f32,
}

/// Loss of one sequence and the softmax from which it was computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SequenceLoss<T> {
    /// At least 0.
    pub loss: T,
    /// `softmax(logits)`
    pub probabilities: [T; Emotion::COUNT],
    /// Gradient of the loss with respect to the logits.
    pub gradient: [T; Emotion::COUNT],
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

/// `l2` times the sum of squares of the kernels: Keras' `regularizers.L2`, without the factor 1/2 of other frameworks.
#[must_use]
pub fn l2_penalty<T: Real>(parameters: &Tensors<T>, l2: f64) -> f64 {
    let kernels = parameters.iter().filter(|tensor| is_regularised(&tensor.name));
    l2 * kernels.map(|kernel| sum_of_squares(&kernel.values)).sum::<f64>()
}

/// Sum of squares, accumulated in several independent sums that the processor adds in parallel.
fn sum_of_squares<T: Real>(values: &[T]) -> f64 {
    const SUMS: usize = 8;
    let mut sums = [0.0; SUMS];
    for values in values.chunks(SUMS) {
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum += value.widen() * value.widen();
        }
    }
    sums.iter().sum()
}

/// Adds the gradient of [`l2_penalty`], `2 l2 w`, to `gradients`.
///
/// # Panics
/// When the two have different shapes.
pub fn add_l2_gradient<T: Real>(parameters: &Tensors<T>, l2: f64, gradients: &mut Tensors<T>) {
    let factor = T::of(2.0 * l2);
    for (gradient, kernel) in gradients.iter_mut().zip(parameters.iter()).filter(|(_, tensor)| is_regularised(&tensor.name)) {
        assert_eq!(gradient.shape, kernel.shape, "{} has the same shape on both sides", kernel.name);
        for (gradient, value) in gradient.values.iter_mut().zip(&kernel.values) {
            *gradient += factor * *value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [LossConfig; 4] = [
        LossConfig::CrossEntropy,
        LossConfig::LabelSmoothing { epsilon: 0.1 },
        LossConfig::Focal { gamma: 2.0 },
        LossConfig::Focal { gamma: 0.5 },
    ];

    #[test]
    fn every_loss_is_what_its_definition_says() {
        let logits = [0.3_f64, -1.2, 2.0, 0.0];
        let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
        let p = logits.map(|logit| logit.exp() / sum);
        let smoothed: f64 = (0..4).map(|class| -(0.025 + if class == 1 { 0.9 } else { 0.0 }) * p[class].ln()).sum();
        let expected = [-p[1].ln(), smoothed, -(1.0 - p[1]).powi(2) * p[1].ln(), -(1.0 - p[1]).sqrt() * p[1].ln()];
        for (config, expected) in ALL.into_iter().zip(expected) {
            let answer = config.of(logits, 1);
            assert!((answer.loss - expected).abs() < 1e-14, "{config:?}: {} {expected}", answer.loss);
            for (probability, expected) in answer.probabilities.into_iter().zip(p) {
                assert!((probability - expected).abs() < 1e-15);
            }
            assert_eq!(softmax(logits), answer.probabilities);
        }
    }

    #[test]
    fn every_gradient_agrees_with_differences() {
        let logits = [0.3_f64, -1.2, 2.0, 0.0];
        for config in ALL {
            for label in 0..4 {
                let gradient = config.of(logits, label).gradient;
                for (index, gradient) in gradient.into_iter().enumerate() {
                    let at = |delta| {
                        let mut logits = logits;
                        logits[index] += delta;
                        config.of(logits, label).loss
                    };
                    assert!((gradient - (at(1e-5) - at(-1e-5)) / 2e-5).abs() < 1e-9, "{config:?}");
                }
            }
        }
    }

    #[test]
    fn a_certain_answer_costs_a_finite_amount_right_or_wrong() {
        let answer = LossConfig::CrossEntropy.of([1000.0_f32, 0.0, -1000.0, 0.0], 2);
        assert_eq!((answer.loss, answer.probabilities), (2000.0, [1.0, 0.0, 0.0, 0.0]));
        for config in ALL {
            for label in 0..4 {
                let answer = config.of([1000.0_f32, 0.0, -1000.0, 0.0], label);
                assert!(answer.loss.is_finite() && answer.gradient.iter().all(|value| value.is_finite()), "{config:?} {label}");
            }
        }
    }
}
