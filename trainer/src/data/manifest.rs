//! Manifests: the emotion, speaker and split of each clip.
//!
//! In: CSV files with a header. Out: a [`Manifest`] in which every line was checked, or the problems of all files together, because anyone repairing
//! a corpus needs the whole list.
//!
//! Columns: `path` (relative to the folder of the manifest), `speaker`, `emotion` (angry, happy, sad, neutral), `split` (train, dev, test) and
//! optionally `corpus` (default: the name of the file), `language`, `session`, `text` (or `text_id_or_sentence`) and `perceived` (or `voice_vote`): what
//! most listeners heard in the voice, as names or initials with `:` between them, such as `neutral` or `H:N`. All others are ignored. The separator may
//! be a comma, semicolon or tab; case, encoding and line endings do not matter.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use moodline_core::Emotion;
use moodline_engine::tables;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Part of a corpus; splits are speaker-independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// The weights and the scaler are fitted on it.
    Train,
    /// Decides on early stopping, the best epoch and the hyper-parameters.
    Dev,
    /// Measured once, at the end.
    Test,
}

impl Split {
    /// All splits.
    pub const ALL: [Self; 3] = [Self::Train, Self::Dev, Self::Test];

    /// The name used in manifests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Dev => "dev",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is not the name of a split.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown split '{found}': expected train, dev or test")]
pub struct UnknownSplit {
    /// The word that was found.
    pub found: String,
}

impl FromStr for Split {
    type Err = UnknownSplit;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|split| split.name() == text).ok_or_else(|| UnknownSplit { found: text.to_owned() })
    }
}

/// One clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utterance {
    /// The audio file.
    pub path: PathBuf,
    /// `path` as written in the manifest: the name of the clip in reports, which are thus identical on every machine.
    pub name: String,
    /// Corpus it comes from.
    pub corpus: String,
    /// Speaker, as written in the manifest.
    pub speaker: String,
    /// The emotion the speaker intended to express.
    pub emotion: Emotion,
    /// The split; none if the manifest was read without splits.
    pub split: Option<Split>,
    /// The language spoken, if the manifest gives it.
    pub language: Option<String>,
    /// The recording session, if the manifest gives it.
    pub session: Option<String>,
    /// Which sentence is spoken, if the manifest gives it.
    pub text: Option<String>,
    /// Whether the intended emotion is among those that most listeners perceived, if the manifest says what they did.
    pub is_perceived: Option<bool>,
}

/// The clips of all manifests, in the order they were given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The clips.
    pub utterances: Vec<Utterance>,
    /// Name and content of each manifest file.
    pub sources: Vec<ManifestSource>,
}

/// A manifest file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestSource {
    /// File name without its folder.
    pub name: String,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
}

/// How the `split` column is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Splits {
    /// It must be present, contain known splits, and assign every speaker to one of them.
    Required,
    /// It is ignored: all clips are returned.
    Ignored,
    /// It is ignored: all clips are measured, none are used for training.
    AllTest,
}

/// Something wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestProblem {
    /// The file cannot be read.
    #[error("{manifest}: {reason}")]
    Unreadable {
        /// The manifest.
        manifest: String,
        /// Message of the operating system.
        reason: String,
    },
    /// Columns are missing; all of them are listed.
    #[error("{manifest}: missing column{s} {missing}; found {found}", s = if missing.contains(',') { "s" } else { "" })]
    MissingColumns {
        /// The manifest.
        manifest: String,
        /// Their names.
        missing: String,
        /// The names that are there.
        found: String,
    },
    /// A column is there twice, and only one of them could be read.
    #[error("{manifest}: {n} columns are called '{column}', expected one; rename or remove the others")]
    RepeatedColumn {
        /// The manifest.
        manifest: String,
        /// Its name.
        column: &'static str,
        /// How many there are.
        n: usize,
    },
    /// It has no clips.
    #[error("{manifest}: no utterances below the header")]
    Empty {
        /// The manifest.
        manifest: String,
    },
    /// None of its clips exists: a folder was moved or is not mounted.
    #[error(
        "{manifest}: none of its {n} files is there, not even '{first}': paths are relative to the folder of the manifest; is the corpus there?"
    )]
    NoFile {
        /// The manifest.
        manifest: String,
        /// Number of clips it lists.
        n: usize,
        /// The first path, as written.
        first: String,
    },
    /// A line cannot be used.
    #[error("{manifest} line {line}: {reason}")]
    Line {
        /// The manifest.
        manifest: String,
        /// Counted from 1, the header included.
        line: u64,
        /// Why.
        reason: String,
    },
    /// A speaker is in several splits, so the splits would not be speaker-independent.
    #[error(
        "speaker '{speaker}' is in several splits ({splits}): keep every speaker in one, or give different people different names"
    )]
    SpeakerInSeveralSplits {
        /// The speaker.
        speaker: String,
        /// The splits.
        splits: String,
    },
}

/// Name of the split column.
const SPLIT: &str = "split";

/// Name of the column with the language spoken.
pub const LANGUAGE: &str = "language";

/// Name of the column with what listeners perceived.
pub const PERCEIVED: &str = "perceived";

/// Everything that is wrong with the manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// The problems, in the order of files and lines.
    pub problems: Vec<ManifestProblem>,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.problems.len();
        write!(f, "{n} problem{} in the manifests", if n == 1 { "" } else { "s" })?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ManifestError {}

impl ManifestError {
    /// Whether a new split by speaker would help.
    #[must_use]
    pub fn is_about_splits(&self) -> bool {
        self.problems.iter().any(|problem| matches!(problem, ManifestProblem::SpeakerInSeveralSplits { .. }))
    }

    /// Whether the only problem is that some manifests have no splits.
    #[must_use]
    pub fn lacks_only_splits(&self) -> bool {
        let lacks_splits =
            |problem: &ManifestProblem| matches!(problem, ManifestProblem::MissingColumns { missing, .. } if missing == SPLIT);
        self.problems.iter().all(lacks_splits)
    }
}

impl Manifest {
    /// Reads and merges manifests.
    ///
    /// # Errors
    /// [`ManifestError`] with every problem of every file: unreadable files, missing columns, unknown labels and splits, clips listed twice, a
    /// speaker in two splits, no clips at all. Individual missing clips are kept: they are reported with those that cannot be decoded when the clips
    /// are loaded.
    pub fn read(paths: &[PathBuf], splits: Splits) -> Result<Self, ManifestError> {
        Self::read_each(paths.iter().map(|path| (path.as_path(), splits)))
    }

    /// As [`Manifest::read`], with a setting for the splits of each manifest.
    ///
    /// # Errors
    /// As [`Manifest::read`].
    pub fn read_each<'p>(paths: impl IntoIterator<Item = (&'p Path, Splits)>) -> Result<Self, ManifestError> {
        let mut reading = HalfRead::default();
        for (path, splits) in paths {
            reading.splits = splits;
            if let Err(problem) = reading.file(path) {
                reading.problems.push(problem);
            }
        }
        reading.check_speakers();
        if reading.problems.is_empty() { Ok(reading.manifest) } else { Err(ManifestError { problems: reading.problems }) }
    }

    /// The audio files of all clips.
    pub fn audio(&self) -> impl Iterator<Item = &Path> {
        self.utterances.iter().map(|utterance| utterance.path.as_path())
    }

    /// The clips of one split, or all clips if none is given.
    pub fn of_split(&self, split: Option<Split>) -> impl Iterator<Item = &Utterance> {
        self.utterances.iter().filter(move |utterance| split.is_none() || utterance.split == split)
    }
}

/// Partially read manifests.
struct HalfRead {
    splits: Splits,
    manifest: Manifest,
    problems: Vec<ManifestProblem>,
    /// Where each audio file was first listed.
    listed: HashMap<PathBuf, String>,
}

impl Default for HalfRead {
    fn default() -> Self {
        Self {
            splits: Splits::Required,
            manifest: Manifest { utterances: Vec::new(), sources: Vec::new() },
            problems: Vec::new(),
            listed: HashMap::new(),
        }
    }
}

/// Columns that have another name in some corpora's own tables.
const ALSO_CALLED: [(&str, &str); 2] = [("text", "text_id_or_sentence"), (PERCEIVED, "voice_vote")];

/// Position of the column `name` in a table, in any case.
pub(super) fn position(header: &csv::StringRecord, name: &str) -> Option<usize> {
    let called = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
    let also = || ALSO_CALLED.iter().find(|(own, _)| *own == name).and_then(|(_, other)| called(other));
    called(name).or_else(also)
}

/// Position of each column.
struct Columns {
    path: usize,
    speaker: usize,
    emotion: usize,
    split: Option<usize>,
    corpus: Option<usize>,
    language: Option<usize>,
    session: Option<usize>,
    text: Option<usize>,
    perceived: Option<usize>,
}

impl Columns {
    const NAMES: [&str; 9] = ["path", "speaker", "emotion", SPLIT, "corpus", LANGUAGE, "session", "text", PERCEIVED];

    fn find(manifest: &str, header: &csv::StringRecord, splits: Splits) -> Result<Self, ManifestProblem> {
        let n_called = |name: &str| header.iter().filter(|column| column.eq_ignore_ascii_case(name)).count();
        if let Some(column) = Self::NAMES.into_iter().find(|name| n_called(name) > 1) {
            return Err(ManifestProblem::RepeatedColumn { manifest: manifest.to_owned(), column, n: n_called(column) });
        }
        let position = |name: &str| position(header, name);
        let mut wanted = vec!["path", "speaker", "emotion"];
        if splits == Splits::Required {
            wanted.push(SPLIT);
        }
        let missing: Vec<&str> = wanted.into_iter().filter(|name| position(name).is_none()).collect();
        match (position("path"), position("speaker"), position("emotion")) {
            (Some(path), Some(speaker), Some(emotion)) if missing.is_empty() => {
                let split = if splits == Splits::Required { position(SPLIT) } else { None };
                let [corpus, language, session, text, perceived] =
                    ["corpus", LANGUAGE, "session", "text", PERCEIVED].map(position);
                Ok(Self { path, speaker, emotion, split, corpus, language, session, text, perceived })
            }
            _ => Err(ManifestProblem::MissingColumns {
                manifest: manifest.to_owned(),
                missing: missing.join(", "),
                found: header.iter().collect::<Vec<_>>().join(", "),
            }),
        }
    }
}

impl HalfRead {
    fn file(&mut self, path: &Path) -> Result<(), ManifestProblem> {
        let manifest = path.display().to_string();
        let unreadable = |reason: String| ManifestProblem::Unreadable { manifest: manifest.clone(), reason };
        let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        let name = path.file_name().map_or_else(|| manifest.clone(), |name| name.to_string_lossy().into_owned());
        self.manifest.sources.push(ManifestSource { name, sha256: moodline_core::digest::hex(&Sha256::digest(&bytes)) });

        let text = tables::text_of(&bytes).map_err(|reason| unreadable(reason.to_owned()))?;
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).delimiter(tables::delimiter(&text)).from_reader(text.as_bytes());
        let header = reader.headers().map_err(|error| unreadable(error.to_string()))?.clone();
        let columns = Columns::find(&manifest, &header, self.splits)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let (first_utterance, mut n_lines) = (self.manifest.utterances.len(), 0);
        for record in reader.records() {
            n_lines += 1;
            let (line, outcome) = match record {
                Ok(record) => {
                    let line = record.position().map_or(0, csv::Position::line);
                    (line, self.line(&format!("{manifest} line {line}"), folder, &stem, &columns, &record))
                }
                Err(error) => (error.position().map_or(0, csv::Position::line), Err(vec![reason_of(&error)])),
            };
            for reason in outcome.err().into_iter().flatten() {
                self.problems.push(ManifestProblem::Line { manifest: manifest.clone(), line, reason });
            }
        }
        if n_lines == 0 {
            return Err(ManifestProblem::Empty { manifest });
        }
        match &self.manifest.utterances[first_utterance..] {
            listed @ [first, ..] if !listed.iter().any(|utterance| utterance.path.is_file()) => {
                Err(ManifestProblem::NoFile { manifest, n: listed.len(), first: first.name.clone() })
            }
            _ => Ok(()),
        }
    }

    fn line(
        &mut self,
        place: &str,
        folder: &Path,
        stem: &str,
        columns: &Columns,
        record: &csv::StringRecord,
    ) -> Result<(), Vec<String>> {
        let field = |column: usize| record.get(column).unwrap_or_default();
        let mut reasons = Vec::new();
        let word = |column: usize| field(column).to_lowercase();
        let emotion = word(columns.emotion).parse::<Emotion>().map_err(|error| reasons.push(error.to_string())).ok();
        let split =
            columns.split.and_then(|column| word(column).parse::<Split>().map_err(|error| reasons.push(error.to_string())).ok());
        if field(columns.speaker).is_empty() {
            reasons.push("no speaker".to_owned());
        }
        let name = field(columns.path);
        let path = folder.join(name);
        if name.is_empty() {
            reasons.push("no path".to_owned());
        } else {
            // Files are compared, not their spellings; one that is not there is reported when it is read.
            let file = path.canonicalize().unwrap_or_else(|_| path.clone());
            if let Some(first) = self.listed.get(&file) {
                reasons.push(format!("'{name}' is listed twice, first at {first}; keep one of the lines"));
            } else {
                self.listed.insert(file, place.to_owned());
            }
        }
        let split = if self.splits == Splits::AllTest { Some(Split::Test) } else { split };
        let optional = |column: Option<usize>| column.map(field).filter(|value| !value.is_empty()).map(str::to_owned);
        let Some(emotion) = emotion.filter(|_| reasons.is_empty()) else { return Err(reasons) };
        self.manifest.utterances.push(Utterance {
            path,
            name: name.to_owned(),
            corpus: optional(columns.corpus).unwrap_or_else(|| stem.to_owned()),
            speaker: field(columns.speaker).to_owned(),
            emotion,
            split,
            language: optional(columns.language),
            session: optional(columns.session),
            text: optional(columns.text),
            is_perceived: optional(columns.perceived).map(|perceived| names(&perceived, emotion)),
        });
        Ok(())
    }

    fn check_speakers(&mut self) {
        let mut splits: BTreeMap<&str, Vec<Split>> = BTreeMap::new();
        for utterance in &self.manifest.utterances {
            let of_speaker = splits.entry(&utterance.speaker).or_default();
            of_speaker.extend(utterance.split.filter(|split| !of_speaker.contains(split)));
        }
        self.problems.extend(splits.into_iter().filter(|(_, splits)| splits.len() > 1).map(|(speaker, mut splits)| {
            splits.sort_unstable();
            let splits = splits.iter().map(|split| split.name()).collect::<Vec<_>>().join(", ");
            ManifestProblem::SpeakerInSeveralSplits { speaker: speaker.to_owned(), splits }
        }));
    }
}

/// Whether the emotions that listeners perceived, as in the manifest, include `emotion`. Others than the four occur, too.
fn names(perceived: &str, emotion: Emotion) -> bool {
    let mut words = perceived.split(':').map(|word| word.trim().to_lowercase());
    words.any(|word| !word.is_empty() && emotion.name().starts_with(&word))
}

/// The problem with a line, without its position, which the caller adds.
fn reason_of(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} columns, expected {expected_len} as in the header")
        }
        _ => error.to_string(),
    }
}
