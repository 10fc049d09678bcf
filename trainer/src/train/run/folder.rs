//! The folder of a run: `config.toml` (resolved), `run.json` (its provenance), `metrics.csv` and `metrics.jsonl` (one line per epoch),
//! `checkpoints/{last,best}.safetensors`, `log.txt`, and `events.out.tfevents.moodline` for TensorBoard if requested.
//!
//! A finished epoch is stored before the next one starts. Configuration and checkpoints are replaced atomically; the metrics files are appended to
//! and, as they only repeat what is in the checkpoint, rewritten when a run is resumed.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use moodline_core::contract::TrainingCorpus;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::base::PROGRAM;
use crate::base::config::ConfigError;
use crate::base::files::{self, FileError};
use crate::data::dataset::Dataset;
use crate::data::manifest::ManifestSource;
use crate::train::checkpoint::{Checkpoint, CheckpointError, EpochRecord};
use crate::train::config::TrainConfig;
use crate::train::tensorboard;

/// Number of attempts to lock: [`RunFolder::is_busy`] of another process holds the lock for an instant.
const LOCK_TRIES: usize = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

const CSV_HEADER: &str = "epoch,learning_rate,train_loss,train_accuracy,train_uar,regularisation,dev_loss,dev_accuracy,dev_uar,\
                          dev_macro_f1,seconds\n";

/// The provenance of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Name and version of the program.
    pub program: String,
    /// File name of the configuration it was started with.
    pub config_file: String,
    /// Overrides as given.
    pub overrides: Vec<String>,
    /// The manifests.
    pub manifests: Vec<ManifestSource>,
    /// The training corpora.
    pub corpora: Vec<TrainingCorpus>,
    /// Number of clips in the dev split.
    pub n_dev_utterances: usize,
    /// Clips that could not be used, and why.
    pub left_out: Vec<String>,
}

impl Provenance {
    /// The provenance of a training on `dataset`, which was made from these manifests without the clips in `left_out`.
    #[must_use]
    pub fn of(
        config_file: &str,
        overrides: Vec<String>,
        manifests: &[ManifestSource],
        dataset: &Dataset,
        left_out: Vec<String>,
    ) -> Self {
        Self {
            program: PROGRAM.to_owned(),
            config_file: config_file.to_owned(),
            overrides,
            manifests: manifests.to_vec(),
            corpora: dataset.corpora.clone(),
            n_dev_utterances: dataset.dev.len(),
            left_out,
        }
    }
}

/// Why a run folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunFolderError {
    /// The folder is not empty.
    #[error("{path} is not empty: choose another --out, or continue the run in it with --resume", path = path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The folder contains no run.
    #[error("{path} holds no run: expected a config.toml in it", path = path.display())]
    NothingToResume {
        /// The folder.
        path: PathBuf,
    },
    /// Another process is training in it.
    #[error("another process is training in {path}: wait for it, or stop it first", path = path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The run was started with another configuration.
    #[error("the run in {path} was started with another configuration: {field} expected {expected}, found {found}", path = path.display())]
    ConfigChanged {
        /// The folder.
        path: PathBuf,
        /// `section.key`
        field: String,
        /// Value in the run.
        expected: String,
        /// Current value.
        found: String,
    },
    /// The run was started with other manifests.
    #[error("the run in {path} was started with other manifests: expected {expected}, found {found}", path = path.display())]
    ManifestsChanged {
        /// The folder.
        path: PathBuf,
        /// In the run.
        expected: String,
        /// Given now.
        found: String,
    },
    /// The audio has changed.
    #[error(
        "the run in {path} was started with other audio: expected features with SHA-256 {expected}, found {found}",
        path = path.display()
    )]
    DataChanged {
        /// The folder.
        path: PathBuf,
        /// In the run.
        expected: String,
        /// Computed now.
        found: String,
    },
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A checkpoint cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The saved configuration cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// `run.json` cannot be read.
    #[error("{path}: {reason}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// The folder of a run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    root: PathBuf,
}

/// While this exists, no other process trains in the folder. The system releases it when a process is killed.
#[derive(Debug)]
pub struct RunLock {
    _file: Option<File>,
}

impl RunFolder {
    /// Claims `root` for a new run and creates it if necessary.
    ///
    /// # Errors
    /// [`RunFolderError::NotEmpty`], or [`RunFolderError::File`] if it cannot be created or written.
    pub fn claim(root: &Path) -> Result<Self, RunFolderError> {
        files::create_folder(root)?;
        let mut entries = std::fs::read_dir(root).map_err(FileError::at("read folder", root))?;
        if entries.next().is_some() {
            return Err(RunFolderError::NotEmpty { path: root.to_owned() });
        }
        tempfile::tempfile_in(root).map_err(FileError::at("write in", root))?;
        Ok(Self { root: root.to_owned() })
    }

    /// Opens the folder of an existing run.
    ///
    /// # Errors
    /// [`RunFolderError::NothingToResume`]
    pub fn open(root: &Path) -> Result<Self, RunFolderError> {
        let folder = Self { root: root.to_owned() };
        if folder.config_path().is_file() { Ok(folder) } else { Err(RunFolderError::NothingToResume { path: root.to_owned() }) }
    }

    /// Whether `root` is the folder of a run.
    #[must_use]
    pub fn is_run(root: &Path) -> bool {
        let folder = Self { root: root.to_owned() };
        folder.config_path().is_file() && folder.provenance_path().is_file()
    }

    /// Keeps other processes from training here. Has no effect on a file system without locks.
    ///
    /// # Errors
    /// [`RunFolderError::Busy`] if another process is training, [`RunFolderError::File`] if the folder cannot be written.
    pub fn lock(&self) -> Result<RunLock, RunFolderError> {
        let path = self.lock_path();
        let open = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = open.map_err(FileError::at("write", &path))?;
        for attempt in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(RunLock { _file: Some(file) }),
                Err(TryLockError::Error(error)) => {
                    tracing::warn!("{} cannot be locked: {error}", path.display());
                    return Ok(RunLock { _file: None });
                }
                Err(TryLockError::WouldBlock) if attempt + 1 < LOCK_TRIES => std::thread::sleep(LOCK_PAUSE),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        Err(RunFolderError::Busy { path: self.root.clone() })
    }

    /// Whether a process is currently training here.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        File::open(self.lock_path()).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Releases a claimed folder if the run could not start; it is kept if it contains more than lock and log.
    pub fn abandon(self) {
        std::fs::remove_file(self.lock_path()).ok();
        std::fs::remove_file(self.log_path()).ok();
        std::fs::remove_dir(&self.root).ok();
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The resolved configuration.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// The state at the end of the last epoch.
    #[must_use]
    pub fn last_checkpoint(&self) -> PathBuf {
        self.root.join("checkpoints").join("last.safetensors")
    }

    /// The state at the end of the best epoch.
    #[must_use]
    pub fn best_checkpoint(&self) -> PathBuf {
        self.root.join("checkpoints").join("best.safetensors")
    }

    /// The log of the run.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.root.join("log.txt")
    }

    /// Scalars for TensorBoard; if the file exists, every epoch is added to it.
    #[must_use]
    pub fn tensorboard_path(&self) -> PathBuf {
        self.root.join(tensorboard::FILE_NAME)
    }

    fn lock_path(&self) -> PathBuf {
        self.root.join("lock")
    }

    fn provenance_path(&self) -> PathBuf {
        self.root.join("run.json")
    }

    fn csv_path(&self) -> PathBuf {
        self.root.join("metrics.csv")
    }

    fn json_lines_path(&self) -> PathBuf {
        self.root.join("metrics.jsonl")
    }

    /// All files that a run may have in its folder `root`.
    #[must_use]
    pub fn files(root: &Path) -> Vec<PathBuf> {
        let of = Self { root: root.to_owned() };
        [vec![of.config_path(), of.provenance_path()], Self::files_of_training(root)].concat()
    }

    /// Those that are written repeatedly during training in `root`.
    #[must_use]
    pub fn files_of_training(root: &Path) -> Vec<PathBuf> {
        let of = Self { root: root.to_owned() };
        let metrics = [of.csv_path(), of.json_lines_path(), of.tensorboard_path(), of.log_path()];
        metrics.into_iter().chain([of.last_checkpoint(), of.best_checkpoint(), of.lock_path()]).collect()
    }

    /// Writes everything a run has before its first epoch.
    ///
    /// # Errors
    /// [`RunFolderError::File`]
    pub fn start(&self, config: &TrainConfig, provenance: &Provenance, checkpoint: &Checkpoint) -> Result<(), RunFolderError> {
        files::create_folder(&self.root.join("checkpoints"))?;
        // INVARIANT: strings and numbers serialise.
        let json = serde_json::to_string_pretty(provenance).expect("a provenance serialises");
        files::write_atomically(&self.provenance_path(), format!("{json}\n").as_bytes())?;
        checkpoint.write(&self.last_checkpoint())?;
        self.rewrite_metrics(&[])?;
        let header = format!(
            "# Resolved configuration of a run of {}, from {}{}\n\n",
            provenance.program,
            provenance.config_file,
            provenance.overrides.iter().map(|setting| format!(" --set {setting}")).collect::<String>()
        );
        Ok(files::write_atomically(&self.config_path(), (header + &config.to_toml()).as_bytes())?)
    }

    /// The configuration of the run.
    ///
    /// # Errors
    /// [`RunFolderError::File`], [`RunFolderError::Config`]
    pub fn config(&self) -> Result<TrainConfig, RunFolderError> {
        let path = self.config_path();
        Ok(TrainConfig::parse(&path.display().to_string(), &files::read_text(&path)?, &[])?)
    }

    /// The provenance of the run.
    ///
    /// # Errors
    /// [`RunFolderError::File`], [`RunFolderError::Damaged`]
    pub fn provenance(&self) -> Result<Provenance, RunFolderError> {
        let path = self.provenance_path();
        let text = files::read_text(&path)?;
        serde_json::from_str(&text).map_err(|error| RunFolderError::Damaged { path, reason: error.to_string() })
    }

    /// Refuses to continue with another configuration or other manifests.
    ///
    /// # Errors
    /// [`RunFolderError::ConfigChanged`] or [`RunFolderError::ManifestsChanged`], with the expected and found values.
    pub fn check_unchanged(&self, config: &TrainConfig, manifests: &[ManifestSource]) -> Result<(), RunFolderError> {
        let path = || self.root.clone();
        if let Some((field, expected, found)) = first_difference(&self.config()?, config) {
            return Err(RunFolderError::ConfigChanged { path: path(), field, expected, found });
        }
        let expected = self.provenance()?.manifests;
        if expected == manifests {
            return Ok(());
        }
        Err(RunFolderError::ManifestsChanged { path: path(), expected: names(&expected), found: names(manifests) })
    }

    /// Stores a finished epoch.
    ///
    /// # Errors
    /// [`FileError`]; the checkpoint of the previous epoch is then intact.
    pub fn write_epoch(&self, checkpoint: &Checkpoint) -> Result<(), FileError> {
        let state = &checkpoint.state;
        if state.best.is_some_and(|best| best.epoch == state.epoch) {
            checkpoint.write(&self.best_checkpoint())?;
        }
        checkpoint.write(&self.last_checkpoint())?;
        let Some(record) = state.history.last() else { return Ok(()) };
        append(&self.csv_path(), csv_line(record).as_bytes())?;
        append(&self.json_lines_path(), json_line(record).as_bytes())?;
        if self.tensorboard_path().is_file() {
            append(&self.tensorboard_path(), &tensorboard::epoch(record, seconds_since_1970()))?;
        }
        Ok(())
    }

    /// Rewrites the metrics files.
    ///
    /// # Errors
    /// [`FileError`]
    pub fn rewrite_metrics(&self, history: &[EpochRecord]) -> Result<(), FileError> {
        let csv: String = std::iter::once(CSV_HEADER.to_owned()).chain(history.iter().map(csv_line)).collect();
        let json: String = history.iter().map(json_line).collect();
        files::write_atomically(&self.csv_path(), csv.as_bytes())?;
        files::write_atomically(&self.json_lines_path(), json.as_bytes())?;
        if self.tensorboard_path().is_file() { self.write_tensorboard(history) } else { Ok(()) }
    }

    /// Rewrites the scalars for TensorBoard, and from now on adds those of every epoch. Past epochs are dated as if they had ended just now.
    ///
    /// # Errors
    /// [`FileError`]
    pub fn write_tensorboard(&self, history: &[EpochRecord]) -> Result<(), FileError> {
        let mut time = seconds_since_1970() - history.iter().map(|record| record.seconds).sum::<f64>();
        let mut bytes = tensorboard::header(time);
        for record in history {
            time += record.seconds;
            bytes.extend(tensorboard::epoch(record, time));
        }
        files::write_atomically(&self.tensorboard_path(), &bytes)
    }
}

fn append(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let write = || OpenOptions::new().append(true).create(true).open(path)?.write_all(bytes);
    write().map_err(FileError::at("write", path))
}

/// 0 if the clock is set before 1970.
fn seconds_since_1970() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

fn csv_line(record: &EpochRecord) -> String {
    let EpochRecord {
        epoch,
        learning_rate,
        train_loss,
        train_accuracy,
        train_uar,
        regularisation,
        dev_loss,
        dev_accuracy,
        dev_uar,
        dev_macro_f1,
        seconds,
    } = record;
    format!(
        "{epoch},{learning_rate:e},{train_loss:.6},{train_accuracy:.6},{train_uar:.6},{regularisation:.6},{dev_loss:.6},\
         {dev_accuracy:.6},{dev_uar:.6},{dev_macro_f1:.6},{seconds:.3}\n"
    )
}

fn json_line(record: &EpochRecord) -> String {
    // INVARIANT: finite numbers serialise.
    serde_json::to_string(record).expect("a record serialises") + "\n"
}

fn names(manifests: &[ManifestSource]) -> String {
    let names: Vec<String> = manifests.iter().map(|source| format!("{} ({:.12})", source.name, source.sha256)).collect();
    names.join(", ")
}

/// The first key, in alphabetical order, in which two configurations differ: name, value in `a`, value in `b`.
fn first_difference(a: &TrainConfig, b: &TrainConfig) -> Option<(String, String, String)> {
    let (a, b) = (settings(a), settings(b));
    let value_in = |keys: &[(String, String)], name: &str| {
        keys.iter().find(|(key, _)| key == name).map_or_else(|| "nothing".to_owned(), |(_, value)| value.clone())
    };
    let mut names: Vec<&String> = a.iter().chain(&b).map(|(name, _)| name).collect();
    names.sort_unstable();
    names
        .into_iter()
        .map(|name| (name.clone(), value_in(&a, name), value_in(&b, name)))
        .find(|(_, expected, found)| expected != found)
}

/// Every `section.key` of a configuration with its value as TOML.
#[must_use]
pub fn settings(config: &TrainConfig) -> Vec<(String, String)> {
    let mut keys = Vec::new();
    // INVARIANT: a configuration serialises to a table.
    flatten("", &toml::from_str(&config.to_toml()).expect("a table"), &mut keys);
    keys
}

fn flatten(prefix: &str, table: &Table, keys: &mut Vec<(String, String)>) {
    for (key, value) in table {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Table(inner) => flatten(&name, inner, keys),
            value => keys.push((name, value.to_string())),
        }
    }
}
