//! How often each clip is used in an epoch, when corpora of different sizes should be weighted more equally.
//!
//! In: classes and corpora of the training clips. Out: groups of clips, and how many of each an epoch contains.

use std::collections::BTreeMap;

use rand::Rng;
use rand::seq::IndexedRandom as _;

use crate::data::dataset::Part;

/// Clips of one class in one corpus, and how many of them an epoch contains.
pub(super) struct Share {
    /// Indices in the part.
    clips: Vec<usize>,
    n: usize,
}

impl Share {
    pub(super) fn n_clips(groups: &[Self]) -> usize {
        groups.iter().map(|group| group.n).sum()
    }

    /// Indices of the clips for one epoch. All clips of a group are used equally often, or once more.
    pub(super) fn draw(&self, rng: &mut impl Rng) -> Vec<usize> {
        let times = self.n / self.clips.len();
        let mut drawn = self.clips.repeat(times);
        drawn.extend(self.clips.sample(rng, self.n - drawn.len()));
        drawn
    }
}

/// Except for rounding, an epoch has as many clips as there are in total. The share of a corpus is proportional to its number of clips to the power
/// of `exponent` (temperature sampling: Arivazhagan et al. 2019, arXiv:1907.05019, section 4.2), and all classes of a corpus have the same share, so
/// that a corpus does not predict the emotion.
pub(super) fn groups(part: &Part, exponent: f64) -> Vec<Share> {
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    let mut groups: BTreeMap<(&str, usize), Vec<usize>> = BTreeMap::new();
    for (clip, (corpus, &label)) in part.corpora.iter().zip(&part.labels).enumerate() {
        *sizes.entry(corpus).or_default() += 1;
        groups.entry((corpus, label)).or_default().push(clip);
    }
    let weight = |corpus: &str| (sizes[corpus] as f64).powf(exponent);
    let total: f64 = sizes.keys().map(|corpus| weight(corpus)).sum();
    let n_classes = |corpus: &str| groups.keys().filter(|(of, _)| *of == corpus).count() as f64;
    let n = |corpus: &str| (part.len() as f64 * weight(corpus) / total / n_classes(corpus)).round().max(1.0) as usize;
    let wanted: Vec<usize> = groups.keys().map(|(corpus, _)| n(corpus)).collect();
    groups.into_values().zip(wanted).map(|(clips, n)| Share { clips, n }).collect()
}
