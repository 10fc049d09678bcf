//! Assigns speakers to splits: a reproducible, speaker-independent split of a corpus without one.

use std::collections::BTreeMap;
use std::str::FromStr;

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use crate::data::manifest::Split;

/// Fraction of the recordings for each split, in the order of [`Split::ALL`]; they sum to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fractions([f64; 3]);

impl FromStr for Fractions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("expected three parts that sum to 1, such as 0.7,0.15,0.15 for train, dev and test, found '{text}'");
        let parts = text.split(',').map(|part| part.trim().parse::<f64>()).collect::<Result<Vec<_>, _>>().map_err(|_| wrong())?;
        let fractions = <[f64; 3]>::try_from(parts).map_err(|_| wrong())?;
        let valid = fractions.iter().all(|part| (0.0..=1.0).contains(part)) && (fractions.iter().sum::<f64>() - 1.0).abs() < 1e-6;
        if valid { Ok(Self(fractions)) } else { Err(wrong()) }
    }
}

/// Too few speakers to keep the splits apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected at least {expected} speakers, one for each split, found {found}: give a split a part of 0 to leave it out")]
pub struct SplitError {
    /// Splits with a fraction above 0.
    pub expected: usize,
    /// Speakers found.
    pub found: usize,
}

/// Assigns every speaker to one split, so that each split gets about its fraction of the recordings. `n_recordings` is the count per speaker.
///
/// The order of the speakers is shuffled with `seed`; each split first gets one of them, then each further speaker goes to the split that lacks most.
///
/// # Errors
/// [`SplitError`] if there are fewer speakers than splits.
pub fn split_speakers(
    n_recordings: &BTreeMap<String, usize>,
    fractions: Fractions,
    seed: u64,
) -> Result<BTreeMap<String, Split>, SplitError> {
    let total: usize = n_recordings.values().sum();
    let mut lacking: Vec<(Split, f64)> = Split::ALL
        .into_iter()
        .zip(fractions.0)
        .filter(|(_, part)| *part > 0.0)
        .map(|(split, part)| (split, part * total as f64))
        .collect();
    let mut speakers: Vec<(&String, &usize)> = n_recordings.iter().collect();
    if speakers.len() < lacking.len() {
        return Err(SplitError { expected: lacking.len(), found: speakers.len() });
    }
    speakers.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let mut splits = BTreeMap::new();
    for (index, (speaker, &n)) in speakers.into_iter().enumerate() {
        let most = (0..lacking.len()).max_by(|&a, &b| lacking[a].1.total_cmp(&lacking[b].1)).unwrap_or(0);
        let target = if index < lacking.len() { index } else { most };
        lacking[target].1 -= n as f64;
        splits.insert(speaker.clone(), lacking[target].0);
    }
    Ok(splits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_that_do_not_sum_to_one_are_refused() {
        assert!("0.7,0.15,0.15".parse::<Fractions>().is_ok());
        for text in ["0.7,0.3", "0.7,0.2,0.2", "1,1,-1", "a,b,c", "nan,0,1"] {
            assert!(text.parse::<Fractions>().is_err(), "{text}");
        }
    }

    #[test]
    fn fewer_speakers_than_splits_is_an_error() {
        let speakers = BTreeMap::from([("a".to_owned(), 10), ("b".to_owned(), 10)]);
        let split = |fractions: &str| split_speakers(&speakers, fractions.parse().unwrap(), 0);
        assert_eq!(split("0.7,0.15,0.15"), Err(SplitError { expected: 3, found: 2 }));
        assert_eq!(split("0.8,0.2,0").unwrap().len(), 2);
    }

    proptest! {
        #[test]
        fn every_split_gets_somebody_and_no_split_misses_its_part_by_more_than_the_largest_speaker(
            counts in prop::collection::vec(1_usize..60, 3..40),
            seed in 0_u64..1000,
        ) {
            let speakers: BTreeMap<String, usize> = counts.iter().enumerate().map(|(i, &n)| (format!("s{i:02}"), n)).collect();
            let splits = split_speakers(&speakers, "0.6,0.2,0.2".parse().unwrap(), seed).unwrap();
            prop_assert_eq!(&splits, &split_speakers(&speakers, "0.6,0.2,0.2".parse().unwrap(), seed).unwrap());
            let total: usize = counts.iter().sum();
            let largest = *counts.iter().max().unwrap() as f64;
            for (split, part) in Split::ALL.into_iter().zip([0.6, 0.2, 0.2]) {
                let n: usize = speakers.iter().filter(|(name, _)| splits[*name] == split).map(|(_, n)| n).sum();
                prop_assert!(n > 0);
                prop_assert!(n as f64 <= part * total as f64 + largest);
            }
        }
    }
}
