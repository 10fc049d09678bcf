//! A user's own table: one line per recording, with arbitrary column names and codes.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use moodline_engine::tables;

use super::{CorpusError, Found, Hints, Recording};
use crate::data::manifest::{LANGUAGE, PERCEIVED, Split, UnknownSplit, position};

/// Our names for the columns of a table.
const NAMES: [&str; 8] = [PATH, SPEAKER, EMOTION, SESSION, LANGUAGE, TEXT, SPLIT, PERCEIVED];
const PATH: &str = "path";
const SPEAKER: &str = "speaker";
const EMOTION: &str = "emotion";
const SESSION: &str = "session";
const TEXT: &str = "text";
const SPLIT: &str = "split";

/// Names of the columns of a table that differ from ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns(BTreeMap<&'static str, String>);

/// A single `NAME=COLUMN`.
impl FromStr for Columns {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = text.split_once('=').and_then(|(name, column)| {
            let name = NAMES.into_iter().find(|known| *known == name)?;
            (!column.is_empty()).then(|| Self([(name, column.to_owned())].into()))
        });
        named.ok_or_else(|| format!("expected NAME=COLUMN with NAME one of {}, found '{text}'", NAMES.join(", ")))
    }
}

impl FromIterator<Columns> for Columns {
    fn from_iter<I: IntoIterator<Item = Columns>>(columns: I) -> Self {
        Self(columns.into_iter().flat_map(|columns| columns.0).collect())
    }
}

impl Columns {
    fn column<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).map_or(name, String::as_str)
    }
}

/// The recordings of a table; paths are relative to its folder.
pub(super) fn find(table: &Path, hints: &Hints) -> Result<Found, CorpusError> {
    let unreadable = |reason: String| CorpusError::Unreadable { path: table.to_owned(), reason };
    let bytes = std::fs::read(table).map_err(|error| unreadable(error.to_string()))?;
    let text = tables::text_of(&bytes).map_err(|reason| unreadable(reason.to_owned()))?;
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).delimiter(tables::delimiter(&text)).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| unreadable(error.to_string()))?.clone();
    let position = |name: &str| position(&header, hints.columns.column(name));

    let mut missing: Vec<&'static str> = [PATH, SPEAKER, EMOTION].into_iter().filter(|name| position(name).is_none()).collect();
    missing.retain(|name| *name != SPEAKER || hints.speaker.is_none());
    // Columns named explicitly must be present.
    missing.extend(
        [SESSION, LANGUAGE, TEXT, SPLIT, PERCEIVED]
            .into_iter()
            .filter(|name| hints.columns.0.contains_key(name) && position(name).is_none()),
    );
    if let Some(&example) = missing.first() {
        let found = header.iter().collect::<Vec<_>>().join(", ");
        return Err(CorpusError::MissingColumns { path: table.to_owned(), missing: missing.join(", "), example, found });
    }

    let folder = table.parent().unwrap_or(Path::new(""));
    let mut found = Found { sources: vec![table.to_owned()], ..Found::default() };
    let mut listed: HashMap<PathBuf, (Recording, u64)> = HashMap::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                found.problems.push(format!("{}: {error}", table.display()));
                continue;
            }
        };
        let field = |name: &str| {
            let value = position(name).and_then(|column| record.get(column)).unwrap_or_default();
            (!value.is_empty()).then(|| value.to_owned())
        };
        let line = record.position().map_or(0, csv::Position::line);
        let problem = match recording(folder, field, hints) {
            Ok(recording) => match listed.get(&recording.path) {
                None => {
                    listed.insert(recording.path.clone(), (recording.clone(), line));
                    found.recordings.push(recording);
                    None
                }
                Some((first, _)) if *first == recording => {
                    found.n_copies += 1;
                    None
                }
                Some((_, first)) => Some(format!("it says something else about the file of line {first}; keep one of the two")),
            },
            Err(reason) => Some(reason),
        };
        found.problems.extend(problem.map(|reason| format!("{} line {line}: {reason}", table.display())));
    }
    found.recordings.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The recording of a line; `field` returns its values by our names. Otherwise the reason why it cannot be used.
fn recording(folder: &Path, field: impl Fn(&str) -> Option<String>, hints: &Hints) -> Result<Recording, String> {
    let name = field(PATH).ok_or("no path")?;
    let path = folder.join(&name);
    if !path.is_file() {
        return Err(format!("there is no file '{name}'"));
    }
    let speaker = match &hints.speaker {
        Some(pattern) => pattern.speaker(&PathBuf::from(&name).file_stem().unwrap_or_default().to_string_lossy()),
        None => field(SPEAKER),
    };
    let split = field(SPLIT).map(|word| split_of(&word)).transpose().map_err(|error| error.to_string())?;
    Ok(Recording {
        path,
        speaker: speaker.filter(|speaker| !speaker.is_empty()).ok_or("no speaker")?,
        code: field(EMOTION).ok_or("no emotion")?,
        session: field(SESSION),
        part: None,
        language: field(LANGUAGE),
        text: field(TEXT),
        split,
        perceived: field(PERCEIVED),
    })
}

/// Maps names that other tables use for splits.
fn split_of(word: &str) -> Result<Split, UnknownSplit> {
    let word = word.to_lowercase();
    match word.as_str() {
        "training" => Ok(Split::Train),
        "devel" | "development" | "val" | "valid" | "validation" => Ok(Split::Dev),
        "testing" => Ok(Split::Test),
        _ => word.parse(),
    }
}
