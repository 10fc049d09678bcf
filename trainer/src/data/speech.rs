//! Training data of a speech detector: scenes of speech, music and sounds, labelled at every step.
//!
//! In: clips of speech with the speech segments found by a teacher, recordings of sounds by kind, and a configuration. Out: [`Example`]s, the
//! features and labels of whole scenes. The labels come from the clean clips; what is mixed with them and how the scene was recorded is drawn from a
//! seed.

pub mod config;
pub mod scene;
pub mod sounds;
pub mod times;

use std::path::PathBuf;

use moodline_core::contract::TrainingCorpus;
use moodline_core::frontend::{FrontEndError, features};
use moodline_core::{FrontEndConfig, Sound};
use moodline_engine::decode::{DecodeError, read_mono_resampled};
use ndarray::Array2;
use rayon::prelude::*;

use crate::base::progress::{Interrupt, Progress};
use crate::data::augment::{Augmenter, NoiseError};
use crate::data::manifest::{Manifest, Split};
use moodline_fourier::Fourier;

use config::ScenesConfig;
use scene::{Clip, Scene, Sources};
use sounds::{SoundEntry, SoundsError, read_sounds};
use times::{Times, TimesError};

/// Features of a scene and the label of each step.
#[derive(Clone, Debug)]
pub struct Example {
    /// `[steps, n_features]`, not standardised.
    pub features: Array2<f32>,
    /// For each step, the index of the kind of sound that the output at this step refers to; none if unknown.
    pub labels: Vec<Option<usize>>,
}

/// Why there is no training data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpeechDataError {
    /// The speech segments.
    #[error(transparent)]
    Times(#[from] TimesError),
    /// The recordings of sounds.
    #[error(transparent)]
    Sounds(#[from] SoundsError),
    /// A clip cannot be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The noise of an augmentation.
    #[error(transparent)]
    Noise(#[from] NoiseError),
    /// The front end.
    #[error(transparent)]
    FrontEnd(#[from] FrontEndError),
    /// A split lacks speech or recordings of sounds.
    #[error(
        "speech data: the split '{split}' must have clips with speech and recordings of sounds, found {n_clips} clips and {n_sounds} recordings"
    )]
    Empty {
        /// The split.
        split: Split,
        /// Number of clips with speech.
        n_clips: usize,
        /// Number of recordings.
        n_sounds: usize,
    },
    /// The user stopped the run.
    #[error("interrupted")]
    Interrupted,
}

/// The sources of scenes, separately for train and dev: they share no speaker and no recording.
pub struct SpeechData {
    config: ScenesConfig,
    front_end: FrontEndConfig,
    delay_steps: usize,
    augmenter: Augmenter,
    train: Sources,
    dev: Sources,
}

impl SpeechData {
    /// Reads clips and sounds into memory. Only the train and dev splits of the manifest are used.
    ///
    /// # Errors
    /// [`SpeechDataError`] for anything that cannot be read.
    pub fn read(
        config: &ScenesConfig,
        front_end: &FrontEndConfig,
        delay_steps: usize,
        manifest: &Manifest,
        times: &[PathBuf],
        sounds: &[PathBuf],
        progress: Progress,
    ) -> Result<Self, SpeechDataError> {
        let rate = front_end.sample_rate;
        let times = Times::read(times)?;
        let sources = |split| -> Result<Sources, SpeechDataError> {
            let utterances: Vec<_> = manifest.of_split(Some(split)).collect();
            let bar = progress.bar("reading clips", utterances.len());
            let clips = utterances.par_iter().map(|utterance| {
                let speech = times.of(&utterance.name)?.to_vec();
                let samples = read_mono_resampled(&utterance.path, rate)?;
                bar.advance();
                Ok(Clip { corpus: utterance.corpus.clone(), speaker: utterance.speaker.clone(), samples, speech })
            });
            let clips: Vec<Clip> = clips.collect::<Result<Vec<_>, SpeechDataError>>()?;
            let clips: Vec<Clip> = clips.into_iter().filter(|clip| !clip.speech.is_empty()).collect();
            let recordings = read_sounds(sounds, config, split, rate)?;
            if clips.is_empty() || recordings.is_empty() {
                return Err(SpeechDataError::Empty { split, n_clips: clips.len(), n_sounds: recordings.len() });
            }
            Ok(Sources::new(clips, recordings))
        };
        let (train, dev) = (sources(Split::Train)?, sources(Split::Dev)?);
        let (augmenter, problems) = Augmenter::new(&config.recording, rate)?;
        if let Some(problem) = problems.into_iter().next() {
            return Err(problem.into());
        }
        Ok(Self { config: config.clone(), front_end: front_end.clone(), delay_steps, augmenter, train, dev })
    }

    /// The corpora in the training data.
    #[must_use]
    pub fn corpora(&self) -> Vec<TrainingCorpus> {
        self.train.corpora()
    }

    /// The sound recordings in the training data.
    pub fn sounds(&self) -> impl Iterator<Item = &SoundEntry> {
        self.train.sounds()
    }

    /// Scenes `first..first + n` of a split, on all threads of the pool; they depend only on the seed and their numbers.
    ///
    /// # Errors
    /// [`SpeechDataError::Interrupted`], or an error if the front end refuses a scene.
    pub fn examples(
        &self,
        split: Split,
        first: usize,
        n: usize,
        progress: Progress,
        interrupt: &Interrupt,
    ) -> Result<Vec<Example>, SpeechDataError> {
        let bar = progress.bar("drawing scenes", n);
        let numbers: Vec<usize> = (first..first + n).collect();
        let examples = numbers.par_iter().map_init(Fourier::new, |fourier, number| {
            if interrupt.requested() {
                return Err(SpeechDataError::Interrupted);
            }
            let example = self.example(&self.scene(split, *number, fourier))?;
            bar.advance();
            Ok(example)
        });
        examples.collect()
    }

    /// One scene.
    #[must_use]
    pub fn scene(&self, split: Split, number: usize, fourier: &mut Fourier) -> Scene {
        let sources = if split == Split::Train { &self.train } else { &self.dev };
        scene::draw(sources, &self.config, &self.augmenter, f64::from(self.front_end.sample_rate), (split, number), fourier)
    }

    fn example(&self, scene: &Scene) -> Result<Example, SpeechDataError> {
        let features: Array2<f32> = features(&self.front_end, &scene.samples)?;
        let step_samples = self.front_end.step_samples();
        let boundary = (self.config.boundary_seconds * f64::from(self.front_end.sample_rate)) as usize;
        let label = |step: usize| {
            let centre = step.checked_sub(self.delay_steps)? * step_samples;
            scene.heard_at(centre, boundary).map(Sound::index)
        };
        let labels = (0..features.nrows()).map(label).collect();
        Ok(Example { features, labels })
    }
}
