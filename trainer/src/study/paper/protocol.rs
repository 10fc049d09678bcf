//! The published protocol, the honest one, and the steps between them.
//!
//! The authors pool every turn with three augmented copies of it, fit the scaler on all of them, and split them at random into 80 % and 20 %,
//! stratified by class; the 20 % are used for early stopping, for selecting the weights, and as the test set. So most siblings of a test item are in
//! the training data, every speaker is on both sides, and the test data are also used for model selection.
//!
//! # Source
//! Faldu, Parikh, Kumar: *Real-Time Emotion Recognition Using Liquid Neural Networks*, and their repository at commit 1e9e6dca.

use moodline_core::Emotion;
use rand::seq::SliceRandom as _;

use crate::data::augment::AugmentationConfig;
use crate::study::protocol::groups::random_stream;
use crate::study::protocol::honest::{CLIPS_STREAM, Planner, SAMPLES_STREAM};
use crate::study::protocol::{Fold, Plan, ProtocolError, Sample, ScalerOn, Step, Test, TestGroup};

const HONEST: usize = 0;
pub(super) const HONEST_COPIES: usize = 1;
const DEV_IS_TEST: usize = 2;
const RANDOM_CLIPS: usize = 3;
pub(super) const PUBLISHED: usize = 4;
const PUBLISHED_ORIGINALS: usize = 5;
pub(super) const NAMES: [&str; 6] =
    ["honest", "honest-copies", "dev-is-test", "random-clips", "published", "published-originals"];

const STEPS: [Step; 6] = [
    Step { name: "no leak: copies of the training clips", from: HONEST, to: HONEST_COPIES },
    Step { name: "the tested clips decide the epoch, and nobody is held back for that", from: HONEST, to: DEV_IS_TEST },
    Step { name: "clips are split at random, so every voice is on both sides", from: DEV_IS_TEST, to: RANDOM_CLIPS },
    Step { name: "copies are on both sides, the scaler knows everything", from: RANDOM_CLIPS, to: PUBLISHED },
    Step { name: "as published, where copies are tested too", from: HONEST_COPIES, to: PUBLISHED },
    Step {
        name: "the whole leak: the same clips tested, the same copies to train on",
        from: HONEST_COPIES,
        to: PUBLISHED_ORIGINALS,
    },
];

/// The three augmentations of the authors: two semitones up; slower, cut to the original length; white noise.
const COPIES: &str = r#"
copies = 3
mode = "each"
transforms = [
    { kind = "pitch_shift", semitones = 2 },
    { kind = "time_stretch", rate = 0.9, cut = true },
    { kind = "hiss", sigma = 0.005 },
]
"#;

/// The augmentation of the published protocol, for recipes without one.
#[must_use]
pub fn published_copies() -> AugmentationConfig {
    // INVARIANT: a constant of the program is well-formed.
    toml::from_str(COPIES).expect("an augmentation")
}

/// The published protocol, the honest one, and the steps between them.
pub(crate) fn plan(planner: &Planner<'_>) -> Result<Plan, ProtocolError> {
    let mut folds = Vec::new();
    for (index, sides) in planner.speaker_groups()?.into_iter().enumerate() {
        let (train, dev) = planner.decide(index, &sides)?;
        let fold = |group: usize, train: Vec<Sample>, dev: &[usize]| Fold {
            name: format!("{}, {}", NAMES[group], sides.name),
            train,
            dev: planner.originals(dev),
            tests: vec![Test { group, samples: planner.originals(&sides.test) }],
            scaler: ScalerOn::Train,
        };
        folds.extend([
            fold(HONEST, planner.originals(&train), &dev),
            fold(HONEST_COPIES, planner.with_copies(&train), &dev),
            fold(DEV_IS_TEST, planner.originals(&sides.train), &sides.test),
        ]);
    }
    folds.extend(random_clips(planner));
    folds.extend(published(planner));
    folds.sort_by_key(|fold| fold.tests[0].group);
    let (n_folds, copies) = (planner.options.folds, planner.options.copies);
    let description = format!(
        "The published protocol beside the honest one, {n_folds} folds each, the same network and the same clips. honest: folds by speaker, other training \
         speakers decide. honest-copies: the same with {copies} augmented copies of each training clip. dev-is-test: folds by speaker, but the \
         tested clips decide. random-clips: a stratified random split of the clips, voices on both sides, the tested clips decide. published: clips \
         and their {copies} copies pooled and split at random (the published 80/20 split is one of 5 such folds), the tested ones decide, the scaler \
         is fitted on everything; published-originals is that, measured on the clips that are no copies."
    );
    Ok(Plan { description, groups: NAMES.map(TestGroup::named).to_vec(), folds, steps: STEPS.to_vec() })
}

/// Random split of the clips; the test clips are also the dev set.
fn random_clips(planner: &Planner<'_>) -> Vec<Fold> {
    let clips: Vec<usize> = (0..planner.manifest.utterances.len()).collect();
    let folds = stratified(planner, planner.originals(&clips), CLIPS_STREAM).into_iter().enumerate();
    folds
        .map(|(index, [train, test])| Fold {
            name: format!("{}, part {}", NAMES[RANDOM_CLIPS], index + 1),
            train,
            dev: test.clone(),
            tests: vec![Test { group: RANDOM_CLIPS, samples: test }],
            scaler: ScalerOn::Train,
        })
        .collect()
}

/// Random split of clips and copies; the test clips are also the dev set, and the scaler is fitted on everything.
fn published(planner: &Planner<'_>) -> Vec<Fold> {
    let clips: Vec<usize> = (0..planner.manifest.utterances.len()).collect();
    let folds = stratified(planner, planner.with_copies(&clips), SAMPLES_STREAM).into_iter().enumerate();
    folds
        .map(|(index, [train, test])| {
            let originals = test.iter().copied().filter(|sample| sample.copy == 0).collect();
            Fold {
                name: format!("{}, part {}", NAMES[PUBLISHED], index + 1),
                train,
                dev: test.clone(),
                tests: vec![Test { group: PUBLISHED, samples: test }, Test { group: PUBLISHED_ORIGINALS, samples: originals }],
                scaler: ScalerOn::Everything,
            }
        })
        .collect()
}

/// Distributes samples over as many parts as there are folds, class by class, and pairs each part with the remainder: `[train, test]`.
fn stratified(planner: &Planner<'_>, samples: Vec<Sample>, stream: u64) -> Vec<[Vec<Sample>; 2]> {
    let rng = &mut random_stream(planner.options.split_seed, stream);
    let n_parts = planner.options.folds;
    let mut parts: Vec<Vec<Sample>> = vec![Vec::new(); n_parts];
    // Each class continues at the part where the previous one ended, so that all parts have equal size.
    let mut next = 0;
    for emotion in Emotion::ALL {
        let has_it = |sample: &&Sample| planner.manifest.utterances[sample.utterance].emotion == emotion;
        let mut of_class: Vec<Sample> = samples.iter().filter(has_it).copied().collect();
        of_class.shuffle(rng);
        for sample in of_class {
            parts[next].push(sample);
            next = (next + 1) % n_parts;
        }
    }
    parts.iter_mut().for_each(|part| part.sort_unstable());
    (0..n_parts)
        .map(|tested| {
            let others = parts.iter().enumerate().filter(|(part, _)| *part != tested);
            let mut train: Vec<Sample> = others.flat_map(|(_, part)| part.iter().copied()).collect();
            train.sort_unstable();
            [train, parts[tested].clone()]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use moodline_fourier::Fourier;

    use super::*;
    use crate::data::augment::signals::{RATE, sum_of_tones};
    use crate::data::augment::{Augmenter, Drawn};

    #[test]
    fn the_papers_three_are_a_copy_each() {
        let (augmenter, _) = Augmenter::new(&published_copies(), RATE as u32).unwrap();
        let samples = sum_of_tones(&[200.0, 900.0], 1.0);
        let expected =
            [Drawn::PitchShift { semitones: 2.0 }, Drawn::TimeStretch { rate: 0.9, cut: true }, Drawn::Hiss { sigma: 0.005 }];
        for copy in 1..=6 {
            let made = augmenter.copy(&samples, &[3; 32], copy, &mut Fourier::new());
            assert_eq!(made.drawn, [expected[(copy - 1) % 3].clone()]);
            assert_eq!(made.samples.len(), samples.len());
        }
    }
}
