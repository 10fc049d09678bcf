//! How often each clip is learned from in an epoch, where corpora of other sizes are to count more alike.
//!
//! In: classes and corpora of the training clips. Out: groups of clips, and how many of each an epoch has.

use std::collections::BTreeMap;

use rand::Rng;
use rand::seq::IndexedRandom as _;

use crate::data::dataset::Part;

/// Clips of one class in one corpus, and how many of them an epoch has.
pub(super) struct Share {
    /// Positions in the part.
    clips: Vec<usize>,
    n: usize,
}

impl Share {
    pub(super) fn n_clips(groups: &[Self]) -> usize {
        groups.iter().map(|group| group.n).sum()
    }

    /// Positions of the clips of one epoch, group by group. Each clip of a group comes as often as any other, or once more.
    pub(super) fn draw(&self, rng: &mut impl Rng) -> Vec<usize> {
        let times = self.n / self.clips.len();
        let mut drawn = self.clips.repeat(times);
        drawn.extend(self.clips.sample(rng, self.n - drawn.len()));
        drawn
    }
}

/// As many clips in all as there are, but for rounding. The share of a corpus is as its number of clips to the power of `exponent` (temperature sampling:
/// Arivazhagan et al. 2019, arXiv:1907.05019, section 4.2), and within a corpus all its classes have the same share, so that no corpus is known by its
/// favourite emotion.
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
