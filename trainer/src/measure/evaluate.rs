//! Evaluates a model file on labelled clips through the engine, as the product runs it.
//!
//! In: a [`Model`] and a [`Manifest`]. Out: an [`Evaluation`]. Every clip is decoded, cut into blocks of the model's length and classified by the
//! engine, without the gate, because every clip has a label. For a clip longer than a block, the probabilities are the mean over its blocks, weighted
//! by duration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use moodline_core::Emotion;
use moodline_core::contract::TrainingCorpus;
use moodline_engine::analysis::{Analyser, AnalysisConfig, AnalysisError};
use moodline_engine::decode::{AudioReader, DecodeError};
use moodline_engine::{Backend, BackendChoice, Classifier, ClassifierError, Model, State};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{ConfusionFigure, Reliability};
use crate::base::files::{self, FileError};
use crate::base::plot::{Figure as _, PlotError};
use crate::base::progress::{Interrupt, Progress};
use crate::data::manifest::{Manifest, Split, Utterance};
use crate::measure::metrics::{Calibration, Report};

mod answers;
mod heard;
mod honesty;
mod voices;

pub use answers::{
    Answer, AnswersError, CorpusMetrics, answers_csv, calibration, confusion_by_speaker, figures_by_corpus, read_answers,
};
pub use heard::{HeardPoint, voice_curve, voice_figure};
pub use honesty::{ActivationMetrics, Answered, Honesty};
pub use voices::History;

/// The prediction for one clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The clip.
    pub utterance: Utterance,
    /// In [`Emotion::ALL`] order.
    pub probabilities: [f64; Emotion::COUNT],
    /// Length of the clip, as far as it was analysed.
    pub seconds: f64,
    /// Whether more than half of it is unlike the training data.
    pub is_unfamiliar: bool,
}

impl Prediction {
    /// The most probable emotion; the first in case of a tie.
    #[must_use]
    pub fn emotion(&self) -> Emotion {
        Emotion::most_probable(&self.probabilities)
    }

    /// The prediction without the audio.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let Utterance { name, corpus, speaker, emotion, split, .. } = &self.utterance;
        Answer {
            name: name.clone(),
            corpus: corpus.clone(),
            speaker: speaker.clone(),
            split: *split,
            truth: *emotion,
            found: self.emotion(),
            probabilities: self.probabilities,
        }
    }
}

/// The evaluated model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelName {
    /// Name of the model.
    pub id: String,
    /// [`Model::fingerprint`]
    pub fingerprint: String,
}

/// Metrics of one speaker.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpeakerMetrics {
    /// Number of utterances.
    pub n: u64,
    /// [`crate::measure::metrics::Confusion::uar`]
    pub uar: f64,
    /// [`crate::measure::metrics::Confusion::accuracy`]
    pub accuracy: f64,
}

/// Evaluation of a model on a set of clips.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The metrics.
    #[serde(flatten)]
    pub report: Report,
    /// The model.
    pub model: ModelName,
    /// The backend: `onnxruntime` or `native`.
    pub backend: String,
    /// The split: `train`, `dev`, `test` or `all`.
    pub split: String,
    /// What had been heard of each voice before.
    #[serde(default)]
    pub voice: History,
    /// File names of the manifests.
    pub manifests: Vec<String>,
    /// Clips that could not be measured.
    pub n_failed: usize,
    /// Clips that are unlike the training data according to the contract; they are evaluated like the others.
    #[serde(default)]
    pub n_unfamiliar: usize,
    /// By speaker, as named in the manifest.
    pub per_speaker: BTreeMap<String, SpeakerMetrics>,
    /// By corpus; empty in files of versions without it.
    #[serde(default)]
    pub per_corpus: BTreeMap<String, CorpusMetrics>,
    /// The clips whose listeners perceived the intended emotion; none if the manifests do not say what they perceived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub perceived: Option<CorpusMetrics>,
    /// Confidence against accuracy; none in files of versions without it.
    #[serde(default)]
    pub calibration: Option<Calibration>,
    /// Selective prediction; none in files of versions without it.
    #[serde(default)]
    pub honesty: Option<Honesty>,
    /// Effect of hearing more of a voice; empty for a model without voice correction, and if a history was requested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub voice_curve: Vec<HeardPoint>,
}

/// Why a clip could not be evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClipError {
    /// It cannot be decoded as audio.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The engine rejected it.
    #[error("{name}: {source}")]
    Analysis {
        /// The clip.
        name: String,
        /// Error of the engine.
        source: AnalysisError,
    },
    /// It is shorter than one step of the network.
    #[error("{name}: the clip is too short for a single block")]
    NoBlock {
        /// The clip.
        name: String,
    },
}

/// Why nothing could be evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// There are no clips.
    #[error("the manifests have no clip in the split '{split}'")]
    EmptySplit {
        /// `train`, `dev`, `test` or `all`.
        split: String,
    },
    /// None of the clips could be used.
    #[error("none of the {n} clips could be used; the first: {first}")]
    AllFailed {
        /// Number of clips.
        n: usize,
        /// Why the first failed.
        first: ClipError,
    },
    /// A history was requested, but the model cannot use one.
    #[error(
        "the model '{id}' corrects nothing by what it heard of a voice: expected a contract with a voice correction; measure it cold"
    )]
    NoVoiceCorrection {
        /// The model.
        id: String,
    },
    /// The backend cannot run the model.
    #[error(transparent)]
    Classifier(#[from] ClassifierError),
    /// The user stopped the evaluation.
    #[error("interrupted; nothing was written")]
    Interrupted,
}

/// Result of an evaluation.
#[derive(Debug)]
pub struct Measured {
    /// The metrics.
    pub evaluation: Evaluation,
    /// The prediction for each clip, in the order of the manifests.
    pub predictions: Vec<Prediction>,
    /// Clips without a prediction.
    pub problems: Vec<ClipError>,
}

/// Evaluates `model` on the clips of `split` (all if none is given), on all threads of the pool; the result does not depend on their number.
///
/// # Errors
/// [`EvaluateError`] if there is nothing to evaluate. Clips that fail are not errors but are counted and listed.
pub fn evaluate(
    model: &Model,
    manifest: &Manifest,
    split: Option<Split>,
    backend: BackendChoice,
    voice: History,
    progress: Progress,
    interrupt: &Interrupt,
) -> Result<Measured, EvaluateError> {
    let correction = match (voice, model.contract().voice) {
        (History::Cold, _) => None,
        (_, None) => return Err(EvaluateError::NoVoiceCorrection { id: model.id().to_owned() }),
        (_, correction) => correction,
    };
    let utterances: Vec<&Utterance> = manifest.of_split(split).collect();
    let split_name = split.map_or("all", Split::name).to_owned();
    if utterances.is_empty() {
        return Err(EvaluateError::EmptySplit { split: split_name });
    }
    let backend = Classifier::new(model, backend)?.backend();
    let outcomes = classify_all(model, &utterances, backend, progress, interrupt)?;
    let (mut predictions, mut problems) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        match outcome {
            Ok(prediction) => predictions.push(prediction),
            Err(problem) => problems.push(problem),
        }
    }
    if predictions.is_empty() {
        let n = problems.len();
        return Err(EvaluateError::AllFailed { n, first: problems.swap_remove(0) });
    }
    // The curve uses its own histories, so it is computed only once, from the cold predictions.
    let own = model.contract().voice.filter(|_| voice == History::Cold);
    let voice_curve = own.map_or_else(Vec::new, |correction| voice_curve(&predictions, &correction));
    if let Some(correction) = &correction {
        voice.correct(&mut predictions, correction);
    }
    let answers: Vec<Answer> = predictions.iter().map(Prediction::answer).collect();
    let name = ModelName { id: model.id().to_owned(), fingerprint: model.fingerprint().to_owned() };
    let manifests = manifest.sources.iter().map(|source| source.name.clone()).collect();
    let mut evaluation = Evaluation::of(&answers, name, backend.to_string(), split_name, manifests, problems.len());
    evaluation.voice = voice;
    evaluation.honesty = Some(Honesty::of(&answers, model.certain_from()));
    evaluation.voice_curve = voice_curve;
    let perceived = predictions.iter().filter(|prediction| prediction.utterance.is_perceived == Some(true));
    let perceived: Vec<Answer> = perceived.map(Prediction::answer).collect();
    evaluation.perceived = (!perceived.is_empty()).then(|| CorpusMetrics::of(&perceived));
    evaluation.n_unfamiliar = predictions.iter().filter(|prediction| prediction.is_unfamiliar).count();
    Ok(Measured { evaluation, predictions, problems })
}

fn classify_all(
    model: &Model,
    utterances: &[&Utterance],
    backend: Backend,
    progress: Progress,
    interrupt: &Interrupt,
) -> Result<Vec<Result<Prediction, ClipError>>, EvaluateError> {
    let choice = BackendChoice::from(backend);
    let bar = progress.bar("evaluating", utterances.len());
    let outcomes: Result<Vec<_>, EvaluateError> = utterances
        .par_iter()
        .map_init(
            || None,
            |idle, utterance| {
                if interrupt.requested() {
                    return Err(EvaluateError::Interrupted);
                }
                let classifier = idle.take().map_or_else(|| Classifier::new(model, choice), Ok)?;
                let outcome = classify(model, classifier, utterance);
                bar.advance();
                Ok(outcome.map(|(prediction, classifier)| {
                    *idle = Some(classifier);
                    prediction
                }))
            },
        )
        .collect();
    bar.finish();
    outcomes
}

/// The prediction for one clip, and the classifier for the next.
fn classify(model: &Model, classifier: Classifier, utterance: &Utterance) -> Result<(Prediction, Classifier), ClipError> {
    let mut reader = AudioReader::open(&utterance.path)?;
    let rate = reader.sample_rate();
    let answer = classify_stream(model, classifier, utterance, rate, |chunk| Ok(reader.read_mono(chunk)?))?;
    // Clips that the trainer leaves out are not evaluated either.
    reader.refuse_unusable()?;
    Ok(answer)
}

/// The prediction for a clip given as samples, mono at `sample_rate` Hz.
pub(crate) fn classify_samples(
    model: &Model,
    classifier: Classifier,
    utterance: &Utterance,
    samples: &[f32],
    sample_rate: u32,
) -> Result<Prediction, ClipError> {
    let mut rest = Some(samples);
    let next = |chunk: &mut Vec<f32>| {
        chunk.clear();
        chunk.extend_from_slice(rest.take().unwrap_or_default());
        Ok(!chunk.is_empty())
    };
    classify_stream(model, classifier, utterance, sample_rate, next).map(|(prediction, _)| prediction)
}

/// The prediction for a clip that arrives in pieces, until `next` returns none.
fn classify_stream(
    model: &Model,
    classifier: Classifier,
    utterance: &Utterance,
    sample_rate: u32,
    mut next: impl FnMut(&mut Vec<f32>) -> Result<bool, ClipError>,
) -> Result<(Prediction, Classifier), ClipError> {
    let failed = |source| ClipError::Analysis { name: utterance.name.clone(), source };
    let block_seconds = model.contract().block_seconds;
    let blocks =
        AnalysisConfig { window_seconds: block_seconds, hop_seconds: block_seconds, gate: None, ..AnalysisConfig::default() };
    let mut analyser = Analyser::new(model, classifier, sample_rate, blocks).map_err(failed)?;

    let (mut sums, mut seconds, mut unfamiliar_s) = ([0.0; Emotion::COUNT], 0.0, 0.0);
    let mut add = |segment: moodline_engine::Segment, _| {
        let Some(probabilities) = segment.answer() else { return };
        let duration = segment.end_s - segment.start_s;
        for (sum, probability) in sums.iter_mut().zip(probabilities.as_array()) {
            *sum += duration * f64::from(*probability);
        }
        seconds += duration;
        unfamiliar_s += if matches!(segment.state, State::Unfamiliar(_)) { duration } else { 0.0 };
    };
    let mut chunk = Vec::new();
    while next(&mut chunk)? {
        analyser.push(&chunk, &mut add).map_err(failed)?;
    }
    analyser.finish(&mut add).map_err(failed)?;
    if seconds <= 0.0 {
        return Err(ClipError::NoBlock { name: utterance.name.clone() });
    }
    let probabilities = sums.map(|sum| sum / seconds);
    let prediction =
        Prediction { utterance: utterance.clone(), probabilities, seconds, is_unfamiliar: unfamiliar_s > 0.5 * seconds };
    Ok((prediction, analyser.into_classifier()))
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationFilesError {
    /// The folder or a file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A figure cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
}

const METRICS: &str = "metrics.json";
const PREDICTIONS: &str = "predictions.csv";
const CONFUSION: &str = "confusion.svg";
const RELIABILITY: &str = "reliability.svg";
const VOICE: &str = "voice.svg";
const VOICE_DATA: &str = "voice.csv";

impl Measured {
    /// All files that [`Self::write_report`] may write into a folder.
    #[must_use]
    pub fn report_files(folder: &Path) -> [PathBuf; 6] {
        [METRICS, PREDICTIONS, CONFUSION, RELIABILITY, VOICE, VOICE_DATA].map(|name| folder.join(name))
    }

    /// Writes `metrics.json`, `predictions.csv`, `confusion.svg`, `reliability.svg` and, for a model with voice correction that was evaluated cold,
    /// `voice.svg` and `voice.csv` into a folder.
    ///
    /// # Errors
    /// [`EvaluationFilesError`]; each file is written atomically.
    pub fn write_report(&self, folder: &Path) -> Result<Vec<PathBuf>, EvaluationFilesError> {
        files::create_folder(folder)?;
        let Evaluation { report, calibration, voice_curve, .. } = &self.evaluation;
        let title = self.evaluation.title();
        let mut contents = vec![
            (METRICS, self.evaluation.to_json()),
            (PREDICTIONS, self.predictions_csv()),
            (CONFUSION, ConfusionFigure::of(title.clone(), report).svg()?),
        ];
        if let Some(calibration) = calibration.clone() {
            contents.push((RELIABILITY, Reliability { title: title.clone(), calibration }.svg()?));
        }
        if !voice_curve.is_empty() {
            let figure = voice_figure(voice_curve, title);
            contents.extend([(VOICE, figure.svg()?), (VOICE_DATA, figure.table().to_csv())]);
        }
        contents
            .into_iter()
            .map(|(name, content)| {
                let path = folder.join(name);
                files::write_atomically(&path, content.as_bytes())?;
                Ok(path)
            })
            .collect()
    }

    /// [`answers_csv`] of the predictions.
    #[must_use]
    pub fn predictions_csv(&self) -> String {
        answers_csv(&self.predictions.iter().map(Prediction::answer).collect::<Vec<_>>())
    }
}

impl Evaluation {
    /// Short description of model and data.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} on {}, split {}{}", self.model.id, self.manifests.join(", "), self.split, self.voice.words())
    }

    /// The data it was evaluated on.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}, {} split{}", self.manifest_stems().join(", "), self.split, self.voice.words())
    }

    /// The names of the manifests without their extensions.
    fn manifest_stems(&self) -> Vec<&str> {
        self.manifests.iter().map(|name| name.strip_suffix(".csv").unwrap_or(name)).collect()
    }

    /// Whether clips are of one of these corpora, whatever their manifest is called.
    #[must_use]
    pub fn has_any_of(&self, corpora: &[TrainingCorpus]) -> bool {
        corpora.iter().any(|corpus| self.per_corpus.contains_key(&corpus.name))
    }

    /// The evaluation as JSON, with a trailing newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        // INVARIANT: numbers, text and maps with text keys serialise.
        serde_json::to_string_pretty(self).expect("an evaluation serialises") + "\n"
    }
}
