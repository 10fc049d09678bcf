//! One whole audio file to a report.
//!
//! In: a path, a model and settings. Out: a [`Recording`]. The command and the editor's file lane both analyse files here.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::analysis::{Analyser, AnalysisConfig, AnalysisError};
use crate::classifier::{BackendChoice, Classifier, ClassifierError};
use crate::decode::{AudioReader, DecodeError};
use crate::export::Report;
use crate::model::Model;
use crate::segment::Segment;

/// Packets between two reports of progress.
const PACKETS_A_REPORT: u64 = 8;

/// An analysed file.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What was found.
    pub report: Report,
    /// What was wrong with the file without making it useless, each in a sentence that names it.
    pub warnings: Vec<String>,
    /// What it took.
    pub elapsed: Duration,
}

/// How far an analysis is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
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
pub enum RecordingError {
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
/// [`RecordingError`], each with the path.
pub fn analyse(
    path: &Path,
    model: &Model,
    backend: BackendChoice,
    config: AnalysisConfig,
    mut on_progress: impl FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<Recording, RecordingError> {
    let start = Instant::now();
    let refused = |source| RecordingError::Analysis { path: path.to_owned(), source };
    let mut reader = AudioReader::open(path)?;
    let classifier = Classifier::new(model, backend).map_err(|error: ClassifierError| refused(error.into()))?;
    let backend = classifier.backend().to_string();
    let mut analyser = Analyser::new(model, classifier, reader.sample_rate(), config).map_err(refused)?;
    let (mut chunk, mut segments, mut n_packets) = (Vec::new(), Vec::new(), 0_u64);
    while reader.read_mono(&mut chunk)? {
        analyser.push(&chunk, &mut |segment| segments.push(segment)).map_err(refused)?;
        n_packets += 1;
        let due = n_packets.is_multiple_of(PACKETS_A_REPORT);
        if due && on_progress(progress_of(&reader, &segments)).is_break() {
            return Err(RecordingError::Stopped { path: path.to_owned() });
        }
    }
    analyser.finish(&mut |segment| segments.push(segment)).map_err(refused)?;
    let report = Report {
        file: path.to_string_lossy().into_owned(),
        sample_rate: reader.sample_rate(),
        n_channels: reader.channels(),
        duration_s: seconds_of(&reader),
        model_id: model.id().to_owned(),
        model_fingerprint: model.fingerprint().to_owned(),
        backend,
        segments,
    };
    let warnings = reader.warnings().iter().map(|warning| format!("{}: {warning}", path.display())).collect();
    Ok(Recording { report, warnings, elapsed: start.elapsed() })
}

fn progress_of<'a>(reader: &AudioReader, segments: &'a [Segment]) -> Progress<'a> {
    let share = reader.frames_promised().map_or(0.0, |promised| reader.frames_read() as f64 / promised.max(1) as f64);
    Progress { share: share.min(1.0), seconds: seconds_of(reader), segments }
}

fn seconds_of(reader: &AudioReader) -> f64 {
    reader.frames_read() as f64 / f64::from(reader.sample_rate())
}
