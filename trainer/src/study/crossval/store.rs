//! Finished training runs on disk: `folds/MODEL-FOLD-SEED.json`, each written atomically.

use std::path::{Path, PathBuf};

use super::CrossvalError;
use super::finished::Finished;
use super::job::Job;
use crate::base::files::{self, FileError};

/// The folder of finished runs.
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    pub(super) fn open(out: &Path) -> Result<Self, FileError> {
        let folder = out.join("folds");
        files::create_folder(&folder)?;
        Ok(Self { folder })
    }

    fn path(&self, job: &Job<'_>) -> PathBuf {
        self.folder.join(format!("{}-{:03}-{}.json", job.model.name(), job.index, job.seed))
    }

    pub(super) fn write(&self, job: &Job<'_>, finished: &Finished) -> Result<(), FileError> {
        // INVARIANT: numbers and text serialise.
        let json = serde_json::to_string(finished).expect("a finished training serialises") + "\n";
        files::write_atomically(&self.path(job), json.as_bytes())
    }

    /// The result of this run from an earlier, interrupted cross-validation; none if it was not finished.
    ///
    /// # Errors
    /// [`CrossvalError::Stale`] if it belongs to another recipe or other clips, or cannot be read.
    pub(super) fn read(&self, job: &Job<'_>, key: &str) -> Result<Option<Finished>, CrossvalError> {
        let path = self.path(job);
        if !path.exists() {
            return Ok(None);
        }
        let stale = |reason: String| CrossvalError::Stale { path: path.clone(), reason };
        let finished: Finished = serde_json::from_str(&files::read_text(&path)?)
            .map_err(|error| stale(format!("expected a finished training, found a file that is none ({error})")))?;
        if finished.key != key || !finished.fits(job.fold) {
            return Err(stale("was made with another configuration, protocol, manifest or audio than asked for now".to_owned()));
        }
        Ok(Some(finished))
    }
}
