//! Clips to standardised features: what the network is trained on.
//!
//! In: a [`Manifest`] and the configuration. Out: a [`Dataset`] with the training and development splits. Each clip is run as a short stream of
//! its own through the front end of the product. Nothing of the test split is read here.
//!
//! Clips that cannot be used are left out and named together: those that cannot be decoded, are shorter than [`MIN_SECONDS`], or are silent
//! (no sample above [`SILENCE_PEAK`]), which would teach the network an emotion for digital silence.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use moodline_core::contract::TrainingCorpus;
use moodline_core::frontend::{FrontEnd, FrontEndError, Scaler, ScalerError, ScalerFit};
use moodline_core::{Emotion, FrontEndConfig};
use moodline_engine::decode::{DecodeError, read_mono_resampled};
use ndarray::Array2;
use rayon::prelude::*;

use crate::cache::FeatureCache;
use crate::config::{ClassWeights, TrainConfig};
use crate::manifest::{Manifest, Split, Utterance};
use crate::progress::{Interrupt, Progress};

/// Shortest clip that is used, seconds: less holds no syllable.
pub const MIN_SECONDS: f64 = 0.1;

/// Largest sample of a silent clip: one step of 16-bit audio, -90 dBFS.
pub const SILENCE_PEAK: f32 = 1.0 / 32_768.0;

/// A clip with its features.
#[derive(Clone, Debug)]
pub struct Clip {
    /// Which clip.
    pub utterance: Utterance,
    /// `[steps, n_features]`
    pub features: Array2<f32>,
}

/// Why a clip cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClipProblem {
    /// The file is no audio.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] crate::files::FileError),
    /// The samples are no audio.
    #[error("{name}: {reason}")]
    FrontEnd {
        /// The clip.
        name: String,
        /// What the front end says.
        reason: FrontEndError,
    },
    /// Too little of it.
    #[error("{name}: expected at least {MIN_SECONDS} s of audio, found {found:.3} s")]
    TooShort {
        /// The clip.
        name: String,
        /// Seconds.
        found: f64,
    },
    /// Nothing to hear.
    #[error("{name}: the clip is silent (no sample above -90 dBFS)")]
    Silent {
        /// The clip.
        name: String,
    },
    /// A feature overflowed.
    #[error("{name}: a feature is not a finite number")]
    NotFinite {
        /// The clip.
        name: String,
    },
}

/// Why there is nothing to train on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The configuration cannot be streamed.
    #[error(transparent)]
    FrontEnd(#[from] FrontEndError),
    /// A split has no usable clip.
    #[error("the {split} split has no usable clip: the manifests need speakers with split = {split}")]
    EmptySplit {
        /// The split.
        split: Split,
    },
    /// A class has no usable clip to train on.
    #[error("the train split has no usable clip of {missing}: expected every one of angry, happy, sad, neutral")]
    EmptyClass {
        /// The classes.
        missing: String,
    },
    /// The features cannot be standardised.
    #[error("the features cannot be standardised: {0}")]
    Scaler(#[from] ScalerError),
    /// The user stopped it.
    #[error("interrupted while computing features; those already computed are in the cache")]
    Interrupted,
}

/// Loads clips: from the cache where it has them, else from the audio.
pub struct ClipLoader<'a> {
    front_end: &'a FrontEndConfig,
    block_seconds: f64,
    cache: Option<&'a FeatureCache>,
}

impl<'a> ClipLoader<'a> {
    /// A loader for the first `block_seconds` of each clip.
    #[must_use]
    pub fn new(front_end: &'a FrontEndConfig, block_seconds: f64, cache: Option<&'a FeatureCache>) -> Self {
        Self { front_end, block_seconds, cache }
    }

    /// Loads clips on all threads of the pool; the order is that of `utterances`, whoever finishes first.
    ///
    /// # Errors
    /// [`DatasetError::FrontEnd`] for a configuration that cannot be streamed, [`DatasetError::Interrupted`]. A clip that cannot be used is no
    /// error but one of the problems.
    pub fn load(
        &self,
        utterances: &[&Utterance],
        progress: Progress,
        interrupt: &Interrupt,
    ) -> Result<(Vec<Clip>, Vec<ClipProblem>), DatasetError> {
        let front_end = || FrontEnd::<f32>::new(self.front_end);
        front_end()?;
        let bar = progress.bar("features", utterances.len());
        let outcomes: Vec<Option<Result<Clip, ClipProblem>>> = utterances
            .par_iter()
            .map_init(
                // INVARIANT: the same configuration was accepted above.
                || front_end().expect("a front end that was accepted before"),
                |front_end, utterance| {
                    if interrupt.requested() {
                        return None;
                    }
                    let outcome = self.load_one(utterance, front_end);
                    bar.advance();
                    Some(outcome.map(|features| Clip { utterance: (*utterance).clone(), features }))
                },
            )
            .collect();
        bar.finish();
        let mut clips = Vec::with_capacity(outcomes.len());
        let mut problems = Vec::new();
        for outcome in outcomes {
            match outcome.ok_or(DatasetError::Interrupted)? {
                Ok(clip) => clips.push(clip),
                Err(problem) => problems.push(problem),
            }
        }
        Ok((clips, problems))
    }

    fn load_one(&self, utterance: &Utterance, front_end: &mut FrontEnd<f32>) -> Result<Array2<f32>, ClipProblem> {
        let Some(cache) = self.cache else { return self.compute(utterance, front_end) };
        let key = cache.key(&crate::files::read(&utterance.path)?);
        if let Some(features) = cache.get(&key) {
            return Ok(features);
        }
        let features = self.compute(utterance, front_end)?;
        cache.put(&key, &features);
        Ok(features)
    }

    fn compute(&self, utterance: &Utterance, front_end: &mut FrontEnd<f32>) -> Result<Array2<f32>, ClipProblem> {
        let name = || utterance.name.clone();
        let sample_rate = f64::from(self.front_end.sample_rate);
        let mut samples = read_mono_resampled(&utterance.path, self.front_end.sample_rate)?;
        let found = samples.len() as f64 / sample_rate;
        if found < MIN_SECONDS {
            return Err(ClipProblem::TooShort { name: name(), found });
        }
        samples.truncate((self.block_seconds * sample_rate).round() as usize);
        if samples.iter().all(|sample| sample.abs() <= SILENCE_PEAK) {
            return Err(ClipProblem::Silent { name: name() });
        }
        let features = self.stream(&samples, front_end).map_err(|reason| ClipProblem::FrontEnd { name: name(), reason })?;
        if features.is_empty() {
            return Err(ClipProblem::TooShort { name: name(), found });
        }
        if features.iter().all(|value| value.is_finite()) { Ok(features) } else { Err(ClipProblem::NotFinite { name: name() }) }
    }

    /// The steps of one block, `[steps, n_features]`.
    fn stream(&self, samples: &[f32], front_end: &mut FrontEnd<f32>) -> Result<Array2<f32>, FrontEndError> {
        let longest = (self.block_seconds / self.front_end.step_seconds()).round() as usize;
        let n_features = front_end.n_features();
        let mut values = Vec::new();
        front_end.reset();
        front_end.push(samples, &mut |step| values.extend_from_slice(step))?;
        front_end.finish(&mut |step| values.extend_from_slice(step));
        values.truncate(longest * n_features);
        // INVARIANT: the front end hands out whole steps.
        Ok(Array2::from_shape_vec((values.len() / n_features, n_features), values).expect("whole steps"))
    }
}

/// One split, ready for the network.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// Standardised features of each clip, `[steps, n_features]`.
    pub features: Vec<Array2<f32>>,
    /// [`Emotion::index`] of each clip.
    pub labels: Vec<usize>,
    /// Who speaks in each clip.
    pub speakers: Vec<String>,
}

impl Part {
    /// Standardises the clips.
    #[must_use]
    pub fn new(clips: Vec<Clip>, scaler: &Scaler) -> Self {
        let mut part = Self::default();
        for Clip { utterance, mut features } in clips {
            // INVARIANT: the features were made in row-major order.
            scaler.apply(features.as_slice_mut().expect("row-major features"));
            part.features.push(features);
            part.labels.push(utterance.emotion.index());
            part.speakers.push(utterance.speaker);
        }
        part
    }

    /// Number of clips.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no clip.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Clips of each class.
    #[must_use]
    pub fn class_counts(&self) -> [usize; Emotion::COUNT] {
        let mut counts = [0; Emotion::COUNT];
        for &label in &self.labels {
            counts[label] += 1;
        }
        counts
    }
}

/// What a network is trained on.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The weights are fitted on it.
    pub train: Part,
    /// Decides which epoch is best.
    pub dev: Part,
    /// Fitted on the train split only.
    pub scaler: Scaler,
    /// Weights of the classes in the loss.
    pub class_weights: [f32; Emotion::COUNT],
    /// What `train` consists of.
    pub corpora: Vec<TrainingCorpus>,
}

/// A dataset and the clips it had to leave out.
#[derive(Debug)]
pub struct Loaded {
    /// The dataset.
    pub dataset: Dataset,
    /// The clips that are not in it.
    pub problems: ClipProblems,
}

/// Clips that were left out.
#[derive(Debug, Default)]
pub struct ClipProblems(pub Vec<ClipProblem>);

impl fmt::Display for ClipProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0.len();
        write!(f, "{n} clip{} left out", if n == 1 { " was" } else { "s were" })?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl Dataset {
    /// Loads the train and dev splits of a manifest.
    ///
    /// # Errors
    /// [`DatasetError`] when nothing is left of a split or of a class to train on, with the clips that were left out.
    pub fn load(
        manifest: &Manifest,
        config: &TrainConfig,
        cache: Option<&FeatureCache>,
        progress: Progress,
        interrupt: &Interrupt,
    ) -> Result<Loaded, (DatasetError, ClipProblems)> {
        let loader = ClipLoader::new(&config.front_end, config.training.block_seconds, cache);
        let wanted: Vec<&Utterance> =
            manifest.utterances.iter().filter(|utterance| matches!(utterance.split, Some(Split::Train | Split::Dev))).collect();
        let (clips, problems) = loader.load(&wanted, progress, interrupt).map_err(|error| (error, ClipProblems::default()))?;
        let problems = ClipProblems(problems);
        match Self::of_clips(clips, config) {
            Ok(dataset) => Ok(Loaded { dataset, problems }),
            Err(error) => Err((error, problems)),
        }
    }

    fn of_clips(clips: Vec<Clip>, config: &TrainConfig) -> Result<Self, DatasetError> {
        let (train, dev): (Vec<Clip>, Vec<Clip>) = clips.into_iter().partition(|clip| clip.utterance.split == Some(Split::Train));
        for (split, clips) in [(Split::Train, &train), (Split::Dev, &dev)] {
            if clips.is_empty() {
                return Err(DatasetError::EmptySplit { split });
            }
        }
        let corpora = corpora_of(&train);
        let scaler = fit_scaler(&train, config.front_end.n_features())?;
        let train = Part::new(train, &scaler);
        let class_weights = class_weights(&train.class_counts(), config.training.class_weights)?;
        let dev = Part::new(dev, &scaler);
        Ok(Self { train, dev, scaler, class_weights, corpora })
    }
}

/// Mean and deviation of every feature over all steps of all clips.
fn fit_scaler(clips: &[Clip], n_features: usize) -> Result<Scaler, ScalerError> {
    let mut fit = ScalerFit::new(n_features);
    for clip in clips {
        // INVARIANT: the features were made in row-major order.
        fit.update(clip.features.as_slice().expect("row-major features"));
    }
    fit.finish()
}

/// The weight of each class in the loss.
///
/// # Errors
/// [`DatasetError::EmptyClass`]: a class that never occurs has no weight, and a network would never say it.
///
/// # Source
/// `balanced`: scikit-learn 1.9, `sklearn.utils.class_weight.compute_class_weight`.
pub fn class_weights(counts: &[usize; Emotion::COUNT], kind: ClassWeights) -> Result<[f32; Emotion::COUNT], DatasetError> {
    let missing: Vec<&str> =
        Emotion::ALL.iter().filter(|emotion| counts[emotion.index()] == 0).map(|emotion| emotion.name()).collect();
    if !missing.is_empty() {
        return Err(DatasetError::EmptyClass { missing: missing.join(", ") });
    }
    let n: usize = counts.iter().sum();
    Ok(match kind {
        ClassWeights::Balanced => counts.map(|count| (n as f64 / (Emotion::COUNT * count) as f64) as f32),
        ClassWeights::None => [1.0; Emotion::COUNT],
    })
}

/// The training record of the clips, by name of the corpus.
fn corpora_of(clips: &[Clip]) -> Vec<TrainingCorpus> {
    let mut corpora: BTreeMap<&str, (usize, BTreeSet<&str>)> = BTreeMap::new();
    for Clip { utterance, .. } in clips {
        let (n_utterances, speakers) = corpora.entry(&utterance.corpus).or_default();
        *n_utterances += 1;
        speakers.insert(&utterance.speaker);
    }
    corpora
        .into_iter()
        .map(|(name, (n_utterances, speakers))| TrainingCorpus {
            name: name.to_owned(),
            n_utterances,
            n_speakers: speakers.len(),
        })
        .collect()
}
