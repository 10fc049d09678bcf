//! The only implementation of every metric this project quotes: confusion, UAR, accuracy, F1, their intervals, and calibration.
//!
//! In: true and predicted classes as indices into [`Emotion::ALL`], and the speaker of each utterance. Out: a [`Report`]. The definitions are those
//! of scikit-learn with `zero_division=0`: a ratio without a denominator counts as 0 and is included in the mean over the classes instead of being
//! dropped from it.
//!
//! # Source
//! scikit-learn 1.9: `sklearn.metrics.classification_report`, `confusion_matrix`; the UAR is its macro average of the recalls.

use std::collections::BTreeMap;
use std::fmt;

use moodline_core::Emotion;
use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

mod calibration;

pub use calibration::{CALIBRATION_BINS, Calibration, CalibrationBin};

/// Draws of the bootstrap over speakers.
pub const BOOTSTRAP_DRAWS: usize = 2_000;

/// Shares of the emotions assumed of speech that nobody acts, in [`Emotion::ALL`] order: mostly neutral.
pub const NATURAL_SHARES: [f64; Emotion::COUNT] = [0.1, 0.1, 0.1, 0.7];

/// Seed of the bootstrap: a property of the metric, not of a run, so that all models are compared on the same draws.
const BOOTSTRAP_SEED: u64 = 20_241_215;

/// Counts of (true class, predicted class), in [`Emotion::ALL`] order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion(pub [[u64; Emotion::COUNT]; Emotion::COUNT]);

/// Metrics of one class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// Fraction of the utterances predicted as this class that belong to it, 0..=1.
    pub precision: f64,
    /// Fraction of the utterances of this class that were found, 0..=1.
    pub recall: f64,
    /// Harmonic mean of the two, 0..=1.
    pub f1: f64,
    /// Number of utterances of this class.
    pub support: u64,
}

impl Confusion {
    /// Counts pairs of (true class, predicted class).
    #[must_use]
    pub fn of(pairs: impl IntoIterator<Item = (Emotion, Emotion)>) -> Self {
        let mut confusion = Self::default();
        for (truth, predicted) in pairs {
            confusion.add(truth, predicted);
        }
        confusion
    }

    /// Counts one more utterance.
    pub fn add(&mut self, truth: Emotion, predicted: Emotion) {
        self.0[truth.index()][predicted.index()] += 1;
    }

    /// Adds the counts of another confusion matrix.
    pub fn merge(&mut self, other: &Self) {
        for (row, other_row) in self.0.iter_mut().zip(&other.0) {
            for (count, other_count) in row.iter_mut().zip(other_row) {
                *count += other_count;
            }
        }
    }

    /// Number of utterances.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.0.iter().flatten().sum()
    }

    /// Number of utterances of a class.
    #[must_use]
    pub fn support(&self, emotion: Emotion) -> u64 {
        self.0[emotion.index()].iter().sum()
    }

    /// Number of utterances predicted as a class, rightly or not.
    #[must_use]
    pub fn found(&self, emotion: Emotion) -> u64 {
        self.0.iter().map(|row| row[emotion.index()]).sum()
    }

    /// Predictions for the utterances of a class: fractions in the order of [`Emotion::ALL`], 0..=1, which sum to 1, or all 0 if there are no
    /// utterances.
    #[must_use]
    pub fn row(&self, emotion: Emotion) -> [f64; Emotion::COUNT] {
        self.0[emotion.index()].map(|count| ratio(count, self.support(emotion)))
    }

    /// Precision, recall, F1 and support of a class.
    #[must_use]
    pub fn class(&self, emotion: Emotion) -> ClassMetrics {
        let index = emotion.index();
        let hits = self.0[index][index];
        let support = self.support(emotion);
        let predicted = self.found(emotion);
        ClassMetrics {
            precision: ratio(hits, predicted),
            recall: ratio(hits, support),
            f1: ratio(2 * hits, predicted + support),
            support,
        }
    }

    /// Fraction of correctly classified utterances, 0..=1.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        ratio((0..Emotion::COUNT).map(|index| self.0[index][index]).sum(), self.n())
    }

    /// Unweighted average recall: the mean of the four recalls, 0..=1. It is the main metric because it does not reward guessing the most frequent
    /// class.
    #[must_use]
    pub fn uar(&self) -> f64 {
        self.mean_over_classes(|class| class.recall)
    }

    /// The accuracy to be expected of natural speech, 0..=1: the mean of the recalls, weighted by [`NATURAL_SHARES`].
    #[must_use]
    pub fn natural_accuracy(&self) -> f64 {
        Emotion::ALL.iter().zip(NATURAL_SHARES).map(|(&emotion, share)| share * self.class(emotion).recall).sum()
    }

    /// Mean of the four F1 scores, 0..=1.
    #[must_use]
    pub fn macro_f1(&self) -> f64 {
        self.mean_over_classes(|class| class.f1)
    }

    fn mean_over_classes(&self, figure: impl Fn(&ClassMetrics) -> f64) -> f64 {
        Emotion::ALL.iter().map(|&emotion| figure(&self.class(emotion))).sum::<f64>() / Emotion::COUNT as f64
    }

    /// Classes without utterances, whose recall counts as 0 in [`Self::uar`].
    #[must_use]
    pub fn absent(&self) -> Vec<Emotion> {
        Emotion::ALL.into_iter().filter(|&emotion| self.support(emotion) == 0).collect()
    }

    /// If some classes are absent, a sentence naming the classes the UAR averages over, with the mean over the others.
    #[must_use]
    pub fn absent_text(&self) -> Option<String> {
        let absent: Vec<&str> = self.absent().into_iter().map(Emotion::name).collect();
        let n_present = Emotion::COUNT - absent.len();
        if absent.is_empty() || n_present == 0 {
            return None;
        }
        Some(format!(
            "no utterance is {}: the UAR is the mean over all {} classes, with recall 0 there, as scikit-learn's recall_score with zero_division=0 \
             and all labels; over the {n_present} that occur, as its balanced_accuracy_score, it is {:.3}",
            absent.join(" or "),
            Emotion::COUNT,
            self.uar_of_present_classes()
        ))
    }

    /// UAR over the classes that occur, which is all that a resampled set of speakers can provide.
    fn uar_of_present_classes(&self) -> f64 {
        let present: Vec<f64> = Emotion::ALL
            .iter()
            .map(|&emotion| self.class(emotion))
            .filter(|class| class.support > 0)
            .map(|class| class.recall)
            .collect();
        if present.is_empty() { 0.0 } else { present.iter().sum::<f64>() / present.len() as f64 }
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// 95 % percentile bootstrap interval of the UAR over speakers.
///
/// Utterances of one voice are not independent, so the resampling unit is the speaker: each of [`BOOTSTRAP_DRAWS`] draws takes as many speakers as
/// there are, with replacement, pools their utterances and computes the UAR over the classes that occur among them. The interval reaches from the
/// 2.5th to the 97.5th percentile, linearly interpolated. The draws are seeded: same input, same interval. None for fewer than two speakers: all
/// draws would be identical, which says nothing about other voices.
#[must_use]
pub fn uar_interval(by_speaker: &BTreeMap<String, Confusion>) -> Option<[f64; 2]> {
    interval(by_speaker, Confusion::uar_of_present_classes)
}

/// 95 % percentile bootstrap interval of the accuracy over speakers, on the draws of [`uar_interval`].
#[must_use]
pub fn accuracy_interval(by_speaker: &BTreeMap<String, Confusion>) -> Option<[f64; 2]> {
    interval(by_speaker, Confusion::accuracy)
}

/// An interval over speakers as text: `0.702 - 0.811`, or why there is none.
#[must_use]
pub fn interval_text(interval: Option<[f64; 2]>) -> String {
    interval.map_or_else(|| "not available: one speaker".to_owned(), |[low, high]| format!("{low:.3} - {high:.3}"))
}

fn interval(by_speaker: &BTreeMap<String, Confusion>, figure: impl Fn(&Confusion) -> f64) -> Option<[f64; 2]> {
    let speakers: Vec<&Confusion> = by_speaker.values().collect();
    if speakers.len() < 2 {
        return None;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(BOOTSTRAP_SEED);
    let mut draws: Vec<f64> = (0..BOOTSTRAP_DRAWS)
        .map(|_| {
            let mut pooled = Confusion::default();
            for _ in 0..speakers.len() {
                pooled.merge(speakers[rng.random_range(0..speakers.len() as u64) as usize]);
            }
            figure(&pooled)
        })
        .collect();
    draws.sort_by(f64::total_cmp);
    Some([percentile(&draws, 0.025), percentile(&draws, 0.975)])
}

/// Linearly interpolated percentile of sorted values (the default of `numpy.percentile`); `part` in 0..=1.
pub(crate) fn percentile(sorted: &[f64], part: f64) -> f64 {
    let position = part * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = position.ceil() as usize;
    sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64)
}

/// Metrics of each class.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerClass {
    /// [`Emotion::Angry`]
    pub angry: ClassMetrics,
    /// [`Emotion::Happy`]
    pub happy: ClassMetrics,
    /// [`Emotion::Sad`]
    pub sad: ClassMetrics,
    /// [`Emotion::Neutral`]
    pub neutral: ClassMetrics,
}

impl PerClass {
    /// The metrics of one class.
    #[must_use]
    pub const fn of(&self, emotion: Emotion) -> &ClassMetrics {
        match emotion {
            Emotion::Angry => &self.angry,
            Emotion::Happy => &self.happy,
            Emotion::Sad => &self.sad,
            Emotion::Neutral => &self.neutral,
        }
    }
}

/// All metrics of one set of utterances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Number of utterances.
    pub n: u64,
    /// [`Confusion::uar`]
    pub uar: f64,
    /// [`Confusion::accuracy`]
    pub accuracy: f64,
    /// [`Confusion::macro_f1`]
    pub macro_f1: f64,
    /// [`uar_interval`]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uar_interval: Option<[f64; 2]>,
    /// Order of the rows and columns of the confusion matrix.
    pub labels: [Emotion; Emotion::COUNT],
    /// [`Confusion::class`] of each class.
    pub per_class: PerClass,
    /// Rows: true class. Columns: predicted class.
    pub confusion: Confusion,
}

impl Report {
    /// Metrics of a set of utterances, given as one confusion matrix per speaker.
    #[must_use]
    pub fn of(by_speaker: &BTreeMap<String, Confusion>) -> Self {
        let mut confusion = Confusion::default();
        for of_speaker in by_speaker.values() {
            confusion.merge(of_speaker);
        }
        Self {
            n: confusion.n(),
            uar: confusion.uar(),
            accuracy: confusion.accuracy(),
            macro_f1: confusion.macro_f1(),
            uar_interval: uar_interval(by_speaker),
            labels: Emotion::ALL,
            per_class: PerClass {
                angry: confusion.class(Emotion::Angry),
                happy: confusion.class(Emotion::Happy),
                sad: confusion.class(Emotion::Sad),
                neutral: confusion.class(Emotion::Neutral),
            },
            confusion,
        }
    }
}

impl fmt::Display for Report {
    /// A human-readable table, starting with the UAR.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "UAR      {:.3}   (95 % interval over speakers {})", self.uar, interval_text(self.uar_interval))?;
        writeln!(f, "accuracy {:.3}   macro-F1 {:.3}   utterances {}", self.accuracy, self.macro_f1, self.n)?;
        if let Some(text) = self.confusion.absent_text() {
            writeln!(f, "warning: {text}")?;
        }
        writeln!(f)?;
        write!(f, "{:<8} {:>9} {:>7} {:>7} {:>8}   true \\ found", "", "precision", "recall", "F1", "support")?;
        for label in self.labels {
            write!(f, " {label:>8}")?;
        }
        for label in self.labels {
            let class = self.per_class.of(label);
            write!(
                f,
                "\n{label:<8} {:>9.3} {:>7.3} {:>7.3} {:>8}   {label:<12}",
                class.precision, class.recall, class.f1, class.support
            )?;
            for count in self.confusion.0[label.index()] {
                write!(f, " {count:>8}")?;
            }
        }
        Ok(())
    }
}
