//! Times of speech of recordings, as a teacher or a person wrote them down.
//!
//! CSV with the columns `path`, as the manifest of the recordings has it, `start_s` and `end_s`; a recording without speech has one line without times.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Start and end of speech in each recording, seconds, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Times(BTreeMap<String, Vec<(f64, f64)>>);

/// Why there are no speech segments.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimesError {
    /// A file cannot be read.
    #[error("{path}: {reason}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Message of the reader.
        reason: String,
    },
    /// A line is not a valid segment.
    #[error("{path} line {line}: expected start_s and end_s in seconds, the first before the second, or neither, found '{found}'", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1, the header included.
        line: u64,
        /// The two values.
        found: String,
    },
    /// A recording that is not in any file.
    #[error("no times of speech for '{name}': write them with the recipe of the detector, for all manifests")]
    Missing {
        /// Its name in the manifest.
        name: String,
    },
}

impl Times {
    /// Merges files into one table.
    ///
    /// # Errors
    /// [`TimesError`] with the file and line.
    pub fn read(paths: &[PathBuf]) -> Result<Self, TimesError> {
        let mut times = Self::default();
        paths.iter().try_for_each(|path| times.add(path))?;
        times.0.values_mut().for_each(|times| times.sort_by(|a, b| a.0.total_cmp(&b.0)));
        Ok(times)
    }

    fn add(&mut self, path: &Path) -> Result<(), TimesError> {
        let unreadable = |error: csv::Error| TimesError::Unreadable { path: path.to_owned(), reason: error.to_string() };
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(unreadable)?;
        let header = reader.headers().map_err(unreadable)?.clone();
        let column = |name: &str| {
            header.iter().position(|column| column == name).ok_or_else(|| TimesError::Unreadable {
                path: path.to_owned(),
                reason: format!(
                    "expected the columns path, start_s and end_s, found {}",
                    header.iter().collect::<Vec<_>>().join(", ")
                ),
            })
        };
        let columns = [column("path")?, column("start_s")?, column("end_s")?];
        for record in reader.records() {
            let record = record.map_err(unreadable)?;
            let [name, start, end] = columns.map(|column| record.get(column).unwrap_or_default());
            let of_recording = self.0.entry(name.to_owned()).or_default();
            match (start.parse::<f64>(), end.parse::<f64>()) {
                (Ok(start), Ok(end)) if 0.0 <= start && start < end && end.is_finite() => of_recording.push((start, end)),
                _ if start.is_empty() && end.is_empty() => {}
                _ => {
                    let line = record.position().map_or(0, csv::Position::line);
                    return Err(TimesError::Line { path: path.to_owned(), line, found: format!("{start}, {end}") });
                }
            }
        }
        Ok(())
    }

    /// The segments of one recording, by its name in the manifest.
    ///
    /// # Errors
    /// [`TimesError::Missing`] if no file has a line for it.
    pub fn of(&self, name: &str) -> Result<&[(f64, f64)], TimesError> {
        self.0.get(name).map(Vec::as_slice).ok_or_else(|| TimesError::Missing { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Times, TimesError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("times.csv");
        std::fs::write(&path, text).unwrap();
        Times::read(&[path])
    }

    #[test]
    fn times_are_read_by_recording_and_one_without_speech_has_none() {
        let times = read("path,start_s,end_s,label\na.flac,1.5,2.0,speech\na.flac,0.25,1.0,speech\nb.flac,,,\n").unwrap();
        assert_eq!(times.of("a.flac").unwrap(), [(0.25, 1.0), (1.5, 2.0)]);
        assert!(times.of("b.flac").unwrap().is_empty());
        assert!(times.of("c.flac").unwrap_err().to_string().contains("no times of speech for 'c.flac'"));
    }

    #[test]
    fn a_bad_line_is_named() {
        for bad in ["a.flac,2.0,1.0", "a.flac,one,2.0", "a.flac,1.0,", "a.flac,-1,1", "a.flac,1,inf"] {
            let error = read(&format!("path,start_s,end_s\nb.flac,,\n{bad}\n")).unwrap_err().to_string();
            assert!(error.contains("line 3"), "{error}");
        }
        assert!(read("path,start\n").unwrap_err().to_string().contains("expected the columns"));
    }
}
