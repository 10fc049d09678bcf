//! Protocols: the partition of the clips into train, dev and test.
//!
//! In: a [`Manifest`](crate::data::manifest::Manifest) and [`PlanOptions`]. Out: a [`Plan`] of folds. Nothing here reads audio or trains; the same
//! manifest, options and seed give the same plan.
//!
//! All protocols except [`Protocol::Paper`] are speaker-independent and test each clip at most once, and the dev set (for epoch and hyper-parameters)
//! consists of whole speakers taken from the training side: from each corpus as many, in seeded order, as are needed for [`DEV_PART`] of its clips,
//! but at least one, and never the last.

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

/// Fraction of the training clips of each corpus for the dev set.
pub const DEV_PART: f64 = 0.15;

/// How clips are partitioned.
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
    /// Test on speakers and sentences that are not in the training data
    Text,
    /// The published protocol, which leaks, compared with the honest one
    Paper,
}

impl Protocol {
    /// The name on the command line and in results.
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

    /// Whether the manifests need a split column.
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
    /// Index in [`Manifest::utterances`](crate::data::manifest::Manifest::utterances).
    pub utterance: usize,
    /// 0 for the original clip.
    pub copy: usize,
}

/// Test clips that belong to a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Index in [`Plan::groups`].
    pub group: usize,
    /// The clips.
    pub samples: Vec<Sample>,
}

/// The data on which the mean and standard deviation of the features are fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalerOn {
    /// The training clips.
    Train,
    /// Everything, including the test clips, as published.
    Everything,
}

/// One training run and its tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Human-readable name.
    pub name: String,
    /// The weights are fitted on it.
    pub train: Vec<Sample>,
    /// Selects the epoch and the hyper-parameters.
    pub dev: Vec<Sample>,
    /// The test clips.
    pub tests: Vec<Test>,
    /// The data for the scaler.
    pub scaler: ScalerOn,
}

/// Clips of one or more folds that are evaluated together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestGroup {
    /// Its name in results.
    pub name: String,
    /// The training corpora, in a cross-corpus matrix.
    pub train_on: Option<String>,
    /// The test corpus, in a cross-corpus matrix.
    pub test_on: Option<String>,
    /// The training corpora, if groups differ in them.
    pub corpora: Vec<String>,
    /// The corpus excluded from training, if its clips decide between recipes.
    pub unseen: Option<String>,
}

impl TestGroup {
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.to_owned(), train_on: None, test_on: None, corpora: Vec::new(), unseen: None }
    }
}

/// Two groups that differ in one relaxed rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The relaxed rule.
    pub name: &'static str,
    /// Index of the stricter group in [`Plan::groups`].
    pub from: usize,
    /// Index of the less strict group.
    pub to: usize,
}

/// All folds of a protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Description of the protocol in sentences.
    pub description: String,
    /// The groups that are evaluated.
    pub groups: Vec<TestGroup>,
    /// The training runs.
    pub folds: Vec<Fold>,
    /// The steps to compare; only for [`Protocol::Paper`].
    pub steps: Vec<Step>,
}

/// Options of a plan besides the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanOptions {
    /// Number of folds, for protocols where it can be chosen; at least 2.
    pub folds: usize,
    /// Seed of all random choices.
    pub split_seed: u64,
    /// Augmented copies of each clip.
    pub copies: usize,
    /// Only evaluate what decides between recipes: no test split is used. For [`Protocol::CrossCorpus`].
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
        /// Number of clips without a value.
        n: usize,
        /// Number of all clips.
        of: usize,
        /// Name of the first clip without a value.
        first: String,
    },
    /// Too few speakers, sessions or the like to keep apart.
    #[error("the protocol {protocol} needs at least {expected} {what}, found {found}")]
    TooFew {
        /// The protocol.
        protocol: Protocol,
        /// What is counted, such as "speakers".
        what: String,
        /// Required number.
        expected: usize,
        /// Number found.
        found: usize,
    },
    /// A speaker is in several sessions, so the folds would not be speaker-independent.
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
    /// A fold would have no speakers left for training.
    #[error("the fold '{fold}' has {found} speaker{s} to train on, expected at least 2: one of them decides", s = if *found == 1 { "" } else { "s" })]
    NobodyDecides {
        /// Name of the fold.
        fold: String,
        /// Number of speakers on the training side.
        found: usize,
    },
}

#[cfg(test)]
mod tests;
