//! Recipes side by side, by what each reaches on corpora that were left out of its training.
//!
//! In: folders with an `unseen.json` of [`crate::study::crossval`], all measured on the same corpora with the same seeds. Out: a table and a picture.

use std::path::{Path, PathBuf};

use super::spread::Spread;
use super::unseen::{UnseenRecord, UnseenResults};
use crate::base::files::{self, FileError};
use crate::base::plot::{Bar, Bars, Figure as _, PlotError, Reference, series};
use crate::base::table::Table;

/// Recipes to compare, the first of which is what the others are compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    recipes: Vec<(String, UnseenRecord)>,
}

/// Why recipes cannot be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// No file, or not one of ours.
    #[error("{path}: {reason}; expected what `trainer crossval --protocol cross-corpus` writes", path = path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Figures that mean different things.
    #[error("{folder} was measured on other corpora or with other seeds than {first}: a comparison needs the same manifests and seeds", folder = folder.display(), first = first.display())]
    Different {
        /// The folder.
        folder: PathBuf,
        /// The first one.
        first: PathBuf,
    },
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The picture could not be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
}

impl Comparison {
    /// Reads the results in the `folders`, each of which gives its recipe a name.
    ///
    /// # Errors
    /// [`CompareError`]
    ///
    /// # Panics
    /// Without a folder.
    pub fn read(folders: &[PathBuf]) -> Result<Self, CompareError> {
        let mut recipes: Vec<(String, UnseenRecord)> = Vec::new();
        for folder in folders {
            let path = folder.join(UnseenRecord::FILE);
            let damaged = |reason: String| CompareError::Record { path: path.clone(), reason };
            let text = files::read_text(&path).map_err(|error| damaged(error.to_string()))?;
            let record: UnseenRecord = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
            if let Some((_, first)) = recipes.first()
                && (&first.manifests, &first.seeds) != (&record.manifests, &record.seeds)
            {
                return Err(CompareError::Different { folder: folder.clone(), first: folders[0].clone() });
            }
            let name =
                folder.file_name().map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned());
            recipes.push((name, record));
        }
        assert!(!recipes.is_empty(), "nothing to compare");
        Ok(Self { recipes })
    }

    /// The files that [`Comparison::write`] writes.
    #[must_use]
    pub fn files(out: &Path) -> [PathBuf; 3] {
        ["comparison.svg", "comparison.csv", "summary.md"].map(|name| out.join(name))
    }

    /// One row for each recipe: the mean over the left-out corpora, its difference from the first recipe's, and each corpus.
    #[must_use]
    pub fn table(&self) -> Table {
        let first = &self.recipes[0].1.results;
        let corpora = first.corpora.iter().map(|corpus| corpus.corpus.as_str());
        let columns = ["recipe", "trained values", "UAR cold", "against the first", "with a voice"];
        let mut table = Table::new(columns.into_iter().chain(corpora));
        for (place, (name, record)) in self.recipes.iter().enumerate() {
            let UnseenResults { uar, uar_with_voice, corpora, .. } = &record.results;
            let difference = if place == 0 { String::new() } else { format!("{:+.3}", uar.mean - first.uar.mean) };
            let or_none = |spread: Option<Spread>| spread.map_or_else(String::new, |spread| spread.to_string());
            let n_parameters = record.n_parameters.map_or_else(String::new, |n| n.to_string());
            let cells = [name.clone(), n_parameters, uar.to_string(), difference, or_none(*uar_with_voice)];
            table.push(cells.into_iter().chain(corpora.iter().map(|corpus| corpus.uar.to_string())));
        }
        table
    }

    /// One bar for each recipe, with the deviation over the seeds; the mean of the corpora first, then each of them.
    #[must_use]
    pub fn figure(&self) -> Bars {
        let first = &self.recipes[0].1;
        let names = first.results.corpora.iter().map(|corpus| corpus.corpus.clone());
        let groups = std::iter::once("mean of the corpora".to_owned()).chain(names);
        let bars = groups.enumerate().flat_map(|(group, heading)| {
            self.recipes.iter().map(move |(name, record)| {
                let uar = if group == 0 { record.results.uar } else { record.results.corpora[group - 1].uar };
                Bar {
                    group: heading.clone(),
                    label: name.clone(),
                    value: uar.mean,
                    interval: uar.deviation.map(|deviation| [uar.mean - deviation, uar.mean + deviation]),
                    note: String::new(),
                    colour: series(usize::from(group != 0)),
                }
            })
        });
        Bars {
            title: "Recipes on corpora that were left out of training".to_owned(),
            subtitle: format!(
                "mean over {} seeds; the lines show the standard deviation, dashed: {}",
                first.seeds.len(),
                self.recipes[0].0
            ),
            x_label: "UAR".to_owned(),
            bars: bars.collect(),
            reference: Some(Reference::FirstOfGroup),
        }
    }

    /// Writes table and picture into the folder `out`.
    ///
    /// # Errors
    /// [`CompareError::File`], [`CompareError::Plot`]
    pub fn write(&self, out: &Path) -> Result<(), CompareError> {
        let figure = self.figure();
        let [svg, csv, markdown] = Self::files(out);
        let seeds: Vec<String> = self.recipes[0].1.seeds.iter().map(ToString::to_string).collect();
        let text = format!(
            "# Recipes on corpora that were left out of training\n\n<!-- Written by `trainer compare`; do not edit. -->\n\n\
             UAR, mean and standard deviation over the seeds {}. Each recipe was trained on all corpora but one and tested on the train and dev splits of that one; no test \
             split was looked at.\n\n![recipes](comparison.svg)\n\n{}",
            seeds.join(", "),
            self.table().to_markdown()
        );
        std::fs::create_dir_all(out).map_err(FileError::at("create", out))?;
        files::write_atomically(&svg, figure.svg()?.as_bytes())?;
        files::write_atomically(&csv, figure.table().to_csv().as_bytes())?;
        files::write_atomically(&markdown, text.as_bytes())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::unseen::testing::record;
    use super::*;

    fn folder(root: &Path, name: &str, record: &UnseenRecord) -> PathBuf {
        let folder = root.join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join(UnseenRecord::FILE), record.to_json()).unwrap();
        folder
    }

    #[test]
    fn recipes_stand_beside_the_first_in_table_and_picture() {
        let place = tempfile::tempdir().unwrap();
        let mut better = record(None);
        better.results.uar = Spread::of(&[0.63, 0.67]);
        better.results.corpora[1].uar = Spread::of(&[0.8]);
        let folders = [folder(place.path(), "as it is", &record(None)), folder(place.path(), "with pitch", &better)];
        let comparison = Comparison::read(&folders).unwrap();
        let rows = comparison.table().rows;
        assert_eq!(rows[0], ["as it is", "100", "0.600 ± 0.028", "", "", "0.500 ± 0.028", "0.700 ± 0.028"]);
        assert_eq!(rows[1], ["with pitch", "100", "0.650 ± 0.028", "+0.050", "", "0.500 ± 0.028", "0.800"]);
        let bars = comparison.figure().bars;
        let found: Vec<_> = bars.iter().map(|bar| (bar.group.as_str(), bar.label.as_str(), bar.value)).collect();
        assert_eq!(
            found[..3],
            [("mean of the corpora", "as it is", 0.6), ("mean of the corpora", "with pitch", 0.65), ("a", "as it is", 0.5)]
        );
        assert_eq!(found.len(), 6);

        let out = place.path().join("page");
        comparison.write(&out).unwrap();
        let [svg, csv, markdown] = Comparison::files(&out).map(|path| std::fs::read_to_string(path).unwrap());
        assert!(svg.starts_with("<svg") && svg.contains("with pitch"));
        assert_eq!(csv.lines().count(), 7);
        assert!(markdown.contains("| with pitch | 100 | 0.650 ± 0.028 | +0.050 |"), "{markdown}");
    }

    #[test]
    fn figures_of_other_corpora_or_seeds_and_damaged_files_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let mut other = record(None);
        other.seeds = vec![7];
        let folders = [folder(place.path(), "first", &record(None)), folder(place.path(), "other", &other)];
        let error = Comparison::read(&folders).unwrap_err().to_string();
        assert!(error.contains("other was measured on other corpora or with other seeds than"), "{error}");
        let error = Comparison::read(&[place.path().join("none")]).unwrap_err().to_string();
        assert!(error.contains("expected what `trainer crossval --protocol cross-corpus` writes"), "{error}");
        std::fs::write(folders[1].join(UnseenRecord::FILE), "{}").unwrap();
        assert!(Comparison::read(&folders).unwrap_err().to_string().contains("missing field"));
    }
}
