//! Measures a model file on labelled clips, through the engine, as the product runs it.
//!
//! In: a [`Model`] and a [`Manifest`]. Out: an [`Evaluation`]. Every clip is decoded, cut into blocks of the model's length and classified by the
//! engine, without the gate, because every clip has a label. The probabilities of a clip longer than a block are the mean over its blocks,
//! weighted by their duration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use moodline_core::Emotion;
use moodline_engine::analysis::{Analyser, AnalysisConfig, AnalysisError};
use moodline_engine::decode::{AudioReader, DecodeError};
use moodline_engine::{Backend, BackendChoice, Classifier, ClassifierError, Model};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::files::{self, FileError};
use crate::manifest::{Manifest, Split, Utterance};
use crate::metrics::{Confusion, Report};
use crate::progress::{Interrupt, Progress};

mod plot;

pub use plot::confusion_svg;

pub use crate::plot::PlotError;

/// The answer for one clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Which clip.
    pub utterance: Utterance,
    /// In [`Emotion::ALL`] order.
    pub probabilities: [f64; Emotion::COUNT],
}

impl Prediction {
    /// The most probable emotion; the first of equals.
    #[must_use]
    pub fn emotion(&self) -> Emotion {
        Emotion::ALL.into_iter().fold(Emotion::Angry, |best, emotion| {
            if self.probabilities[emotion.index()] > self.probabilities[best.index()] { emotion } else { best }
        })
    }
}

/// Which model was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelName {
    /// Name of the model.
    pub id: String,
    /// [`Model::fingerprint`]
    pub fingerprint: String,
}

/// Figures of one speaker.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpeakerMetrics {
    /// Utterances.
    pub n: u64,
    /// [`Confusion::uar`]
    pub uar: f64,
    /// [`Confusion::accuracy`]
    pub accuracy: f64,
}

/// A model measured on some clips.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The figures.
    #[serde(flatten)]
    pub report: Report,
    /// Which model.
    pub model: ModelName,
    /// What ran it: `onnxruntime` or `native`.
    pub backend: String,
    /// Which split: `train`, `dev`, `test` or `all`.
    pub split: String,
    /// File names of the manifests.
    pub manifests: Vec<String>,
    /// Clips that could not be measured.
    pub n_failed: usize,
    /// By speaker, as the manifest names them.
    pub per_speaker: BTreeMap<String, SpeakerMetrics>,
}

/// Why a clip could not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClipError {
    /// It is no audio.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The engine refused it.
    #[error("{name}: {source}")]
    Analysis {
        /// The clip.
        name: String,
        /// What the engine says.
        source: AnalysisError,
    },
    /// It is shorter than one step of the network.
    #[error("{name}: the clip is too short for a single block")]
    NoBlock {
        /// The clip.
        name: String,
    },
}

/// Why nothing could be measured.
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
        /// How many.
        n: usize,
        /// Why the first could not.
        first: ClipError,
    },
    /// The backend cannot run the model.
    #[error(transparent)]
    Classifier(#[from] ClassifierError),
    /// The user stopped it.
    #[error("interrupted; nothing was written")]
    Interrupted,
}

/// What came out of measuring.
#[derive(Debug)]
pub struct Measured {
    /// The figures.
    pub evaluation: Evaluation,
    /// The answer for each clip, in the order of the manifests.
    pub predictions: Vec<Prediction>,
    /// Clips without an answer.
    pub problems: Vec<ClipError>,
}

/// Measures `model` on the clips of `split` (all for none), on all threads of the pool; the result does not depend on how many there are.
///
/// # Errors
/// [`EvaluateError`] when there is nothing to measure. Clips that fail are no error but counted and named.
pub fn evaluate(
    model: &Model,
    manifest: &Manifest,
    split: Option<Split>,
    backend: BackendChoice,
    progress: Progress,
    interrupt: &Interrupt,
) -> Result<Measured, EvaluateError> {
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
    let by_speaker = confusion_by_speaker(&predictions);
    let evaluation = Evaluation {
        report: Report::of(&by_speaker),
        model: ModelName { id: model.id().to_owned(), fingerprint: model.fingerprint().to_owned() },
        backend: backend.to_string(),
        split: split_name,
        manifests: manifest.sources.iter().map(|source| source.name.clone()).collect(),
        n_failed: problems.len(),
        per_speaker: by_speaker
            .iter()
            .map(|(name, confusion)| {
                let metrics = SpeakerMetrics { n: confusion.n(), uar: confusion.uar(), accuracy: confusion.accuracy() };
                (name.clone(), metrics)
            })
            .collect(),
    };
    Ok(Measured { evaluation, predictions, problems })
}

fn classify_all(
    model: &Model,
    utterances: &[&Utterance],
    backend: Backend,
    progress: Progress,
    interrupt: &Interrupt,
) -> Result<Vec<Result<Prediction, ClipError>>, EvaluateError> {
    let choice = match backend {
        Backend::OnnxRuntime => BackendChoice::OnnxRuntime,
        Backend::Native => BackendChoice::Native,
    };
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

/// The answer for one clip, and the classifier for the next.
fn classify(model: &Model, classifier: Classifier, utterance: &Utterance) -> Result<(Prediction, Classifier), ClipError> {
    let failed = |source| ClipError::Analysis { name: utterance.name.clone(), source };
    let block_seconds = model.contract().block_seconds;
    let blocks = AnalysisConfig { window_seconds: block_seconds, hop_seconds: block_seconds, gate: None };
    let mut reader = AudioReader::open(&utterance.path)?;
    let mut analyser = Analyser::new(model, classifier, reader.sample_rate(), blocks).map_err(failed)?;

    let (mut sums, mut seconds) = ([0.0; Emotion::COUNT], 0.0);
    let mut add = |segment: moodline_engine::Segment| {
        let Some(probabilities) = segment.probabilities() else { return };
        let duration = segment.end_s - segment.start_s;
        for (sum, probability) in sums.iter_mut().zip(probabilities.as_array()) {
            *sum += duration * f64::from(*probability);
        }
        seconds += duration;
    };
    let mut chunk = Vec::new();
    while reader.read_mono(&mut chunk)? {
        analyser.push(&chunk, &mut add).map_err(failed)?;
    }
    analyser.finish(&mut add).map_err(failed)?;
    if seconds <= 0.0 {
        return Err(ClipError::NoBlock { name: utterance.name.clone() });
    }
    let prediction = Prediction { utterance: utterance.clone(), probabilities: sums.map(|sum| sum / seconds) };
    Ok((prediction, analyser.into_classifier()))
}

fn confusion_by_speaker(predictions: &[Prediction]) -> BTreeMap<String, Confusion> {
    let mut by_speaker: BTreeMap<String, Confusion> = BTreeMap::new();
    for prediction in predictions {
        let confusion = by_speaker.entry(prediction.utterance.speaker.clone()).or_default();
        confusion.add(prediction.utterance.emotion, prediction.emotion());
    }
    by_speaker
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The folder or a file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The picture.
    #[error(transparent)]
    Plot(#[from] PlotError),
}

impl Measured {
    /// Writes `metrics.json`, `predictions.csv` and `confusion.svg` into a folder.
    ///
    /// # Errors
    /// [`ReportError`]; each file is written whole or not at all.
    pub fn write_report(&self, folder: &Path) -> Result<Vec<PathBuf>, ReportError> {
        files::create_folder(folder)?;
        let title =
            format!("{} on {}, split {}", self.evaluation.model.id, self.evaluation.manifests.join(", "), self.evaluation.split);
        let contents = [
            ("metrics.json", self.evaluation.to_json()),
            ("predictions.csv", self.predictions_csv()),
            ("confusion.svg", confusion_svg(&self.evaluation.report, &title)?),
        ];
        contents
            .into_iter()
            .map(|(name, content)| {
                let path = folder.join(name);
                files::write_atomically(&path, content.as_bytes())?;
                Ok(path)
            })
            .collect()
    }

    /// One line a clip: path, corpus, speaker, split, true and found emotion, and the four probabilities.
    #[must_use]
    pub fn predictions_csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let header = ["path", "corpus", "speaker", "split", "emotion", "predicted", "angry", "happy", "sad", "neutral"];
        let mut write = |fields: &[&str]| {
            // INVARIANT: writing to memory cannot fail, and every line has as many fields as the header.
            writer.write_record(fields).expect("a line of ten fields");
        };
        write(&header);
        for prediction in &self.predictions {
            let Utterance { name, corpus, speaker, emotion, split, .. } = &prediction.utterance;
            let [angry, happy, sad, neutral] = prediction.probabilities.map(|probability| format!("{probability:.6}"));
            let split = split.map_or("", Split::name);
            let predicted = prediction.emotion();
            write(&[name, corpus, speaker, split, emotion.name(), predicted.name(), &angry, &happy, &sad, &neutral]);
        }
        // INVARIANT: the fields are text, and memory takes all of it.
        String::from_utf8(writer.into_inner().expect("memory takes all of it")).expect("text")
    }
}

impl Evaluation {
    /// The figures as JSON, with a line end.
    #[must_use]
    pub fn to_json(&self) -> String {
        // INVARIANT: numbers, text and maps with text keys serialise.
        serde_json::to_string_pretty(self).expect("an evaluation serialises") + "\n"
    }
}
