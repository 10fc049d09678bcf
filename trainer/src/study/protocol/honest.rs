//! The speaker-independent protocols.

use std::collections::{BTreeMap, BTreeSet};

use super::groups::{Bundle, bundles, by_speaker, deal, random_stream, take_dev};
use super::{Fold, Plan, PlanOptions, Protocol, ProtocolError, Sample, ScalerOn, Test, TestGroup};
use crate::data::manifest::{Manifest, Split, Utterance};

/// Streams of the random generator; fold `n` draws its dev set from stream `DECIDING_STREAM + n`.
const SPEAKERS_STREAM: u64 = 0;
const TEXTS_STREAM: u64 = 1;
pub(crate) const CLIPS_STREAM: u64 = 2;
pub(crate) const SAMPLES_STREAM: u64 = 3;
const DECIDING_STREAM: u64 = 16;

const DECIDES: &str = "Epoch and hyper-parameters are chosen on whole speakers taken from those to train on (about 15 % of the clips of each corpus), \
                       never on tested ones; the scaler is fitted on the training clips alone.";

/// Rows of the cross-corpus matrix other than single corpora: trained on all, and on all except the test corpus.
const ALL: &str = "all";
const OTHERS: &str = "the others";

/// A manifest and the options for its plan.
pub(crate) struct Planner<'m> {
    pub(crate) protocol: Protocol,
    pub(crate) manifest: &'m Manifest,
    pub(crate) options: &'m PlanOptions,
}

/// Clips of one fold, before the dev set is taken from the training speakers.
pub(crate) struct Sides {
    pub(crate) name: String,
    pub(crate) train: Vec<usize>,
    pub(crate) test: Vec<usize>,
}

impl<'m> Planner<'m> {
    fn utterances(&self) -> &'m [Utterance] {
        &self.manifest.utterances
    }

    fn all(&self) -> std::ops::Range<usize> {
        0..self.utterances().len()
    }

    pub(crate) fn speakers(&self) -> Vec<Bundle<'m>> {
        by_speaker(self.utterances(), self.all())
    }

    pub(crate) fn too_few(&self, what: impl Into<String>, expected: usize, found: usize) -> Result<(), ProtocolError> {
        if found >= expected {
            return Ok(());
        }
        Err(ProtocolError::TooFew { protocol: self.protocol, what: what.into(), expected, found })
    }

    /// Clips without copies.
    pub(crate) fn originals(&self, clips: &[usize]) -> Vec<Sample> {
        clips.iter().map(|&utterance| Sample { utterance, copy: 0 }).collect()
    }

    /// Clips with their augmented copies.
    pub(crate) fn with_copies(&self, clips: &[usize]) -> Vec<Sample> {
        clips.iter().flat_map(|&utterance| (0..=self.options.copies).map(move |copy| Sample { utterance, copy })).collect()
    }

    /// The train and dev clips.
    ///
    /// # Errors
    /// [`ProtocolError::NobodyDecides`]
    pub(crate) fn decide(&self, index: usize, sides: &Sides) -> Result<(Vec<usize>, Vec<usize>), ProtocolError> {
        let rng = &mut random_stream(self.options.split_seed, DECIDING_STREAM + index as u64);
        take_dev(self.utterances(), &sides.train, rng).ok_or_else(|| ProtocolError::NobodyDecides {
            fold: sides.name.clone(),
            found: by_speaker(self.utterances(), sides.train.iter().copied()).len(),
        })
    }

    /// A plan with one group.
    fn single_group(&self, description: String, sides: Vec<Sides>) -> Result<Plan, ProtocolError> {
        let folds = sides.into_iter().enumerate().map(|(index, sides)| {
            let (train, dev) = self.decide(index, &sides)?;
            Ok(Fold {
                train: self.with_copies(&train),
                dev: self.originals(&dev),
                tests: vec![Test { group: 0, samples: self.originals(&sides.test) }],
                name: sides.name,
                scaler: ScalerOn::Train,
            })
        });
        let folds = folds.collect::<Result<Vec<_>, _>>()?;
        Ok(Plan {
            description: format!("{description} {DECIDES}"),
            groups: vec![TestGroup::named("test")],
            folds,
            steps: Vec::new(),
        })
    }

    /// The clips of one split, from the corpora that are `wanted`.
    fn split(&self, split: Split, wanted: impl Fn(&str) -> bool) -> Vec<usize> {
        let is_in = |&clip: &usize| {
            let utterance = &self.utterances()[clip];
            utterance.split == Some(split) && wanted(&utterance.corpus)
        };
        self.all().filter(is_in).collect()
    }

    /// [`Planner::split`], which must not be empty here; `of` names the corpora.
    fn some_of_split(&self, split: Split, of: &str, wanted: impl Fn(&str) -> bool) -> Result<Vec<usize>, ProtocolError> {
        let clips = self.split(split, wanted);
        if clips.is_empty() {
            return Err(ProtocolError::EmptySplit { protocol: self.protocol, corpus: of.to_owned(), split });
        }
        Ok(clips)
    }

    pub(crate) fn fixed(&self) -> Result<Plan, ProtocolError> {
        let of_all = |split| self.some_of_split(split, "the manifests", |_| true);
        let fold = Fold {
            name: "fixed".to_owned(),
            train: self.with_copies(&of_all(Split::Train)?),
            dev: self.originals(&of_all(Split::Dev)?),
            tests: vec![Test { group: 0, samples: self.originals(&of_all(Split::Test)?) }],
            scaler: ScalerOn::Train,
        };
        let description = "The split of the manifests: weights and scaler from train, epoch and hyper-parameters from dev, test measured once. \
                           No speaker is in two of them."
            .to_owned();
        Ok(Plan { description, groups: vec![TestGroup::named("test")], folds: vec![fold], steps: Vec::new() })
    }

    /// Each group of speakers as the test set for all others.
    pub(crate) fn speaker_groups(&self) -> Result<Vec<Sides>, ProtocolError> {
        let (speakers, n_folds) = (self.speakers(), self.options.folds);
        self.too_few("speakers, one for each fold and two to train on", n_folds.max(3), speakers.len())?;
        let groups = deal(&speakers, n_folds, &mut random_stream(self.options.split_seed, SPEAKERS_STREAM));
        Ok((0..n_folds).map(|fold| sides(format!("speakers {}", fold + 1), &speakers, |index| groups[index] == fold)).collect())
    }

    pub(crate) fn kfold(&self) -> Result<Plan, ProtocolError> {
        let n_folds = self.options.folds;
        let description = format!(
            "{n_folds} folds by speaker: the speakers of each corpus are dealt out to {n_folds} groups of about as many clips, and each group is \
             tested once by a network that never heard it."
        );
        self.single_group(description, self.speaker_groups()?)
    }

    pub(crate) fn speaker(&self) -> Result<Plan, ProtocolError> {
        let speakers = self.speakers();
        self.too_few("speakers", 3, speakers.len())?;
        let folds = (0..speakers.len()).map(|left_out| {
            let name = speakers[left_out].name.to_owned();
            sides(name, &speakers, |index| index == left_out)
        });
        let description =
            "Leave one speaker out: each speaker is tested once by a network that was trained on all others, those of the same \
                           recording session included."
                .to_owned();
        self.single_group(description, folds.collect())
    }

    pub(crate) fn session(&self) -> Result<Plan, ProtocolError> {
        self.require("session", |utterance| utterance.session.as_deref())?;
        let mut sessions_of: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
        for utterance in self.utterances() {
            sessions_of.entry(&utterance.speaker).or_default().insert(session_of(utterance));
        }
        if let Some((speaker, sessions)) = sessions_of.iter().find(|(_, sessions)| sessions.len() > 1) {
            let sessions = sessions.iter().map(|(_, session)| *session).collect::<Vec<_>>().join(", ");
            return Err(ProtocolError::SpeakerInSeveralSessions { speaker: (*speaker).to_owned(), sessions });
        }
        let sessions = bundles(self.utterances(), self.all(), |utterance| (session_of(utterance), session_of(utterance).1));
        self.too_few("sessions", 2, sessions.len())?;
        let several_corpora = sessions.iter().any(|session| session.corpus != sessions[0].corpus);
        let folds = (0..sessions.len()).map(|left_out| {
            let Bundle { name, corpus, .. } = &sessions[left_out];
            let name = if several_corpora { format!("{corpus} {name}") } else { (*name).to_owned() };
            sides(name, &sessions, |index| index == left_out)
        });
        let description =
            "Leave one session out: the speakers of each recording session are tested once by a network that was trained on all \
                           other sessions."
                .to_owned();
        self.single_group(description, folds.collect())
    }

    pub(crate) fn text(&self) -> Result<Plan, ProtocolError> {
        self.require("text", |utterance| utterance.text.as_deref())?;
        let (speakers, n_groups) = (self.speakers(), self.options.folds);
        self.too_few("speakers, one for each fold and two to train on", n_groups.max(3), speakers.len())?;
        let texts = bundles(self.utterances(), self.all(), |utterance| (text_of(utterance), text_of(utterance).1));
        // A corpus with fewer sentences than folds would be missing from some of them.
        let mut n_texts: BTreeMap<&str, usize> = BTreeMap::new();
        texts.iter().for_each(|text| *n_texts.entry(text.corpus).or_default() += 1);
        for (corpus, &n) in &n_texts {
            self.too_few(format!("texts in {corpus}"), 2, n)?;
        }
        let n_text_groups = n_texts.values().copied().min().unwrap_or(0).min(n_groups);
        let seed = self.options.split_seed;
        let speaker_groups = group_of_clip(&speakers, &deal(&speakers, n_groups, &mut random_stream(seed, SPEAKERS_STREAM)));
        let text_groups = group_of_clip(&texts, &deal(&texts, n_text_groups, &mut random_stream(seed, TEXTS_STREAM)));
        let mut folds = Vec::new();
        for speakers in 0..n_groups {
            for texts in 0..n_text_groups {
                let select = |tested: bool| {
                    let side = |clip: &usize| (speaker_groups[clip] == speakers, text_groups[clip] == texts) == (tested, tested);
                    self.all().filter(side).collect::<Vec<usize>>()
                };
                let name = format!("speakers {}, texts {}", speakers + 1, texts + 1);
                folds.push(Sides { name, train: select(false), test: select(true) });
            }
        }
        folds.retain(|fold| !fold.test.is_empty());
        let description = format!(
            "Text-disjoint and speaker-disjoint: speakers are dealt out to {n_groups} groups and texts to {n_text_groups}; each pair of groups is tested \
             once by a network that heard neither those voices nor those sentences. Clips that share only one of the two with the test are \
             left out of its training."
        );
        self.single_group(description, folds)
    }

    pub(crate) fn cross_corpus(&self) -> Result<Plan, ProtocolError> {
        let names: BTreeSet<&str> = self.utterances().iter().map(|utterance| utterance.corpus.as_str()).collect();
        self.too_few("corpora", 2, names.len())?;
        let has = |corpus: &str, split| !self.split(split, |name| name == corpus).is_empty();
        // A corpus with too few speakers for training can still be used for testing, and vice versa.
        let sources: Vec<&str> = names.iter().copied().filter(|name| has(name, Split::Train) || has(name, Split::Dev)).collect();
        let targets: Vec<&str> = names.iter().copied().filter(|name| has(name, Split::Test)).collect();
        let tested_only: Vec<&str> = targets.iter().copied().filter(|target| !sources.contains(target)).collect();
        let mut matrix = CrossCorpus { planner: self, sources: &sources, groups: Vec::new(), folds: Vec::new() };
        let unseen_only = self.options.unseen_only;
        if unseen_only {
            self.too_few("corpora to train on", 2, sources.len())?;
        }
        // Without a third corpus, "all others" is a single corpus, which already has a row.
        let others_are_one = sources.len() == 2 && !unseen_only;
        if sources.len() > 1 && !others_are_one {
            for unseen in &sources {
                let name = format!("all but {unseen}");
                let cells = tested_only.iter().map(|target| (name.as_str(), *target));
                let own = targets.contains(unseen).then_some((OTHERS, *unseen));
                let cells: Vec<_> = if unseen_only { Vec::new() } else { own.into_iter().chain(cells).collect() };
                matrix.fold(&name, |source| source != *unseen, Some(unseen), &cells)?;
            }
        }
        if !unseen_only {
            for source in &sources {
                let unseen = sources.iter().copied().find(|other| others_are_one && other != source);
                let cells: Vec<_> = targets.iter().map(|target| (*source, *target)).collect();
                matrix.fold(source, |name| name == *source, unseen, &cells)?;
            }
            let cells: Vec<_> = targets.iter().map(|target| (ALL, *target)).collect();
            matrix.fold(ALL, |_| true, None, &cells)?;
            self.some_of_split(Split::Test, "the manifests", |_| true)?;
        }
        let CrossCorpus { groups, folds, .. } = matrix;
        let decides = "Cross-corpus: weights and scaler from the train split, epoch and hyper-parameters from the dev split. Recipes are told apart by corpora that \
                       are not trained on: each is left out in turn, and its train and dev splits are what is tested.";
        let matrix = "Then the test split of every corpus, trained on all corpora but one, on one, and on all: a column of the matrix is always the same clips, \
                      and the diagonal is the test within the corpus. A corpus without a train and a dev split is tested on only.";
        let description = if self.options.unseen_only {
            format!("{decides} No test split is looked at.")
        } else {
            format!("{decides} {matrix}")
        };
        Ok(Plan { description, groups, folds, steps: Vec::new() })
    }

    fn require(&self, column: &'static str, value: impl Fn(&Utterance) -> Option<&str>) -> Result<(), ProtocolError> {
        let mut without = self.utterances().iter().filter(|utterance| value(utterance).is_none());
        let Some(first) = without.next() else { return Ok(()) };
        Err(ProtocolError::MissingColumn {
            protocol: self.protocol,
            column,
            n: 1 + without.count(),
            of: self.utterances().len(),
            first: first.name.clone(),
        })
    }
}

/// A cross-corpus matrix, built row by row.
struct CrossCorpus<'p> {
    planner: &'p Planner<'p>,
    /// Corpora with training clips.
    sources: &'p [&'p str],
    groups: Vec<TestGroup>,
    folds: Vec<Fold>,
}

impl CrossCorpus<'_> {
    /// One training run on the corpora selected by `is_source`: evaluated on the train and dev splits of the `unseen` corpus, and on the test split
    /// of each cell (row, column).
    fn fold(
        &mut self,
        name: &str,
        is_source: impl Fn(&str) -> bool,
        unseen: Option<&str>,
        cells: &[(&str, &str)],
    ) -> Result<(), ProtocolError> {
        let planner = self.planner;
        let corpora: Vec<String> = self.sources.iter().filter(|name| is_source(name)).map(|name| (*name).to_owned()).collect();
        let mut tests = Vec::new();
        let mut add = |clips: &[usize], group: TestGroup| {
            tests.push(Test { group: self.groups.len(), samples: planner.originals(clips) });
            self.groups.push(group);
        };
        if let Some(unseen) = unseen {
            let mut clips = [Split::Train, Split::Dev].map(|split| planner.split(split, |name| name == unseen)).concat();
            // In the order of the manifest, which is the order of histories.
            clips.sort_unstable();
            let group = TestGroup {
                corpora: corpora.clone(),
                unseen: Some(unseen.to_owned()),
                ..TestGroup::named(&format!("{unseen}, unseen"))
            };
            add(&clips, group);
        }
        for (row, column) in cells {
            let (train_on, test_on) = (Some((*row).to_owned()), Some((*column).to_owned()));
            let group =
                TestGroup { train_on, test_on, corpora: corpora.clone(), ..TestGroup::named(&format!("{row} to {column}")) };
            add(&planner.split(Split::Test, |name| name == *column), group);
        }
        self.folds.push(Fold {
            name: name.to_owned(),
            train: planner.with_copies(&planner.some_of_split(Split::Train, name, &is_source)?),
            dev: planner.originals(&planner.some_of_split(Split::Dev, name, &is_source)?),
            tests,
            scaler: ScalerOn::Train,
        });
        Ok(())
    }
}

/// The test bundles, and all others.
fn sides(name: String, bundles: &[Bundle<'_>], is_tested: impl Fn(usize) -> bool) -> Sides {
    let select = |tested: bool| {
        let bundles = bundles.iter().enumerate().filter(|(index, _)| is_tested(*index) == tested);
        let mut clips: Vec<usize> = bundles.flat_map(|(_, bundle)| bundle.clips.iter().copied()).collect();
        clips.sort_unstable();
        clips
    };
    Sides { name, train: select(false), test: select(true) }
}

fn group_of_clip(bundles: &[Bundle<'_>], groups: &[usize]) -> BTreeMap<usize, usize> {
    bundles.iter().zip(groups).flat_map(|(bundle, &group)| bundle.clips.iter().map(move |&clip| (clip, group))).collect()
}

/// Different corpora may use the same names for their sessions and texts.
fn session_of(utterance: &Utterance) -> (&str, &str) {
    (&utterance.corpus, utterance.session.as_deref().unwrap_or_default())
}

fn text_of(utterance: &Utterance) -> (&str, &str) {
    (&utterance.corpus, utterance.text.as_deref().unwrap_or_default())
}
