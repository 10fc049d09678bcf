//! Runs trials on a Slurm cluster: one array job for all trials, with results in the shared folder of the sweep.
//!
//! The folder must have the same path on this machine and on the nodes, as must the program, the manifests with their audio and the feature cache. A
//! task of the array runs `trainer sweep-trial`, which trains one trial like the local executor and writes the same files; only its `trial.json`
//! shows whether it is done. `squeue` only lists pending and running tasks, so no accounting is needed. Tasks that ended without a record are
//! submitted again as a smaller array, and resume from their last epoch.
//!
//! # Source
//! Slurm 22.05: manual pages of `sbatch`, `squeue` and `scancel`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::SweepError;
use super::executor::Executor;
use super::folder::SweepFolder;
use super::local::check_data;
use super::results::TrialRecord;
use super::scoreboard::Scoreboard;
use super::trial::{DataSource, Job, train};
use crate::base::files::{self, FileError};
use crate::base::progress::{Interrupt, Progress};
use crate::data::manifest::{Manifest, Splits};

/// Polling interval for the queue and the folder.
const POLL: Duration = Duration::from_secs(2);

/// Time a shared file system may need to show a file written by another machine.
const VISIBLE: Duration = Duration::from_secs(10);

/// How long the queue may be unreachable before this is an error: a restart of the controller must not end the sweep.
const PATIENCE: Duration = Duration::from_secs(300);

/// How trials are submitted.
#[derive(Clone, Debug)]
pub struct SlurmOptions {
    /// Additional arguments of `sbatch`.
    pub sbatch_args: Vec<String>,
    /// Maximum number of simultaneous tasks; none: as many as the cluster allows.
    pub max_parallel: Option<usize>,
    /// Number of retries of a failed trial.
    pub retries: usize,
    /// Path of the trainer on the nodes.
    pub program: PathBuf,
}

/// The tasks of an array: `slurm/array-N.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Array {
    /// The folder of the sweep.
    folder: PathBuf,
    manifests: Vec<PathBuf>,
    /// Folder of the feature cache.
    cache: Option<PathBuf>,
    /// By task index.
    tasks: Vec<Task>,
}

/// A single task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Task {
    trial: String,
    epochs: usize,
}

/// Trains one task of an array, on a node.
///
/// # Errors
/// [`SweepError`]; the task is then tried again.
pub fn run_task(plan: &Path, index: usize, progress: Progress, interrupt: &Interrupt) -> Result<TrialRecord, SweepError> {
    let damaged = |reason: String| SweepError::Damaged { path: plan.to_owned(), reason };
    let array: Array = serde_json::from_str(&files::read_text(plan)?).map_err(|error| damaged(error.to_string()))?;
    let n = array.tasks.len();
    let task = array.tasks.get(index).ok_or_else(|| damaged(format!("expected an index below {n}, found {index}")))?;
    let folder = SweepFolder::new(&array.folder);
    let plan = folder.plan()?;
    let (configuration, trial) =
        plan.find(&task.trial).ok_or_else(|| damaged(format!("trial {} is not in the plan of the sweep", task.trial)))?;
    let job = Job { configuration, trial, epochs: task.epochs };
    if let Some(record) = job.done(&folder) {
        return Ok(record);
    }
    let manifest = Manifest::read(&array.manifests, Splits::Required)?;
    if manifest.sources != plan.manifests {
        return Err(damaged("the manifests are not those of the sweep's plan any more".to_owned()));
    }
    let config = trial.train_config()?;
    let source = DataSource { manifest: &manifest, cache: array.cache.as_deref() };
    let data = source.load(&config, progress, interrupt)?;
    check_data(&folder, &plan, &config.data(), &data)?;
    let watch = &mut |epoch: &crate::train::checkpoint::EpochRecord| {
        progress.line(&format!("epoch {}: dev UAR {:.3}", epoch.epoch, epoch.dev_uar));
    };
    train(&folder, &plan, &job, &data, &|| interrupt.requested(), watch)?.ok_or(SweepError::Interrupted)
}

/// Runs trials on a cluster.
pub(crate) struct Slurm<'a> {
    folder: SweepFolder,
    options: &'a SlurmOptions,
    manifests: Vec<PathBuf>,
    cache: Option<PathBuf>,
    /// Name of the jobs, by which they are found again regardless of who submitted them.
    name: String,
}

/// An array that was submitted.
struct Submitted {
    /// Id of the job.
    id: String,
    /// Log of a task, without its index and extension.
    log: String,
}

impl<'a> Slurm<'a> {
    pub(crate) fn new(
        folder: &SweepFolder,
        options: &'a SlurmOptions,
        manifests: &[PathBuf],
        cache: Option<&Path>,
    ) -> Result<Self, SweepError> {
        let absolute = |path: &Path| std::path::absolute(path).map_err(FileError::at("find", path));
        let root = folder.root().canonicalize().map_err(FileError::at("find", folder.root()))?;
        let hash = moodline_core::digest::hex(&Sha256::digest(root.to_string_lossy().as_bytes()));
        files::create_folder(&root.join("slurm"))?;
        Ok(Self {
            folder: SweepFolder::new(&root),
            options,
            manifests: manifests.iter().map(|path| absolute(path)).collect::<Result<_, _>>()?,
            cache: cache.map(absolute).transpose()?,
            name: format!("moodline-{}", &hash[..12]),
        })
    }

    /// Cancels jobs left in the queue by an earlier run of this sweep that was killed: their trials resume from the last epoch.
    fn cancel(&self) -> Result<(), SweepError> {
        let start = Instant::now();
        while !self.queue()?.is_empty() {
            if start.elapsed() > PATIENCE {
                let reason = format!("jobs called {} of an earlier run do not end", self.name);
                return Err(SweepError::Slurm { command: "scancel".to_owned(), reason });
            }
            call("scancel", &[format!("--name={}", self.name)])?;
            sleep(POLL / 2);
        }
        Ok(())
    }

    fn submit(&self, jobs: &[Job<'_>]) -> Result<Submitted, SweepError> {
        let place = self.folder.root().join("slurm");
        let file = |number: usize, extension: &str| place.join(format!("array-{number}.{extension}"));
        let number = (1..).find(|&number| !file(number, "json").exists()).unwrap_or(1);
        let tasks = jobs.iter().map(|job| Task { trial: job.trial.id.clone(), epochs: job.epochs }).collect();
        let array =
            Array { folder: self.folder.root().to_owned(), manifests: self.manifests.clone(), cache: self.cache.clone(), tasks };
        // INVARIANT: paths that were given to this program as text serialise.
        let json = serde_json::to_string_pretty(&array).map_err(|error| SweepError::Damaged {
            path: file(number, "json"),
            reason: format!("a path cannot be written: {error}"),
        })?;
        files::write_atomically(&file(number, "json"), json.as_bytes())?;
        files::write_atomically(&file(number, "sh"), script(&self.options.program, &file(number, "json")).as_bytes())?;
        let log = place.join(format!("array-{number}-")).display().to_string();
        let mut arguments = vec![
            "--parsable".to_owned(),
            format!("--job-name={}", self.name),
            format!("--array={}", indices(jobs.len(), self.options.max_parallel)),
            // Slurm replaces %a with the index of the task, and %% with %.
            format!("--output={}%a.log", log.replace('%', "%%")),
            "--ntasks=1".to_owned(),
            "--cpus-per-task=1".to_owned(),
        ];
        arguments.extend(self.options.sbatch_args.iter().cloned());
        arguments.push(file(number, "sh").display().to_string());
        let answer = call("sbatch", &arguments)?;
        // With several clusters, the name of the cluster follows.
        let id = answer.trim().split(';').next().unwrap_or_default().to_owned();
        Ok(Submitted { id, log })
    }

    /// The pending or running tasks of all arrays of this sweep, and whether they are running.
    fn queue(&self) -> Result<Vec<Queued>, SweepError> {
        let arguments = ["--noheader", "--array", "--format=%F %K %T"].map(str::to_owned);
        let answer = call("squeue", &[&arguments[..], &[format!("--name={}", self.name)]].concat())?;
        Ok(answer.lines().filter_map(Queued::parse).collect())
    }

    /// Waits until no task of an array is left, and reports the progress to the board meanwhile.
    fn wait(&self, array: &Submitted, jobs: &[Job<'_>], board: &Scoreboard<'_>, interrupt: &Interrupt) -> Result<(), SweepError> {
        let mut told: BTreeSet<usize> = BTreeSet::new();
        let mut answered = Instant::now();
        let mut empty_since = None;
        loop {
            if interrupt.requested() {
                call("scancel", &[format!("--name={}", self.name)])?;
                return Err(SweepError::Interrupted);
            }
            let queued = match self.queue() {
                Ok(queued) => queued,
                Err(error) if answered.elapsed() > PATIENCE => return Err(error),
                Err(_) => {
                    sleep(POLL);
                    continue;
                }
            };
            answered = Instant::now();
            for (index, job) in jobs.iter().enumerate().filter(|(index, _)| !told.contains(index)).collect::<Vec<_>>() {
                if let Some(record) = job.done(&self.folder) {
                    told.insert(index);
                    board.finished(job, &record);
                } else if queued.iter().any(|task| task.is(array, index) && task.running) {
                    board.started(job);
                    if let Some(epoch) = self.folder.last_epoch(&job.trial.id) {
                        board.epoch(job, &epoch);
                    }
                } else {
                    board.lost(job);
                }
            }
            if queued.iter().any(|task| task.id == array.id) {
                empty_since = None;
            } else if told.len() == jobs.len() || empty_since.get_or_insert_with(Instant::now).elapsed() > VISIBLE {
                return Ok(());
            }
            sleep(POLL);
        }
    }
}

impl Executor for Slurm<'_> {
    fn run(&mut self, jobs: &[Job<'_>], board: &Scoreboard<'_>, interrupt: &Interrupt) -> Result<(), SweepError> {
        self.cancel()?;
        let mut left = jobs.to_vec();
        for attempt in 0..=self.options.retries {
            let array = self.submit(&left)?;
            board.say(&format!("submitted {} trials as job {}", left.len(), array.id));
            self.wait(&array, &left, board, interrupt)?;
            let failed: Vec<(usize, Job<'_>)> = left
                .iter()
                .enumerate()
                .filter(|(_, job)| job.done(&self.folder).is_none())
                .map(|(index, job)| (index, *job))
                .collect();
            let Some((index, first)) = failed.first() else { return Ok(()) };
            let log = PathBuf::from(format!("{}{index}.log", array.log));
            if attempt == self.options.retries {
                let (n, times) = (failed.len(), attempt + 1);
                return Err(SweepError::TasksFailed { n, times, first: first.name(), log });
            }
            board.say(&format!(
                "{} of them failed, first {} ({}); they are tried again",
                failed.len(),
                first.name(),
                log.display()
            ));
            left = failed.into_iter().map(|(_, job)| job).collect();
        }
        Ok(())
    }
}

/// A task listed by `squeue`.
#[derive(Debug, PartialEq, Eq)]
struct Queued {
    /// Id of the array's job.
    id: String,
    /// Index of the task.
    index: Option<usize>,
    running: bool,
}

impl Queued {
    /// Reads a line of `squeue --format="%F %K %T"`.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (id, index, state) = (words.next()?, words.next()?, words.next()?);
        Some(Self { id: id.to_owned(), index: index.parse().ok(), running: state == "RUNNING" })
    }

    fn is(&self, array: &Submitted, index: usize) -> bool {
        self.id == array.id && self.index == Some(index)
    }
}

/// The `--array` argument for `n` tasks, with a limit on simultaneous ones.
fn indices(n: usize, max_parallel: Option<usize>) -> String {
    let limit = max_parallel.map_or_else(String::new, |limit| format!("%{limit}"));
    format!("0-{}{limit}", n.saturating_sub(1))
}

/// The script of a task of the array.
fn script(program: &Path, plan: &Path) -> String {
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    format!("#!/bin/sh\nexec {} sweep-trial --plan {} --index \"$SLURM_ARRAY_TASK_ID\"\n", quoted(program), quoted(plan))
}

/// Runs a Slurm command and returns its output.
fn call(program: &str, arguments: &[String]) -> Result<String, SweepError> {
    let fail = |reason: String| SweepError::Slurm { command: program.to_owned(), reason };
    let output = Command::new(program).args(arguments).stdin(std::process::Stdio::null()).output();
    let output =
        output.map_err(|error| fail(format!("{error}; run this where Slurm's commands are, or with --executor local")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(fail(if told.trim().is_empty() { output.status.to_string() } else { told.trim().replace('\n', "; ") }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_quotes_what_the_shell_would_take_apart() {
        let script = script(Path::new("/opt/my tools/trainer"), Path::new("/data/it's/array-1.json"));
        let expected = "#!/bin/sh\nexec '/opt/my tools/trainer' sweep-trial --plan '/data/it'\\''s/array-1.json' --index \"$SLURM_ARRAY_TASK_ID\"\n";
        assert_eq!(script, expected);
        assert_eq!((indices(4, None), indices(1, Some(2))), ("0-3".to_owned(), "0-0%2".to_owned()));
    }

    #[test]
    fn lines_of_the_queue_are_tasks() {
        let task = |index, running| Some(Queued { id: "12".to_owned(), index, running });
        assert_eq!(Queued::parse("12 3 RUNNING"), task(Some(3), true));
        assert_eq!(Queued::parse("  12 0 PENDING "), task(Some(0), false));
        assert_eq!(Queued::parse("12 N/A COMPLETING"), task(None, false));
        assert_eq!(Queued::parse(""), None);
    }

    #[test]
    fn a_program_that_is_not_there_is_one_sentence() {
        let message = call("no-such-program-of-slurm", &[]).unwrap_err().to_string();
        assert!(message.contains("no-such-program-of-slurm: No such file") && message.contains("--executor local"), "{message}");
    }
}
