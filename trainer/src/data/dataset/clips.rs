//! From audio files to features, in parallel and through the cache.
//!
//! In: utterances and numbers of copies. Out: a [`Clip`] for each, in the same order, and one [`ClipProblem`] for each that cannot be used.

use std::path::Path;

use moodline_core::FrontEndConfig;
use moodline_core::frontend::{BlockFeatures, FrontEnd};
use moodline_engine::decode::{DecodeError, read_mono_resampled};
use moodline_engine::speech::{GateConfig, SpeechDetector, SpeechError, SpeechModel, SpeechSteps};
use moodline_fourier::Fourier;
use ndarray::Array2;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::DatasetError;
use crate::base::progress::{Interrupt, Progress};
use crate::data::augment::Augmenter;
use crate::data::cache::FeatureCache;
use crate::data::manifest::Utterance;
use crate::data::silence::SILENCE_PEAK;

/// Shortest usable clip, seconds: anything shorter holds no syllable.
pub const MIN_SECONDS: f64 = 0.1;

/// Clips are read for this multiple of the length used, because an augmentation may play them faster.
const LONGEST_READ: f64 = 2.0;

/// A clip with its features.
#[derive(Clone, Debug)]
pub struct Clip {
    /// The utterance of the clip.
    pub utterance: Utterance,
    /// 0 is the original clip; the others are its augmented copies.
    pub copy: usize,
    /// `[steps, n_features]`
    pub features: Array2<f32>,
}

/// Why a clip cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClipProblem {
    /// The file cannot be decoded as audio.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] crate::base::files::FileError),
    /// The front end refuses the samples.
    #[error("{name}: {reason}")]
    FrontEnd {
        /// The clip.
        name: String,
        /// Error of the front end or the speech detector.
        reason: SpeechError,
    },
    /// It is too short.
    #[error("{name}: expected at least {MIN_SECONDS} s of audio, found {found:.3} s")]
    TooShort {
        /// The clip.
        name: String,
        /// Seconds.
        found: f64,
    },
    /// It is silent.
    #[error("{name}: the clip is silent (no sample above -90 dBFS)")]
    Silent {
        /// The clip.
        name: String,
    },
    /// A noise recording of the augmentation cannot be decoded.
    #[error("noise of the augmentation: {0}")]
    Noise(DecodeError),
    /// A feature overflowed.
    #[error("{name}: a feature is not a finite number")]
    NotFinite {
        /// The clip.
        name: String,
    },
}

/// Loads clips from the cache if possible, otherwise from the audio.
pub struct ClipLoader<'a> {
    front_end: &'a FrontEndConfig,
    block_seconds: f64,
    cache: Option<&'a FeatureCache>,
    augmenter: Option<&'a Augmenter>,
}

/// What a thread needs to compute features.
pub(super) struct Workshop {
    front_end: FrontEnd<f32>,
    speech: Option<SpeechDetector>,
    speech_steps: SpeechSteps,
    block: BlockFeatures<f32>,
    pub(super) fourier: Fourier,
}

impl Workshop {
    pub(super) fn new(config: &FrontEndConfig, block_seconds: f64) -> Result<Self, SpeechError> {
        let front_end = FrontEnd::new(config)?;
        let detector = || SpeechDetector::new(&SpeechModel::embedded(), config.sample_rate, GateConfig::default(), block_seconds);
        Ok(Self {
            speech: config.speech_margin.map(|_| detector()).transpose()?,
            speech_steps: SpeechSteps::new(config, front_end.step_len()),
            front_end,
            block: BlockFeatures::new(config),
            fourier: Fourier::new(),
        })
    }
}

/// The audio file of a clip and the samples decoded so far.
struct Source {
    bytes: Vec<u8>,
    digest: [u8; 32],
    /// Decoded when the first copy that is not in the cache is needed.
    samples: Option<Vec<f32>>,
}

impl<'a> ClipLoader<'a> {
    /// A loader for the first `block_seconds` of each clip.
    #[must_use]
    pub fn new(front_end: &'a FrontEndConfig, block_seconds: f64, cache: Option<&'a FeatureCache>) -> Self {
        Self { front_end, block_seconds, cache, augmenter: None }
    }

    /// The same loader, with the ability to make copies.
    #[must_use]
    pub fn with_augmenter(self, augmenter: Option<&'a Augmenter>) -> Self {
        Self { augmenter, ..self }
    }

    /// Loads clips on all threads of the pool, in the order of `utterances`.
    ///
    /// # Errors
    /// [`DatasetError::FrontEnd`] for a configuration that cannot be streamed, [`DatasetError::Interrupted`]. An unusable clip is not an error but
    /// listed as a problem.
    pub fn load(
        &self,
        utterances: &[&Utterance],
        progress: Progress,
        interrupt: &Interrupt,
    ) -> Result<(Vec<Clip>, Vec<ClipProblem>), DatasetError> {
        let requests: Vec<(&Utterance, usize)> = utterances.iter().map(|utterance| (*utterance, 0)).collect();
        self.load_copies(&requests, progress, interrupt)
    }

    /// [`load`](Self::load) for clips and their copies, counted from 1; copy 0 is the original clip. For consecutive copies of a clip in `requests`,
    /// the file is read only once.
    ///
    /// # Panics
    /// When a copy is requested and the loader has no augmenter.
    ///
    /// # Errors
    /// As in [`load`](Self::load). An unusable clip is one problem, however many of its copies were requested.
    pub fn load_copies(
        &self,
        requests: &[(&Utterance, usize)],
        progress: Progress,
        interrupt: &Interrupt,
    ) -> Result<(Vec<Clip>, Vec<ClipProblem>), DatasetError> {
        assert!(self.augmenter.is_some() || requests.iter().all(|(_, copy)| *copy == 0), "copies need an augmenter");
        Workshop::new(self.front_end, self.block_seconds)?;
        let groups: Vec<&[(&Utterance, usize)]> = requests.chunk_by(|(a, _), (b, _)| a.path == b.path).collect();
        let bar = progress.bar("features", groups.len());
        // The threads of the pool log to the same place as this thread: the log of the run.
        let messages = tracing::dispatcher::get_default(Clone::clone);
        let outcomes: Vec<Option<Vec<Result<Clip, ClipProblem>>>> = groups
            .par_iter()
            .map_init(
                // INVARIANT: the same configuration was accepted above.
                || Workshop::new(self.front_end, self.block_seconds).expect("a front end that was accepted before"),
                |workshop, group| {
                    let load = || tracing::dispatcher::with_default(&messages, || self.load_group(group, workshop));
                    let clips = (!interrupt.requested()).then(load);
                    bar.advance();
                    clips
                },
            )
            .collect();
        bar.finish();
        let mut clips = Vec::with_capacity(requests.len());
        let mut problems = Vec::new();
        for outcome in outcomes {
            for outcome in outcome.ok_or(DatasetError::Interrupted)? {
                match outcome {
                    Ok(clip) => clips.push(clip),
                    Err(problem) => problems.push(problem),
                }
            }
        }
        Ok((clips, problems))
    }

    /// Loads one clip and its copies.
    fn load_group(&self, group: &[(&Utterance, usize)], workshop: &mut Workshop) -> Vec<Result<Clip, ClipProblem>> {
        let mut source = match group.first().map(|(utterance, _)| crate::base::files::read(&utterance.path)) {
            None => return Vec::new(),
            Some(Err(error)) => return vec![Err(error.into())],
            Some(Ok(bytes)) => Source { digest: Sha256::digest(&bytes).into(), bytes, samples: None },
        };
        let mut outcomes = Vec::with_capacity(group.len());
        for &(utterance, copy) in group {
            let features = self.load_one(utterance, copy, &mut source, workshop);
            let useless = features.is_err() && source.samples.is_none();
            outcomes.push(features.map(|features| Clip { utterance: utterance.clone(), copy, features }));
            if useless {
                break;
            }
        }
        outcomes
    }

    fn load_one(
        &self,
        utterance: &Utterance,
        copy: usize,
        source: &mut Source,
        workshop: &mut Workshop,
    ) -> Result<Array2<f32>, ClipProblem> {
        let key = |cache: &FeatureCache| match self.augmenter {
            Some(augmenter) if copy > 0 => cache.key_of_copy(&source.bytes, augmenter.fingerprint(), copy),
            _ => cache.key(&source.bytes),
        };
        let place = self.cache.map(|cache| (cache, key(cache)));
        if let Some(features) = place.and_then(|(cache, key)| cache.get(&key)) {
            return Ok(features);
        }
        let samples = match &mut source.samples {
            Some(samples) => samples,
            empty => empty.insert(decode(&utterance.path, &utterance.name, self.front_end, self.block_seconds)?),
        };
        let features = match self.augmenter {
            Some(augmenter) if copy > 0 => {
                let name = format!("{} (copy {copy})", utterance.name);
                let made = augmenter.copy(samples, &source.digest, copy, &mut workshop.fourier);
                self.compute(&made.samples, &name, workshop)?
            }
            _ => self.compute(samples, &utterance.name, workshop)?,
        };
        if let Some((cache, key)) = place {
            cache.put(&key, &features);
        }
        Ok(features)
    }

    /// The features of the first block of `samples`.
    pub(super) fn compute(&self, samples: &[f32], name: &str, workshop: &mut Workshop) -> Result<Array2<f32>, ClipProblem> {
        let name = || name.to_owned();
        let block = first(samples, n_samples(self.block_seconds, self.front_end));
        let features = self.stream(block, workshop).map_err(|reason| ClipProblem::FrontEnd { name: name(), reason })?;
        if features.is_empty() {
            let found = samples.len() as f64 / f64::from(self.front_end.sample_rate);
            return Err(ClipProblem::TooShort { name: name(), found });
        }
        if features.iter().all(|value| value.is_finite()) { Ok(features) } else { Err(ClipProblem::NotFinite { name: name() }) }
    }

    /// The features of one block, `[steps, n_features]`.
    fn stream(&self, samples: &[f32], workshop: &mut Workshop) -> Result<Array2<f32>, SpeechError> {
        let Workshop { front_end, speech, speech_steps, block, .. } = workshop;
        let longest = (self.block_seconds / self.front_end.step_seconds()).round() as usize;
        let mut steps = Vec::new();
        front_end.reset();
        front_end.push(samples, &mut |step| steps.extend_from_slice(step))?;
        front_end.finish(&mut |step| steps.extend_from_slice(step));
        steps.truncate(longest * front_end.step_len());
        if let Some(speech) = speech {
            speech.reset();
            speech.push(samples)?;
            speech.finish()?;
        }
        let heard = speech_steps.of(speech.as_ref(), 0, &steps);
        let (values, n_features) = (block.of(heard).to_vec(), self.front_end.n_features());
        // INVARIANT: a block consists of whole steps.
        Ok(Array2::from_shape_vec((values.len() / n_features, n_features), values).expect("whole steps"))
    }
}

/// The samples of a usable clip, mono at the front end's rate: enough for a copy that is played twice as fast.
///
/// # Errors
/// [`ClipProblem`] for a file that is not audio, too short or silent; `name` identifies the clip in it.
pub(crate) fn decode(path: &Path, name: &str, front_end: &FrontEndConfig, block_seconds: f64) -> Result<Vec<f32>, ClipProblem> {
    let mut samples = read_mono_resampled(path, front_end.sample_rate)?;
    let found = samples.len() as f64 / f64::from(front_end.sample_rate);
    if found < MIN_SECONDS {
        return Err(ClipProblem::TooShort { name: name.to_owned(), found });
    }
    samples.truncate(n_samples(block_seconds * LONGEST_READ, front_end));
    if first(&samples, n_samples(block_seconds, front_end)).iter().all(|sample| sample.abs() <= SILENCE_PEAK) {
        return Err(ClipProblem::Silent { name: name.to_owned() });
    }
    Ok(samples)
}

/// Number of samples in `seconds`.
pub(crate) fn n_samples(seconds: f64, front_end: &FrontEndConfig) -> usize {
    (seconds * f64::from(front_end.sample_rate)).round() as usize
}

/// At most the first `n` of `samples`.
fn first(samples: &[f32], n: usize) -> &[f32] {
    &samples[..samples.len().min(n)]
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::super::testing::{AUGMENTATION, config, corpus, load};
    use super::super::{Dataset, Part, augmenter_of};
    use super::*;
    use crate::data::augment::signals::{sum_of_tones, write_wav};
    use crate::data::config::DataConfig;
    use crate::data::manifest::Split;

    #[test]
    fn only_the_train_split_is_varied_and_copies_count_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = corpus(folder.path());
        let (plain, varied) = (config(""), config(AUGMENTATION));
        let (without, with) = (load(&manifest, &plain, None), load(&manifest, &varied, None));
        assert_eq!((without.train.len(), with.train.len()), (8, 24));
        assert_eq!(with.dev.len(), 4);
        assert_eq!(with.corpora, without.corpora);
        assert_eq!(with.class_weights, without.class_weights);
        assert_ne!(with.sha256(), without.sha256());

        // The scaler is fitted on the copies too, so the features are compared before scaling.
        let loader = ClipLoader::new(&plain.front_end, plain.block_seconds, None);
        let of = |split| {
            let clips: Vec<&Utterance> = manifest.utterances.iter().filter(|utterance| utterance.split == Some(split)).collect();
            loader.load(&clips, Progress::Silent, &Interrupt::default()).unwrap().0
        };
        assert_eq!(Part::new(of(Split::Dev).into_iter().map(Cow::Owned), &with.scaler).features, with.dev.features);
        let originals: Vec<_> = with.train.features.iter().step_by(3).cloned().collect();
        assert_eq!(Part::new(of(Split::Train).into_iter().map(Cow::Owned), &with.scaler).features, originals);
        for copies in with.train.features.chunks(3) {
            assert!(copies[0] != copies[1] && copies[1] != copies[2]);
        }
    }

    #[test]
    fn clips_in_which_listeners_heard_something_else_are_left_out_of_training_where_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut manifest = corpus(folder.path());
        for split in [Split::Train, Split::Dev] {
            let mut of_split = manifest.utterances.iter_mut().filter(|utterance| utterance.split == Some(split));
            of_split.next().unwrap().is_perceived = Some(false);
            of_split.next().unwrap().is_perceived = Some(true);
        }
        let all = load(&manifest, &config(""), None);
        let perceived = load(&manifest, &DataConfig { perceived_only: true, ..config("") }, None);
        assert_eq!((all.train.len(), perceived.train.len()), (8, 7));
        assert_eq!((all.dev.len(), perceived.dev.len()), (4, 4));
        assert_eq!(perceived.corpora[0].n_utterances, 7);
    }

    #[test]
    fn copies_depend_on_nothing_but_clip_number_and_seed() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = corpus(folder.path());
        let config = config(AUGMENTATION);
        let (augmenter, _) = augmenter_of(&config).unwrap();
        let cache = FeatureCache::new(&folder.path().join("cache"), &config.front_end, config.block_seconds);
        let copies = |cache: Option<&FeatureCache>, requests: &[(&Utterance, usize)], n_threads| -> Vec<Array2<f32>> {
            let loader = ClipLoader::new(&config.front_end, config.block_seconds, cache);
            let loader = loader.with_augmenter(augmenter.as_deref());
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            let load = || loader.load_copies(requests, Progress::Silent, &Interrupt::default());
            let (clips, problems) = pool.install(load).unwrap();
            assert!(problems.is_empty());
            for (clip, (utterance, copy)) in clips.iter().zip(requests) {
                assert_eq!((clip.utterance.name.as_str(), clip.copy), (utterance.name.as_str(), *copy));
            }
            clips.into_iter().map(|clip| clip.features).collect()
        };
        let mut requests: Vec<(&Utterance, usize)> =
            manifest.utterances.iter().flat_map(|utterance| [0, 1, 2, 5].map(|copy| (utterance, copy))).collect();
        let mut first = copies(None, &requests, 1);
        assert_eq!(copies(Some(&cache), &requests, 3), first);
        assert_eq!(copies(Some(&cache), &requests, 2), first, "from the cache");
        requests.reverse();
        first.reverse();
        assert_eq!(copies(None, &requests, 3), first);

        let other = self::config(&AUGMENTATION.replace("copies = 2", "copies = 2\nseed = 1"));
        assert_ne!(load(&manifest, &config, None).sha256(), load(&manifest, &other, None).sha256());
    }

    #[test]
    fn a_clip_that_cannot_be_used_is_one_problem_however_many_copies_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = corpus(folder.path());
        write_wav(&folder.path().join("0.wav"), &[0.0; 8000]);
        write_wav(&folder.path().join("1.wav"), &[0.5; 80]);
        std::fs::write(folder.path().join("3.wav"), b"no audio").unwrap();
        std::fs::remove_file(folder.path().join("4.wav")).unwrap();
        let mut tone = sum_of_tones(&[200.0], 0.5);
        tone[4000] = f32::NAN;
        let spec =
            hound::WavSpec { channels: 1, sample_rate: 16_000, bits_per_sample: 32, sample_format: hound::SampleFormat::Float };
        let mut writer = hound::WavWriter::create(folder.path().join("5.wav"), spec).unwrap();
        tone.iter().for_each(|&sample| writer.write_sample(sample).unwrap());
        writer.finalize().unwrap();
        let config = config(AUGMENTATION);
        let (augmenter, _) = augmenter_of(&config).unwrap();
        let loader = ClipLoader::new(&config.front_end, config.block_seconds, None).with_augmenter(augmenter.as_deref());
        let requests: Vec<(&Utterance, usize)> =
            manifest.utterances[..7].iter().flat_map(|utterance| [(utterance, 0), (utterance, 1)]).collect();
        let (clips, problems) = loader.load_copies(&requests, Progress::Silent, &Interrupt::default()).unwrap();
        assert_eq!(clips.len(), 4);
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        for (problem, words) in problems.iter().zip(["silent", "at least 0.1 s", "3.wav", "4.wav", "5.wav"]) {
            assert!(problem.contains(words), "{problem}");
        }
        assert_eq!(problems.len(), 5, "{problems:?}");
        assert!(
            problems[4].contains("expected finite samples") && problems[4].contains("1 that are not, the first one NaN"),
            "{problems:?}"
        );
    }

    #[test]
    fn noise_that_cannot_be_read_is_told_with_the_clips() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = corpus(folder.path());
        let noises = folder.path().join("noises");
        std::fs::create_dir(&noises).unwrap();
        std::fs::write(noises.join("bad.wav"), b"no audio").unwrap();
        let text = format!(
            "[augmentation]\ncopies = 1\ntransforms = [{{ kind = \"noise_files\", folder = '{}', snr_db = 20 }}]",
            noises.display()
        );
        let config = config(&text);
        let failed = Dataset::load(&manifest, &config, None, Progress::Silent, &Interrupt::default()).unwrap_err().0;
        assert!(failed.to_string().contains("no usable recording"), "{failed}");
        write_wav(&noises.join("good.wav"), &sum_of_tones(&[50.0], 0.1));
        let loaded = Dataset::load(&manifest, &config, None, Progress::Silent, &Interrupt::default()).unwrap();
        assert_eq!(loaded.dataset.train.len(), 16);
        let problems = loaded.problems.to_string();
        assert!(
            problems.contains("1 clip was left out")
                && problems.contains("noise of the augmentation")
                && problems.contains("bad.wav"),
            "{problems}"
        );
    }
}
