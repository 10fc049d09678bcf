//! Recordings of sounds without speech, by kind.
//!
//! CSV with the columns `path` (relative to the folder of the file), `kind`, `licence` and optionally `source`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use moodline_core::Sound;
use moodline_engine::decode::DecodeError;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::config::ScenesConfig;
use crate::data::manifest::Split;
use crate::data::silence::read_sound;

/// One in this many recordings is in the dev split.
const DEV_SHARE: u8 = 6;

/// A recording in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct SoundRecording {
    /// Its line in the table.
    pub entry: SoundEntry,
    /// Its class.
    pub sound: Sound,
    /// Mono; not silent.
    pub samples: Vec<f32>,
}

/// A line of a table of sounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoundEntry {
    /// The audio file.
    pub path: PathBuf,
    /// The path as written.
    pub name: String,
    /// What kind of sound it is.
    pub kind: String,
    /// Its licence.
    pub licence: String,
    /// Its origin, if the table gives it.
    pub source: String,
}

/// A source of sounds, and how much was taken from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Kind of the sounds.
    pub kind: String,
    /// Their licence.
    pub licence: String,
    /// Recording, package or collection.
    pub source: String,
    /// Number of recordings of this kind and licence from this source.
    pub recordings: usize,
}

impl Origin {
    /// The columns of a table of origins.
    pub const COLUMNS: [&'static str; 4] = ["kind", "licence", "source", "recordings"];

    /// The origins of some recordings, sorted by kind, licence and source. A recording without a source is its own origin.
    #[must_use]
    pub fn of<'a>(sounds: impl Iterator<Item = &'a SoundEntry>) -> Vec<Self> {
        let mut recordings: BTreeMap<[&str; 3], usize> = BTreeMap::new();
        for SoundEntry { kind, licence, source, name, .. } in sounds {
            *recordings.entry([kind, licence, if source.is_empty() { name } else { source }]).or_default() += 1;
        }
        let origin = |([kind, licence, source], recordings): ([&str; 3], usize)| Self {
            kind: kind.to_owned(),
            licence: licence.to_owned(),
            source: source.to_owned(),
            recordings,
        };
        recordings.into_iter().map(origin).collect()
    }

    /// One line of a table with [`Origin::COLUMNS`].
    #[must_use]
    pub fn cells(&self) -> [String; 4] {
        [self.kind.clone(), self.licence.clone(), self.source.clone(), self.recordings.to_string()]
    }
}

/// The lines of a table of origins.
///
/// # Errors
/// [`SoundsError::Unreadable`] for a file without [`Origin::COLUMNS`], or with a line whose number cannot be parsed.
pub fn origins(table: &Path) -> Result<Vec<Origin>, SoundsError> {
    let unreadable = |reason: String| SoundsError::Unreadable { path: table.to_owned(), reason };
    let mut reader = csv::Reader::from_path(table).map_err(|error| unreadable(error.to_string()))?;
    let header = reader.headers().map_err(|error| unreadable(error.to_string()))?;
    if header.iter().ne(Origin::COLUMNS) {
        return Err(unreadable(format!("expected the columns {}", Origin::COLUMNS.join(", "))));
    }
    let origin = |record: Result<(String, String, String, usize), csv::Error>| {
        let (kind, licence, source, recordings) = record.map_err(|error| unreadable(error.to_string()))?;
        Ok(Origin { kind, licence, source, recordings })
    };
    reader.deserialize().map(origin).collect()
}

/// Why there are no sounds.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SoundsError {
    /// A table cannot be read.
    #[error("{path}: {reason}", path = path.display())]
    Unreadable {
        /// The table.
        path: PathBuf,
        /// Message of the reader.
        reason: String,
    },
    /// A recording cannot be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// The lines of a table.
///
/// # Errors
/// [`SoundsError::Unreadable`] for a file that lacks columns.
pub fn entries(table: &Path) -> Result<Vec<SoundEntry>, SoundsError> {
    let unreadable = |reason: String| SoundsError::Unreadable { path: table.to_owned(), reason };
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(table).map_err(|error| unreadable(error.to_string()))?;
    let header = reader.headers().map_err(|error| unreadable(error.to_string()))?.clone();
    let column = |name: &str| {
        let found =
            || format!("expected the columns path, kind and licence, found {}", header.iter().collect::<Vec<_>>().join(", "));
        header.iter().position(|column| column == name).ok_or_else(|| unreadable(found()))
    };
    let columns = [column("path")?, column("kind")?, column("licence")?];
    let source = header.iter().position(|column| column == "source");
    let folder = table.parent().unwrap_or(Path::new(""));
    let entry = |record: Result<csv::StringRecord, csv::Error>| {
        let record = record.map_err(|error| unreadable(error.to_string()))?;
        let [name, kind, licence] = columns.map(|column| record.get(column).unwrap_or_default().to_owned());
        let source = source.and_then(|column| record.get(column)).unwrap_or_default().to_owned();
        Ok(SoundEntry { path: folder.join(&name), name, kind, licence, source })
    };
    reader.records().map(entry).collect()
}

/// Whether a recording is in the dev split rather than train; depends only on its name.
fn is_dev(name: &str) -> bool {
    Sha256::digest(name)[0] % DEV_SHARE == 0
}

/// The recordings of a split whose kind and licence the configuration accepts, in the order of the tables.
pub(super) fn read_sounds(
    tables: &[PathBuf],
    config: &ScenesConfig,
    split: Split,
    sample_rate: u32,
) -> Result<Vec<SoundRecording>, SoundsError> {
    let mut wanted = Vec::new();
    for table in tables {
        let entries = entries(table)?
            .into_iter()
            .filter(|entry| config.allows(&entry.licence) && is_dev(&entry.name) == (split == Split::Dev));
        wanted.extend(entries.filter_map(|entry| config.kinds.get(&entry.kind).map(|sound| (entry, *sound))));
    }
    let read = |(entry, sound): &(SoundEntry, Sound)| -> Result<Option<SoundRecording>, SoundsError> {
        let samples = read_sound(&entry.path, sample_rate)?;
        Ok(samples.map(|samples| SoundRecording { entry: entry.clone(), sound: *sound, samples }))
    };
    let recordings: Vec<Option<SoundRecording>> = wanted.par_iter().map(read).collect::<Result<_, _>>()?;
    Ok(recordings.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::table::Table;

    fn entry(name: &str, kind: &str, source: &str) -> SoundEntry {
        let [name, kind, source] = [name, kind, source].map(str::to_owned);
        SoundEntry { path: PathBuf::from(&name), name, kind, licence: "CC0".to_owned(), source }
    }

    #[test]
    fn a_source_is_named_once_for_each_kind_and_its_table_reads_back() {
        let sounds =
            [entry("a", "bell", "here, 1"), entry("b", "bell", "here, 1"), entry("c", "wind", "here, 1"), entry("d", "wind", "")];
        let found = Origin::of(sounds.iter());
        let lines: Vec<String> = found.iter().map(|origin| origin.cells().join("; ")).collect();
        assert_eq!(lines, ["bell; CC0; here, 1; 2", "wind; CC0; d; 1", "wind; CC0; here, 1; 1"]);
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut table = Table::new(Origin::COLUMNS);
        found.iter().for_each(|origin| table.push(origin.cells()));
        std::fs::write(file.path(), table.to_csv()).unwrap();
        assert_eq!(origins(file.path()).unwrap(), found);
        std::fs::write(file.path(), "path,kind\na,b\n").unwrap();
        assert!(origins(file.path()).unwrap_err().to_string().contains("expected the columns kind, licence, source, recordings"));
    }
}
