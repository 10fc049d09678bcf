//! The clips of all folds, loaded once.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use moodline_core::Emotion;
use sha2::{Digest as _, Sha256};

use super::{CrossvalError, CrossvalOptions, JobError};
use crate::base::progress::{Interrupt, Progress};
use crate::data::augment::Augmenter;
use crate::data::dataset::{Clip, ClipLoader, ClipProblems, Dataset, Part, augmenter_of, fit_scaler};
use crate::data::manifest::Utterance;
use crate::study::protocol::{Fold, Plan, Sample, ScalerOn};
use crate::train::config::TrainConfig;

/// A clip and the hash of its content.
struct HashedClip {
    clip: Clip,
    sha256: [u8; 32],
}

/// All usable clips and copies that any fold needs.
pub(super) struct Clips<'a> {
    utterances: &'a [Utterance],
    loaded: HashMap<Sample, HashedClip>,
    augmenter: Option<Arc<Augmenter>>,
    pub(super) problems: ClipProblems,
}

impl<'a> Clips<'a> {
    /// Loads what the plan needs, and removes from it what cannot be loaded.
    pub(super) fn load(
        plan: &mut Plan,
        options: &CrossvalOptions<'a>,
        progress: Progress,
        interrupt: &Interrupt,
    ) -> Result<Self, CrossvalError> {
        let utterances = &options.manifest.utterances;
        let config = options.config;
        let data = config.data();
        for fold in &mut plan.folds {
            fold.train.retain(|sample| data.learns_from(&utterances[sample.utterance]));
        }
        let wanted: BTreeSet<Sample> = plan.folds.iter().flat_map(samples).collect();
        let requests: Vec<(&Utterance, usize)> =
            wanted.iter().map(|sample| (&utterances[sample.utterance], sample.copy)).collect();
        let (augmenter, mut problems) = augmenter_of(&data)?;
        let loader =
            ClipLoader::new(&config.front_end, config.training.block_seconds, options.cache).with_augmenter(augmenter.as_deref());
        let (clips, problems_of_clips) = loader.load_copies(&requests, progress, interrupt)?;
        problems.extend(problems_of_clips);
        let problems = ClipProblems(problems);
        // A manifest never lists a file twice.
        let places: HashMap<_, usize> =
            utterances.iter().enumerate().map(|(index, utterance)| (utterance.path.as_path(), index)).collect();
        let loaded = clips
            .into_iter()
            .map(|clip| {
                let sample = Sample { utterance: places[clip.utterance.path.as_path()], copy: clip.copy };
                let bytes: Vec<u8> = clip.features.iter().flat_map(|value| value.to_le_bytes()).collect();
                (sample, HashedClip { clip, sha256: Sha256::digest(bytes).into() })
            })
            .collect();
        let clips = Self { utterances, loaded, augmenter, problems };
        clips.keep_usable(plan);
        if plan.folds.is_empty() { Err(CrossvalError::NoClips { problems: clips.problems }) } else { Ok(clips) }
    }

    /// Removes the clips that could not be loaded from the folds, and then empty tests and folds.
    fn keep_usable(&self, plan: &mut Plan) {
        for fold in &mut plan.folds {
            let lists = [&mut fold.train, &mut fold.dev].into_iter().chain(fold.tests.iter_mut().map(|test| &mut test.samples));
            lists.for_each(|samples| samples.retain(|sample| self.loaded.contains_key(sample)));
            fold.tests.retain(|test| !test.samples.is_empty());
        }
        plan.folds.retain(|fold| !fold.tests.is_empty());
    }

    pub(super) fn utterance(&self, sample: Sample) -> &'a Utterance {
        &self.utterances[sample.utterance]
    }

    /// Number of steps of a clip.
    pub(super) fn n_steps(&self, sample: Sample) -> usize {
        self.loaded[&sample].clip.features.nrows()
    }

    pub(super) fn emotion(&self, sample: Sample) -> Emotion {
        self.utterance(sample).emotion
    }

    /// Hashes a list of clips: names, corpora, speakers, labels and content.
    pub(super) fn hash(&self, samples: &[Sample], hash: &mut Sha256) {
        hash.update(samples.len().to_le_bytes());
        for sample in samples {
            let Utterance { name, corpus, speaker, emotion, .. } = self.utterance(*sample);
            for text in [name.as_str(), corpus, speaker, emotion.name()] {
                hash.update(text.len().to_le_bytes());
                hash.update(text);
            }
            hash.update(sample.copy.to_le_bytes());
            hash.update(self.loaded[sample].sha256);
        }
    }

    fn select(&self, samples: &[Sample]) -> Vec<Cow<'_, Clip>> {
        samples.iter().map(|sample| Cow::Borrowed(&self.loaded[sample].clip)).collect()
    }

    /// The standardised train and dev data of a fold, and each of its tests.
    ///
    /// # Errors
    /// [`JobError::Dataset`]
    pub(super) fn dataset(&self, fold: &Fold, config: &TrainConfig) -> Result<(Dataset, Vec<Part>), JobError> {
        let known = match fold.scaler {
            ScalerOn::Train => fold.train.clone(),
            ScalerOn::Everything => samples(fold).collect::<BTreeSet<_>>().into_iter().collect(),
        };
        let scaler = fit_scaler(known.iter().map(|sample| &self.loaded[sample].clip), config.front_end.n_features());
        let (train, dev) = (self.select(&fold.train), self.select(&fold.dev));
        let dataset = Dataset::of_parts(train, dev, scaler, &config.data(), self.augmenter.clone())?;
        let tests = fold.tests.iter().map(|test| Part::new(self.select(&test.samples), &dataset.scaler)).collect();
        Ok((dataset, tests))
    }
}

/// All samples of a fold.
fn samples(fold: &Fold) -> impl Iterator<Item = Sample> {
    let tests = fold.tests.iter().flat_map(|test| &test.samples);
    fold.train.iter().chain(&fold.dev).chain(tests).copied()
}
