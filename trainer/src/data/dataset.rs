//! From clips to standardised features: the training data of the network.
//!
//! In: a [`Manifest`] and the configuration. Out: a [`Dataset`] with the train and dev splits. Each clip is run as a short stream of its own through
//! the front end of the product. The test split is never read here. Clips of the train split come with the copies that the augmentation requests;
//! other splits have none.
//!
//! Unusable clips are left out and listed together: those that cannot be decoded, contain NaN or infinite samples, are shorter than [`MIN_SECONDS`],
//! or are silent (no sample above [`SILENCE_PEAK`](crate::data::silence::SILENCE_PEAK)), which would teach the network an emotion for digital
//! silence.

mod clips;
mod fresh;
#[cfg(test)]
pub(crate) mod testing;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use moodline_core::Emotion;
use moodline_core::contract::TrainingCorpus;
use moodline_core::frontend::{Scaler, ScalerError, ScalerFit};
use moodline_engine::speech::SpeechError;
use ndarray::Array2;
use sha2::{Digest as _, Sha256};

use crate::base::progress::{Interrupt, Progress};
use crate::data::augment::{Augmenter, NoiseError};
use crate::data::cache::FeatureCache;
use crate::data::config::{ClassWeights, DataConfig};
use crate::data::manifest::{Manifest, Split, Utterance};

pub use clips::{Clip, ClipLoader, ClipProblem, MIN_SECONDS};
pub(crate) use clips::{decode, n_samples};
pub use fresh::FreshCopies;

/// Why there is no training data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The front end cannot be streamed with this configuration.
    #[error(transparent)]
    FrontEnd(#[from] SpeechError),
    /// A split has no usable clip.
    #[error("the {split} split has no usable clip: the manifests need speakers with split = {split}")]
    EmptySplit {
        /// The split.
        split: Split,
    },
    /// A class has no usable training clip.
    #[error("the train split has no usable clip of {missing}: expected every one of angry, happy, sad, neutral")]
    EmptyClass {
        /// The classes.
        missing: String,
    },
    /// The features cannot be standardised.
    #[error("the features cannot be standardised: {0}")]
    Scaler(#[from] ScalerError),
    /// The augmentation has no noise to add.
    #[error(transparent)]
    Noise(#[from] NoiseError),
    /// The user stopped the run.
    #[error("interrupted while computing features; those already computed are in the cache")]
    Interrupted,
}

/// One split, ready for the network.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// Standardised features of each clip, `[steps, n_features]`.
    pub features: Vec<Array2<f32>>,
    /// [`Emotion::index`] of each clip.
    pub labels: Vec<usize>,
    /// Speaker of each clip.
    pub speakers: Vec<String>,
    /// The corpus of each clip.
    pub corpora: Vec<String>,
}

impl Part {
    /// Standardises the clips; borrowed ones are left unchanged.
    #[must_use]
    pub fn new<'c>(clips: impl IntoIterator<Item = Cow<'c, Clip>>, scaler: &Scaler) -> Self {
        let mut part = Self::default();
        for clip in clips {
            part.labels.push(clip.utterance.emotion.index());
            part.speakers.push(clip.utterance.speaker.clone());
            part.corpora.push(clip.utterance.corpus.clone());
            let mut features = match clip {
                Cow::Owned(clip) => clip.features,
                Cow::Borrowed(clip) => clip.features.clone(),
            };
            // INVARIANT: the features were created in row-major order.
            scaler.apply(features.as_slice_mut().expect("row-major features"));
            part.features.push(features);
        }
        part
    }

    /// Number of clips.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no clips.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Number of clips per class.
    #[must_use]
    pub fn class_counts(&self) -> [usize; Emotion::COUNT] {
        let mut counts = [0; Emotion::COUNT];
        for &label in &self.labels {
            counts[label] += 1;
        }
        counts
    }
}

/// Training data of a network.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The weights are fitted on it.
    pub train: Part,
    /// Selects the best epoch.
    pub dev: Part,
    /// Fitted on the train split only: its clips and the copies loaded with them, even if each epoch draws other copies.
    pub scaler: Scaler,
    /// Weights of the classes in the loss.
    pub class_weights: [f32; Emotion::COUNT],
    /// The corpora in `train`.
    pub corpora: Vec<TrainingCorpus>,
    /// Draws the copies in `train` anew in each epoch, if configured.
    pub fresh: Option<FreshCopies>,
}

/// A dataset and the clips that had to be left out.
#[derive(Debug)]
pub struct LoadedDataset {
    /// The dataset.
    pub dataset: Dataset,
    /// The clips that were left out.
    pub problems: ClipProblems,
}

/// Clips that were left out.
#[derive(Debug, Default)]
pub struct ClipProblems(pub Vec<ClipProblem>);

impl ClipProblems {
    /// One sentence for each.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

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
    /// [`DatasetError`] if a split or a training class is left without clips; lists the clips that were left out.
    pub fn load(
        manifest: &Manifest,
        config: &DataConfig,
        cache: Option<&FeatureCache>,
        progress: Progress,
        interrupt: &Interrupt,
    ) -> Result<LoadedDataset, (DatasetError, ClipProblems)> {
        let nothing = |error| (error, ClipProblems::default());
        let (augmenter, problems_of_noise) = augmenter_of(config).map_err(nothing)?;
        let loader = ClipLoader::new(&config.front_end, config.block_seconds, cache).with_augmenter(augmenter.as_deref());
        let n_copies = augmenter.as_ref().map_or(0, |augmenter| augmenter.n_copies());
        let wanted: Vec<(&Utterance, usize)> = manifest
            .utterances
            .iter()
            .flat_map(|utterance| match utterance.split {
                Some(Split::Train) if config.learns_from(utterance) => (0..=n_copies).map(|copy| (utterance, copy)).collect(),
                Some(Split::Dev) => vec![(utterance, 0)],
                _ => Vec::new(),
            })
            .collect();
        let (clips, problems) = loader.load_copies(&wanted, progress, interrupt).map_err(nothing)?;
        let problems = problems_of_noise.into_iter().chain(problems).collect();
        let problems = ClipProblems(problems);
        match Self::of_clips(clips, config, augmenter) {
            Ok(dataset) => Ok(LoadedDataset { dataset, problems }),
            Err(error) => Err((error, problems)),
        }
    }

    /// The clips of the train and dev splits; the scaler is fitted on the train split.
    fn of_clips(clips: Vec<Clip>, config: &DataConfig, augmenter: Option<Arc<Augmenter>>) -> Result<Self, DatasetError> {
        let (train, dev): (Vec<_>, Vec<_>) =
            clips.into_iter().map(Cow::Owned).partition(|clip: &Cow<'_, Clip>| clip.utterance.split == Some(Split::Train));
        let scaler = fit_scaler(train.iter().map(Cow::as_ref), config.front_end.n_features());
        Self::of_parts(train, dev, scaler, config, augmenter)
    }

    /// A dataset of clips that the caller has already partitioned, regardless of the split in their manifest, standardised with the outcome of
    /// [`fit_scaler`]. `augmenter` made the copies in `train`, if there are any.
    ///
    /// # Errors
    /// [`DatasetError`]: a part without clips, a class without training clips, or features that cannot be standardised.
    pub fn of_parts(
        train: Vec<Cow<'_, Clip>>,
        dev: Vec<Cow<'_, Clip>>,
        scaler: Result<Scaler, ScalerError>,
        config: &DataConfig,
        augmenter: Option<Arc<Augmenter>>,
    ) -> Result<Self, DatasetError> {
        for (split, clips) in [(Split::Train, &train), (Split::Dev, &dev)] {
            if clips.is_empty() {
                return Err(DatasetError::EmptySplit { split });
            }
        }
        let scaler = scaler?;
        let corpora = corpora_of(&train);
        let class_weights = class_weights(&class_counts(&train), config.class_weights)?;
        let fresh = augmenter.filter(|augmenter| augmenter.is_fresh());
        let fresh = fresh.map(|augmenter| FreshCopies::new(augmenter, &train, &scaler, config));
        let train = Part::new(train, &scaler);
        let dev = Part::new(dev, &scaler);
        Ok(Self { train, dev, scaler, class_weights, corpora, fresh })
    }

    /// SHA-256 of everything the training depends on, hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&self.train, &self.dev] {
            for (features, label) in part.features.iter().zip(&part.labels) {
                hash.update(format!("{label} {:?};", features.dim()));
                let bytes: Vec<u8> = features.iter().flat_map(|value| value.to_le_bytes()).collect();
                hash.update(bytes);
            }
        }
        moodline_core::digest::hex(&hash.finalize())
    }
}

/// The augmenter for the training clips, if the configuration requests copies, and the noise recordings that had to be left out.
///
/// # Errors
/// [`DatasetError::Noise`] for a folder that contains no noise recordings.
pub fn augmenter_of(config: &DataConfig) -> Result<(Option<Arc<Augmenter>>, Vec<ClipProblem>), DatasetError> {
    match &config.augmentation {
        Some(augmentation) if augmentation.copies > 0 => {
            let (augmenter, problems) = Augmenter::new(augmentation, config.front_end.sample_rate)?;
            Ok((Some(Arc::new(augmenter)), problems.into_iter().map(ClipProblem::Noise).collect()))
        }
        _ => Ok((None, Vec::new())),
    }
}

/// Clips per class. Each clip is counted once, however many copies it has.
fn class_counts(clips: &[Cow<'_, Clip>]) -> [usize; Emotion::COUNT] {
    let mut counts = [0; Emotion::COUNT];
    for utterance in utterances_of(clips) {
        counts[utterance.emotion.index()] += 1;
    }
    counts
}

/// The utterances of the clips, each once.
fn utterances_of<'c>(clips: &'c [Cow<'_, Clip>]) -> impl Iterator<Item = &'c Utterance> {
    let by_path: BTreeMap<&Path, &Utterance> =
        clips.iter().map(|clip| (clip.utterance.path.as_path(), &clip.utterance)).collect();
    by_path.into_values()
}

/// Mean and standard deviation of every feature over all steps of all clips.
///
/// # Errors
/// [`ScalerError`] if there are no steps, or a feature is constant.
pub fn fit_scaler<'c>(clips: impl IntoIterator<Item = &'c Clip>, n_features: usize) -> Result<Scaler, ScalerError> {
    let mut fit = ScalerFit::new(n_features);
    for clip in clips {
        // INVARIANT: the features were created in row-major order.
        fit.update(clip.features.as_slice().expect("row-major features"));
    }
    fit.finish()
}

/// The weight of each class in the loss.
///
/// # Errors
/// [`DatasetError::EmptyClass`]: a class without clips has no weight, and a network would never predict it.
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
        ClassWeights::Given(weights) => Emotion::ALL.map(|emotion| weights.of(emotion) as f32),
    })
}

/// The corpora of the clips for the training record, by name; copies are not counted.
fn corpora_of(clips: &[Cow<'_, Clip>]) -> Vec<TrainingCorpus> {
    let mut corpora: BTreeMap<&str, (usize, BTreeSet<&str>)> = BTreeMap::new();
    for utterance in utterances_of(clips) {
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
