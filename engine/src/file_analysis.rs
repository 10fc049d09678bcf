//! One whole audio file to its results.
//!
//! In: a path, a model and settings. Out: a [`FileAnalysis`]. The command and the editor's file lane both analyse files here.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::analysis::{Analyser, AnalysisConfig, AnalysisError};
use crate::classifier::{BackendChoice, Classifier, ClassifierError};
use crate::decode::{AudioReader, DecodeError};
use crate::export::Results;
use crate::model::Model;
use crate::segment::{Latency, Segment};

/// Packets between two reports of progress.
const PACKETS_A_REPORT: u64 = 8;

/// An analysed file.
#[derive(Clone, Debug)]
pub struct FileAnalysis {
    /// What was found.
    pub results: Results,
    /// What was wrong with the file without making it useless, each in a sentence that names it.
    pub warnings: Vec<String>,
    /// What it took.
    pub elapsed: Duration,
}

/// How far an analysis is.
#[derive(Clone, Copy, Debug)]
pub struct FileProgress<'a> {
    /// Share of the file that was read, 0..=1; stays 0 where the header does not tell its length.
    pub share: f64,
    /// Audio that was read, seconds.
    pub seconds: f64,
    /// What was found so far.
    pub segments: &'a [Segment],
}

/// Why there is no result for a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileAnalysisError {
    /// It cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It cannot be analysed.
    #[error("{}: {source}", path.display())]
    Analysis {
        /// The file.
        path: PathBuf,
        /// Why.
        source: AnalysisError,
    },
    /// The caller stopped it.
    #[error("{}: the analysis was stopped", path.display())]
    Stopped {
        /// The file.
        path: PathBuf,
    },
}

/// Analyses the file at `path`, the mean of its channels, and tells `on_progress` now and then; it stops where that breaks.
///
/// # Errors
/// [`FileAnalysisError`], each with the path.
pub fn analyse_file(
    path: &Path,
    model: &Model,
    backend: BackendChoice,
    config: AnalysisConfig,
    mut on_progress: impl FnMut(FileProgress<'_>) -> ControlFlow<()>,
) -> Result<FileAnalysis, FileAnalysisError> {
    let start = Instant::now();
    let refused = |source| FileAnalysisError::Analysis { path: path.to_owned(), source };
    let mut reader = AudioReader::open(path)?;
    let classifier = Classifier::new(model, backend).map_err(|error: ClassifierError| refused(error.into()))?;
    let backend = classifier.backend().to_string();
    let mut analyser = Analyser::new(model, classifier, reader.sample_rate(), config).map_err(refused)?;
    let (mut chunk, mut n_packets) = (Vec::new(), 0_u64);
    let (mut segments, mut latencies) = (Vec::new(), Vec::new());
    while reader.read_mono(&mut chunk)? {
        analyser.push(&chunk, &mut keep_in(&mut segments, &mut latencies)).map_err(refused)?;
        n_packets += 1;
        let due = n_packets.is_multiple_of(PACKETS_A_REPORT);
        if due && on_progress(progress_of(&reader, &segments)).is_break() {
            return Err(FileAnalysisError::Stopped { path: path.to_owned() });
        }
    }
    analyser.finish(&mut keep_in(&mut segments, &mut latencies)).map_err(refused)?;
    let results = Results {
        file: path.to_string_lossy().into_owned(),
        sample_rate: reader.sample_rate(),
        n_channels: reader.channels(),
        duration_s: seconds_of(&reader),
        model_id: model.id().to_owned(),
        model_fingerprint: model.fingerprint().to_owned(),
        backend,
        segments,
        latencies,
    };
    let warnings = reader.warnings().iter().map(|warning| format!("{}: {warning}", path.display())).collect();
    Ok(FileAnalysis { results, warnings, elapsed: start.elapsed() })
}

fn keep_in(segments: &mut Vec<Segment>, latencies: &mut Vec<Latency>) -> impl FnMut(Segment, Latency) {
    |segment, latency| {
        segments.push(segment);
        latencies.push(latency);
    }
}

fn progress_of<'a>(reader: &AudioReader, segments: &'a [Segment]) -> FileProgress<'a> {
    let share = reader.frames_promised().map_or(0.0, |promised| reader.frames_read() as f64 / promised.max(1) as f64);
    FileProgress { share: share.min(1.0), seconds: seconds_of(reader), segments }
}

fn seconds_of(reader: &AudioReader) -> f64 {
    reader.frames_read() as f64 / f64::from(reader.sample_rate())
}
