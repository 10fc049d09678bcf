//! Evaluation of speech detection: on sounds without speech, on recordings with labelled speech, and on clips of speech.
//!
//! In: a detector, or the speech segments of another one, and the recordings. Out: [`SpeechFigures`]. Both are evaluated on the same blocks with the
//! same rule, so that the results can be compared.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use moodline_core::contract::Detection;
use moodline_engine::decode::{DecodeError, read_mono_resampled};
use moodline_engine::speech::SpeechError;
use moodline_engine::{GateConfig, SpeechDetector, SpeechModel};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::base::progress::Progress;
use crate::data::manifest::Manifest;
use crate::data::speech::sounds::{SoundsError, entries};
use crate::data::speech::times::{Times, TimesError};
use crate::measure::latency::median_ms;
use moodline_augment::level::bring_to;

mod markdown;

pub use markdown::markdown;

/// Shortest labelled pause that counts, and tolerance for speech at both ends of it, seconds: annotators differ that much in where words begin and
/// end.
const PAUSE_SECONDS: f64 = 0.3;
const TOLERANCE_SECONDS: f64 = 0.05;

/// Sampling interval within pauses, seconds.
const PAUSE_TICK_SECONDS: f64 = 0.01;

/// Block lengths for sounds without speech and for labelled recordings, seconds. A remainder counts as a block if it is at least half as long.
const SOUND_BLOCK_SECONDS: f64 = 2.0;
const LABELLED_BLOCK_SECONDS: f64 = 1.0;

/// Level of the quiet copies of all clips, dBFS (RMS).
const QUIET_DB: f64 = -60.0;

/// Length of the audio for measuring the computing time, seconds, and number of runs.
const COST_SECONDS: usize = 5;
const COST_RUNS: usize = 41;
const COST_WARM_UP: usize = 5;

/// Number of blocks of some recordings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocks {
    /// All blocks.
    pub n: usize,
    /// Blocks classified as speech.
    pub speech: usize,
}

impl Blocks {
    /// Fraction classified as speech, 0..=1; 0 if there are none.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.n == 0 { 0.0 } else { self.speech as f64 / self.n as f64 }
    }

    fn add(&mut self, is_speech: bool) {
        self.n += 1;
        self.speech += usize::from(is_speech);
    }

    /// The sum of all.
    pub fn sum<'a>(blocks: impl IntoIterator<Item = &'a Self>) -> Self {
        blocks.into_iter().fold(Self::default(), |sum, blocks| Self { n: sum.n + blocks.n, speech: sum.speech + blocks.speech })
    }
}

/// Results on recordings with labelled speech.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Labelled {
    /// Blocks with speech in at least half of their length.
    pub speech: Blocks,
    /// Hundredths of a second within labelled pauses.
    pub pauses: Blocks,
    /// Median distance from a labelled onset to the nearest detected one, seconds.
    pub onset_error_s: f64,
    /// The same for offsets.
    pub offset_error_s: f64,
}

/// All results of a detector.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpeechFigures {
    /// Name of the detector.
    pub name: String,
    /// Blocks of sounds without speech, by kind.
    pub sounds: BTreeMap<String, Blocks>,
    /// Recordings with labelled speech.
    pub labelled: Labelled,
    /// Clips of speech, by corpus.
    pub clips: BTreeMap<String, Blocks>,
    /// The same at -60 dBFS; empty if not measured.
    pub quiet_clips: BTreeMap<String, Blocks>,
    /// Median computing time for five seconds of audio, ms, one thread.
    pub ms_per_5_s: f64,
}

/// The test recordings.
#[derive(Clone, Debug, Default)]
pub struct Recordings {
    /// Tables of sounds without speech.
    pub sounds: Vec<PathBuf>,
    /// Tables of labelled recordings, each with its table of speech segments.
    pub labelled: Vec<(PathBuf, PathBuf)>,
    /// Clips of speech.
    pub manifest: Option<Manifest>,
}

/// The speech segments found by another detector, and its description.
#[derive(Clone, Debug)]
pub struct Peer {
    times: Times,
    about: About,
}

#[derive(Clone, Debug, Deserialize)]
struct About {
    name: String,
    ms_per_5_s: f64,
}

/// Why nothing could be evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpeechMeasureError {
    /// A recording cannot be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The detector failed.
    #[error(transparent)]
    Speech(#[from] SpeechError),
    /// The speech segments cannot be used.
    #[error(transparent)]
    Times(#[from] TimesError),
    /// A table of sounds cannot be used.
    #[error(transparent)]
    Sounds(#[from] SoundsError),
    /// The description of a peer cannot be read.
    #[error("{path}: expected name and ms_per_5_s of the other detector as JSON: {reason}", path = path.display())]
    Peer {
        /// The file.
        path: PathBuf,
        /// Message of the reader.
        reason: String,
    },
}

impl Peer {
    /// Reads speech segments, and the JSON beside them that describes the detector.
    ///
    /// # Errors
    /// [`SpeechMeasureError`] with the path of the file.
    pub fn read(times: &Path) -> Result<Self, SpeechMeasureError> {
        let path = times.with_extension("json");
        let refused = |reason: String| SpeechMeasureError::Peer { path: path.clone(), reason };
        let text = std::fs::read_to_string(&path).map_err(|error| refused(error.to_string()))?;
        let about = serde_json::from_str(&text).map_err(|error| refused(error.to_string()))?;
        Ok(Self { times: Times::read(&[times.to_owned()])?, about })
    }
}

/// Evaluates `model`.
///
/// # Errors
/// [`SpeechMeasureError`] for an unusable recording.
pub fn measure(model: &SpeechModel, recordings: &Recordings, progress: Progress) -> Result<SpeechFigures, SpeechMeasureError> {
    let contract = model.contract();
    let rate = contract.front_end.sample_rate;
    let ears = |_: &str, samples: &[f32]| heard(model, samples);
    let mut figures = measured_by(&ears, rate, &contract.detection, recordings, true, progress)?;
    figures.name.clone_from(&contract.id);
    figures.ms_per_5_s = cost(model)?;
    Ok(figures)
}

/// Evaluates the segments of another detector with the same rule for blocks.
///
/// # Errors
/// As in [`measure`], and for a recording without segments.
pub fn measure_peer(
    peer: &Peer,
    model: &SpeechModel,
    recordings: &Recordings,
    progress: Progress,
) -> Result<SpeechFigures, SpeechMeasureError> {
    let contract = model.contract();
    let ears = |name: &str, _: &[f32]| Ok(peer.times.of(name)?.to_vec());
    let figures = measured_by(&ears, contract.front_end.sample_rate, &contract.detection, recordings, false, progress)?;
    Ok(SpeechFigures { name: peer.about.name.clone(), ms_per_5_s: peer.about.ms_per_5_s, ..figures })
}

/// Speech segments of a whole recording at the detector's rate.
///
/// # Errors
/// [`SpeechMeasureError::Speech`] for a sample that is not finite.
pub fn heard(model: &SpeechModel, samples: &[f32]) -> Result<Vec<(f64, f64)>, SpeechMeasureError> {
    let rate = model.contract().front_end.sample_rate;
    let seconds = samples.len() as f64 / f64::from(rate);
    let mut detector = SpeechDetector::new(model, rate, GateConfig::default(), seconds)?;
    detector.push(samples)?;
    detector.finish()?;
    Ok(detector.speech_between(0.0, seconds).collect())
}

type Ears<'a> = dyn Fn(&str, &[f32]) -> Result<Vec<(f64, f64)>, SpeechMeasureError> + Sync + 'a;

fn measured_by(
    ears: &Ears<'_>,
    rate: u32,
    detection: &Detection,
    recordings: &Recordings,
    with_quiet: bool,
    progress: Progress,
) -> Result<SpeechFigures, SpeechMeasureError> {
    let mut figures = SpeechFigures::default();
    let seconds_of = |samples: &[f32]| samples.len() as f64 / f64::from(rate);
    for table in &recordings.sounds {
        let entries = entries(table)?;
        let bar = progress.bar("sounds", entries.len());
        let found = entries.par_iter().map(|entry| -> Result<_, SpeechMeasureError> {
            let samples = read_mono_resampled(&entry.path, rate)?;
            bar.advance();
            let times = ears(&entry.name, &samples)?;
            Ok((entry.kind.clone(), blocks_of(&times, seconds_of(&samples), SOUND_BLOCK_SECONDS, detection)))
        });
        for (kind, blocks) in found.collect::<Result<Vec<_>, _>>()? {
            let of_kind = figures.sounds.entry(kind).or_default();
            blocks.into_iter().for_each(|(_, is_speech)| of_kind.add(is_speech));
        }
    }
    figures.labelled = labelled(ears, rate, detection, &recordings.labelled)?;
    if let Some(manifest) = &recordings.manifest {
        let bar = progress.bar("clips", manifest.utterances.len());
        let found = manifest.utterances.par_iter().map(|utterance| -> Result<_, SpeechMeasureError> {
            let mut samples = read_mono_resampled(&utterance.path, rate)?;
            bar.advance();
            let seconds = seconds_of(&samples);
            let is_speech = |samples: &[f32]| -> Result<bool, SpeechMeasureError> {
                Ok(detection.is_speech(speech_in(&ears(&utterance.name, samples)?, 0.0, seconds), seconds))
            };
            let whole = is_speech(&samples)?;
            bring_to(&mut samples, QUIET_DB);
            Ok((utterance.corpus.clone(), whole, if with_quiet { Some(is_speech(&samples)?) } else { None }))
        });
        for (corpus, is_speech, quiet) in found.collect::<Result<Vec<_>, _>>()? {
            figures.clips.entry(corpus.clone()).or_default().add(is_speech);
            if let Some(quiet) = quiet {
                figures.quiet_clips.entry(corpus).or_default().add(quiet);
            }
        }
    }
    Ok(figures)
}

fn labelled(
    ears: &Ears<'_>,
    rate: u32,
    detection: &Detection,
    tables: &[(PathBuf, PathBuf)],
) -> Result<Labelled, SpeechMeasureError> {
    let mut labelled = Labelled::default();
    let (mut onsets, mut offsets) = (Vec::new(), Vec::new());
    for (table, truth) in tables {
        let truth = Times::read(std::slice::from_ref(truth))?;
        for (name, path) in audio_of(table)? {
            let samples = read_mono_resampled(&path, rate)?;
            let seconds = samples.len() as f64 / f64::from(rate);
            let (found, truth) = (ears(&name, &samples)?, truth.of(&name)?);
            for (start, is_speech) in blocks_of(&found, seconds, LABELLED_BLOCK_SECONDS, detection) {
                let end = (start + LABELLED_BLOCK_SECONDS).min(seconds);
                if speech_in(truth, start, end) >= 0.5 * (end - start) {
                    labelled.speech.add(is_speech);
                }
            }
            for (start, end) in pauses(truth, seconds) {
                let n = ((end - start) / PAUSE_TICK_SECONDS) as usize;
                let ticks = (0..n).map(|tick| start + tick as f64 * PAUSE_TICK_SECONDS);
                ticks.for_each(|time| labelled.pauses.add(found.iter().any(|(from, to)| (*from..*to).contains(&time))));
            }
            for (start, end) in truth {
                onsets.extend(nearest(*start, found.iter().map(|times| times.0)));
                offsets.extend(nearest(*end, found.iter().map(|times| times.1)));
            }
        }
    }
    (labelled.onset_error_s, labelled.offset_error_s) = (median(onsets), median(offsets));
    Ok(labelled)
}

/// Name and path of each line of a table with the column `path`.
fn audio_of(table: &Path) -> Result<Vec<(String, PathBuf)>, TimesError> {
    let unreadable = |reason: String| TimesError::Unreadable { path: table.to_owned(), reason };
    let mut reader = csv::Reader::from_path(table).map_err(|error| unreadable(error.to_string()))?;
    let header = reader.headers().map_err(|error| unreadable(error.to_string()))?.clone();
    let column =
        header.iter().position(|column| column == "path").ok_or_else(|| unreadable("expected a column path".to_owned()))?;
    let folder = table.parent().unwrap_or(Path::new(""));
    let line = |record: Result<csv::StringRecord, csv::Error>| {
        let record = record.map_err(|error| unreadable(error.to_string()))?;
        let name = record.get(column).unwrap_or_default().to_owned();
        Ok((name.clone(), folder.join(name)))
    };
    reader.records().map(line).collect()
}

/// Start of each block, and whether it is speech.
fn blocks_of(times: &[(f64, f64)], seconds: f64, block_seconds: f64, detection: &Detection) -> Vec<(f64, bool)> {
    let n = ((seconds / block_seconds).floor() as usize).max(1);
    let with_rest = n + usize::from(seconds - n as f64 * block_seconds >= 0.5 * block_seconds);
    let block = |index: usize| {
        let start = index as f64 * block_seconds;
        let end = (start + block_seconds).min(seconds);
        (start, detection.is_speech(speech_in(times, start, end), end - start))
    };
    (0..with_rest).map(block).collect()
}

/// Seconds of speech between two times.
fn speech_in(times: &[(f64, f64)], start: f64, end: f64) -> f64 {
    times.iter().map(|(from, to)| (to.min(end) - from.max(start)).max(0.0)).sum()
}

/// The gaps between speech segments, without the tolerance at their ends.
fn pauses(speech: &[(f64, f64)], seconds: f64) -> Vec<(f64, f64)> {
    let starts = std::iter::once(0.0).chain(speech.iter().map(|times| times.1));
    let ends = speech.iter().map(|times| times.0).chain([seconds]);
    let pauses = starts.zip(ends).filter(|(start, end)| end - start >= PAUSE_SECONDS);
    pauses.map(|(start, end)| (start + TOLERANCE_SECONDS, end - TOLERANCE_SECONDS)).collect()
}

fn nearest(time: f64, found: impl Iterator<Item = f64>) -> Option<f64> {
    found.map(|other| (other - time).abs()).min_by(f64::total_cmp)
}

/// 0 if there are no values.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Median computing time for five seconds of noise, ms.
fn cost(model: &SpeechModel) -> Result<f64, SpeechMeasureError> {
    let rate = model.contract().front_end.sample_rate;
    let mut noise = 1_u32;
    let samples: Vec<f32> = (0..COST_SECONDS * rate as usize)
        .map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            0.1 * (noise as f32 / u32::MAX as f32 - 0.5)
        })
        .collect();
    let mut detector = SpeechDetector::new(model, rate, GateConfig::default(), COST_SECONDS as f64)?;
    Ok(median_ms(COST_RUNS, COST_WARM_UP, || detector.push(&samples))?)
}
