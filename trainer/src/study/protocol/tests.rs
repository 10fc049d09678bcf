use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::path::PathBuf;

use moodline_core::Emotion;
use proptest::prelude::*;

use super::*;
use crate::data::manifest::{Manifest, Utterance};
use crate::study::plan::plan;

const OPTIONS: PlanOptions = PlanOptions { folds: 5, split_seed: 0, copies: 0, unseen_only: false };

/// `n_speakers` of a corpus, two per session, who speak `n_texts` sentences in every emotion; the first speaker lacks one clip, so that groups differ
/// in size.
fn corpus(name: &str, n_speakers: usize, n_texts: usize) -> Vec<Utterance> {
    let mut utterances = Vec::new();
    for speaker in 0..n_speakers {
        for text in 0..n_texts {
            for emotion in Emotion::ALL {
                let clip = format!("{name}-{speaker}-{text}-{emotion}.wav");
                utterances.push(Utterance {
                    path: PathBuf::from(&clip),
                    name: clip,
                    corpus: name.to_owned(),
                    speaker: format!("{name}:{speaker:02}"),
                    emotion,
                    split: Some([Split::Train, Split::Train, Split::Dev, Split::Test][speaker % 4]),
                    language: None,
                    session: Some(format!("Ses{:02}", speaker / 2)),
                    text: Some(format!("T{text}")),
                    is_perceived: None,
                });
            }
        }
    }
    utterances.remove(0);
    utterances
}

fn manifest(utterances: Vec<Utterance>) -> Manifest {
    Manifest { utterances, sources: Vec::new() }
}

fn two_corpora() -> Manifest {
    let mut utterances = corpus("a", 12, 3);
    utterances.extend(corpus("b", 6, 2));
    manifest(utterances)
}

fn speakers(manifest: &Manifest, samples: &[Sample]) -> BTreeSet<String> {
    samples.iter().map(|sample| manifest.utterances[sample.utterance].speaker.clone()).collect()
}

/// Train, dev and test of a fold share no speaker, and none of them is empty.
fn is_speaker_disjoint(manifest: &Manifest, fold: &Fold) -> bool {
    let test: Vec<Sample> = fold.tests.iter().flat_map(|test| test.samples.clone()).collect();
    let [train, dev, test] = [&fold.train, &fold.dev, &test].map(|samples| speakers(manifest, samples));
    let full = !train.is_empty() && !dev.is_empty() && !test.is_empty();
    full && train.is_disjoint(&dev) && train.is_disjoint(&test) && dev.is_disjoint(&test)
}

/// How often each clip is tested in a group.
fn tested(plan: &Plan, group: usize) -> BTreeMap<Sample, usize> {
    let mut counts = BTreeMap::new();
    for test in plan.folds.iter().flat_map(|fold| &fold.tests).filter(|test| test.group == group) {
        test.samples.iter().for_each(|&sample| *counts.entry(sample).or_default() += 1);
    }
    counts
}

fn every_clip_once(manifest: &Manifest, plan: &Plan, group: usize) -> bool {
    let counts = tested(plan, group);
    counts.len() == manifest.utterances.len() && counts.iter().all(|(sample, &n)| sample.copy == 0 && n == 1)
}

#[test]
fn honest_protocols_keep_voices_apart_and_test_every_clip_once() {
    let manifest = two_corpora();
    for protocol in [Protocol::Kfold, Protocol::Session, Protocol::Speaker, Protocol::Text] {
        let plan = plan(protocol, &manifest, &OPTIONS).unwrap();
        assert!(plan.folds.iter().all(|fold| is_speaker_disjoint(&manifest, fold)), "{protocol}");
        assert!(plan.folds.iter().all(|fold| fold.scaler == ScalerOn::Train), "{protocol}");
        assert!(every_clip_once(&manifest, &plan, 0), "{protocol}");
    }
    let n_folds = |protocol: Protocol| plan(protocol, &manifest, &OPTIONS).unwrap().folds.len();
    assert_eq!(n_folds(Protocol::Kfold), 5);
    assert_eq!(n_folds(Protocol::Speaker), 18);
    assert_eq!(n_folds(Protocol::Session), 9, "sessions of two corpora with the same names are different ones");
    assert_eq!(n_folds(Protocol::Text), 5 * 2, "no more groups of texts than the corpus with fewest has");
}

#[test]
fn those_who_decide_are_about_the_part_that_is_documented_of_every_corpus() {
    let manifest = two_corpora();
    for fold in plan(Protocol::Kfold, &manifest, &OPTIONS).unwrap().folds {
        for corpus in ["a", "b"] {
            let of_corpus = |samples: &[Sample]| {
                samples.iter().filter(|sample| manifest.utterances[sample.utterance].corpus == corpus).count() as f64
            };
            let (train, dev) = (of_corpus(&fold.train), of_corpus(&fold.dev));
            let largest_speaker = 12.0;
            assert!(dev >= DEV_PART * (train + dev) && dev <= DEV_PART * (train + dev) + largest_speaker, "{}: {dev}", fold.name);
        }
    }
}

#[test]
fn text_folds_share_no_sentence_with_their_training() {
    let manifest = manifest(corpus("a", 10, 6));
    let text = |sample: &Sample| manifest.utterances[sample.utterance].text.clone();
    let plan = plan(Protocol::Text, &manifest, &PlanOptions { folds: 3, ..OPTIONS }).unwrap();
    assert_eq!(plan.folds.len(), 9);
    for fold in &plan.folds {
        let known: BTreeSet<_> = fold.train.iter().chain(&fold.dev).map(text).collect();
        assert!(fold.tests[0].samples.iter().map(text).all(|text| !known.contains(&text)), "{}", fold.name);
    }
}

#[test]
fn a_cross_corpus_matrix_tests_the_same_clips_in_every_row() {
    let manifest = two_corpora();
    let plan = plan(Protocol::CrossCorpus, &manifest, &OPTIONS).unwrap();
    let names: Vec<&str> = plan.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["b, unseen", "a to a", "a to b", "a, unseen", "b to a", "b to b", "all to a", "all to b"]);
    assert!(plan.folds.iter().all(|fold| is_speaker_disjoint(&manifest, fold)));
    let corpus = |sample: &Sample| manifest.utterances[sample.utterance].corpus.as_str();
    assert!(plan.folds[0].train.iter().chain(&plan.folds[0].dev).all(|sample| corpus(sample) == "a"));
    let cell = |fold: &Fold, column: &str| -> Vec<Sample> {
        let test = fold.tests.iter().find(|test| plan.groups[test.group].test_on.as_deref() == Some(column));
        test.unwrap().samples.clone()
    };
    for fold in &plan.folds {
        assert_eq!(cell(fold, "b"), cell(&plan.folds[0], "b"));
        assert!(cell(fold, "b").iter().all(|sample| corpus(sample) == "b"));
    }
    assert_eq!(tested(&plan, 2), tested(&plan, 5));
}

#[test]
fn what_decides_is_a_corpus_that_is_not_trained_on_without_its_test_split() {
    let clips = |names: &[&str]| names.iter().flat_map(|name| corpus(name, 6, 2)).collect::<Vec<_>>();
    let manifest = manifest(clips(&["a", "b", "c"]));
    let all = plan(Protocol::CrossCorpus, &manifest, &OPTIONS).unwrap();
    let only = plan(Protocol::CrossCorpus, &manifest, &PlanOptions { unseen_only: true, ..OPTIONS }).unwrap();
    assert_eq!(only.groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["a, unseen", "b, unseen", "c, unseen"]);
    for (of_only, of_all) in only.folds.iter().zip(&all.folds) {
        let [test] = &of_only.tests[..] else { panic!("one test") };
        let group = &only.groups[test.group];
        let unseen = group.unseen.as_deref().unwrap();
        let utterance = |sample: &Sample| &manifest.utterances[sample.utterance];
        assert!(of_only.train.iter().chain(&of_only.dev).all(|sample| utterance(sample).corpus != unseen));
        let decides = |sample: &Sample| utterance(sample).corpus == unseen && utterance(sample).split != Some(Split::Test);
        assert!(test.samples.iter().all(decides) && test.samples.is_sorted());
        assert_eq!(
            test.samples.len(),
            (0..manifest.utterances.len()).filter(|&utterance| decides(&Sample { utterance, copy: 0 })).count()
        );
        assert!(!group.corpora.iter().any(|corpus| corpus == unseen) && group.corpora.len() == 2);
        assert_eq!((&of_only.train, &of_only.dev, &test.samples), (&of_all.train, &of_all.dev, &of_all.tests[0].samples));
    }
    let one = plan(Protocol::CrossCorpus, &two_corpora(), &PlanOptions { unseen_only: true, ..OPTIONS }).unwrap();
    assert_eq!(one.folds.len(), 2, "with two corpora, too");
}

#[test]
fn a_corpus_that_cannot_be_trained_on_is_a_column_and_the_others_are_a_row() {
    let only_tested = |mut clips: Vec<Utterance>| {
        clips.iter_mut().for_each(|clip| clip.split = Some(Split::Test));
        clips
    };
    let clips = |names: &[&str]| names.iter().flat_map(|name| corpus(name, 6, 2)).collect::<Vec<_>>();
    let manifest = manifest([clips(&["a", "b", "c"]), only_tested(corpus("d", 2, 2))].concat());
    let plan = plan(Protocol::CrossCorpus, &manifest, &OPTIONS).unwrap();
    let row = |train_on: &str| -> Vec<&str> {
        let of_row = plan.groups.iter().filter(|group| group.train_on.as_deref() == Some(train_on));
        of_row.filter_map(|group| group.test_on.as_deref()).collect()
    };
    assert_eq!(
        (row("a"), row("all"), row("the others")),
        (vec!["a", "b", "c", "d"], vec!["a", "b", "c", "d"], vec!["a", "b", "c"])
    );
    assert!(row("d").is_empty());
    let corpora = |samples: &[Sample]| -> BTreeSet<&str> {
        samples.iter().map(|sample| manifest.utterances[sample.utterance].corpus.as_str()).collect()
    };
    let fold = plan.folds.iter().find(|fold| fold.name == "all but b").unwrap();
    assert_eq!(
        (corpora(&fold.train), corpora(&fold.dev), corpora(&fold.tests[1].samples)),
        (["a", "c"].into(), ["a", "c"].into(), ["b"].into())
    );
    assert_eq!(row("all but b"), ["d"], "one more corpus that it did not hear");
}

#[test]
fn fixed_takes_the_splits_of_the_manifest() {
    let manifest = two_corpora();
    let plan = plan(Protocol::Fixed, &manifest, &PlanOptions { copies: 2, ..OPTIONS }).unwrap();
    let [fold] = &plan.folds[..] else { panic!("one fold") };
    let split = |sample: &Sample| manifest.utterances[sample.utterance].split;
    assert!(fold.train.iter().all(|sample| split(sample) == Some(Split::Train)));
    assert!(fold.dev.iter().all(|sample| split(sample) == Some(Split::Dev) && sample.copy == 0));
    assert!(fold.tests[0].samples.iter().all(|sample| split(sample) == Some(Split::Test) && sample.copy == 0));
    assert_eq!(fold.train.len(), 3 * manifest.of_split(Some(Split::Train)).count(), "each clip and its two copies");
}

#[test]
fn the_published_protocol_leaks_and_each_step_loosens_one_rule() {
    let manifest = two_corpora();
    let plan = plan(Protocol::Paper, &manifest, &PlanOptions { copies: 3, ..OPTIONS }).unwrap();
    let of_group = |name: &str| {
        let group = plan.groups.iter().position(|group| group.name == name).unwrap();
        let folds: Vec<&Fold> = plan.folds.iter().filter(|fold| fold.tests[0].group == group).collect();
        assert_eq!(folds.len(), 5, "{name}");
        (group, folds)
    };
    for (name, copies) in [("honest", 0), ("honest-copies", 3)] {
        let (group, folds) = of_group(name);
        assert!(every_clip_once(&manifest, &plan, group));
        assert!(folds.iter().all(|fold| is_speaker_disjoint(&manifest, fold) && fold.scaler == ScalerOn::Train), "{name}");
        assert!(folds.iter().all(|fold| fold.train.iter().map(|sample| sample.copy).max() == Some(copies)), "{name}");
        assert!(folds.iter().all(|fold| fold.dev.iter().all(|sample| sample.copy == 0)), "{name}");
    }

    let (group, folds) = of_group("dev-is-test");
    assert!(every_clip_once(&manifest, &plan, group));
    for fold in folds {
        assert_eq!(fold.dev, fold.tests[0].samples);
        assert!(speakers(&manifest, &fold.train).is_disjoint(&speakers(&manifest, &fold.dev)));
    }

    let (group, folds) = of_group("random-clips");
    assert!(every_clip_once(&manifest, &plan, group));
    for fold in folds {
        assert_eq!(fold.dev, fold.tests[0].samples);
        assert!(!speakers(&manifest, &fold.train).is_disjoint(&speakers(&manifest, &fold.dev)));
        assert!(fold.train.iter().all(|sample| sample.copy == 0 && !fold.dev.contains(sample)));
    }

    let (group, folds) = of_group("published");
    let counts = tested(&plan, group);
    assert_eq!(counts.len(), 4 * manifest.utterances.len());
    assert!(counts.values().all(|&n| n == 1));
    for fold in folds {
        assert_eq!((fold.scaler, &fold.dev), (ScalerOn::Everything, &fold.tests[0].samples));
        assert!(fold.train.iter().all(|sample| !fold.dev.contains(sample)));
        let siblings_in_train = |sample: &Sample| fold.train.iter().any(|other| other.utterance == sample.utterance);
        let n_leaking = fold.dev.iter().filter(|sample| siblings_in_train(sample)).count();
        // Each of three siblings is in training with a probability of 0.8.
        assert!(n_leaking as f64 > 0.9 * fold.dev.len() as f64, "{n_leaking} of {}", fold.dev.len());
    }
    assert!(every_clip_once(&manifest, &plan, group + 1), "published-originals");
    assert_eq!(plan.steps.last().map(|step| (step.from, step.to)), Some((1, group + 1)), "both ends test the same clips");
}

#[test]
fn random_splits_are_stratified_by_class() {
    let manifest = two_corpora();
    let plan = plan(Protocol::Paper, &manifest, &OPTIONS).unwrap();
    let all = manifest.utterances.len();
    for fold in plan.folds.iter().filter(|fold| fold.tests[0].group >= 3) {
        assert!(fold.dev.len().abs_diff(all / 5) <= 1, "{}", fold.name);
        for emotion in Emotion::ALL {
            let count = |samples: &[Sample]| {
                samples.iter().filter(|sample| manifest.utterances[sample.utterance].emotion == emotion).count()
            };
            let (n, of) = (count(&fold.dev), count(&fold.dev) + count(&fold.train));
            assert!(n.abs_diff(of / 5) <= 1, "{}: {n} of {of} {emotion}", fold.name);
        }
    }
}

#[test]
fn a_manifest_without_what_the_protocol_needs_is_refused_in_one_sentence() {
    let refuse = |protocol: Protocol, utterances: Vec<Utterance>, options: PlanOptions| {
        plan(protocol, &manifest(utterances), &options).unwrap_err().to_string()
    };
    let without = |strip: fn(&mut Utterance)| {
        let mut utterances = corpus("a", 6, 2);
        utterances.iter_mut().skip(40).for_each(strip);
        utterances
    };
    assert_eq!(
        refuse(Protocol::Session, without(|utterance| utterance.session = None), OPTIONS),
        "the protocol session needs the column 'session' in every line of the manifests: 7 of 47 clips have none, the first is 'a-5-0-happy.wav'"
    );
    assert!(refuse(Protocol::Text, without(|utterance| utterance.text = None), OPTIONS).contains("the column 'text'"));
    assert_eq!(refuse(Protocol::Text, corpus("a", 6, 1), OPTIONS), "the protocol text needs at least 2 texts in a, found 1");
    assert_eq!(
        refuse(Protocol::Kfold, corpus("a", 6, 2), PlanOptions { folds: 7, ..OPTIONS }),
        "the protocol kfold needs at least 7 speakers, one for each fold and two to train on, found 6"
    );
    assert_eq!(refuse(Protocol::Speaker, corpus("a", 2, 2), OPTIONS), "the protocol speaker needs at least 3 speakers, found 2");
    assert_eq!(
        refuse(Protocol::CrossCorpus, corpus("a", 6, 2), OPTIONS),
        "the protocol cross-corpus needs at least 2 corpora, found 1"
    );
    let only_train = || without(|utterance| utterance.split = Some(Split::Train)).into_iter().skip(40).collect::<Vec<_>>();
    assert_eq!(
        refuse(Protocol::Fixed, only_train(), OPTIONS),
        "the dev split of the manifests has no clip: the protocol fixed needs clips to train on (train), to decide by (dev) and \
         to test on (test)"
    );
    let mut moving = corpus("a", 6, 2);
    moving[0].session = Some("Ses02".to_owned());
    let text = refuse(Protocol::Session, moving, OPTIONS);
    assert!(text.starts_with("speaker 'a:00' is in several sessions (Ses00, Ses02)"), "{text}");
    let mut one_large = corpus("a", 6, 2);
    let large = one_large[0].clone();
    one_large.extend(iter::repeat_n(large, 200));
    let text = refuse(Protocol::Kfold, one_large, PlanOptions { folds: 2, ..OPTIONS });
    assert!(text.ends_with("has 1 speaker to train on, expected at least 2: one of them decides"), "{text}");
}

proptest! {
    #[test]
    fn groups_of_speakers_are_balanced_and_a_function_of_the_seed(
        counts in prop::collection::vec(1_usize..40, 6..30),
        folds in 2_usize..6,
        seed in 0_u64..100,
    ) {
        let mut utterances = Vec::new();
        for (speaker, &n) in counts.iter().enumerate() {
            let template = corpus("a", 1, 2).remove(0);
            utterances.extend((0..n).map(|_| Utterance { speaker: format!("s{speaker:02}"), ..template.clone() }));
        }
        let manifest = manifest(utterances);
        let largest = *counts.iter().max().unwrap();
        // Of two folds one may hold a single speaker with more clips than all others together: refused, see above.
        let all: usize = counts.iter().sum();
        prop_assume!(folds > 2 || 2 * largest < all - counts.iter().min().unwrap());
        let options = PlanOptions { folds, split_seed: seed, ..OPTIONS };
        let plan_of = |options: &PlanOptions| plan(Protocol::Kfold, &manifest, options).unwrap();
        let made = plan_of(&options);
        prop_assert_eq!(&made, &plan_of(&options));
        let sizes: Vec<usize> = made.folds.iter().map(|fold| fold.tests[0].samples.len()).collect();
        prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= largest, "{:?}", sizes);
        prop_assert!(every_clip_once(&manifest, &made, 0));
        prop_assert!(made.folds.iter().all(|fold| is_speaker_disjoint(&manifest, fold)));
    }
}

#[test]
fn another_seed_gives_other_folds() {
    let manifest = two_corpora();
    for protocol in [Protocol::Kfold, Protocol::Text, Protocol::Speaker, Protocol::Paper] {
        let with_seed = |split_seed| plan(protocol, &manifest, &PlanOptions { split_seed, ..OPTIONS }).unwrap();
        assert_eq!(with_seed(3), with_seed(3));
        assert_ne!(with_seed(3), with_seed(4), "{protocol}");
    }
}
