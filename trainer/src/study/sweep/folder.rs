//! The folder of a sweep: `plan.json`, a run folder with a `trial.json` for each trial under `trials`, and the results.
//!
//! Every JSON file is written atomically, and a `trial.json` appears only when its trial has reached a halt. So all existing files are valid,
//! whenever the sweep was killed.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use super::SweepError;
use super::plan::Plan;
use super::results::{SweepResults, TrialRecord};
use crate::base::files::{self, FileError};
use crate::train::checkpoint::EpochRecord;

const LOCK: &str = "lock";
pub(super) const RESULTS: &str = "results.csv";
pub(super) const SUMMARY: &str = "summary.csv";
pub(super) const SUMMARY_TEXT: &str = "summary.md";
pub(super) const PICTURE: &str = "sweep.svg";

/// The folder of a sweep.
#[derive(Clone, Debug)]
pub struct SweepFolder {
    root: PathBuf,
}

/// Held while a sweep is running in a folder.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl SweepFolder {
    /// A folder that contains a sweep, or may do so.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The files of the sweep itself.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let tables = [RESULTS, SUMMARY, SUMMARY_TEXT, PICTURE].map(|name| self.root.join(name));
        tables.into_iter().chain([self.results_path(), self.plan_path()]).collect()
    }

    /// The run folder of a trial.
    #[must_use]
    pub fn trial(&self, id: &str) -> PathBuf {
        self.root.join("trials").join(id)
    }

    /// The path of the results.
    #[must_use]
    pub fn results_path(&self) -> PathBuf {
        self.root.join("sweep.json")
    }

    fn plan_path(&self) -> PathBuf {
        self.root.join("plan.json")
    }

    fn record_path(&self, id: &str) -> PathBuf {
        self.trial(id).join("trial.json")
    }

    /// Claims the folder for a plan: it must be new or empty, or contain the same plan, whose sweep is then continued.
    ///
    /// # Errors
    /// [`SweepError`] if another sweep is stored or running there, or the folder contains something else.
    pub(crate) fn claim(&self, plan: &Plan) -> Result<Lock, SweepError> {
        files::create_folder(&self.root)?;
        self.check_is_free()?;
        let path = self.root.join(LOCK);
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(FileError::at("write", &path))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(SweepError::Running { path: self.root.clone() }),
            // Some network file systems do not support locks.
            Err(TryLockError::Error(error)) => tracing::warn!("{} is not locked against a second sweep: {error}", path.display()),
            Ok(()) => {}
        }
        if self.plan_path().is_file() {
            let there = self.plan()?;
            if let Some(what) = difference(&there, plan) {
                return Err(SweepError::OtherSweep { path: self.root.clone(), what });
            }
        } else {
            self.check_is_free()?;
            // INVARIANT: strings, numbers and maps serialise.
            let json = serde_json::to_string_pretty(plan).expect("a plan serialises");
            files::write_atomically(&self.plan_path(), json.as_bytes())?;
        }
        Ok(Lock { _file: file })
    }

    /// Refuses a non-empty folder that is not a sweep, before even a lock is created in it.
    fn check_is_free(&self) -> Result<(), SweepError> {
        let mut entries = std::fs::read_dir(&self.root).map_err(FileError::at("read folder", &self.root))?;
        let has_others = entries.any(|entry| entry.is_ok_and(|entry| entry.file_name() != LOCK));
        if has_others && !self.plan_path().is_file() {
            return Err(SweepError::NotEmpty { path: self.root.clone() });
        }
        Ok(())
    }

    /// The plan.
    ///
    /// # Errors
    /// [`SweepError::File`], [`SweepError::Damaged`]
    pub fn plan(&self) -> Result<Plan, SweepError> {
        let path = self.plan_path();
        let text = files::read_text(&path)?;
        serde_json::from_str(&text).map_err(|error| SweepError::Damaged { path, reason: error.to_string() })
    }

    /// The record of a trial that has reached a halt; none if there is no readable record, in which case the trial must run.
    #[must_use]
    pub fn record(&self, id: &str) -> Option<TrialRecord> {
        let path = self.record_path(id);
        let record: TrialRecord = match serde_json::from_str(&std::fs::read_to_string(&path).ok()?) {
            Ok(record) => record,
            Err(error) => {
                tracing::warn!("{}: {error}; the trial runs again", path.display());
                return None;
            }
        };
        (record.id == id).then_some(record)
    }

    /// Writes the record of a trial.
    ///
    /// # Errors
    /// [`FileError`]; an existing record is then unchanged.
    pub(crate) fn write_record(&self, record: &TrialRecord) -> Result<(), FileError> {
        // INVARIANT: finite numbers and strings serialise.
        let json = serde_json::to_string_pretty(record).expect("a record serialises");
        files::write_atomically(&self.record_path(&record.id), (json + "\n").as_bytes())
    }

    /// The last epoch of a trial in progress, for display.
    pub(crate) fn last_epoch(&self, id: &str) -> Option<EpochRecord> {
        let text = std::fs::read_to_string(self.trial(id).join("metrics.jsonl")).ok()?;
        serde_json::from_str(text.lines().last()?).ok()
    }

    /// The results that were written last; none if there are no readable results.
    #[must_use]
    pub fn results(&self) -> Option<SweepResults> {
        serde_json::from_str(&std::fs::read_to_string(self.results_path()).ok()?).ok()
    }
}

/// The first difference between two plans.
fn difference(there: &Plan, now: &Plan) -> Option<String> {
    if there == now {
        return None;
    }
    let names =
        |plan: &Plan| plan.manifests.iter().map(|source| format!("{} ({:.12})", source.name, source.sha256)).collect::<Vec<_>>();
    let first_change = there.configurations.iter().zip(&now.configurations).find(|(there, now)| there != now);
    let (field, expected, found) = if there.manifests != now.manifests {
        ("manifests", names(there).join(", "), names(now).join(", "))
    } else if there.seeds != now.seeds {
        ("seeds", format!("{:?}", there.seeds), format!("{:?}", now.seeds))
    } else if let Some((there, now)) = first_change {
        (
            "a configuration",
            format!("'{}' {}", there.name, there.overrides.join(" ")),
            format!("'{}' {}", now.name, now.overrides.join(" ")),
        )
    } else if there.configurations.len() != now.configurations.len() {
        ("configurations", there.configurations.len().to_string(), now.configurations.len().to_string())
    } else {
        let way = |plan: &Plan| format!("{} by {} ({:?})", plan.name, plan.metric.name(), plan.strategy);
        ("the sweep", way(there), way(now))
    };
    Some(format!("{field}: expected {expected}, found {found}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::sweep::testing::{plan, record};

    #[test]
    fn a_folder_goes_on_with_its_plan_and_refuses_everything_else() {
        let place = tempfile::tempdir().unwrap();
        let folder = SweepFolder::new(&place.path().join("sweep"));
        let plan = plan(&[8, 12], &[0]);
        let lock = folder.claim(&plan).unwrap();
        assert!(matches!(folder.claim(&plan), Err(SweepError::Running { .. })));
        drop(lock);
        drop(folder.claim(&plan).unwrap());
        let message = folder.claim(&self::plan(&[8, 12], &[0, 1])).unwrap_err().to_string();
        assert!(message.contains("holds another sweep") && message.contains("seeds: expected [0], found [0, 1]"), "{message}");
        let message = folder.claim(&self::plan(&[8, 16], &[0])).unwrap_err().to_string();
        assert!(message.contains("expected 'units 12' network.units=12, found 'units 16' network.units=16"), "{message}");

        let used = SweepFolder::new(place.path());
        assert!(matches!(used.claim(&plan), Err(SweepError::NotEmpty { .. })));
    }

    #[test]
    fn a_record_that_is_not_whole_or_of_another_trial_does_not_count() {
        let place = tempfile::tempdir().unwrap();
        let folder = SweepFolder::new(place.path());
        let record = record("abc", "units 8", 0, 0.5);
        files::create_folder(&folder.trial("abc")).unwrap();
        assert_eq!(folder.record("abc"), None);
        folder.write_record(&record).unwrap();
        assert_eq!(folder.record("abc"), Some(record));
        let path = folder.record_path("abc");
        let text = std::fs::read_to_string(&path).unwrap();
        for end in 0..text.trim_end().len() {
            std::fs::write(&path, &text[..end]).unwrap();
            assert_eq!(folder.record("abc"), None, "cut at {end}");
        }
        std::fs::write(&path, text.replace("abc", "abd")).unwrap();
        assert_eq!(folder.record("abc"), None);
    }
}
