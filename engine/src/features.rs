//! The features of a file as the network sees them: the steps of the front end, before normalisation, which is part of the weights.
//!
//! In: a path and the model that defines the front end. Out: [`Features`]. The trainer caches the same values.

use std::path::Path;

use moodline_core::config::{FeatureGroup, FrontEndConfig};
use moodline_core::frontend::{BlockFeatures, FrontEnd};
use moodline_core::resample::Resampler;

use crate::analysis::AnalysisError;
use crate::block::BlockGrid;
use crate::decode::AudioReader;
use crate::file_analysis::FileAnalysisError;
use crate::model::Model;
use crate::speech::{GateConfig, SpeechDetector, SpeechModel, SpeechSteps};

/// Longest time that steps wait for later audio, seconds.
const WAIT_SECONDS: f64 = 2.0;

/// The values of [`FeatureGroup::Prosody`], in their order.
const PROSODY_NAMES: [&str; 5] = ["f0", "f0_delta", "voicing", "level", "level_delta"];

/// The features of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// Name of each value of a step.
    pub names: Vec<String>,
    /// Distance between steps, seconds.
    pub step_seconds: f64,
    /// Time of each step, seconds: the middle of the frames that it averages. For a network that receives only speech, the other steps are left out.
    pub times_s: Vec<f64>,
    /// `[steps, names]`, row-major.
    pub values: Vec<f32>,
    /// Problems of the file that did not make it useless, each in a sentence that names the file.
    pub warnings: Vec<String>,
}

impl Features {
    /// The steps, `[names]` each.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.names.len())
    }
}

/// Name of each value of a step: a group and, for coefficients, librosa's number, counted from 0.
#[must_use]
pub fn names(config: &FrontEndConfig) -> Vec<String> {
    let numbered = |name: &str| (0..config.n_mfcc).map(|index| format!("{name}_{index}")).collect();
    let of_group = |group: &FeatureGroup| -> Vec<String> {
        match group {
            FeatureGroup::Mfcc => numbered("mfcc"),
            FeatureGroup::Delta => numbered("delta"),
            FeatureGroup::Delta2 => numbered("delta2"),
            FeatureGroup::Prosody => PROSODY_NAMES.map(str::to_owned).to_vec(),
        }
    };
    config.groups.iter().flat_map(of_group).collect()
}

/// The features of the file at `path`, the mean of its channels, in consecutive blocks of `window_seconds`; values that are relative to a block are relative
/// to the one they are in.
///
/// # Errors
/// [`FileAnalysisError`], each with the path; [`FileAnalysisError::Stopped`] once `is_stopped` says so.
pub fn features_of_file(
    path: &Path,
    model: &Model,
    window_seconds: f64,
    is_stopped: impl Fn() -> bool,
) -> Result<Features, FileAnalysisError> {
    let refused = |source: AnalysisError| FileAnalysisError::Analysis { path: path.to_owned(), source };
    let config = &model.contract().front_end;
    let mut reader = AudioReader::open(path)?;
    let mut resampler = Resampler::new(reader.sample_rate(), config.sample_rate).map_err(|error| refused(error.into()))?;
    let mut blocks = Blocks::new(config, window_seconds).map_err(refused)?;
    let (mut chunk, mut result) = (Vec::new(), Ok(()));
    let mut take = |part: &[f32]| {
        if result.is_ok() {
            result = blocks.push(part);
        }
    };
    while reader.read_mono(&mut chunk)? {
        resampler.push(&chunk, &mut take).map_err(|error| refused(error.into()))?;
        if is_stopped() {
            return Err(FileAnalysisError::Stopped { path: path.to_owned() });
        }
    }
    resampler.finish(&mut take);
    result.and_then(|()| blocks.finish()).map_err(refused)?;
    let Blocks { times_s, values, .. } = blocks;
    Ok(Features {
        names: names(config),
        step_seconds: config.step_seconds(),
        times_s,
        values,
        warnings: reader.warnings().iter().map(|warning| format!("{}: {warning}", path.display())).collect(),
    })
}

/// From a stream at the front end's rate to the features of consecutive blocks.
struct Blocks {
    grid: BlockGrid,
    front_end: FrontEnd<f32>,
    speech: Option<SpeechDetector>,
    speech_steps: SpeechSteps,
    features: BlockFeatures<f32>,
    step_len: usize,
    step_seconds: f64,
    /// Steps that are not yet part of a block, and the position of the first of them in the stream.
    steps: Vec<f32>,
    first: u64,
    n_blocks: u64,
    times_s: Vec<f64>,
    values: Vec<f32>,
}

impl Blocks {
    fn new(config: &FrontEndConfig, window_seconds: f64) -> Result<Self, AnalysisError> {
        let front_end = FrontEnd::<f32>::new(config)?;
        let detector = || {
            let kept_seconds = window_seconds + WAIT_SECONDS;
            SpeechDetector::new(&SpeechModel::embedded(), config.sample_rate, GateConfig::default(), kept_seconds)
        };
        Ok(Self {
            grid: BlockGrid::new(window_seconds, window_seconds, config.step_seconds()),
            speech: config.speech_margin.map(|_| detector()).transpose()?,
            step_len: front_end.step_len(),
            speech_steps: SpeechSteps::new(config, front_end.step_len()),
            front_end,
            features: BlockFeatures::new(config),
            step_seconds: config.step_seconds(),
            steps: Vec::new(),
            first: 0,
            n_blocks: 0,
            times_s: Vec::new(),
            values: Vec::new(),
        })
    }

    fn push(&mut self, samples: &[f32]) -> Result<(), AnalysisError> {
        let Self { front_end, steps, speech, .. } = self;
        front_end.push(samples, &mut |step| steps.extend_from_slice(step))?;
        if let Some(speech) = speech {
            speech.push(samples)?;
        }
        while self.next_is_there() {
            self.complete(self.grid.first_step(self.n_blocks + 1));
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), AnalysisError> {
        let Self { front_end, steps, speech, .. } = self;
        front_end.finish(&mut |step| steps.extend_from_slice(step));
        if let Some(speech) = speech {
            speech.finish()?;
        }
        while !self.steps.is_empty() {
            self.complete(self.grid.first_step(self.n_blocks + 1).min(self.end()));
        }
        Ok(())
    }

    /// The position after the last available step.
    fn end(&self) -> u64 {
        self.first + (self.steps.len() / self.step_len) as u64
    }

    fn next_is_there(&self) -> bool {
        let end = self.grid.first_step(self.n_blocks + 1);
        self.end() >= end && self.speech.as_ref().is_none_or(|speech| speech.knows(end as f64 * self.step_seconds))
    }

    fn complete(&mut self, end: u64) {
        let Self { speech, speech_steps, features, steps, first, step_len, .. } = self;
        let n_values = (end - *first) as usize * *step_len;
        let heard = speech_steps.ranges(speech.as_ref(), *first..end).into_iter().flatten();
        self.times_s.extend(heard.map(|step| speech_steps.centre_seconds(step)));
        self.values.extend_from_slice(features.of(speech_steps.of(speech.as_ref(), *first, &steps[..n_values])));
        steps.drain(..n_values);
        (self.first, self.n_blocks) = (end, self.n_blocks + 1);
    }
}
