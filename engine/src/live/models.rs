//! The model of an instance, loaded in the background.

mod remote;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::signal::Signal;
use super::threads::{Threads, guarded};
use crate::model::Model;

/// How often a thread that waits for a model checks whether to keep waiting.
const LOOK: Duration = Duration::from_millis(20);

/// Longest time for reading a model. A disk that responds at all is much faster.
const DEADLINE: Duration = Duration::from_secs(10);

/// Who requests a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The user chose the file: it is accepted wherever it is.
    ByUser,
    /// A project names the file, and a project may come from anyone: paths that lead to another machine are never accessed.
    ByProject,
}

/// Reads the model at a path; the error is a sentence.
pub(super) type Read = dyn Fn(&Path, Asked) -> Result<Model, String> + Send + Sync;

/// Reads a model file; for a project only from this machine.
///
/// # Errors
/// A sentence that names the path.
pub(super) fn read(path: &Path, asked: Asked) -> Result<Model, String> {
    if asked == Asked::ByProject && remote::is_remote(path) {
        return Err(format!(
            "the project's model {} may be on another machine, where no project may go by itself; choose it again in Settings to use it",
            path.display()
        ));
    }
    Model::open(path).map_err(|error| error.to_string())
}

/// State of the requested model.
#[derive(Clone)]
pub(super) enum LoadState {
    /// It has not been needed yet.
    NotYet,
    /// It is being loaded.
    Loading,
    /// It is loaded.
    Ready(Model),
    /// It cannot be loaded, for this reason.
    Failed(String),
}

/// Loads the most recently requested model once it is needed.
pub(super) struct Models {
    slot: Mutex<Slot>,
    settled: Condvar,
    signal: Arc<Signal>,
    read: Box<Read>,
    loaders: Threads,
}

struct Slot {
    /// The file and who requested it; none for the built-in model.
    file: Option<(PathBuf, Asked)>,
    /// Incremented by every request; the result of a loader for an earlier request is discarded.
    request: u64,
    needed: bool,
    state: LoadState,
    /// The model in use when the user requested another one. It stays in use if the other cannot be loaded.
    before: Option<Model>,
    /// Why the model requested by the user is not the one in use.
    refusal: Option<String>,
    /// When the last loader was started.
    started: Instant,
}

impl Slot {
    /// Gives up on a loader that takes too long; returns whether it did so now. If it does finish later, its model is used.
    fn give_up(&mut self) -> bool {
        let Some((path, _)) = &self.file else { return false };
        let late = matches!(self.state, LoadState::Loading) && self.started.elapsed() >= DEADLINE;
        if late {
            let sentence = format!(
                "the model {} could not be read within {} seconds; choose a file on a disk that answers",
                path.display(),
                DEADLINE.as_secs()
            );
            self.take(LoadState::Failed(sentence));
        }
        late
    }

    /// Takes the outcome of the request. If the model requested by the user cannot be loaded, the previous one stays.
    fn take(&mut self, loaded: LoadState) {
        (self.state, self.refusal) = match (loaded, &self.before) {
            (LoadState::Failed(sentence), Some(before)) => (LoadState::Ready(before.clone()), Some(sentence)),
            (loaded, _) => (loaded, None),
        };
    }
}

impl Models {
    pub(super) fn new(signal: Arc<Signal>, read: Box<Read>) -> Self {
        let slot = Slot {
            file: None,
            request: 0,
            needed: false,
            state: LoadState::NotYet,
            before: None,
            refusal: None,
            started: Instant::now(),
        };
        Self { slot: Mutex::new(slot), settled: Condvar::new(), signal, read, loaders: Threads::default() }
    }

    /// Requests the model at `path`, or the built-in one. If one that a project names cannot be loaded, there is no model: another one would add answers
    /// to its timeline that do not match the others.
    pub(super) fn choose(self: &Arc<Self>, path: Option<PathBuf>, asked: Asked) {
        let mut slot = self.slot.lock();
        let running = match &slot.state {
            LoadState::Ready(model) => Some(model.clone()),
            LoadState::NotYet | LoadState::Loading => slot.before.take(),
            LoadState::Failed(_) => None,
        };
        slot.before = running.filter(|_| asked == Asked::ByUser);
        slot.refusal = None;
        slot.file = path.map(|path| (path, asked));
        slot.request += 1;
        slot.state = LoadState::NotYet;
        if slot.needed {
            self.load(&mut slot);
        }
        drop(slot);
        self.signal.changed();
    }

    /// Starts loading the model, if that has not been done yet.
    pub(super) fn need(self: &Arc<Self>) {
        let mut slot = self.slot.lock();
        slot.needed = true;
        if matches!(slot.state, LoadState::NotYet) {
            self.load(&mut slot);
        }
    }

    pub(super) fn state(&self) -> LoadState {
        let mut slot = self.slot.lock();
        let late = slot.give_up();
        let state = slot.state.clone();
        drop(slot);
        if late {
            self.signal.changed();
        }
        state
    }

    /// The model, if it is loaded.
    pub(super) fn ready(&self) -> Option<Model> {
        match self.state() {
            LoadState::Ready(model) => Some(model),
            LoadState::NotYet | LoadState::Loading | LoadState::Failed(_) => None,
        }
    }

    /// Why the model last requested by the user is not the one in use, in a sentence; none if it is, or if no model is in use.
    pub(super) fn refusal(&self) -> Option<String> {
        self.slot.lock().refusal.clone()
    }

    /// Whether a file is being read, which may take arbitrarily long on a disk or a network.
    pub(super) fn is_reading(&self) -> bool {
        let slot = self.slot.lock();
        slot.file.is_some() && matches!(slot.state, LoadState::Loading)
    }

    /// Waits for the model while `go_on` returns true; the error is a sentence.
    pub(super) fn wait(&self, go_on: impl Fn() -> bool) -> Option<Result<Model, String>> {
        let mut slot = self.slot.lock();
        while go_on() {
            slot.give_up();
            match &slot.state {
                LoadState::Ready(model) => return Some(Ok(model.clone())),
                LoadState::Failed(sentence) => return Some(Err(sentence.clone())),
                LoadState::NotYet | LoadState::Loading => _ = self.settled.wait_for(&mut slot, LOOK),
            }
        }
        None
    }

    /// Wakes waiting threads, so that they check whether to keep waiting.
    pub(super) fn interrupt(&self) {
        // With the lock held, so that no thread is between its check and its wait.
        let _slot = self.slot.lock();
        self.settled.notify_all();
    }

    /// Starts no further loaders, and waits until `deadline` for the running ones.
    pub(super) fn close(&self, deadline: Instant) {
        self.loaders.close(deadline);
    }

    fn load(self: &Arc<Self>, slot: &mut Slot) {
        (slot.state, slot.started) = (LoadState::Loading, Instant::now());
        let (models, file, request) = (Arc::clone(self), slot.file.clone(), slot.request);
        let spawned = self.loaders.spawn("moodline-model", move || models.finish(request, models.open(file)));
        if !spawned {
            slot.take(LoadState::Failed("the system gives no thread to load the model on".to_owned()));
        }
    }

    fn open(&self, file: Option<(PathBuf, Asked)>) -> LoadState {
        let opened = guarded(|| file.map_or_else(|| Ok(Model::embedded()), |(path, asked)| (self.read)(&path, asked)));
        opened.and_then(|opened| opened).map_or_else(LoadState::Failed, LoadState::Ready)
    }

    fn finish(&self, request: u64, state: LoadState) {
        let mut slot = self.slot.lock();
        if slot.request != request {
            return;
        }
        slot.take(state);
        drop(slot);
        self.settled.notify_all();
        self.signal.wake_worker();
        self.signal.changed();
    }
}
