//! The counterpart of `bench/peers/worker.py` and `bench/project.rs`: asks a process how long a case takes.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// One side of the measurements; the process ends when this is dropped.
pub(super) struct Worker {
    name: &'static str,
    process: Child,
    /// `None` only while it is being dropped.
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    cases: Vec<String>,
    /// Versions of the libraries it measures.
    pub(super) versions: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Greeting {
    versions: BTreeMap<String, String>,
    cases: Vec<String>,
}

#[derive(Deserialize)]
struct Reply {
    milliseconds: f64,
    result: Option<Vec<f64>>,
}

impl Worker {
    /// Starts the process and waits until it is ready.
    ///
    /// # Errors
    /// It does not start or does not answer as expected.
    pub(super) fn start(name: &'static str, command: &mut Command) -> Result<Self> {
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().with_context(|| format!("{name} does not start"))?;
        let questions = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().context("standard output is piped")?);
        let mut worker = Self { name, process, questions, answers, cases: vec![], versions: BTreeMap::new() };
        let greeting: Greeting = worker.read()?;
        worker.cases = greeting.cases;
        worker.versions = greeting.versions;
        Ok(worker)
    }

    /// Whether it measures this case.
    pub(super) fn has(&self, case: &str) -> bool {
        self.cases.iter().any(|known| known == case)
    }

    /// Prepares a case and returns the result of its first call.
    ///
    /// # Errors
    /// The process ended, or this case was already prepared.
    pub(super) fn first(&mut self, case: &str) -> Result<Vec<f64>> {
        self.ask(case, 0.0)?.result.with_context(|| format!("{}: {case} was already prepared", self.name))
    }

    /// Median milliseconds of a call of this case, repeated for about `seconds`.
    ///
    /// # Errors
    /// The process ended.
    pub(super) fn turn(&mut self, case: &str, seconds: f64) -> Result<f64> {
        Ok(self.ask(case, seconds)?.milliseconds)
    }

    /// [`Worker::turn`] of two workers at the same time.
    ///
    /// # Errors
    /// One of them ended.
    pub(super) fn turns(workers: [&mut Self; 2], case: &str, seconds: f64) -> Result<[f64; 2]> {
        let [first, second] = workers;
        first.question(case, seconds)?;
        second.question(case, seconds)?;
        Ok([first.read::<Reply>()?.milliseconds, second.read::<Reply>()?.milliseconds])
    }

    fn ask(&mut self, case: &str, seconds: f64) -> Result<Reply> {
        self.question(case, seconds)?;
        self.read()
    }

    fn question(&mut self, case: &str, seconds: f64) -> Result<()> {
        let questions = self.questions.as_mut().context("the worker runs")?;
        writeln!(questions, "{case} {seconds}").with_context(|| format!("{} ended", self.name))
    }

    fn read<T: DeserializeOwned>(&mut self) -> Result<T> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        ensure!(!line.is_empty(), "{} ended without an answer; its message is above", self.name);
        serde_json::from_str(&line).with_context(|| format!("{} gave an unexpected answer", self.name))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The process ends at the end of its input; its exit status no longer matters.
        drop(self.questions.take());
        let _ = self.process.wait();
    }
}
