//! Augmented copies of training clips, with pitches, tempos, voices, microphones, rooms and noises that the corpus lacks.
//!
//! In: the samples of a clip and the configuration. Out: the samples of a copy. They depend only on the seed, the content of the clip and the number
//! of the copy (and, for a copy drawn anew in each epoch, on the [`Epoch`]), not on order, threads, other clips or the protocol. Only the train split
//! is augmented, and only after splitting. [`batch`] augments features instead, anew in each epoch.

pub mod batch;
pub mod config;
mod drawn_transform;
pub(crate) mod noise_files;
#[cfg(test)]
pub(crate) mod signals;

use std::path::PathBuf;

use moodline_engine::decode::DecodeError;
use moodline_fourier::Fourier;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};

pub use config::{AugmentationConfig, Mode, Span, Transform, TransformConfig};
pub use drawn_transform::Drawn;
pub use noise_files::{NoiseError, NoiseRecording};

use moodline_augment::random::{generator, uniform};
use noise_files::NoiseFiles;

/// Increased whenever the same configuration and audio give different copies than before.
const REVISION: u32 = 1;

/// Makes the copies of clips.
#[derive(Clone, Debug)]
pub struct Augmenter {
    config: AugmentationConfig,
    sample_rate: f64,
    noises: NoiseFiles,
    fingerprint: [u8; 32],
}

/// A copy of a clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Copy {
    /// Mono, at the front end's rate.
    pub samples: Vec<f32>,
    /// The transforms that were applied, in order.
    pub drawn: Vec<Drawn>,
}

/// An epoch of a training run; each has its own copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Seed of the training run.
    pub seed: u64,
    /// Counted from 1.
    pub number: usize,
}

impl Augmenter {
    /// Reads what the transforms need. Recordings of noise that cannot be decoded are left out and returned.
    ///
    /// # Errors
    /// [`NoiseError`] for a folder that contains no noise recordings.
    pub fn new(config: &AugmentationConfig, sample_rate: u32) -> Result<(Self, Vec<DecodeError>), NoiseError> {
        let folders = config.noise_folders();
        let (noises, problems) = NoiseFiles::read(folders, sample_rate)?;
        let mut hash = Sha256::new();
        hash.update(REVISION.to_le_bytes());
        // More copies, new copies in each epoch, or other masks on the batches leave existing copies unchanged.
        let mut of_copies = AugmentationConfig { copies: 0, fresh: false, batch: None, ..config.clone() };
        for TransformConfig { transform, .. } in &mut of_copies.transforms {
            if let Transform::NoiseFiles { folder, .. } = transform {
                // The audio content counts, not its location.
                noises.update(folder, &mut hash);
                *folder = PathBuf::new();
            }
        }
        // INVARIANT: a struct of numbers, strings and lists always serialises.
        hash.update(toml::to_string(&of_copies).expect("an augmentation serialises"));
        let fingerprint = hash.finalize().into();
        Ok((Self { config: config.clone(), sample_rate: f64::from(sample_rate), noises, fingerprint }, problems))
    }

    /// The configuration the copies are made with.
    #[must_use]
    pub fn config(&self) -> &AugmentationConfig {
        &self.config
    }

    /// Number of copies of each clip, not counting the clip itself.
    #[must_use]
    pub fn n_copies(&self) -> usize {
        self.config.copies
    }

    /// Whether each epoch draws its own copies.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.config.fresh
    }

    /// SHA-256 over everything that determines a copy, except the clip and the number of the copy.
    #[must_use]
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// A copy of a clip. `clip` is a digest of the clip's content; `copy` is the number of the copy, counted from 1; 0 is the clip itself.
    #[must_use]
    pub fn copy(&self, samples: &[f32], clip: &[u8; 32], copy: usize, fourier: &mut Fourier) -> Copy {
        self.make(samples, copy, fourier, |index| self.generator(clip, copy, index))
    }

    /// The [`copy`](Self::copy) for an epoch.
    #[must_use]
    pub fn copy_of_epoch(&self, samples: &[f32], clip: &[u8; 32], copy: usize, epoch: Epoch, fourier: &mut Fourier) -> Copy {
        let numbers = [self.config.seed, copy as u64, epoch.seed, epoch.number as u64].map(u64::to_le_bytes);
        let [seed, number, of_training, of_epoch] = &numbers;
        self.make(samples, copy, fourier, |index| {
            generator(&[b"copy of an epoch", seed, clip, number, &(index as u64).to_le_bytes(), of_training, of_epoch])
        })
    }

    /// A copy in which each transform draws from its own generator.
    fn make(&self, samples: &[f32], copy: usize, fourier: &mut Fourier, generator: impl Fn(usize) -> ChaCha8Rng) -> Copy {
        let mut made = Copy { samples: samples.to_vec(), drawn: Vec::new() };
        let (Some(number), n) = (copy.checked_sub(1), self.config.transforms.len()) else { return made };
        for (index, TransformConfig { probability, transform }) in self.config.transforms.iter().enumerate() {
            let rng = &mut generator(index);
            let wanted = match self.config.mode {
                Mode::Chain => uniform(rng) < *probability,
                Mode::Each => index == number % n,
            };
            if wanted {
                self.apply(transform, &mut made, fourier, rng);
            }
        }
        made
    }

    /// Applies a single transform, whatever its probability, as it would act in a copy.
    ///
    /// # Panics
    /// When no transform has this index.
    #[must_use]
    pub fn alone(&self, samples: &[f32], clip: &[u8; 32], index: usize, fourier: &mut Fourier) -> Copy {
        let mut made = Copy { samples: samples.to_vec(), drawn: Vec::new() };
        let rng = &mut self.generator(clip, 0, index);
        self.apply(&self.config.transforms[index].transform, &mut made, fourier, rng);
        made
    }

    fn generator(&self, clip: &[u8; 32], copy: usize, index: usize) -> ChaCha8Rng {
        let numbers = [self.config.seed, copy as u64, index as u64].map(u64::to_le_bytes);
        generator(&[b"copy", &numbers[0], clip, &numbers[1], &numbers[2]])
    }

    fn apply(&self, transform: &Transform, made: &mut Copy, fourier: &mut Fourier, rng: &mut ChaCha8Rng) {
        let drawn = transform.draw(&self.noises, rng);
        made.samples = drawn.apply(std::mem::take(&mut made.samples), self.sample_rate, fourier, rng);
        made.drawn.push(drawn);
    }
}

#[cfg(test)]
mod tests {
    use super::signals::{RATE, sum_of_tones, write_wav};
    use super::*;

    fn config(text: &str) -> AugmentationConfig {
        let config: AugmentationConfig = toml::from_str(text).unwrap();
        config.validate().unwrap();
        config
    }

    fn augmenter(text: &str) -> Augmenter {
        Augmenter::new(&config(text), RATE as u32).unwrap().0
    }

    const RECIPE: &str = r#"
        copies = 4
        transforms = [
            { kind = "speed", rate = [0.85, 1.18] },
            { kind = "equaliser", bands = 6, db = [-6, 6], probability = 0.5 },
            { kind = "noise", snr_db = [10, 50], probability = 0.5 },
            { kind = "gain", db = [-10, 10] },
        ]
    "#;

    #[test]
    fn a_chain_applies_each_transform_as_often_as_its_probability_says_and_in_order() {
        let (augmenter, fourier) = (augmenter(RECIPE), &mut Fourier::new());
        let mut counts = [0; 4];
        for clip in 0..100_u8 {
            for copy in 1..=4 {
                let drawn = augmenter.copy(&[0.1; 64], &[clip; 32], copy, fourier).drawn;
                let kinds: Vec<usize> = drawn
                    .iter()
                    .map(|drawn| match drawn {
                        Drawn::Speed { rate } => {
                            assert!((0.85..=1.18).contains(rate));
                            0
                        }
                        Drawn::Equaliser { .. } => 1,
                        Drawn::Noise { .. } => 2,
                        _ => 3,
                    })
                    .collect();
                assert!(kinds.is_sorted(), "{drawn:?}");
                kinds.into_iter().for_each(|kind| counts[kind] += 1);
            }
        }
        assert!(counts[0] == 400 && counts[3] == 400, "{counts:?}");
        assert!((160..=240).contains(&counts[1]) && (160..=240).contains(&counts[2]), "{counts:?}");
    }

    #[test]
    fn copy_0_is_the_clip_and_the_others_depend_on_seed_clip_and_number_alone() {
        let (augmenter, fourier) = (augmenter(RECIPE), &mut Fourier::new());
        let samples = sum_of_tones(&[200.0, 900.0], 0.3);
        assert_eq!(augmenter.copy(&samples, &[1; 32], 0, fourier), Copy { samples: samples.clone(), drawn: Vec::new() });
        let third = augmenter.copy(&samples, &[1; 32], 3, &mut Fourier::new());
        for (clip, copy) in [(1, 1), (1, 2), (2, 3), (1, 4)] {
            assert_ne!(augmenter.copy(&samples, &[clip; 32], copy, fourier), third);
        }
        assert_eq!(augmenter.copy(&samples, &[1; 32], 3, fourier), third, "whatever was made in between");
        let other = self::augmenter(&RECIPE.replace("copies = 4", "copies = 4\nseed = 1"));
        assert_ne!(other.copy(&samples, &[1; 32], 3, fourier), third);
        // Appending a transform does not change the draws of those before it.
        let longer = self::augmenter(&RECIPE.replace("]\n    ", "{ kind = \"hiss\", sigma = 0.001 }, ]\n    "));
        assert_eq!(longer.copy(&samples, &[1; 32], 3, fourier).drawn[..third.drawn.len()], third.drawn);
    }

    #[test]
    fn copies_of_an_epoch_depend_on_its_number_and_the_seed_of_the_training_too() {
        let (augmenter, fourier) = (augmenter(RECIPE), &mut Fourier::new());
        let samples = sum_of_tones(&[200.0, 900.0], 0.3);
        let of = |seed, number, clip, copy, fourier: &mut Fourier| {
            augmenter.copy_of_epoch(&samples, &[clip; 32], copy, Epoch { seed, number }, fourier)
        };
        let second = of(7, 2, 1, 3, fourier);
        assert_eq!(of(7, 2, 1, 3, &mut Fourier::new()), second);
        assert_ne!(augmenter.copy(&samples, &[1; 32], 3, fourier), second);
        for (seed, number, clip, copy) in [(7, 3, 1, 3), (8, 2, 1, 3), (2, 7, 1, 3), (7, 2, 2, 3), (7, 2, 1, 4)] {
            assert_ne!(of(seed, number, clip, copy, fourier), second);
        }
        let itself = Copy { samples: samples.clone(), drawn: Vec::new() };
        assert_eq!(of(7, 2, 1, 0, fourier), itself, "copy 0 is the clip");
    }

    #[test]
    fn the_fingerprint_says_what_decides_a_copy_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let noises = |samples: &[f32]| {
            write_wav(&folder.path().join("noise.wav"), samples);
            let text =
                format!("transforms = [{{ kind = \"noise_files\", folder = '{}', snr_db = 20 }}]", folder.path().display());
            *augmenter(&text).fingerprint()
        };
        assert_ne!(noises(&[0.5; 100]), noises(&[0.5; 101]));
        assert_eq!(noises(&[0.5; 100]), noises(&[0.5; 100]));
        let here = noises(&[0.5; 100]);
        let elsewhere = folder.path().join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        std::fs::rename(folder.path().join("noise.wav"), elsewhere.join("noise.wav")).unwrap();
        let text = format!("transforms = [{{ kind = \"noise_files\", folder = '{}', snr_db = 20 }}]", elsewhere.display());
        assert_eq!(*augmenter(&text).fingerprint(), here, "the same noise in another folder");

        let of = |text: &str| *augmenter(text).fingerprint();
        assert_eq!(of(RECIPE), of(&RECIPE.replace("copies = 4", "copies = 9")), "more copies keep those there are");
        assert_eq!(of(RECIPE), of(&(RECIPE.to_owned() + "[batch]\nmixup = 0.2")));
        assert_eq!(of(RECIPE), of(&RECIPE.replace("copies = 4", "copies = 4\nfresh = true")));
        for (from, to) in [("copies = 4", "copies = 4\nseed = 1"), ("0.85", "0.86"), ("50]", "40]"), ("0.5 }", "0.6 }")] {
            assert_ne!(of(RECIPE), of(&RECIPE.replacen(from, to, 1)), "{from}");
        }
    }

    #[test]
    fn a_noise_file_is_heard_at_its_ratio() {
        let folder = tempfile::tempdir().unwrap();
        let noise = sum_of_tones(&[3000.0], 0.25);
        write_wav(&folder.path().join("hum.wav"), &noise);
        let text = format!(
            "copies = 1\ntransforms = [{{ kind = \"noise_files\", folder = '{}', snr_db = 12 }}]",
            folder.path().display()
        );
        let samples = sum_of_tones(&[400.0], 1.0);
        let made = augmenter(&text).copy(&samples, &[0; 32], 1, &mut Fourier::new());
        let ratio = moodline_augment::signals::level_at(&made.samples, 400.0)
            / moodline_augment::signals::level_at(&made.samples, 3000.0);
        assert!((20.0 * ratio.log10() - 12.0).abs() < 0.5, "{ratio}");
        assert!(made.drawn[0].to_string().contains("hum.wav"));
    }
}
