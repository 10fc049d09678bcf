//! Protocols: which clips a network is trained on, which decide, and which it is measured on.
//!
//! In: a [`Manifest`](crate::data::manifest::Manifest) and [`PlanOptions`]. Out: a [`Plan`] of folds. Nothing here reads audio or trains; the same manifest, options and seed give the
//! same plan.
//!
//! In every protocol but [`Protocol::Paper`] no speaker is on both sides, each clip is tested at most once, and what decides (epoch, hyper-parameters) are
//! whole speakers taken from those to train on: of each corpus as many, in seeded order, as bring [`DEV_PART`] of its clips together, but at least
//! one, and never the last.

pub mod compare;
pub mod results;

pub(crate) mod groups;
pub(crate) mod honest;
mod plot;
mod spread;
pub(crate) mod tables;
pub mod unseen;

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::data::manifest::{Split, Splits};

pub use plot::matrix_figure;

/// Part of each corpus's training clips that decides.
pub const DEV_PART: f64 = 0.15;

/// How clips are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// The manifest's own split
    Fixed,
    /// Groups of speakers, each tested once
    Kfold,
    /// Leave one recording session out
    Session,
    /// Leave one speaker out
    Speaker,
    /// Train on all corpora but one, on each and on all; test on every one
    CrossCorpus,
    /// Test on voices and sentences that were not trained on
    Text,
    /// The published one, which leaks, beside the honest one
    Paper,
}

impl Protocol {
    /// As it is written on the command line and in results.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Kfold => "kfold",
            Self::Session => "session",
            Self::Speaker => "speaker",
            Self::CrossCorpus => "cross-corpus",
            Self::Text => "text",
            Self::Paper => "paper",
        }
    }

    /// Whether the manifests must come with a split.
    #[must_use]
    pub const fn splits(self) -> Splits {
        match self {
            Self::Fixed | Self::CrossCorpus => Splits::Required,
            Self::Kfold | Self::Session | Self::Speaker | Self::Text | Self::Paper => Splits::Ignored,
        }
    }

    /// Whether the number of folds can be chosen.
    #[must_use]
    pub const fn has_folds(self) -> bool {
        matches!(self, Self::Kfold | Self::Text | Self::Paper)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A clip, or one of its augmented copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sample {
    /// Place in [`Manifest::utterances`](crate::data::manifest::Manifest::utterances).
    pub utterance: usize,
    /// 0 for the clip as it is.
    pub copy: usize,
}

/// Clips that are measured as part of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Place in [`Plan::groups`].
    pub group: usize,
    /// The clips.
    pub samples: Vec<Sample>,
}

/// What the mean and deviation of the features are taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalerOn {
    /// What is trained on.
    Train,
    /// Everything, the tested clips included, as published.
    Everything,
}

/// One training and what it is measured on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// For people.
    pub name: String,
    /// The weights are fitted on it.
    pub train: Vec<Sample>,
    /// Decides which epoch and which hyper-parameters are kept.
    pub dev: Vec<Sample>,
    /// What is measured.
    pub tests: Vec<Test>,
    /// Where the scaler comes from.
    pub scaler: ScalerOn,
}

/// Clips of one or more folds that are measured as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestGroup {
    /// Its name in results.
    pub name: String,
    /// What it was trained on, in a cross-corpus matrix.
    pub train_on: Option<String>,
    /// What it is tested on, in a cross-corpus matrix.
    pub test_on: Option<String>,
    /// The corpora that are trained on, where they tell groups apart.
    pub corpora: Vec<String>,
    /// The corpus that none of the training clips come from, where its clips decide between recipes.
    pub unseen: Option<String>,
}

impl TestGroup {
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), train_on: None, test_on: None, corpora: Vec::new(), unseen: None }
    }
}

/// Two groups that differ in one loosened rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was loosened.
    pub name: &'static str,
    /// Place of the stricter group in [`Plan::groups`].
    pub from: usize,
    /// Place of the looser group.
    pub to: usize,
}

/// All folds of a protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How the clips were told apart, in sentences.
    pub description: String,
    /// What is measured.
    pub groups: Vec<TestGroup>,
    /// The trainings.
    pub folds: Vec<Fold>,
    /// What is compared; only for [`Protocol::Paper`].
    pub steps: Vec<Step>,
}

/// What a plan depends on besides the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanOptions {
    /// Folds of a protocol that lets them be chosen, at least 2.
    pub folds: usize,
    /// Seed of everything that is drawn.
    pub split_seed: u64,
    /// Augmented copies of each clip.
    pub copies: usize,
    /// Only what decides between recipes: no test split is looked at. For [`Protocol::CrossCorpus`].
    pub unseen_only: bool,
}

/// Why a manifest does not fit a protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A column is missing or empty.
    #[error(
        "the protocol {protocol} needs the column '{column}' in every line of the manifests: {n} of {of} clips have none, the first is '{first}'"
    )]
    MissingColumn {
        /// The protocol.
        protocol: Protocol,
        /// The column.
        column: &'static str,
        /// Clips without.
        n: usize,
        /// All clips.
        of: usize,
        /// Name of the first without.
        first: String,
    },
    /// There are not enough of something to keep apart.
    #[error("the protocol {protocol} needs at least {expected} {what}, found {found}")]
    TooFew {
        /// The protocol.
        protocol: Protocol,
        /// Of what, such as "speakers".
        what: String,
        /// How many.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A voice is on both sides.
    #[error(
        "speaker '{speaker}' is in several sessions ({sessions}): leaving one out would test a voice that was trained on; give different \
         people different names, or use the protocol speaker"
    )]
    SpeakerInSeveralSessions {
        /// The speaker.
        speaker: String,
        /// The sessions.
        sessions: String,
    },
    /// A corpus lacks a split.
    #[error(
        "the {split} split of {corpus} has no clip: the protocol {protocol} needs clips to train on (train), to decide by (dev) and to test on (test)"
    )]
    EmptySplit {
        /// The protocol.
        protocol: Protocol,
        /// The corpus, or "the manifests".
        corpus: String,
        /// The split.
        split: Split,
    },
    /// A fold would train on nobody.
    #[error("the fold '{fold}' has {found} speaker{s} to train on, expected at least 2: one of them decides", s = if *found == 1 { "" } else { "s" })]
    NobodyDecides {
        /// Its name.
        fold: String,
        /// Speakers to train on.
        found: usize,
    },
}

#[cfg(test)]
mod tests;
