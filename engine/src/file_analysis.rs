//! From one whole audio file to its results.
//!
//! In: a path, a model and settings. Out: a [`FileAnalysis`]. The command and the editor's file lane both analyse files here.

mod mix_watch;

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::analysis::{AnalysisConfig, AnalysisError};
use crate::classifier::BackendChoice;
use crate::decode::{AudioReader, DecodeError, DecodeProblem, ReadOptions, STANDARD_INPUT};
use crate::export::Results;
use crate::model::Model;
use crate::segment::Segment;
use crate::source::FileSource;
use crate::voices::{self, Found, Voice, VoiceChoice, Voices};
use mix_watch::{Cancelled, MixWatch};

/// Smallest number of packets between two progress reports.
const PACKETS_A_REPORT: u64 = 8;

/// Shortest time between two progress reports, each of which wakes up the listener.
const REPORT_INTERVAL: Duration = Duration::from_millis(20);

/// An analysed file.
#[derive(Clone, Debug)]
pub struct FileAnalysis {
    /// The results.
    pub results: Results,
    /// Problems of the file that did not make it useless, each in a sentence that names the file.
    pub warnings: Vec<String>,
    /// Time taken.
    pub elapsed: Duration,
}

/// Progress of an analysis.
#[derive(Clone, Copy, Debug)]
pub struct FileProgress<'a> {
    /// Share of the file that was read, 0..=1; stays 0 if the header does not give its length.
    pub share: f64,
    /// Audio that was read, seconds.
    pub seconds: f64,
    /// Segments found so far, in the first voice.
    pub segments: &'a [Segment],
}

/// Why there is no result for a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileAnalysisError {
    /// The file cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The file cannot be analysed.
    #[error("{}: {source}", path.display())]
    Analysis {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: AnalysisError,
    },
    /// The caller stopped the analysis.
    #[error("{}: the analysis was stopped", path.display())]
    Stopped {
        /// The file.
        path: PathBuf,
    },
}

/// The part of a recording that is analysed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Excerpt {
    /// The channels.
    pub source: FileSource,
    /// Start, seconds.
    pub from_s: f64,
    /// End, seconds; without it, the end of the recording.
    pub to_s: Option<f64>,
}

/// Settings of the analysis of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FileConfig {
    /// Blocks and gate.
    pub analysis: AnalysisConfig,
    /// Track and decoder.
    pub read: ReadOptions,
    /// The part.
    pub excerpt: Excerpt,
    /// Voice for which the answers are corrected.
    pub voice: VoiceChoice,
}

impl From<AnalysisConfig> for FileConfig {
    /// The whole recording.
    fn from(analysis: AnalysisConfig) -> Self {
        Self { analysis, ..Self::default() }
    }
}

/// Analyses the file at `path` and reports to `on_progress` at intervals; stops when that breaks. Times are relative to the whole recording, whatever
/// part of it is analysed. A mix in which the channels cancel each other is analysed again, from the loudest channel.
///
/// # Errors
/// [`FileAnalysisError`], each with the path.
pub fn analyse_file(
    path: &Path,
    model: &Model,
    backend: BackendChoice,
    config: impl Into<FileConfig>,
    mut on_progress: impl FnMut(FileProgress<'_>) -> ControlFlow<()>,
) -> Result<FileAnalysis, FileAnalysisError> {
    let start = Instant::now();
    let mut pass = Pass { path, model, backend, config: config.into() };
    let (mut analysis, cancelled) = pass.run(&mut on_progress)?;
    if let Some(Cancelled { loudest, below_db }) = cancelled {
        let sentence =
            format!("{}: the channels cancel each other: their mean is {below_db:.0} dB below channel {loudest}", path.display());
        if path.as_os_str() == STANDARD_INPUT {
            analysis.warnings.push(format!("{sentence}; choose one with --source"));
        } else {
            pass.config.excerpt.source = FileSource::Channel(loudest);
            (analysis, _) = pass.run(&mut on_progress)?;
            analysis.warnings.push(format!("{sentence}, which was analysed instead"));
        }
    }
    if let Some(correction) = &model.contract().voice {
        voices::correct_for(pass.config.voice, &mut analysis.results.voices, correction);
    }
    analysis.elapsed = start.elapsed();
    Ok(analysis)
}

/// One pass over a recording.
struct Pass<'a> {
    path: &'a Path,
    model: &'a Model,
    backend: BackendChoice,
    config: FileConfig,
}

impl Pass<'_> {
    fn run(
        &self,
        on_progress: &mut impl FnMut(FileProgress<'_>) -> ControlFlow<()>,
    ) -> Result<(FileAnalysis, Option<Cancelled>), FileAnalysisError> {
        let Self { path, model, backend, config } = *self;
        let Excerpt { source, from_s, to_s } = config.excerpt;
        let refused = |source| FileAnalysisError::Analysis { path: path.to_owned(), source };
        let unreadable = |problem| FileAnalysisError::Decode(DecodeError { path: path.to_owned(), problem });
        let mut reader = AudioReader::open_with(path, config.read)?;
        if let Some(found) = source.channel().map(NonZeroUsize::get).filter(|&channel| channel > reader.channels()) {
            return Err(unreadable(DecodeProblem::Channel { expected: reader.channels(), found }));
        }
        let layout = (reader.sample_rate(), reader.channels());
        let mut voices = Voices::new(model, backend, source, layout, config.analysis).map_err(refused)?;
        let mut part = Part::new(from_s, to_s, reader.sample_rate());
        let mut watch = (source == FileSource::default() && reader.channels() > 1).then(|| MixWatch::new(reader.channels()));
        let (mut chunk, mut n_packets, mut reported) = (Vec::new(), 0_u64, None::<Instant>);
        let mut found = voices.empty();
        while !part.is_over() && reader.read(&mut chunk)? {
            part.cut(&mut chunk, reader.channels());
            if let Some(watch) = &mut watch {
                watch.hear(&chunk);
            }
            voices.push(&chunk, &mut keep_in(from_s, &mut found)).map_err(refused)?;
            n_packets += 1;
            let is_due = || reported.is_none_or(|at| at.elapsed() >= REPORT_INTERVAL);
            if n_packets.is_multiple_of(PACKETS_A_REPORT) && is_due() {
                reported = Some(Instant::now());
                if on_progress(progress_of(&reader, to_s, &found[0].segments)).is_break() {
                    return Err(FileAnalysisError::Stopped { path: path.to_owned() });
                }
            }
        }
        if part.is_before() {
            return Err(unreadable(DecodeProblem::NoPart { end_seconds: seconds_of(&reader), from_seconds: from_s }));
        }
        voices.finish(&mut keep_in(from_s, &mut found)).map_err(refused)?;
        let results = Results {
            file: path.to_string_lossy().into_owned(),
            sample_rate: reader.sample_rate(),
            n_channels: reader.channels(),
            duration_s: to_s.unwrap_or(f64::INFINITY).min(seconds_of(&reader)),
            model_id: model.id().to_owned(),
            model_fingerprint: model.fingerprint().to_owned(),
            backend: voices.backend().to_string(),
            certain_from: model.certain_from(),
            voices: found,
        };
        let warnings = reader.warnings().iter().map(|warning| format!("{}: {warning}", path.display())).collect();
        Ok((FileAnalysis { results, warnings, elapsed: Duration::ZERO }, watch.and_then(|watch| watch.cancelled())))
    }
}

/// Cuts the samples of a part out of a stream.
struct Part {
    from: u64,
    to: u64,
    position: u64,
}

impl Part {
    fn new(from_s: f64, to_s: Option<f64>, sample_rate: u32) -> Self {
        let frames = |seconds: f64| (seconds * f64::from(sample_rate)).round() as u64;
        Self { from: frames(from_s), to: to_s.map_or(u64::MAX, frames), position: 0 }
    }

    /// Whether all of it has passed.
    const fn is_over(&self) -> bool {
        self.position >= self.to
    }

    /// Whether none of it has passed.
    const fn is_before(&self) -> bool {
        self.position <= self.from && self.from > 0
    }

    fn cut(&mut self, chunk: &mut Vec<f32>, n_channels: usize) {
        let n_frames = (chunk.len() / n_channels) as u64;
        let within = |position: u64| position.saturating_sub(self.position).min(n_frames) as usize * n_channels;
        let (from, to) = (within(self.from), within(self.to));
        self.position += n_frames;
        chunk.truncate(to);
        if from > 0 {
            chunk.drain(..from.min(to));
        }
    }
}

/// Collects the results of an excerpt that begins at `from_s`.
fn keep_in(from_s: f64, voices: &mut [Voice]) -> impl FnMut(Found) {
    move |Found { channel, segment, latency }| {
        let Some(voice) = voices.iter_mut().find(|voice| voice.channel == channel) else { return };
        let Segment { start_s, end_s, state } = segment;
        voice.segments.push(Segment { start_s: from_s + start_s, end_s: from_s + end_s, state });
        voice.latencies.push(latency);
    }
}

fn progress_of<'a>(reader: &AudioReader, to_s: Option<f64>, segments: &'a [Segment]) -> FileProgress<'a> {
    let all = reader.frames_expected().map_or(f64::INFINITY, |n_frames| n_frames.max(1) as f64 / f64::from(reader.sample_rate()));
    let share = seconds_of(reader) / to_s.unwrap_or(f64::INFINITY).min(all);
    FileProgress { share: share.min(1.0), seconds: seconds_of(reader), segments }
}

fn seconds_of(reader: &AudioReader) -> f64 {
    reader.frames_read() as f64 / f64::from(reader.sample_rate())
}
