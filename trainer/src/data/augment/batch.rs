//! Augmentation that varies from epoch to epoch: masked parts of the features, and mixed clips.
//!
//! In: standardised features and labels of one batch. Out: augmented features and, for mixed clips, a second label. The result depends only on the
//! seed and the number of the step, so that a resumed run continues with the same draws.

use std::borrow::Cow;

use moodline_learn::loss::Mixed;
use ndarray::{Array2, ArrayView2, s};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::base::config::ConfigError;
use moodline_augment::features::{mix, restyle};
use moodline_augment::random::{beta, generator, index, uniform};

/// Augmentation of the features of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchConfig {
    /// Crops clips, so that their length carries no information.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<Crop>,
    /// Masks stretches of time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_mask: Option<TimeMask>,
    /// Masks neighbouring features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_mask: Option<FeatureMask>,
    /// Mixes each clip with another of its batch, with weights drawn from Beta(`mixup`, `mixup`); above 0, at most 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mixup: Option<f64>,
    /// Moves the statistics of clips towards those of other clips of the same emotion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<Style>,
}

/// Statistics of a clip moved towards those of another: how a voice and a room sound on average tells less of the emotion.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Style {
    /// Fraction of the clips that are changed; above 0, at most 1. How far is drawn uniformly for each.
    pub probability: f64,
}

/// Random cropping of a clip.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// Fraction of the clips that are cropped; above 0, at most 1.
    pub probability: f64,
    /// Smallest fraction kept; above 0, below 1. The length is drawn uniformly between this and the whole clip, the position uniformly.
    pub least: f64,
}

/// Masked stretches of time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeMask {
    /// Number of masks, 1..=10.
    pub count: usize,
    /// Largest mask as a fraction of the clip; above 0, at most 0.5. Each width is drawn uniformly between 0 and this.
    pub most: f64,
}

/// Neighbouring features that are masked over the whole clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureMask {
    /// Number of bands, 1..=10.
    pub count: usize,
    /// Features in the widest band, 1..=100. Each width is drawn uniformly between 0 and this.
    pub most: usize,
}

/// A batch after augmentation.
#[derive(Clone, Debug, PartialEq)]
pub struct Varied {
    /// `[steps, n_features]` each, of unchanged length unless cropped.
    pub features: Vec<Array2<f32>>,
    /// What is mixed into each clip, with a weight of at most 0.5; empty without mixup.
    pub mixed: Vec<Mixed>,
}

impl BatchConfig {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`ConfigError::Range`]
    pub fn validate(&self) -> Result<(), ConfigError> {
        let within = |ok: bool, field: &str, expected: &str, found: String| {
            let field = format!("augmentation.batch.{field}");
            if ok { Ok(()) } else { Err(ConfigError::Range { field, expected: expected.to_owned(), found }) }
        };
        if let Some(Crop { probability, least }) = self.crop {
            within(
                probability > 0.0 && probability <= 1.0,
                "crop.probability",
                "above 0 and at most 1",
                probability.to_string(),
            )?;
            within(least > 0.0 && least < 1.0, "crop.least", "above 0 and below 1", least.to_string())?;
        }
        if let Some(TimeMask { count, most }) = self.time_mask {
            within((1..=10).contains(&count), "time_mask.count", "1..=10", count.to_string())?;
            within(most > 0.0 && most <= 0.5, "time_mask.most", "above 0 and at most 0.5", most.to_string())?;
        }
        if let Some(FeatureMask { count, most }) = self.feature_mask {
            within((1..=10).contains(&count), "feature_mask.count", "1..=10", count.to_string())?;
            within((1..=100).contains(&most), "feature_mask.most", "1..=100", most.to_string())?;
        }
        if let Some(Style { probability }) = self.style {
            let expected = "above 0 and at most 1";
            within(probability > 0.0 && probability <= 1.0, "style.probability", expected, probability.to_string())?;
        }
        let mixup = self.mixup.unwrap_or(1.0);
        within(mixup > 0.0 && mixup <= 1.0, "mixup", "above 0 and at most 1, or absent", mixup.to_string())
    }

    /// Restyles, mixes, crops and masks one batch.
    ///
    /// A masked value becomes 0, the mean of a standardised feature. The clip that is mixed in is repeated or cut to the length of the first, which
    /// always keeps the larger weight, so that its own label remains the better answer.
    ///
    /// # Shapes
    /// `sequences`: `[steps, n_features]` each; `labels`: one per sequence. `step` is the number of optimiser steps before this one.
    ///
    /// # Source
    /// Masks: Park et al. 2019, "SpecAugment", section 2, without the warp. Mixup: Zhang et al. 2018, "mixup: Beyond empirical risk minimization".
    /// Style: Zhou et al. 2021, "Domain generalization with MixStyle", equations 3 to 6, on features instead of layers, between clips of one emotion.
    #[must_use]
    pub fn vary(&self, sequences: &[ArrayView2<'_, f32>], labels: &[usize], seed: u64, step: u64) -> Varied {
        let rng = &mut generator(&[b"batch", &seed.to_le_bytes(), &step.to_le_bytes()]);
        let mut mixed = Vec::new();
        let mut features: Vec<Array2<f32>> = Vec::with_capacity(sequences.len());
        for (sequence, label) in sequences.iter().zip(labels) {
            let mut own = sequence.to_owned();
            if let Some(Style { probability }) = self.style
                && uniform(rng) < probability
            {
                let alike: Vec<_> = labels.iter().zip(sequences).filter(|(other, _)| *other == label).collect();
                let other = alike[index(rng, alike.len())].1;
                restyle(values_mut(&mut own), &row_major(*other), sequence.ncols(), uniform(rng) as f32);
            }
            if let Some(shape) = self.mixup {
                let other = index(rng, sequences.len());
                let part = beta(rng, shape);
                let part = part.min(1.0 - part) as f32;
                mix(values_mut(&mut own), &row_major(sequences[other]), part);
                mixed.push(Mixed { label: labels[other], part });
            }
            features.push(own);
        }
        for features in &mut features {
            self.cut(features, rng);
            self.mask(features, rng);
        }
        Varied { features, mixed }
    }

    fn cut(&self, features: &mut Array2<f32>, rng: &mut impl Rng) {
        let Some(Crop { probability, least }) = self.crop else { return };
        if uniform(rng) < probability {
            let n_steps = features.nrows();
            let length = ((least + (1.0 - least) * uniform(rng)) * n_steps as f64).ceil() as usize;
            let from = index(rng, n_steps - length + 1);
            *features = features.slice(s![from..from + length, ..]).to_owned();
        }
    }

    fn mask(&self, features: &mut Array2<f32>, rng: &mut impl Rng) {
        let (n_steps, n_features) = features.dim();
        if let Some(TimeMask { count, most }) = self.time_mask {
            for _ in 0..count {
                let (from, to) = hidden(n_steps, (n_steps as f64 * most) as usize, rng);
                features.slice_mut(s![from..to, ..]).fill(0.0);
            }
        }
        if let Some(FeatureMask { count, most }) = self.feature_mask {
            for _ in 0..count {
                let (from, to) = hidden(n_features, most.min(n_features), rng);
                features.slice_mut(s![.., from..to]).fill(0.0);
            }
        }
    }
}

/// The values step by step; a copy only if they lie otherwise in memory.
fn row_major<'v>(view: ArrayView2<'v, f32>) -> Cow<'v, [f32]> {
    view.to_slice().map_or_else(|| Cow::Owned(view.iter().copied().collect()), Cow::Borrowed)
}

fn values_mut(features: &mut Array2<f32>) -> &mut [f32] {
    // INVARIANT: the features were created in row-major order.
    features.as_slice_mut().expect("row-major features")
}

/// Start and end of a random stretch of at most `most` out of `n`.
fn hidden(n: usize, most: usize, rng: &mut impl Rng) -> (usize, usize) {
    let length = (uniform(rng) * (most + 1) as f64) as usize;
    let from = index(rng, n - length + 1);
    (from, from + length)
}

#[cfg(test)]
mod tests {
    use moodline_learn::loss::LossConfig;
    use moodline_learn::network::{Batch, Dropout, Network};

    use super::*;

    /// Clips that are filled with their own number.
    fn clips(n: usize) -> Vec<Array2<f32>> {
        (0..n).map(|clip| Array2::from_elem((20 + 7 * clip, 6), (clip + 1) as f32)).collect()
    }

    fn vary(config: &BatchConfig, clips: &[Array2<f32>], [seed, step]: [u64; 2]) -> Varied {
        let labels: Vec<usize> = (0..clips.len()).map(|clip| clip % 4).collect();
        config.vary(&clips.iter().map(|clip| clip.view()).collect::<Vec<_>>(), &labels, seed, step)
    }

    #[test]
    fn without_any_setting_nothing_changes() {
        let clips = clips(5);
        assert_eq!(vary(&BatchConfig::default(), &clips, [3, 1]), Varied { features: clips, mixed: Vec::new() });
    }

    #[test]
    fn masks_hide_whole_steps_and_whole_features_within_their_bounds() {
        let time = BatchConfig { time_mask: Some(TimeMask { count: 1, most: 0.4 }), ..BatchConfig::default() };
        let feature = BatchConfig { feature_mask: Some(FeatureMask { count: 1, most: 3 }), ..BatchConfig::default() };
        let clips = clips(40);
        let mut widest = [0, 0];
        for varied in vary(&time, &clips, [3, 1]).features {
            let hidden: Vec<usize> =
                (0..varied.nrows()).filter(|&step| varied.row(step).iter().all(|value| *value == 0.0)).collect();
            assert_eq!(varied.iter().filter(|value| **value == 0.0).count(), 6 * hidden.len());
            assert!(hidden.windows(2).all(|pair| pair[1] == pair[0] + 1), "one stretch");
            assert!(hidden.len() as f64 <= 0.4 * varied.nrows() as f64);
            widest[0] = widest[0].max(hidden.len());
        }
        for varied in vary(&feature, &clips, [3, 1]).features {
            let hidden: Vec<usize> = (0..6).filter(|&feature| varied.column(feature).iter().all(|value| *value == 0.0)).collect();
            assert_eq!(varied.iter().filter(|value| **value == 0.0).count(), varied.nrows() * hidden.len());
            assert!(hidden.windows(2).all(|pair| pair[1] == pair[0] + 1) && hidden.len() <= 3);
            widest[1] = widest[1].max(hidden.len());
        }
        assert!(widest[0] > 50 && widest[1] == 3, "{widest:?}");
        // Masks wider than the number of features, and clips of one step.
        let wide = BatchConfig {
            time_mask: Some(TimeMask { count: 10, most: 0.5 }),
            feature_mask: Some(FeatureMask { count: 10, most: 100 }),
            mixup: Some(0.001),
            crop: Some(Crop { probability: 1.0, least: 0.01 }),
            style: Some(Style { probability: 1.0 }),
        };
        let shortest = vec![Array2::from_elem((1, 1), 1.0); 3];
        assert_eq!(vary(&wide, &shortest, [3, 1]).features.len(), 3);
    }

    #[test]
    fn a_cut_clip_is_a_part_of_it_and_some_stay_whole() {
        let config = BatchConfig { crop: Some(Crop { probability: 0.5, least: 0.3 }), ..BatchConfig::default() };
        let counted = |n: usize| Array2::from_shape_fn((n, 6), |(step, _)| step as f32);
        let clips: Vec<Array2<f32>> = (0..60).map(|clip| counted(50 + clip)).collect();
        let varied = vary(&config, &clips, [3, 1]).features;
        for (clip, part) in clips.iter().zip(&varied) {
            assert!(part.nrows() >= (0.3 * clip.nrows() as f64) as usize && part.nrows() <= clip.nrows());
            let first = part[[0, 0]] as usize;
            assert_eq!(*part, clip.slice(s![first..first + part.nrows(), ..]));
        }
        let n_whole = clips.iter().zip(&varied).filter(|(clip, part)| clip.nrows() == part.nrows()).count();
        assert!((15..45).contains(&n_whole), "{n_whole}");
        assert!(varied.iter().any(|part| part[[0, 0]] > 0.0 && part.nrows() < 40));
    }

    #[test]
    fn mixup_blends_towards_the_other_clip_and_says_how_much() {
        let config = BatchConfig { mixup: Some(0.4), ..BatchConfig::default() };
        let clips = clips(8);
        let Varied { features, mixed } = vary(&config, &clips, [3, 1]);
        assert_eq!(mixed.len(), 8);
        let mut blended = 0;
        for ((clip, varied), Mixed { label, part }) in clips.iter().zip(&features).zip(&mixed) {
            assert_eq!(varied.dim(), clip.dim());
            assert!((0.0..=0.5).contains(part));
            let value = varied[[0, 0]];
            assert!(varied.iter().all(|other| *other == value), "shorter clips are repeated");
            // Only one clip of the batch can have been mixed in.
            let own = clip[[0, 0]];
            let other = (value - own) / part + own;
            if *part > 1e-3 {
                blended += 1;
                assert!((other - other.round()).abs() < 1e-2 && (other.round() as usize - 1) % 4 == *label, "{other} {label}");
            }
        }
        assert!(blended >= 3, "{mixed:?}");
    }

    #[test]
    fn style_moves_the_statistics_of_a_clip_towards_one_of_its_emotion_and_keeps_its_course() {
        let config = BatchConfig { style: Some(Style { probability: 0.5 }), ..BatchConfig::default() };
        // A ramp of its own mean and width, and a constant feature, for each clip.
        let ramp = |clip: usize, step: usize| clip as f32 + (1 + clip) as f32 * (step as f32 / 19.0 - 0.5);
        let course = |clip: usize| Array2::from_shape_fn((20, 2), |(step, feature)| [ramp(clip, step), clip as f32][feature]);
        let clips: Vec<Array2<f32>> = (0..40).map(course).collect();
        let mut moved = 0;
        for (number, (clip, varied)) in clips.iter().zip(&vary(&config, &clips, [3, 1]).features).enumerate() {
            let mean = varied.column(1)[0];
            moved += usize::from(mean != clip[[0, 1]]);
            // Mean and width of these ramps differ by one, so both have moved to the same clip by the same part.
            let width = varied[[19, 0]] - varied[[0, 0]];
            assert!((varied.column(0).mean().unwrap() - mean).abs() < 1e-3 && (width - mean - 1.0).abs() < 1e-3, "{number}");
            assert!((-1e-3..=39.001).contains(&mean));
        }
        assert!((10..30).contains(&moved), "{moved}");
        // A clip that is the only one of its emotion in a batch has nothing to move to.
        let alone = vary(&BatchConfig { style: Some(Style { probability: 1.0 }), ..config }, &clips[..4], [3, 1]).features;
        for (clip, same) in clips.iter().zip(alone) {
            assert!(clip.iter().zip(&same).all(|(before, after)| (before - after).abs() < 1e-5));
        }
    }

    #[test]
    fn every_seed_and_step_draws_anew_and_the_same_again() {
        let config = BatchConfig {
            time_mask: Some(TimeMask { count: 2, most: 0.3 }),
            feature_mask: Some(FeatureMask { count: 1, most: 2 }),
            mixup: Some(0.2),
            crop: Some(Crop { probability: 0.5, least: 0.5 }),
            style: Some(Style { probability: 0.5 }),
        };
        let clips = clips(6);
        let first = vary(&config, &clips, [3, 1]);
        assert_eq!(first, vary(&config, &clips, [3, 1]));
        for other in [[4, 1], [3, 2], [1, 3]] {
            assert_ne!(first, vary(&config, &clips, other));
        }
        // Random numbers do not depend on the content of the clips.
        let mut changed = clips.clone();
        changed[0].fill(9.0);
        assert_eq!(first.mixed, vary(&config, &changed, [3, 1]).mixed);
    }

    #[test]
    fn what_is_out_of_range_is_refused_by_name() {
        for (text, expected) in [
            ("mixup = 0", "augmentation.batch.mixup must be above 0 and at most 1, or absent, found 0"),
            ("mixup = 1.5", "batch.mixup must be"),
            ("time_mask = { count = 0, most = 0.2 }", "augmentation.batch.time_mask.count must be 1..=10, found 0"),
            ("time_mask = { count = 1, most = 0.6 }", "batch.time_mask.most must be above 0 and at most 0.5, found 0.6"),
            ("style = { probability = 0 }", "augmentation.batch.style.probability must be above 0 and at most 1, found 0"),
            ("feature_mask = { count = 11, most = 2 }", "batch.feature_mask.count must be"),
            ("feature_mask = { count = 1, most = 0 }", "batch.feature_mask.most must be 1..=100, found 0"),
        ] {
            let config: BatchConfig = toml::from_str(text).unwrap();
            let error = config.validate().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        toml::from_str::<BatchConfig>("mixup = 0.2\ntime_mask = { count = 1, most = 0.5 }").unwrap().validate().unwrap();
    }

    #[test]
    fn a_mixed_sequence_costs_its_two_emotions_in_their_parts() {
        let text = include_str!("../../../configs/paper-ltc-16.toml");
        let recipe: toml::Table = toml::from_str(text).unwrap();
        let rng = &mut generator(&[b"network"]);
        let network = Network::<f64>::init(recipe["network"].clone().try_into().unwrap(), 3, None, rng);
        let clips: Vec<Array2<f64>> =
            (0..3).map(|clip| Array2::from_shape_fn((4, 3), |(t, f)| (t + clip) as f64 * 0.3 - f as f64)).collect();
        let outcome = |labels: &[usize], mixed: &[Mixed]| {
            let sequences = clips.iter().map(|clip| clip.view()).collect();
            let (class_weights, loss) = ([1.0, 0.5, 2.0, 1.0], LossConfig::LabelSmoothing { epsilon: 0.1 });
            let batch = Batch { sequences, labels, mixed, class_weights, loss, dropout: Dropout::default() };
            network.loss_and_gradients(&batch, 0.0)
        };
        let mixed = |part: f32| [0, 1, 2].map(|label| Mixed { label, part });
        let (first, second) = (outcome(&[3, 2, 1], &[]).unwrap(), outcome(&[0, 1, 2], &[]).unwrap());
        assert_eq!(outcome(&[3, 2, 1], &mixed(0.0)).unwrap(), first);
        let both = outcome(&[3, 2, 1], &mixed(0.25)).unwrap();
        assert!((both.loss - (0.75 * first.loss + 0.25 * second.loss)).abs() < 1e-12);
        for ((both, first), second) in both.gradients.iter().zip(first.gradients.iter()).zip(second.gradients.iter()) {
            for ((value, first), second) in both.values.iter().zip(&first.values).zip(&second.values) {
                assert!((value - (0.75 * first + 0.25 * second)).abs() < 1e-12, "{}", both.name);
            }
        }
        assert!(outcome(&[3, 2, 1], &mixed(0.25)[..2]).unwrap_err().to_string().contains('3'));
        assert!(outcome(&[3, 2, 1], &[Mixed { label: 4, part: 0.1 }; 3]).is_err());
    }
}
