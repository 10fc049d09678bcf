//! Corpora in their official layout: from an unpacked folder to labelled recordings, and on to a manifest.
//!
//! In: the folder of a corpus, or a user's table of one. Out: [`Found`]: one [`Recording`] per file, with speaker, label and (if the corpus has them)
//! session, part, text and split, plus everything that could not be used. Labels remain the codes of the corpus until a [`LabelMap`] maps them to
//! emotions. Audio is not read here.

mod check;
mod columns;
mod crema_d;
mod emodb;
mod emovo;
mod files;
mod folders;
mod iemocap;
mod labels;
mod ravdess;
mod split;
mod table;
mod tess;

use std::fmt;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::data::manifest::Split;

pub use check::{CheckLine, check_iemocap};
pub use columns::Columns;
pub use folders::SpeakerPattern;
pub use labels::{LabelMap, LabelMapError};
pub use split::{Fractions, SplitError, split_speakers};
pub use table::{Row, Table, TableOptions};

/// A corpus whose layout is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// IEMOCAP_full_release: Session1 to Session5 with sentences/wav and dialog/EmoEvaluation
    Iemocap,
    /// CREMA-D: AudioWAV/1001_DFA_ANG_XX.wav
    CremaD,
    /// RAVDESS, speech: Actor_01/03-01-05-01-01-01-01.wav
    Ravdess,
    /// EmoDB: wav/03a01Wa.wav
    Emodb,
    /// TESS: OAF_angry/OAF_back_angry.wav
    Tess,
    /// EMOVO: f1/rab-f1-b1.wav
    Emovo,
    /// A folder per class, containing a folder per speaker
    Folders,
    /// A table with one line per recording: path, speaker, emotion
    Csv,
}

/// What the user specifies where the layout leaves it open.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// Finds the speaker in a file name, for [`Layout::Folders`] and [`Layout::Csv`].
    pub speaker: Option<SpeakerPattern>,
    /// Names of the columns of [`Layout::Csv`].
    pub columns: Columns,
}

impl Layout {
    /// Name of the corpus in manifests, reports and speaker prefixes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Iemocap => "iemocap",
            Self::CremaD => "crema-d",
            Self::Ravdess => "ravdess",
            Self::Emodb => "emodb",
            Self::Tess => "tess",
            Self::Emovo => "emovo",
            Self::Folders => "folders",
            Self::Csv => "csv",
        }
    }

    /// The corpus with this name; none for layouts that are not a specific corpus.
    #[must_use]
    pub fn of_corpus(name: &str) -> Option<Self> {
        let is_corpus = |layout: &&Self| !matches!(layout, Self::Folders | Self::Csv);
        Self::value_variants().iter().filter(is_corpus).find(|layout| layout.name().eq_ignore_ascii_case(name)).copied()
    }

    /// Whether the corpus consists entirely of short sentences read by actors.
    #[must_use]
    pub const fn is_read_by_actors(self) -> bool {
        matches!(self, Self::CremaD | Self::Ravdess | Self::Emodb | Self::Tess | Self::Emovo)
    }

    /// Lists the recordings under `root` (for [`Layout::Csv`], in the table `root`), sorted by path.
    ///
    /// # Errors
    /// [`CorpusError`] if the folder or table cannot be read or contains nothing in this layout.
    pub fn find(self, root: &Path, hints: &Hints) -> Result<Found, CorpusError> {
        if self != Self::Csv && !root.is_dir() {
            return Err(CorpusError::NoFolder { root: root.to_owned() });
        }
        let found = match self {
            Self::Iemocap => iemocap::find(root)?,
            Self::CremaD => crema_d::find(root)?,
            Self::Ravdess => files::find(root, ravdess::parse)?,
            Self::Emodb => files::find(root, emodb::parse)?,
            Self::Tess => files::find(root, tess::parse)?,
            Self::Emovo => files::find(root, emovo::parse)?,
            Self::Folders => folders::find(root, hints.speaker.as_ref())?,
            Self::Csv => columns::find(root, hints)?,
        };
        if found.recordings.is_empty() {
            let (root, expected) = (root.to_owned(), self.expected());
            return Err(CorpusError::Empty { root, layout: self, expected, problems: found.problems });
        }
        Ok(found)
    }

    /// What a folder with this layout contains, for error messages.
    const fn expected(self) -> &'static str {
        match self {
            Self::Iemocap => "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt and so on",
            Self::CremaD => "1001_DFA_ANG_XX.wav and so on",
            Self::Ravdess => "03-01-05-01-01-01-01.wav and so on",
            Self::Emodb => "03a01Wa.wav and so on",
            Self::Tess => "OAF_back_angry.wav and so on",
            Self::Emovo => "rab-f1-b1.wav and so on",
            Self::Folders => "angry/SPEAKER/name.wav and so on",
            Self::Csv => "a line for each recording that is there, with its speaker and emotion",
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How the dialogues of IEMOCAP were elicited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Acting {
    /// Improvised from a given situation.
    Improvised,
    /// Scripted, from plays; the same lines recur in every session.
    Scripted,
}

impl Acting {
    /// The name on the command line and in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Improvised => "improvised",
            Self::Scripted => "scripted",
        }
    }
}

/// One recording with its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The audio file.
    pub path: PathBuf,
    /// Speaker, unique within the corpus.
    pub speaker: String,
    /// The corpus's own emotion code.
    pub code: String,
    /// The recording session, if speakers share one.
    pub session: Option<String>,
    /// Improvised or scripted, if known.
    pub part: Option<Acting>,
    /// The language spoken, if the corpus says so.
    pub language: Option<String>,
    /// Which sentence is spoken, if the corpus has a fixed set.
    pub text: Option<String>,
    /// The split of the speaker, if the corpus defines one.
    pub split: Option<Split>,
    /// What most listeners perceived, in the corpus's own words with `:` between them, if it says so.
    pub perceived: Option<String>,
}

impl Recording {
    /// A recording of which nothing else is known.
    fn new(path: PathBuf, speaker: String, code: String) -> Self {
        Self { path, speaker, code, session: None, part: None, language: None, text: None, split: None, perceived: None }
    }
}

/// The recordings of a corpus according to its file names or label lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The usable recordings, sorted by path.
    pub recordings: Vec<Recording>,
    /// What cannot be used, one sentence each, starting with the file.
    pub problems: Vec<String>,
    /// Additional files of the same recordings, which are left out.
    pub n_copies: usize,
    /// Recordings left out on purpose, such as songs and videos.
    pub n_other: usize,
    /// The label lists or the table that was read.
    pub sources: Vec<PathBuf>,
}

fn none_among(problems: &[String]) -> String {
    match problems {
        [] => "found nothing".to_owned(),
        [first, ..] => format!("found none among {}, the first of which is {first}", problems.len()),
    }
}

/// Why a folder cannot be used as a corpus.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// The folder does not exist.
    #[error("{}: expected the folder of a corpus, found no folder", root.display())]
    NoFolder {
        /// The path that was given.
        root: PathBuf,
    },
    /// A table lacks columns.
    #[error("{}: missing column{s} {missing}; found {found}; name it with --column {example}=NAME", path.display(), s = if missing.contains(',') { "s" } else { "" })]
    MissingColumns {
        /// The table.
        path: PathBuf,
        /// The missing columns, by our names.
        missing: String,
        /// The first of these.
        example: &'static str,
        /// The columns found.
        found: String,
    },
    /// A folder, table or label list cannot be read.
    #[error("{}: cannot be read: {reason}", path.display())]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// Message of the operating system.
        reason: String,
    },
    /// The folder contains nothing in this layout.
    #[error("{}: expected the layout of {layout} ({expected}), {}", root.display(), none_among(problems))]
    Empty {
        /// The folder.
        root: PathBuf,
        /// The expected layout.
        layout: Layout,
        /// An example of this layout.
        expected: &'static str,
        /// The files that do not fit.
        problems: Vec<String>,
    },
}
