//! Runs trials on all cores of this machine, one core per trial.
//!
//! Each trial runs on a single thread, so that no core waits for another within a batch; its result would be the same with any number. Trials with
//! the same data share it in memory; other data are loaded when needed and dropped afterwards.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::SweepError;
use super::executor::Executor;
use super::folder::SweepFolder;
use super::plan::Plan;
use super::scoreboard::Scoreboard;
use super::trial::{DataSource, Job, TrialData, train};
use crate::base::progress::{Interrupt, Progress};
use crate::data::config::DataConfig;

/// Runs trials on this machine.
pub(crate) struct Local<'a> {
    folder: &'a SweepFolder,
    plan: &'a Plan,
    source: DataSource<'a>,
    progress: Progress,
    /// The data loaded last, which is usually needed again for the next halt.
    loaded: Option<(DataConfig, TrialData)>,
}

impl<'a> Local<'a> {
    pub(crate) fn new(folder: &'a SweepFolder, plan: &'a Plan, source: DataSource<'a>, progress: Progress) -> Self {
        Self { folder, plan, source, progress, loaded: None }
    }
}

impl Executor for Local<'_> {
    fn run(&mut self, jobs: &[Job<'_>], board: &Scoreboard<'_>, interrupt: &Interrupt) -> Result<(), SweepError> {
        let mut by_data: Vec<(DataConfig, Vec<Job<'_>>)> = Vec::new();
        for job in jobs {
            let key = job.trial.train_config()?.data();
            match by_data.iter_mut().find(|(of, _)| *of == key) {
                Some((_, jobs)) => jobs.push(*job),
                None => by_data.push((key, vec![*job])),
            }
        }
        // Trials whose data are in memory come first.
        let in_memory = self.loaded.as_ref().map(|(key, _)| key.clone());
        by_data.sort_by_key(|(key, _)| Some(key) != in_memory.as_ref());
        for (key, jobs) in by_data {
            if self.loaded.as_ref().is_none_or(|(of, _)| *of != key) {
                self.loaded = None;
                let config = jobs[0].trial.train_config()?;
                let data = self.source.load(&config, self.progress, interrupt)?;
                if !data.left_out.is_empty() {
                    board.say(&format!("clips that cannot be used are left out:\n  {}", data.left_out.join("\n  ")));
                }
                self.loaded = Some((key.clone(), data));
            }
            // INVARIANT: the data were loaded above unless already present.
            let (_, data) = self.loaded.as_ref().expect("loaded data");
            check_data(self.folder, self.plan, &key, data)?;
            run_all(self.folder, self.plan, &jobs, data, board, interrupt)?;
        }
        Ok(())
    }
}

/// Refuses to continue if completed trials were trained on different audio with the same file names.
pub(crate) fn check_data(folder: &SweepFolder, plan: &Plan, config: &DataConfig, data: &TrialData) -> Result<(), SweepError> {
    for trial in plan.configurations.iter().flat_map(|configuration| &configuration.trials) {
        let Some(record) = folder.record(&trial.id) else { continue };
        if record.data_sha256 != data.sha256 && trial.train_config()?.data() == *config {
            let (expected, found) = (record.data_sha256, data.sha256.clone());
            return Err(SweepError::DataChanged { path: folder.trial(&trial.id), expected, found });
        }
    }
    Ok(())
}

/// Runs trials with the same data, each on one thread.
fn run_all(
    folder: &SweepFolder,
    plan: &Plan,
    jobs: &[Job<'_>],
    data: &TrialData,
    board: &Scoreboard<'_>,
    interrupt: &Interrupt,
) -> Result<(), SweepError> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let failure = Mutex::new(None);
    let stop = || interrupt.requested() || failed.load(Ordering::Relaxed);
    let work = || {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)).filter(|_| !stop()) {
            board.started(job);
            match train(folder, plan, job, data, &stop, &mut |epoch| board.epoch(job, epoch)) {
                Ok(Some(record)) => board.finished(job, &record),
                Ok(None) => {}
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    super::locked(&failure).get_or_insert(error);
                }
            }
        }
    };
    let pools = (0..rayon::current_num_threads().min(jobs.len()))
        .map(|_| rayon::ThreadPoolBuilder::new().num_threads(1).build())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| SweepError::Threads { reason: error.to_string() })?;
    std::thread::scope(|scope| {
        for pool in &pools {
            scope.spawn(|| pool.install(work));
        }
    });
    if let Some(error) = super::locked(&failure).take() {
        return Err(error);
    }
    if interrupt.requested() { Err(SweepError::Interrupted) } else { Ok(()) }
}
