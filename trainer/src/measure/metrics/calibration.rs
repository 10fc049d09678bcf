//! Whether the confidence of a model matches its accuracy.

use moodline_core::Emotion;
use serde::{Deserialize, Serialize};

/// Number of bins of equal width between confidence 0 and 1.
pub const CALIBRATION_BINS: usize = 15;

/// Predictions of similar confidence, which is the probability of the predicted class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibrationBin {
    /// Exclusive lower bound of the confidence; the first bin also holds 0.
    pub low: f64,
    /// Inclusive upper bound of the confidence.
    pub high: f64,
    /// Number of predictions.
    pub n: u64,
    /// Their mean confidence, 0..=1; 0 if there are none.
    pub confidence: f64,
    /// Fraction of them that are correct, 0..=1; 0 if there are none.
    pub accuracy: f64,
}

/// Confidence against accuracy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Number of predictions.
    pub n: u64,
    /// Expected calibration error, 0..=1: the mean absolute difference of accuracy and confidence, with each bin weighted by its number of
    /// predictions.
    pub ece: f64,
    /// [`CALIBRATION_BINS`] bins, by increasing confidence.
    pub bins: Vec<CalibrationBin>,
}

impl Calibration {
    /// From pairs of (true class, probabilities in [`Emotion::ALL`] order). The prediction is the first of the most probable classes; its probability
    /// is the confidence.
    ///
    /// # Source
    /// C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, equations 1 to 3 with M = 15.
    #[must_use]
    pub fn of(answers: impl IntoIterator<Item = (Emotion, [f64; Emotion::COUNT])>) -> Self {
        let mut sums = [(0_u64, 0.0, 0_u64); CALIBRATION_BINS];
        for (truth, probabilities) in answers {
            let best = Emotion::most_probable(&probabilities);
            let confidence = probabilities[best.index()];
            let bin = (0..CALIBRATION_BINS - 1).find(|&bin| confidence <= edge(bin + 1)).unwrap_or(CALIBRATION_BINS - 1);
            let (n, sum, right) = &mut sums[bin];
            *n += 1;
            *sum += confidence;
            *right += u64::from(best == truth);
        }
        let bins: Vec<CalibrationBin> = sums
            .into_iter()
            .enumerate()
            .map(|(bin, (n, sum, right))| {
                let mean = |sum: f64| if n == 0 { 0.0 } else { sum / n as f64 };
                CalibrationBin { low: edge(bin), high: edge(bin + 1), n, confidence: mean(sum), accuracy: mean(right as f64) }
            })
            .collect();
        let n: u64 = bins.iter().map(|bin| bin.n).sum();
        let gaps: f64 = bins.iter().map(|bin| bin.n as f64 * (bin.accuracy - bin.confidence).abs()).sum();
        Self { n, ece: if n == 0 { 0.0 } else { gaps / n as f64 }, bins }
    }

    /// The calibration error that as many answers of the same confidence have on average if each is right with exactly the probability it states, 0..=1: what is left
    /// of [`Calibration::ece`] when a model is calibrated, because few answers scatter.
    ///
    /// # Source
    /// The mean absolute deviation of a binomial distribution, found by A. de Moivre (P. Diaconis, S. Zabell, "Closed Form Summation for Classical Distributions",
    /// Statistical Science 6, 1991, equation 1.1).
    #[must_use]
    pub fn ece_if_calibrated(&self) -> f64 {
        let gaps: f64 = self.bins.iter().map(|bin| binomial_deviation(bin.n, bin.confidence)).sum();
        if self.n == 0 { 0.0 } else { gaps / self.n as f64 }
    }
}

/// How far on average the number of successes in `n` trials of probability `p` lies from `n * p`.
fn binomial_deviation(n: u64, p: f64) -> f64 {
    if n == 0 || p <= 0.0 || p >= 1.0 {
        return 0.0;
    }
    let above = ((n as f64 * p).floor() as u64).min(n - 1) + 1;
    let ln_choose: f64 = (1..=above).map(|k| ((n - above + k) as f64 / k as f64).ln()).sum();
    2.0 * above as f64 * (ln_choose + above as f64 * p.ln() + (n - above + 1) as f64 * (1.0 - p).ln()).exp()
}

fn edge(bin: usize) -> f64 {
    bin as f64 / CALIBRATION_BINS as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_answers_by_hand() {
        let answers = [
            // Angry with confidence 0.95: once right, once wrong. The last bin: accuracy 0.5, confidence 0.95.
            (Emotion::Angry, [0.95, 0.05, 0.0, 0.0]),
            (Emotion::Sad, [0.95, 0.0, 0.05, 0.0]),
            // Exactly on the edge, 9/15 = 0.6 belongs to the bin below it: right, so its gap is 0.4.
            (Emotion::Happy, [0.1, 0.6, 0.2, 0.1]),
            // All equal: the prediction is the first class; wrong, so the gap is 0.25.
            (Emotion::Neutral, [0.25; 4]),
        ];
        let calibration = Calibration::of(answers);
        assert_eq!(calibration.n, 4);
        let filled: Vec<(usize, u64, f64)> = calibration
            .bins
            .iter()
            .enumerate()
            .filter(|(_, bin)| bin.n > 0)
            .map(|(index, bin)| (index, bin.n, bin.accuracy))
            .collect();
        assert_eq!(filled, [(3, 1, 0.0), (8, 1, 1.0), (14, 2, 0.5)]);
        let expected = (2.0 * 0.45 + 0.4 + 0.25) / 4.0;
        assert!((calibration.ece - expected).abs() < 1e-12, "{}", calibration.ece);
    }

    #[test]
    fn a_calibrated_model_has_the_error_of_chance() {
        // Of two answers of 0.5 none, one or two are right with probabilities 1/4, 1/2 and 1/4: 0.5, 0 and 0.5 away.
        let two = Calibration::of([(Emotion::Angry, [0.5, 0.3, 0.1, 0.1]); 2]);
        assert!((two.ece_if_calibrated() - 0.25).abs() < 1e-12);
        // By counting all outcomes of more of them.
        for (n, p) in [(1_u64, 0.9_f64), (7, 0.4), (12, 0.75)] {
            let choose = |k: u64| (1..=k).map(|i| (n - k + i) as f64 / i as f64).product::<f64>();
            let outcome =
                |k: u64| choose(k) * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32) * (k as f64 - n as f64 * p).abs();
            let counted: f64 = (0..=n).map(outcome).sum();
            assert!((binomial_deviation(n, p) - counted).abs() < 1e-9, "{n} of {p}: {counted}");
        }
        assert_eq!((binomial_deviation(0, 0.5), binomial_deviation(3, 1.0)), (0.0, 0.0));
        assert_eq!(Calibration::of([]).ece_if_calibrated(), 0.0);
        assert!(binomial_deviation(100_000, 0.5).is_finite());
    }

    #[test]
    fn nothing_and_certainty_have_a_place() {
        assert_eq!(Calibration::of([]).ece, 0.0);
        let certain = Calibration::of([(Emotion::Angry, [1.0, 0.0, 0.0, 0.0]), (Emotion::Angry, [0.0; 4])]);
        assert_eq!((certain.bins[14].n, certain.bins[0].n, certain.n), (1, 1, 2));
    }

    #[test]
    fn four_hundred_answers_are_counted_as_numpy_counts_them() {
        #[derive(Deserialize)]
        struct Golden {
            truth: Vec<usize>,
            probabilities: Vec<[f64; Emotion::COUNT]>,
            ece: f64,
            counts: Vec<u64>,
        }
        let golden: Golden = golden::table("calibration.json");
        let truths = golden.truth.iter().map(|&index| Emotion::ALL[index]);
        let calibration = Calibration::of(truths.zip(golden.probabilities));
        assert!((calibration.ece - golden.ece).abs() < 1e-12, "expected {}, found {}", golden.ece, calibration.ece);
        assert_eq!(calibration.bins.iter().map(|bin| bin.n).collect::<Vec<_>>(), golden.counts);
    }
}
