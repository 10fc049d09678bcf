//! Progress display of a running sweep: a table on a terminal, otherwise one line per trial.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::plan::Plan;
use super::results::{DevFigures, TrialRecord, TrialStatus};
use super::trial::Job;
use crate::base::progress::{Bar, Progress};
use crate::train::checkpoint::EpochRecord;

/// Maximum number of trials in progress in the table.
const N_SHOWN: usize = 12;

/// The state of a sweep for display; may be shared between threads.
pub(crate) struct Scoreboard<'a> {
    plan: &'a Plan,
    bar: Bar,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    start: Instant,
    /// Number of trials that reach a halt in this run of the program, and number of those that already have.
    n: usize,
    n_done: usize,
    /// Name, epoch and metric of the trials in progress, by id.
    running: BTreeMap<String, (String, Option<(usize, f64)>)>,
    /// Deciding metric of the trials at their last halt, by configuration and seed.
    found: BTreeMap<String, BTreeMap<u64, f64>>,
    n_diverged: usize,
}

impl<'a> Scoreboard<'a> {
    /// A board for `n` jobs, with results known from earlier runs.
    pub(crate) fn new(plan: &'a Plan, n: usize, known: &[TrialRecord], progress: Progress) -> Self {
        let state =
            State { start: Instant::now(), n, n_done: 0, running: BTreeMap::new(), found: BTreeMap::new(), n_diverged: 0 };
        let board = Self { plan, bar: progress.table("trials", n), state: Mutex::new(state) };
        let mut state = super::locked(&board.state);
        known.iter().for_each(|record| board.note(&mut state, record));
        board.show(&state);
        drop(state);
        board
    }

    /// A trial has started.
    pub(crate) fn started(&self, job: &Job<'_>) {
        self.change(|state| {
            state.running.entry(job.trial.id.clone()).or_insert_with(|| (job.name(), None));
        });
    }

    /// A trial has finished an epoch.
    pub(crate) fn epoch(&self, job: &Job<'_>, record: &EpochRecord) {
        let figure = DevFigures::of(record).get(self.plan.metric);
        self.change(|state| {
            state.running.insert(job.trial.id.clone(), (job.name(), Some((record.epoch, figure))));
        });
    }

    /// A trial has ended without a record and is no longer in progress.
    pub(crate) fn lost(&self, job: &Job<'_>) {
        self.change(|state| {
            state.running.remove(&job.trial.id);
        });
    }

    /// A trial has reached its halt.
    pub(crate) fn finished(&self, job: &Job<'_>, record: &TrialRecord) {
        let mut state = super::locked(&self.state);
        state.running.remove(&record.id);
        state.n_done += 1;
        self.note(&mut state, record);
        self.bar.advance();
        self.bar.line(&self.line(&state, job, record));
        self.show(&state);
    }

    /// The line for a trial that has reached its halt.
    fn line(&self, state: &State, job: &Job<'_>, record: &TrialRecord) -> String {
        let State { n, n_done, start, .. } = state;
        let outcome = match (&record.reason, record.rungs.last()) {
            (Some(reason), _) => format!("diverged: {reason}"),
            (None, None) => "no epoch".to_owned(),
            (None, Some(rung)) => {
                let figure = rung.best.get(self.plan.metric);
                format!(
                    "{} {figure:.3} at epoch {} of {}, {:.0} s",
                    self.plan.metric.label(),
                    rung.best.epoch,
                    record.epochs,
                    record.seconds
                )
            }
        };
        let left = start.elapsed().mul_f64((n - n_done) as f64 / *n_done as f64);
        format!("{n_done}/{n}  {}: {outcome}; {}; {} left", job.name(), self.best(state), duration(left))
    }

    /// Prints one line beside the table.
    pub(crate) fn say(&self, text: &str) {
        self.bar.line(text);
    }

    /// Removes the table.
    pub(crate) fn close(&self) {
        self.bar.finish();
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = super::locked(&self.state);
        change(&mut state);
        self.show(&state);
    }

    fn note(&self, state: &mut State, record: &TrialRecord) {
        match record.rungs.last().filter(|_| record.status != TrialStatus::Diverged) {
            Some(rung) => {
                let of_seeds = state.found.entry(record.configuration.clone()).or_default();
                of_seeds.insert(record.seed, rung.best.get(self.plan.metric));
            }
            None => state.n_diverged += 1,
        }
    }

    /// The configuration with the best mean so far.
    fn best(&self, state: &State) -> String {
        let mean = |of_seeds: &BTreeMap<u64, f64>| of_seeds.values().sum::<f64>() / of_seeds.len() as f64;
        let best = state.found.iter().min_by(|(_, a), (_, b)| self.plan.metric.better_first(mean(a), mean(b)));
        best.map_or_else(
            || "none is done".to_owned(),
            |(name, of_seeds)| {
                let (n, all) = (of_seeds.len(), self.plan.seeds.len());
                format!("best so far {name}, {} {:.3} ({n} of {all} seeds)", self.plan.metric.label(), mean(of_seeds))
            },
        )
    }

    fn show(&self, state: &State) {
        self.bar.message(self.table(state));
    }

    /// The table above the bar, one line per trial in progress; every line is terminated.
    fn table(&self, state: &State) -> String {
        let mut table = format!("{}\n", self.best(state));
        let diverged = if state.n_diverged > 0 { format!(", {} diverged", state.n_diverged) } else { String::new() };
        // INVARIANT: writing to a String cannot fail.
        writeln!(table, "{} under way{diverged}", state.running.len()).expect("a String takes any text");
        for (name, at) in state.running.values().take(N_SHOWN) {
            let at = at.map_or_else(String::new, |(epoch, figure)| {
                format!("epoch {epoch:>4}  {} {figure:.3}", self.plan.metric.label())
            });
            writeln!(table, "  {name:<48.48}  {at}").expect("a String takes any text");
        }
        table
    }
}

fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {} min", minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::sweep::testing::{plan, record};

    #[test]
    fn the_table_shows_the_best_mean_and_what_is_under_way() {
        let plan = plan(&[8, 12], &[0, 1]);
        let known = [record("a", "units 8", 0, 0.5), record("b", "units 8", 1, 0.3), record("c", "units 12", 0, 0.45)];
        let board = Scoreboard::new(&plan, 1, &known, Progress::Silent);
        let configuration = &plan.configurations[1];
        let job = Job { configuration, trial: &configuration.trials[1], epochs: 3 };
        board.started(&job);
        let table = board.table(&super::super::locked(&board.state));
        assert!(table.starts_with("best so far units 12, dev UAR 0.450 (1 of 2 seeds)\n1 under way\n"), "{table}");
        assert!(table.contains("units 12, seed 1"), "{table}");
        let last = record(&job.trial.id, "units 12", 1, 0.2);
        board.finished(&job, &last);
        let table = board.table(&super::super::locked(&board.state));
        assert_eq!(table, "best so far units 8, dev UAR 0.400 (2 of 2 seeds)\n0 under way\n");
        let line = board.line(&super::super::locked(&board.state), &job, &last);
        assert_eq!(
            line,
            "1/1  units 12, seed 1: dev UAR 0.200 at epoch 3 of 3, 1 s; best so far units 8, dev UAR 0.400 (2 of 2 seeds); 0 s left"
        );
    }

    #[test]
    fn a_duration_is_rounded_down_to_its_unit() {
        let of = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!((of(59), of(119), of(7260)), ("59 s".to_owned(), "1 min".to_owned(), "2 h 1 min".to_owned()));
    }
}
