//! Labelled recordings to a manifest: the CSV file that every other command of the trainer reads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use moodline_core::Emotion;

use super::{Acting, Fractions, LabelMap, Recording, SplitError, split_speakers};
use crate::data::manifest::{LANGUAGE, PERCEIVED, Split, Splits};

/// Options for a manifest.
#[derive(Clone, Debug)]
pub struct TableOptions {
    /// Name of the corpus; it becomes a prefix of the speakers, so that different corpora never share one.
    pub corpus: String,
    /// Emotion of each code.
    pub labels: LabelMap,
    /// Restricts to improvised or scripted recordings.
    pub part: Option<Acting>,
    /// Fractions and seed of a new split by speaker; absent: the manifest has the splits of the corpus, or no such column.
    pub split: Option<(Fractions, u64)>,
}

/// One line of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The audio file.
    pub path: PathBuf,
    /// With the name of the corpus as a prefix.
    pub speaker: String,
    /// The emotion of the code.
    pub emotion: Emotion,
    /// The split of the speaker.
    pub split: Option<Split>,
    /// The corpus's own code.
    pub code: String,
    /// The recording session.
    pub session: Option<String>,
    /// The language spoken.
    pub language: Option<String>,
    /// The spoken sentence.
    pub text: Option<String>,
    /// What most listeners perceived.
    pub perceived: Option<String>,
}

/// A manifest to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Name of the corpus.
    pub corpus: String,
    /// Sorted by path.
    pub rows: Vec<Row>,
    /// Number of recordings for each code without an emotion.
    pub left_out: BTreeMap<String, usize>,
}

impl Table {
    /// Maps the labels, filters the recordings, and splits by speaker if requested.
    ///
    /// # Errors
    /// [`SplitError`] if there are fewer speakers than splits.
    pub fn new(recordings: Vec<Recording>, options: &TableOptions) -> Result<Self, SplitError> {
        let (mut rows, mut left_out) = (Vec::new(), BTreeMap::new());
        for Recording { path, speaker, code, session, part, language, text, split, perceived } in recordings {
            if options.part.is_some() && part != options.part {
                continue;
            }
            let Some(emotion) = options.labels.emotion(&code) else {
                *left_out.entry(code).or_default() += 1;
                continue;
            };
            let speaker = format!("{}:{speaker}", options.corpus);
            rows.push(Row { path, speaker, emotion, split, code, session, language, text, perceived });
        }
        if let Some((fractions, seed)) = options.split {
            let mut n_recordings = BTreeMap::new();
            for row in &rows {
                *n_recordings.entry(row.speaker.clone()).or_default() += 1;
            }
            let splits = split_speakers(&n_recordings, fractions, seed)?;
            for row in &mut rows {
                row.split = splits.get(&row.speaker).copied();
            }
        }
        Ok(Self { corpus: options.corpus.clone(), rows, left_out })
    }

    /// The manifest as CSV, for a file in `folder`; audio below that folder gets a relative path, other audio its full path.
    #[must_use]
    pub fn to_csv(&self, folder: &Path) -> Vec<u8> {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let folder = absolute(folder);
        let has_split = self.splits() == Splits::Required;
        let mut header = vec!["path", "corpus", "speaker", "emotion", "code", "session", "text"];
        if has_split {
            header.push("split");
        }
        let has_language = self.rows.iter().any(|row| row.language.is_some());
        if has_language {
            header.push(LANGUAGE);
        }
        let has_perceived = self.rows.iter().any(|row| row.perceived.is_some());
        if has_perceived {
            header.push(PERCEIVED);
        }
        let mut writer = csv::Writer::from_writer(Vec::new());
        // INVARIANT: writing to memory does not fail, and all records have the columns of the header.
        writer.write_record(header).expect("memory");
        for row in &self.rows {
            let path = absolute(&row.path);
            let path = path.strip_prefix(&folder).unwrap_or(&path).to_string_lossy();
            let mut record = vec![&*path, &self.corpus, &row.speaker, row.emotion.name(), &row.code];
            record.push(row.session.as_deref().unwrap_or_default());
            record.push(row.text.as_deref().unwrap_or_default());
            if has_split {
                record.push(row.split.map_or("", Split::name));
            }
            if has_language {
                record.push(row.language.as_deref().unwrap_or_default());
            }
            if has_perceived {
                record.push(row.perceived.as_deref().unwrap_or_default());
            }
            writer.write_record(record).expect("memory");
        }
        writer.into_inner().expect("memory")
    }

    /// Whether the manifest has a split column.
    #[must_use]
    pub fn splits(&self) -> Splits {
        if self.rows.iter().any(|row| row.split.is_some()) { Splits::Required } else { Splits::Ignored }
    }

    /// Recordings per emotion, in the order of [`Emotion::ALL`].
    #[must_use]
    pub fn class_counts(&self) -> [usize; Emotion::COUNT] {
        let mut counts = [0; Emotion::COUNT];
        for row in &self.rows {
            counts[row.emotion.index()] += 1;
        }
        counts
    }
}
