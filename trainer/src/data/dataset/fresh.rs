//! Copies of training clips that are drawn anew in each epoch.
//!
//! In: positions in the train part, and an epoch. Out: standardised features of the copies there, computed from the audio files on demand on all
//! threads of the pool. Drawing batch by batch keeps only the copies of one batch in memory, however long the training is.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use moodline_core::FrontEndConfig;
use moodline_core::frontend::Scaler;
use ndarray::Array2;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::clips::{Clip, ClipLoader, ClipProblem, Workshop, decode};
use crate::data::augment::{Augmenter, Epoch};
use crate::data::config::DataConfig;

/// Draws the copies of a dataset's train part.
#[derive(Clone, Debug)]
pub struct FreshCopies {
    augmenter: Arc<Augmenter>,
    front_end: FrontEndConfig,
    block_seconds: f64,
    scaler: Scaler,
    /// One for each clip of the train part, in the same order.
    sources: Vec<Source>,
}

/// Source of a clip.
#[derive(Clone, Debug)]
struct Source {
    path: PathBuf,
    name: String,
    /// 0 is the original clip.
    copy: usize,
}

impl FreshCopies {
    /// Draws new copies for those in `train`, standardised by `scaler`.
    pub(super) fn new(augmenter: Arc<Augmenter>, train: &[Cow<'_, Clip>], scaler: &Scaler, config: &DataConfig) -> Self {
        let source = |clip: &Cow<'_, Clip>| {
            let (path, name) = (clip.utterance.path.clone(), clip.utterance.name.clone());
            Source { path, name, copy: clip.copy }
        };
        Self {
            augmenter,
            front_end: config.front_end.clone(),
            block_seconds: config.block_seconds,
            scaler: scaler.clone(),
            sources: train.iter().map(source).collect(),
        }
    }

    /// The copies for an epoch at these positions of the train part: features `[steps, n_features]`, or none if the clip stays as loaded, because it
    /// is not a copy or because nothing usable was drawn (a clip of 0.1 s, played faster, may end before its first step).
    ///
    /// The features depend only on the epoch and the clip, not on the other positions, their order or the number of threads.
    ///
    /// # Errors
    /// [`ClipProblem`] for an audio file that can no longer be read.
    ///
    /// # Panics
    /// When a position is out of range.
    pub fn draw(&self, places: &[usize], epoch: Epoch) -> Result<Vec<Option<Array2<f32>>>, ClipProblem> {
        // INVARIANT: the clips were loaded with the same front end.
        let workshop = || Workshop::new(&self.front_end, self.block_seconds).expect("a front end that was accepted before");
        places
            .par_iter()
            .map_init(workshop, |workshop, &place| match &self.sources[place] {
                Source { copy: 0, .. } => Ok(None),
                source => self.draw_one(source, epoch, workshop),
            })
            .collect()
    }

    fn draw_one(&self, source: &Source, epoch: Epoch, workshop: &mut Workshop) -> Result<Option<Array2<f32>>, ClipProblem> {
        let Source { path, name, copy } = source;
        let digest: [u8; 32] = Sha256::digest(crate::base::files::read(path)?).into();
        let samples = decode(path, name, &self.front_end, self.block_seconds)?;
        let made = self.augmenter.copy_of_epoch(&samples, &digest, *copy, epoch, &mut workshop.fourier);
        let loader = ClipLoader::new(&self.front_end, self.block_seconds, None);
        let Ok(mut features) = loader.compute(&made.samples, name, workshop) else { return Ok(None) };
        // INVARIANT: the features were created in row-major order.
        self.scaler.apply(features.as_slice_mut().expect("row-major features"));
        Ok(Some(features))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Dataset;
    use super::super::testing::{AUGMENTATION, config, corpus, load};
    use super::*;
    use crate::data::augment::signals::{sum_of_tones, write_wav};

    /// Twelve clips, each with two copies that are drawn anew in every epoch.
    fn setting(overrides: &str) -> (tempfile::TempDir, Dataset) {
        let folder = tempfile::tempdir().unwrap();
        let manifest = corpus(folder.path());
        let config = config(&AUGMENTATION.replace("copies = 2", &format!("copies = 2\n{overrides}")));
        let dataset = load(&manifest, &config, None);
        (folder, dataset)
    }

    fn on_threads<R: Send>(n: usize, work: impl FnOnce() -> R + Send) -> R {
        rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap().install(work)
    }

    #[test]
    fn every_epoch_has_copies_of_its_own_and_nothing_else_changes() {
        let (_folder, data) = setting("fresh = true");
        let fresh = data.fresh.as_ref().unwrap();
        let places: Vec<usize> = (0..data.train.len()).collect();
        let draw = |seed, number| fresh.draw(&places, Epoch { seed, number }).unwrap();
        let first = draw(3, 1);
        for (place, drawn) in first.iter().enumerate() {
            assert_eq!(drawn.is_none(), place % 3 == 0, "clips stay, copies do not");
            assert_ne!(drawn.as_ref(), Some(&data.train.features[place]));
        }
        assert_eq!(draw(3, 1), first, "same seed, same bits");
        for other in [draw(3, 2), draw(4, 1)] {
            assert!(other.iter().zip(&first).all(|(other, first)| other.is_none() || other != first));
        }
        assert_eq!(on_threads(1, || draw(3, 1)), first);
        assert_eq!(on_threads(3, || draw(3, 1)), first);
        let backwards: Vec<usize> = places.iter().rev().copied().collect();
        let turned = fresh.draw(&backwards, Epoch { seed: 3, number: 1 }).unwrap();
        assert!(turned.iter().rev().eq(&first));

        let (_folder, cached) = setting("");
        assert!(cached.fresh.is_none());
        assert_eq!(cached.scaler, data.scaler);
        assert_eq!((&cached.dev.features, &cached.train.features), (&data.dev.features, &data.train.features));
    }

    #[test]
    fn where_nothing_usable_is_drawn_the_loaded_copy_stays() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = corpus(folder.path());
        let mut config = config(&AUGMENTATION.replace("copies = 2", "copies = 2\nfresh = true"));
        // The first step takes 0.128 s.
        (config.front_end.center, config.front_end.n_fft, config.front_end.win_length) = (false, 2048, 2048);
        let data = load(&manifest, &config, None);
        write_wav(&folder.path().join("0.wav"), &sum_of_tones(&[200.0], 0.105));
        let fresh = data.fresh.as_ref().unwrap();
        let places: Vec<usize> = (0..data.train.len()).collect();
        let drawn = fresh.draw(&places, Epoch { seed: 3, number: 1 }).unwrap();
        let undrawn: Vec<usize> = places.into_iter().filter(|place| drawn[*place].is_none()).collect();
        let of_clip = |place: &usize| fresh.sources[*place].path.ends_with("0.wav");
        assert_eq!(undrawn.iter().filter(|place| of_clip(place)).count(), 3, "the clip and both of its copies");
        assert!(undrawn.iter().all(|place| of_clip(place) || fresh.sources[*place].copy == 0));
    }
}
