//! Evaluates a model on whole recordings with several passages, as in real use: by phrase, by block, and on the same passages cut out by hand.
//!
//! In: a model and tracks, each a table of times and emotions (columns `start_s`, `end_s` and `emotion`, which may be empty) beside the recording of
//! the same name. Out: a [`StreamFigures`] for each, and for all together. A network that hears in training what the product hears performs alike in
//! all three.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use moodline_core::Emotion;
use moodline_engine::analysis::{AnalysisConfig, Segmentation};
use moodline_engine::file_analysis::{Excerpt, FileAnalysisError, FileConfig, analyse_file};
use moodline_engine::voices::VoiceChoice;
use moodline_engine::{BackendChoice, Model, Segment};
use rayon::prelude::*;
use serde::Serialize;

use crate::base::table::Table;
use crate::measure::metrics::Confusion;

/// Extensions of recordings.
const AUDIO: [&str; 3] = ["flac", "wav", "ogg"];

/// A passage of a track with a known emotion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Passage {
    /// Start, seconds.
    pub start_s: f64,
    /// End, seconds.
    pub end_s: f64,
    /// The emotion.
    pub emotion: Emotion,
}

/// A recording and its passages.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// File name of the table.
    pub name: String,
    /// The recording.
    pub audio: PathBuf,
    /// At least one.
    pub passages: Vec<Passage>,
}

/// Confusion matrices of a track.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StreamFigures {
    /// The track.
    pub name: String,
    /// For passages that were cut out and analysed individually.
    pub clips: Confusion,
    /// For passages, each with the mean of its phrases.
    pub phrases: Confusion,
    /// For blocks with speech, each with the passage that covers most of it.
    pub blocks: Confusion,
    /// Passages in which no phrase was found.
    pub n_unheard: usize,
}

/// Why a track cannot be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The table cannot be used.
    #[error("{path}: {reason}", path = path.display())]
    Table {
        /// The table.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The recording cannot be analysed.
    #[error(transparent)]
    Analysis(#[from] FileAnalysisError),
}

impl Track {
    /// Reads a table and finds its recording.
    ///
    /// # Errors
    /// [`StreamError::Table`] if the columns, a known emotion, or the recording beside the table are missing.
    pub fn read(path: &Path) -> Result<Self, StreamError> {
        let refused = |reason: String| StreamError::Table { path: path.to_owned(), reason };
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(|error| refused(error.to_string()))?;
        let header = reader.headers().map_err(|error| refused(error.to_string()))?.clone();
        let column = |name: &str| {
            let found = || {
                format!("expected the columns start_s, end_s and emotion, found {}", header.iter().collect::<Vec<_>>().join(", "))
            };
            header.iter().position(|column| column == name).ok_or_else(|| refused(found()))
        };
        let [start, end, emotion] = [column("start_s")?, column("end_s")?, column("emotion")?];
        let mut passages = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| refused(error.to_string()))?;
            let cell = |index: usize| record.get(index).unwrap_or_default();
            let seconds = |index: usize| {
                cell(index)
                    .parse::<f64>()
                    .ok()
                    .filter(|time| time.is_finite())
                    .ok_or_else(|| refused(format!("expected seconds, found {:?}", cell(index))))
            };
            if cell(emotion).is_empty() {
                continue;
            }
            let emotion =
                cell(emotion).parse().map_err(|_| refused(format!("expected an emotion, found {:?}", cell(emotion))))?;
            passages.push(Passage { start_s: seconds(start)?, end_s: seconds(end)?, emotion });
        }
        if passages.is_empty() {
            return Err(refused("expected passages with an emotion, found none".to_owned()));
        }
        let audio = AUDIO.iter().map(|extension| path.with_extension(extension)).find(|audio| audio.is_file());
        let audio =
            audio.ok_or_else(|| refused(format!("expected a recording of the same name beside it ({})", AUDIO.join(", "))))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, audio, passages })
    }

    /// Evaluates `model`, cold, on the track.
    ///
    /// # Errors
    /// [`StreamError::Analysis`]
    pub fn measure(&self, model: &Model, backend: BackendChoice) -> Result<StreamFigures, StreamError> {
        let seconds = model.contract().block_seconds;
        let analyse = |segmentation, excerpt| {
            let analysis =
                AnalysisConfig { window_seconds: seconds, hop_seconds: seconds, segmentation, ..AnalysisConfig::default() };
            let config = FileConfig { analysis, excerpt, voice: VoiceChoice::None, ..FileConfig::default() };
            let analysed = analyse_file(&self.audio, model, backend, config, |_| ControlFlow::Continue(()));
            analysed.map(|analysis| analysis.results.voices.into_iter().flat_map(|voice| voice.segments).collect::<Vec<_>>())
        };
        let (phrases, blocks) =
            (analyse(Segmentation::Phrases, Excerpt::default())?, analyse(Segmentation::Blocks, Excerpt::default())?);
        let mut figures = StreamFigures { name: self.name.clone(), ..StreamFigures::default() };
        for passage in &self.passages {
            let Passage { start_s, end_s, emotion } = *passage;
            let clip = analyse(Segmentation::Phrases, Excerpt { from_s: start_s, to_s: Some(end_s), ..Excerpt::default() })?;
            if let Some(found) = mean_answer(&clip, start_s, end_s) {
                figures.clips.add(emotion, found);
            }
            match mean_answer(&phrases, start_s, end_s) {
                Some(found) => figures.phrases.add(emotion, found),
                None => figures.n_unheard += 1,
            }
        }
        for block in &blocks {
            let within = |passage: &&Passage| overlap(block, passage.start_s, passage.end_s);
            let most =
                self.passages.iter().max_by(|a, b| within(a).total_cmp(&within(b))).filter(|passage| within(passage) > 0.0);
            if let (Some(passage), Some(found)) = (most, block.answer()) {
                figures.blocks.add(passage.emotion, found.winner());
            }
        }
        Ok(figures)
    }
}

impl StreamFigures {
    /// The sum over all tracks.
    #[must_use]
    pub fn total(tracks: &[Self]) -> Self {
        let mut total = Self { name: "all".to_owned(), ..Self::default() };
        for track in tracks {
            total.clips.merge(&track.clips);
            total.phrases.merge(&track.phrases);
            total.blocks.merge(&track.blocks);
            total.n_unheard += track.n_unheard;
        }
        total
    }

    /// UAR and number of predictions for each way of segmenting.
    #[must_use]
    pub fn table(tracks: &[Self]) -> Table {
        let mut table = Table::new(["track", "UAR of clips", "of phrases", "of blocks", "passages", "not heard", "blocks"]);
        for track in tracks.iter().chain([&Self::total(tracks)]) {
            let uar = |confusion: &Confusion| format!("{:.3}", confusion.uar());
            table.push([
                track.name.clone(),
                uar(&track.clips),
                uar(&track.phrases),
                uar(&track.blocks),
                (track.phrases.n() + track.n_unheard as u64).to_string(),
                track.n_unheard.to_string(),
                track.blocks.n().to_string(),
            ]);
        }
        table
    }
}

/// Evaluates `model` on every track, on all threads of the pool.
///
/// # Errors
/// The error of the first track that cannot be evaluated.
pub fn measure(model: &Model, tracks: &[Track], backend: BackendChoice) -> Result<Vec<StreamFigures>, StreamError> {
    tracks.par_iter().map(|track| track.measure(model, backend)).collect()
}

/// Duration of a segment within a time interval, seconds.
fn overlap(segment: &Segment, start_s: f64, end_s: f64) -> f64 {
    (segment.end_s.min(end_s) - segment.start_s.max(start_s)).max(0.0)
}

/// The most probable emotion of the mean over the segments in a time interval, weighted by their overlap with it; none without speech.
fn mean_answer(segments: &[Segment], start_s: f64, end_s: f64) -> Option<Emotion> {
    let (mut sums, mut seconds) = ([0.0; Emotion::COUNT], 0.0);
    for segment in segments {
        let Some(answer) = segment.answer() else { continue };
        let within = overlap(segment, start_s, end_s);
        sums.iter_mut().zip(answer.as_array()).for_each(|(sum, probability)| *sum += within * f64::from(*probability));
        seconds += within;
    }
    (seconds > 0.0).then(|| Emotion::most_probable(&sums))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use moodline_core::Probabilities;
    use moodline_engine::State;
    use test_support::sample;

    use super::*;

    #[test]
    fn answers_count_by_what_of_them_lies_in_the_passage() {
        let segment =
            |start_s, end_s, values| Segment { start_s, end_s, state: State::Speech(Probabilities::new(values).unwrap()) };
        let segments = [segment(0.0, 4.0, [1.0, 0.0, 0.0, 0.0]), segment(4.0, 5.0, [0.0, 0.0, 1.0, 0.0])];
        assert_eq!(mean_answer(&segments, 0.0, 5.0), Some(Emotion::Angry));
        assert_eq!(mean_answer(&segments, 3.5, 5.0), Some(Emotion::Sad));
        assert_eq!(mean_answer(&segments, 5.0, 6.0), None);
    }

    #[test]
    fn a_track_is_read_measured_and_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join("talk.csv");
        fs::write(&table, "start_s,end_s,emotion\n0,1.5,neutral\n1.5,3,\n").unwrap();
        let refused = Track::read(&table).unwrap_err().to_string();
        assert!(refused.contains("talk.csv") && refused.contains("recording of the same name"), "{refused}");
        fs::copy(sample("08a01Na.flac"), folder.path().join("talk.flac")).unwrap();
        let track = Track::read(&table).unwrap();
        assert_eq!(track.passages, [Passage { start_s: 0.0, end_s: 1.5, emotion: Emotion::Neutral }]);
        let figures = measure(&Model::embedded(), &[track], BackendChoice::Native).unwrap();
        assert_eq!((figures[0].clips.n(), figures[0].phrases.n(), figures[0].blocks.n()), (1, 1, 1));
        assert!(StreamFigures::table(&figures).to_text().contains("talk.csv"));
        for (text, words) in [
            ("start_s,emotion\n", "expected the columns"),
            ("start_s,end_s,emotion\n0,1,glad\n", "glad"),
            ("start_s,end_s,emotion\nx,1,sad\n", "seconds"),
            ("start_s,end_s,emotion\n", "found none"),
        ] {
            fs::write(&table, text).unwrap();
            let refused = Track::read(&table).unwrap_err().to_string();
            assert!(refused.contains(words), "{refused}");
        }
    }
}
