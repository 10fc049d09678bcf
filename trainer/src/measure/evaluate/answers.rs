//! The predictions of a model for each clip: `predictions.csv`, and all metrics computed from it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use moodline_core::Emotion;
use serde::{Deserialize, Serialize};

use super::{Evaluation, History, ModelName, SpeakerMetrics};
use crate::base::files::{self, FileError};
use crate::data::manifest::Split;
use crate::measure::metrics::{Calibration, Confusion, Report, uar_interval};

const HEADER: [&str; 10] = ["path", "corpus", "speaker", "split", "emotion", "predicted", "angry", "happy", "sad", "neutral"];

/// The prediction for one clip, without its audio.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Name of the clip.
    pub name: String,
    /// Corpus it comes from.
    pub corpus: String,
    /// Speaker.
    pub speaker: String,
    /// Its split, if any.
    pub split: Option<Split>,
    /// True emotion.
    pub truth: Emotion,
    /// Predicted emotion.
    pub found: Emotion,
    /// In [`Emotion::ALL`] order.
    pub probabilities: [f64; Emotion::COUNT],
}

/// Metrics of one corpus, or another part of the clips.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusMetrics {
    /// Number of utterances.
    pub n: u64,
    /// Number of speakers.
    pub n_speakers: usize,
    /// [`Confusion::uar`]
    pub uar: f64,
    /// [`uar_interval`]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uar_interval: Option<[f64; 2]>,
    /// [`Confusion::accuracy`]
    pub accuracy: f64,
}

/// A file that is not a `predictions.csv`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswersError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not such a file.
    #[error("{path}{line}: {reason}", path = path.display(), line = line.map_or_else(String::new, |line| format!(", line {line}")))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Counted from 1; none for the file as a whole.
        line: Option<u64>,
        /// What is wrong.
        reason: String,
    },
}

/// One line per clip: path, corpus, speaker, split, true and predicted emotion, and the four probabilities.
#[must_use]
pub fn answers_csv(answers: &[Answer]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = |fields: &[&str]| {
        // INVARIANT: writing to memory cannot fail, and every line has as many fields as the header.
        writer.write_record(fields).expect("a line of ten fields");
    };
    write(&HEADER);
    for Answer { name, corpus, speaker, split, truth, found, probabilities } in answers {
        let [angry, happy, sad, neutral] = probabilities.map(|probability| format!("{probability:.6}"));
        let split = split.map_or("", Split::name);
        write(&[name, corpus, speaker, split, truth.name(), found.name(), &angry, &happy, &sad, &neutral]);
    }
    // INVARIANT: the fields are text, and writing to memory cannot fail.
    String::from_utf8(writer.into_inner().expect("memory takes all of it")).expect("text")
}

/// Reads what [`answers_csv`] wrote.
///
/// # Errors
/// [`AnswersError`] with the line that is not a prediction.
pub fn read_answers(path: &Path) -> Result<Vec<Answer>, AnswersError> {
    let text = files::read_text(path)?;
    let malformed = |line: Option<u64>, reason: String| AnswersError::Malformed { path: path.to_owned(), line, reason };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| malformed(None, error.to_string()))?;
    if header.iter().ne(HEADER) {
        let found: Vec<&str> = header.iter().collect();
        return Err(malformed(None, format!("expected the columns {}, found {}", HEADER.join(","), found.join(","))));
    }
    let mut answers = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| malformed(error.position().map(csv::Position::line), error.to_string()))?;
        let line = record.position().map(csv::Position::line);
        answers.push(answer(&record).map_err(|reason| malformed(line, reason))?);
    }
    Ok(answers)
}

fn answer(record: &csv::StringRecord) -> Result<Answer, String> {
    let emotion = |index: usize| record[index].parse::<Emotion>().map_err(|error| error.to_string());
    let mut probabilities = [0.0; Emotion::COUNT];
    for (probability, text) in probabilities.iter_mut().zip(record.iter().skip(6)) {
        *probability = text
            .parse()
            .ok()
            .filter(|value| (0.0..=1.0).contains(value))
            .ok_or_else(|| format!("expected a probability, found '{text}'"))?;
    }
    let split = Some(&record[3]).filter(|text| !text.is_empty()).map(str::parse::<Split>).transpose();
    Ok(Answer {
        name: record[0].to_owned(),
        corpus: record[1].to_owned(),
        speaker: record[2].to_owned(),
        split: split.map_err(|error| error.to_string())?,
        truth: emotion(4)?,
        found: emotion(5)?,
        probabilities,
    })
}

/// A confusion matrix per speaker.
#[must_use]
pub fn confusion_by_speaker(answers: &[Answer]) -> BTreeMap<String, Confusion> {
    let mut by_speaker: BTreeMap<String, Confusion> = BTreeMap::new();
    for answer in answers {
        by_speaker.entry(answer.speaker.clone()).or_default().add(answer.truth, answer.found);
    }
    by_speaker
}

/// Metrics per corpus.
#[must_use]
pub fn figures_by_corpus(answers: &[Answer]) -> BTreeMap<String, CorpusMetrics> {
    let corpora: BTreeSet<&String> = answers.iter().map(|answer| &answer.corpus).collect();
    let figures = |corpus: &String| {
        let of_corpus: Vec<Answer> = answers.iter().filter(|answer| answer.corpus == *corpus).cloned().collect();
        CorpusMetrics::of(&of_corpus)
    };
    corpora.into_iter().map(|corpus| (corpus.clone(), figures(corpus))).collect()
}

impl CorpusMetrics {
    /// Computes the metrics of `answers`, all of which are counted.
    #[must_use]
    pub fn of(answers: &[Answer]) -> Self {
        let by_speaker = confusion_by_speaker(answers);
        let confusion = Confusion::of(answers.iter().map(|answer| (answer.truth, answer.found)));
        Self {
            n: confusion.n(),
            n_speakers: by_speaker.len(),
            uar: confusion.uar(),
            uar_interval: uar_interval(&by_speaker),
            accuracy: confusion.accuracy(),
        }
    }
}

/// Confidence of the predictions compared with their accuracy.
#[must_use]
pub fn calibration(answers: &[Answer]) -> Calibration {
    Calibration::of(answers.iter().map(|answer| (answer.truth, answer.probabilities)))
}

impl Evaluation {
    /// All metrics that are computed from the predictions of a model alone.
    #[must_use]
    pub fn of(
        answers: &[Answer],
        model: ModelName,
        backend: String,
        split: String,
        manifests: Vec<String>,
        n_failed: usize,
    ) -> Self {
        let by_speaker = confusion_by_speaker(answers);
        let figures =
            |confusion: &Confusion| SpeakerMetrics { n: confusion.n(), uar: confusion.uar(), accuracy: confusion.accuracy() };
        Self {
            report: Report::of(&by_speaker),
            model,
            backend,
            split,
            voice: History::Cold,
            manifests,
            n_failed,
            n_unfamiliar: 0,
            per_speaker: by_speaker.iter().map(|(name, confusion)| (name.clone(), figures(confusion))).collect(),
            per_corpus: figures_by_corpus(answers),
            perceived: None,
            calibration: Some(calibration(answers)),
            honesty: None,
            voice_curve: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers() -> Vec<Answer> {
        let answer = |corpus: &str, speaker: &str, truth, found, probabilities| Answer {
            name: format!("{speaker},\"<b>\".wav"),
            corpus: corpus.to_owned(),
            speaker: speaker.to_owned(),
            split: Some(Split::Test),
            truth,
            found,
            probabilities,
        };
        vec![
            answer("a", "a:1", Emotion::Angry, Emotion::Angry, [0.7, 0.1, 0.1, 0.1]),
            answer("a", "a:2", Emotion::Sad, Emotion::Neutral, [0.1, 0.1, 0.2, 0.6]),
            Answer { split: None, ..answer("b", "b:1", Emotion::Happy, Emotion::Happy, [0.25; 4]) },
        ]
    }

    #[test]
    fn answers_come_back_and_a_bad_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.csv");
        let text = answers_csv(&answers());
        std::fs::write(&path, &text).unwrap();
        assert_eq!(read_answers(&path).unwrap(), answers());
        let cases = [
            ("0.700000", "7", "line 2: expected a probability, found '7'"),
            (",sad,neutral,0", ",sorry,neutral,0", "line 3: unknown emotion 'sorry'"),
        ];
        for (from, to, what) in cases {
            std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
            let message = read_answers(&path).unwrap_err().to_string();
            assert!(message.contains(what), "{message}");
        }
        std::fs::write(&path, "path,emotion\n").unwrap();
        assert!(read_answers(&path).unwrap_err().to_string().contains("expected the columns path,corpus"));
    }

    #[test]
    fn each_corpus_has_its_own_figures() {
        let figures = figures_by_corpus(&answers());
        assert_eq!((figures["a"].n, figures["a"].n_speakers, figures["b"].n), (2, 2, 1));
        assert_eq!((figures["a"].uar, figures["a"].accuracy, figures["b"].accuracy), (0.25, 0.5, 1.0));
    }
}
