//! Lists runs, their progress and their differences.
//!
//! In: folders. Out: a [`RunSummary`] for each run below them, and [`comparison`]s.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;
use walkdir::WalkDir;

use crate::base::files::FileError;
use crate::base::table::Table;
use crate::train::checkpoint::{Checkpoint, EpochRecord};
use crate::train::run::folder::{RunFolder, RunFolderError, settings};

/// Progress of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// A process is currently training it.
    Running,
    /// It was stopped and can be continued.
    Stopped,
    /// All its epochs are done, or early stopping ended it.
    Finished,
    /// Its files cannot be read.
    Damaged,
}

impl RunState {
    /// The name in tables and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
            Self::Damaged => "damaged",
        }
    }
}

/// Summary of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    /// Its folder, relative to where the search began.
    pub name: String,
    /// Its progress.
    pub state: RunState,
    /// What is wrong with it, if it is damaged.
    pub problem: Option<String>,
    /// Name of the model.
    pub model: String,
    /// SHA-256 of the resolved configuration, hexadecimal.
    pub config_sha256: String,
    /// Seed of all random choices.
    pub seed: u64,
    /// Its training corpora.
    pub corpora: Vec<String>,
    /// Completed epochs.
    pub epochs: usize,
    /// Maximum number of epochs.
    pub of_epochs: usize,
    /// The best epoch so far.
    pub best: Option<EpochRecord>,
    /// Total duration of its epochs, s.
    pub seconds: f64,
}

/// A run that can be read.
struct Readable {
    summary: RunSummary,
    settings: Vec<(String, String)>,
}

/// All runs in `root` and below, sorted by name. Folders of runs are not searched for further runs.
///
/// # Errors
/// [`FileError`] if `root` cannot be read. A run that cannot be read is listed as damaged.
pub fn find_runs(root: &Path) -> Result<Vec<RunSummary>, FileError> {
    std::fs::read_dir(root).map_err(FileError::at("read folder", root))?;
    let mut found = Vec::new();
    let mut walk = WalkDir::new(root).sort_by_file_name().into_iter();
    while let Some(entry) = walk.next() {
        let Ok(entry) = entry else { continue };
        if entry.file_type().is_dir() && RunFolder::is_run(entry.path()) {
            walk.skip_current_dir();
            let below = entry.path().strip_prefix(root).unwrap_or(entry.path()).to_string_lossy().into_owned();
            let name = if below.is_empty() { name_of(root) } else { below };
            found.push(summarise(entry.path(), name));
        }
    }
    Ok(found)
}

fn name_of(folder: &Path) -> String {
    let full = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    full.file_name().map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// The summary of one run, with the given name.
#[must_use]
pub fn summarise(path: &Path, name: String) -> RunSummary {
    match read(path, name.clone()) {
        Ok(readable) => readable.summary,
        Err(error) => RunSummary {
            name,
            state: RunState::Damaged,
            problem: Some(error.to_string()),
            model: String::new(),
            config_sha256: String::new(),
            seed: 0,
            corpora: Vec::new(),
            epochs: 0,
            of_epochs: 0,
            best: None,
            seconds: 0.0,
        },
    }
}

fn read(path: &Path, name: String) -> Result<Readable, RunFolderError> {
    let folder = RunFolder::open(path)?;
    let config = folder.config()?;
    let state = Checkpoint::read(&folder.last_checkpoint())?.state;
    let over = config.training.is_over(state.epoch, state.best.map(|best| best.epoch));
    let summary = RunSummary {
        name,
        state: match (folder.is_busy(), over) {
            (true, _) => RunState::Running,
            (false, true) => RunState::Finished,
            (false, false) => RunState::Stopped,
        },
        problem: None,
        model: config.model.id.clone(),
        config_sha256: config.sha256(),
        seed: config.training.seed,
        corpora: state.corpora.iter().map(|corpus| corpus.name.clone()).collect(),
        epochs: state.epoch,
        of_epochs: config.training.epochs,
        best: state.best.and_then(|best| state.history.get(best.epoch - 1).cloned()),
        seconds: state.history.iter().map(|record| record.seconds).sum(),
    };
    Ok(Readable { summary, settings: settings(&config) })
}

/// One row per run.
#[must_use]
pub fn list(runs: &[RunSummary]) -> Table {
    let mut table =
        Table::new(["run", "state", "epochs", "best epoch", "dev UAR", "dev accuracy", "seconds", "seed", "config", "corpora"]);
    for run in runs {
        let best = |figure: fn(&EpochRecord) -> String| run.best.as_ref().map_or_else(String::new, figure);
        table.push([
            run.name.clone(),
            run.state.name().to_owned(),
            format!("{}/{}", run.epochs, run.of_epochs),
            best(|record| record.epoch.to_string()),
            best(|record| format!("{:.3}", record.dev_uar)),
            best(|record| format!("{:.3}", record.dev_accuracy)),
            format!("{:.1}", run.seconds),
            run.seed.to_string(),
            run.config_sha256.chars().take(12).collect(),
            run.corpora.join(", "),
        ]);
    }
    table
}

/// Compares runs: one column for each setting that is not the same in all of them, followed by their metrics. The first column is the name.
///
/// # Errors
/// [`RunFolderError`] for the first run that cannot be read.
pub fn comparison(folders: &[PathBuf]) -> Result<Table, RunFolderError> {
    let runs: Vec<Readable> =
        folders.iter().map(|folder| read(folder, folder.display().to_string())).collect::<Result<_, _>>()?;
    let mut table = Table::new([""].into_iter().chain(runs.iter().map(|run| run.summary.name.as_str())));
    let keys: BTreeSet<&String> = runs.iter().flat_map(|run| run.settings.iter().map(|(key, _)| key)).collect();
    for key in keys {
        let value = |run: &Readable| run.settings.iter().find(|(name, _)| name == key).map_or("-", |(_, value)| value).to_owned();
        let values: Vec<String> = runs.iter().map(value).collect();
        if values.iter().any(|value| *value != values[0]) {
            table.push([key.clone()].into_iter().chain(values));
        }
    }
    type Row = (&'static str, fn(&RunSummary) -> String);
    let of_best = |run: &RunSummary, figure: fn(&EpochRecord) -> f64| {
        run.best.as_ref().map_or_else(|| "-".to_owned(), |record| format!("{:.4}", figure(record)))
    };
    let rows: [Row; 6] = [
        ("state", |run| run.state.name().to_owned()),
        ("config", |run| run.config_sha256.chars().take(12).collect()),
        ("corpora", |run| run.corpora.join(", ")),
        ("epochs", |run| format!("{}/{}", run.epochs, run.of_epochs)),
        ("seconds", |run| format!("{:.1}", run.seconds)),
        ("best epoch", |run| run.best.as_ref().map_or_else(|| "-".to_owned(), |record| record.epoch.to_string())),
    ];
    for (name, value) in rows {
        table.push([name.to_owned()].into_iter().chain(runs.iter().map(|run| value(&run.summary))));
    }
    type Figure = (&'static str, fn(&EpochRecord) -> f64);
    let figures: [Figure; 7] = [
        ("dev UAR", |record| record.dev_uar),
        ("dev accuracy", |record| record.dev_accuracy),
        ("dev macro-F1", |record| record.dev_macro_f1),
        ("dev loss", |record| record.dev_loss),
        ("train UAR", |record| record.train_uar),
        ("train accuracy", |record| record.train_accuracy),
        ("train loss", |record| record.train_loss),
    ];
    for (name, figure) in figures {
        table.push([name.to_owned()].into_iter().chain(runs.iter().map(|run| of_best(&run.summary, figure))));
    }
    Ok(table)
}

#[cfg(test)]
pub(crate) mod tests;
