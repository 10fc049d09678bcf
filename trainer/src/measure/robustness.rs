//! Evaluates a model on recordings that are worse than its training data: `robustness.json`.
//!
//! In: a model and labelled clips. Out: its metrics on the original clips and on the same clips under each of [`conditions`]. All changes are seeded
//! by the name of the clip, so the result does not depend on the number of threads.

use moodline_engine::decode::{DecodeError, read_mono_resampled};
use moodline_engine::{BackendChoice, Classifier, Model};
use moodline_fourier::Fourier;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::base::plot::{Bar, Bars, Reference, counted, series};
use crate::base::progress::{Interrupt, Progress};
use crate::data::manifest::{Manifest, Split, Utterance};
use crate::measure::evaluate::{Answer, ClipError, EvaluateError, ModelName, classify_samples, confusion_by_speaker};
use crate::measure::metrics::{Confusion, uar_interval};

mod conditions;

pub use conditions::{Condition, conditions};

/// UAR at chance level.
const CHANCE: f64 = 0.25;

/// A model on the same clips under several conditions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Robustness {
    /// The model.
    pub model: ModelName,
    /// The split: `train`, `dev`, `test` or `all`.
    pub split: String,
    /// File names of the manifests.
    pub manifests: Vec<String>,
    /// One for each condition, starting with the original clips.
    pub rows: Vec<RobustnessRow>,
    /// Conditions that were not available, and why.
    pub skipped: Vec<String>,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RobustnessRow {
    /// Name of the condition.
    pub condition: String,
    /// Number of utterances.
    pub n: u64,
    /// Clips that could not be measured.
    pub n_failed: usize,
    /// [`Confusion::uar`]
    pub uar: f64,
    /// [`Confusion::accuracy`]
    pub accuracy: f64,
    /// [`uar_interval`]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uar_interval: Option<[f64; 2]>,
    /// The confusion matrix.
    pub confusion: Confusion,
}

/// The predictions for one clip, one per condition.
type Outcomes = Vec<Result<Answer, ClipError>>;

/// Evaluates `model` on the clips of `split` (all if none is given) under every available condition.
///
/// # Errors
/// [`EvaluateError`] if there is nothing to evaluate. Clips that fail are not errors but are counted and returned.
pub fn measure(
    model: &Model,
    manifest: &Manifest,
    split: Option<Split>,
    backend: BackendChoice,
    progress: Progress,
    interrupt: &Interrupt,
) -> Result<(Robustness, Vec<ClipError>), EvaluateError> {
    let utterances: Vec<&Utterance> = manifest.of_split(split).collect();
    let split = split.map_or("all", Split::name).to_owned();
    if utterances.is_empty() {
        return Err(EvaluateError::EmptySplit { split });
    }
    let choice = BackendChoice::from(Classifier::new(model, backend)?.backend());
    let (conditions, skipped) = conditions(model.contract().front_end.sample_rate);
    let bar = progress.bar("conditions", utterances.len());
    let outcomes: Result<Vec<Outcomes>, EvaluateError> = utterances
        .par_iter()
        .map_init(Fourier::new, |fourier, utterance| {
            if interrupt.requested() {
                return Err(EvaluateError::Interrupted);
            }
            let outcomes = of_clip(model, choice, utterance, &conditions, fourier)?;
            bar.advance();
            Ok(outcomes)
        })
        .collect();
    bar.finish();
    let mut columns: Vec<Vec<Answer>> = conditions.iter().map(|_| Vec::new()).collect();
    let mut problems = Vec::new();
    for outcomes in outcomes? {
        for (column, outcome) in columns.iter_mut().zip(outcomes) {
            match outcome {
                Ok(answer) => column.push(answer),
                Err(problem) => problems.push(problem),
            }
        }
    }
    if columns[0].is_empty() {
        let n = problems.len();
        return Err(EvaluateError::AllFailed { n, first: problems.swap_remove(0) });
    }
    let rows = conditions.iter().zip(&columns).map(|(condition, answers)| row(condition, answers, utterances.len())).collect();
    let model = ModelName { id: model.id().to_owned(), fingerprint: model.fingerprint().to_owned() };
    let manifests = manifest.sources.iter().map(|source| source.name.clone()).collect();
    Ok((Robustness { model, split, manifests, rows, skipped }, problems))
}

fn row(condition: &Condition, answers: &[Answer], n_clips: usize) -> RobustnessRow {
    let confusion = Confusion::of(answers.iter().map(|answer| (answer.truth, answer.found)));
    RobustnessRow {
        condition: condition.name.clone(),
        n: confusion.n(),
        n_failed: n_clips - answers.len(),
        uar: confusion.uar(),
        accuracy: confusion.accuracy(),
        uar_interval: uar_interval(&confusion_by_speaker(answers)),
        confusion,
    }
}

fn of_clip(
    model: &Model,
    choice: BackendChoice,
    utterance: &Utterance,
    conditions: &[Condition],
    fourier: &mut Fourier,
) -> Result<Outcomes, EvaluateError> {
    let rate = model.contract().front_end.sample_rate;
    let samples = match read_mono_resampled(&utterance.path, rate) {
        Ok(samples) => samples,
        Err(error) => return Ok(vec![Err(error.into())]),
    };
    let mut outcomes = Vec::with_capacity(conditions.len());
    for condition in conditions {
        let changed: Result<Vec<f32>, DecodeError> = condition.apply(&samples, &utterance.name, fourier);
        outcomes.push(match changed {
            Ok(changed) => classify_samples(model, Classifier::new(model, choice)?, utterance, &changed, rate)
                .map(|prediction| prediction.answer()),
            Err(error) => Err(error.into()),
        });
    }
    Ok(outcomes)
}

impl Robustness {
    /// As JSON, with a trailing newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        // INVARIANT: finite numbers and text serialise.
        serde_json::to_string_pretty(self).expect("figures serialise") + "\n"
    }

    /// The data it was evaluated on.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}, {} split", self.manifests.join(", "), self.split)
    }

    /// UAR under each condition.
    #[must_use]
    pub fn figure(&self) -> Bars {
        let bar = |row: &RobustnessRow| Bar {
            group: String::new(),
            label: row.condition.clone(),
            value: row.uar,
            interval: row.uar_interval,
            note: counted(row.n, row.uar_interval),
            colour: series(0),
        };
        Bars {
            title: format!("{} under worse conditions: {}", self.model.id, self.place()),
            subtitle: "whiskers: 95 % bootstrap interval over speakers".to_owned(),
            x_label: "UAR".to_owned(),
            bars: self.rows.iter().map(bar).collect(),
            reference: Some(Reference::At(CHANCE, "chance".to_owned())),
        }
    }
}
