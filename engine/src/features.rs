//! What the network sees of a file: the steps of the front end, before normalisation, which is part of the weights.
//!
//! In: a path and the model whose front end it is. Out: [`Features`]. The trainer caches the same values.

use std::path::Path;

use moodline_core::config::{FeatureGroup, FrontEndConfig};
use moodline_core::frontend::{BlockFeatures, FrontEnd, FrontEndError};
use moodline_core::resample::Resampler;

use crate::analysis::AnalysisError;
use crate::block::BlockGrid;
use crate::decode::AudioReader;
use crate::file_analysis::FileAnalysisError;
use crate::model::Model;

/// The values of [`FeatureGroup::Prosody`], in their order.
const PROSODY_NAMES: [&str; 5] = ["f0", "f0_delta", "voicing", "level", "level_delta"];

/// The features of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// What each value of a step is called.
    pub names: Vec<String>,
    /// Time from step to step, seconds.
    pub step_seconds: f64,
    /// Time of the first step, seconds: the middle of the frames it is the mean of.
    pub first_s: f64,
    /// `[steps, names]`, row-major.
    pub values: Vec<f32>,
    /// What was wrong with the file without making it useless, each in a sentence that names it.
    pub warnings: Vec<String>,
}

impl Features {
    /// The steps, `[names]` each.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.names.len())
    }

    /// Time of a step, seconds.
    #[must_use]
    pub fn time_s(&self, step: usize) -> f64 {
        self.first_s + step as f64 * self.step_seconds
    }
}

/// What each value of a step is called: a group and, for coefficients, librosa's number, counted from 0.
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

/// The features of the file at `path`, the mean of its channels, in blocks of `window_seconds` one after the other: what is relative to a block is so to
/// the one it is in.
///
/// # Errors
/// [`FileAnalysisError`], each with the path.
pub fn features_of_file(path: &Path, model: &Model, window_seconds: f64) -> Result<Features, FileAnalysisError> {
    let refused = |source: AnalysisError| FileAnalysisError::Analysis { path: path.to_owned(), source };
    let config = &model.contract().front_end;
    let mut reader = AudioReader::open(path)?;
    let mut resampler = Resampler::new(reader.sample_rate(), config.sample_rate).map_err(|error| refused(error.into()))?;
    let mut front_end = FrontEnd::<f32>::new(config).map_err(|error| refused(error.into()))?;
    let step_len = front_end.step_len();
    let (mut steps, mut chunk, mut result) = (Vec::new(), Vec::new(), Ok(()));
    let mut take = |part: &[f32], result: &mut Result<(), FrontEndError>| {
        if result.is_ok() {
            *result = front_end.push(part, &mut |step| steps.extend_from_slice(step));
        }
    };
    while reader.read_mono(&mut chunk)? {
        resampler.push(&chunk, &mut |part| take(part, &mut result)).map_err(|error| refused(error.into()))?;
    }
    resampler.finish(&mut |part| take(part, &mut result));
    result.map_err(|error| refused(error.into()))?;
    front_end.finish(&mut |step| steps.extend_from_slice(step));
    let (grid, n_steps) =
        (BlockGrid::new(window_seconds, window_seconds, config.step_seconds()), (steps.len() / step_len) as u64);
    let first = |block: u64| grid.first_step(block).min(n_steps) as usize * step_len;
    let (mut block_features, mut values) = (BlockFeatures::new(config), Vec::new());
    for block in (0..).take_while(|&block| grid.first_step(block) < n_steps) {
        values.extend_from_slice(block_features.of(&steps[first(block)..first(block + 1)]));
    }
    let frame_seconds = config.hop_length as f64 / f64::from(config.sample_rate);
    let window_middle_s = if config.center { 0.0 } else { config.n_fft as f64 / 2.0 / f64::from(config.sample_rate) };
    Ok(Features {
        names: names(config),
        step_seconds: config.step_seconds(),
        first_s: window_middle_s + (config.average_frames - 1) as f64 / 2.0 * frame_seconds,
        values,
        warnings: reader.warnings().iter().map(|warning| format!("{}: {warning}", path.display())).collect(),
    })
}
