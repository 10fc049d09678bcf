//! Distributes whole speakers (or texts) over groups of about equal size, and selects dev speakers.

use std::collections::BTreeMap;

use rand::SeedableRng as _;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand_chacha::ChaCha8Rng;

use super::DEV_PART;
use crate::data::manifest::Utterance;

/// Clips that must stay together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bundle<'m> {
    /// The speaker or text they share.
    pub(crate) name: &'m str,
    /// Corpus of the first clip.
    pub(crate) corpus: &'m str,
    /// Indices in the manifest, in order.
    pub(crate) clips: Vec<usize>,
}

/// The clips of each key, in the order of the keys.
pub(crate) fn bundles<'m, K: Ord>(
    utterances: &'m [Utterance],
    clips: impl IntoIterator<Item = usize>,
    key: impl Fn(&'m Utterance) -> (K, &'m str),
) -> Vec<Bundle<'m>> {
    let mut by_key: BTreeMap<K, Bundle<'m>> = BTreeMap::new();
    for clip in clips {
        let utterance = &utterances[clip];
        let (key, name) = key(utterance);
        let bundle = by_key.entry(key).or_insert_with(|| Bundle { name, corpus: &utterance.corpus, clips: Vec::new() });
        bundle.clips.push(clip);
    }
    by_key.into_values().collect()
}

/// The clips of each speaker. A name identifies a person across corpora.
pub(crate) fn by_speaker(utterances: &[Utterance], clips: impl IntoIterator<Item = usize>) -> Vec<Bundle<'_>> {
    bundles(utterances, clips, |utterance| (&utterance.speaker, utterance.speaker.as_str()))
}

/// A separate generator for each purpose and fold.
pub(crate) fn random_stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// Distributes bundles over `n_groups` groups, corpus by corpus; returns the group of each bundle. The largest come first (in seeded order if they
/// are of equal size), each assigned to the group with the fewest clips of its corpus and, among those, the fewest clips.
///
/// No group stays empty if there are at least as many bundles as groups.
pub(crate) fn deal(bundles: &[Bundle<'_>], n_groups: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..bundles.len()).collect();
    order.shuffle(rng);
    order.sort_by_key(|&bundle| std::cmp::Reverse(bundles[bundle].clips.len()));
    let mut of_corpus: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut of_all = vec![0; n_groups];
    let mut groups = vec![0; bundles.len()];
    for index in order {
        let Bundle { corpus, clips, .. } = &bundles[index];
        let loads = of_corpus.entry(corpus).or_insert_with(|| vec![0; n_groups]);
        let lightest = (0..n_groups).min_by_key(|&group| (loads[group], of_all[group])).unwrap_or(0);
        loads[lightest] += clips.len();
        of_all[lightest] += clips.len();
        groups[index] = lightest;
    }
    groups
}

/// Splits the clips of a fold's training speakers into train and dev; see [`super`] for the proportions. Both keep the order of the manifest. None if
/// there are fewer than two speakers.
pub(crate) fn take_dev(utterances: &[Utterance], clips: &[usize], rng: &mut ChaCha8Rng) -> Option<(Vec<usize>, Vec<usize>)> {
    let speakers = by_speaker(utterances, clips.iter().copied());
    if speakers.len() < 2 {
        return None;
    }
    let mut by_corpus: BTreeMap<&str, Vec<&Bundle<'_>>> = BTreeMap::new();
    for speaker in &speakers {
        by_corpus.entry(speaker.corpus).or_default().push(speaker);
    }
    let (mut train, mut dev): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    for mut speakers in by_corpus.into_values() {
        speakers.shuffle(rng);
        let wanted = DEV_PART * speakers.iter().map(|speaker| speaker.clips.len()).sum::<usize>() as f64;
        let mut taken = 0;
        for (index, speaker) in speakers.iter().enumerate() {
            let is_last = index + 1 == speakers.len();
            if (taken as f64) < wanted && !is_last {
                taken += speaker.clips.len();
                dev.extend(&speaker.clips);
            } else {
                train.extend(&speaker.clips);
            }
        }
    }
    if dev.is_empty() {
        // Every corpus has only one speaker: one of these speakers becomes the dev set.
        let chosen = speakers.choose(rng)?;
        train.retain(|clip| !chosen.clips.contains(clip));
        dev.extend(&chosen.clips);
    }
    train.sort_unstable();
    dev.sort_unstable();
    Some((train, dev))
}
