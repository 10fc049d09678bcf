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

/// How often somebody who waits for a model looks whether to go on waiting.
const LOOK: Duration = Duration::from_millis(20);

/// Longest time that reading a model may take. A disk that answers at all is done long before.
const DEADLINE: Duration = Duration::from_secs(10);

/// Who asks for a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The user chose the file: wherever it lies, it is meant.
    ByUser,
    /// A project names the file, and a project may come from anybody: nothing that leads to another machine is touched.
    ByProject,
}

/// Reads the model at a path; the error is a sentence.
pub(super) type Read = dyn Fn(&Path, Asked) -> Result<Model, String> + Send + Sync;

/// Reads a model file; what a project asks for only from this machine.
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

/// What became of the model that was asked for.
#[derive(Clone)]
pub(super) enum LoadState {
    /// Nobody has needed it yet.
    NotYet,
    /// On its way.
    Loading,
    /// Here.
    Ready(Model),
    /// It cannot be had, for this reason.
    Failed(String),
}

/// Loads the model that was asked for last, once somebody needs one.
pub(super) struct Models {
    slot: Mutex<Slot>,
    settled: Condvar,
    signal: Arc<Signal>,
    read: Box<Read>,
    loaders: Threads,
}

struct Slot {
    /// None: the built-in one.
    file: Option<(PathBuf, Asked)>,
    /// Raised by every request; a loader whose request is not the last one is too late.
    request: u64,
    needed: bool,
    state: LoadState,
    /// The model that ran when the user asked for another one. It keeps running if the other cannot be loaded.
    before: Option<Model>,
    /// Why the model that the user asked for is not the one that runs.
    refusal: Option<String>,
    /// When the last loader started.
    started: Instant,
}

impl Slot {
    /// Gives up on a loader that takes too long; returns whether that is new. If it does finish later, its model is used.
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

    /// Takes the outcome of the request. If the model that the user asked for cannot be loaded, the one before stays.
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

    /// Asks for the model at `path`, or the built-in one. What a project names and cannot be had is missing: another model would give its
    /// timeline answers that are not its own.
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

    /// Somebody needs the model: it is loaded from now on.
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

    /// The model, if it is there.
    pub(super) fn ready(&self) -> Option<Model> {
        match self.state() {
            LoadState::Ready(model) => Some(model),
            LoadState::NotYet | LoadState::Loading | LoadState::Failed(_) => None,
        }
    }

    /// Why the model that the user asked for last is not the one that runs, in a sentence; none where it is, or where none runs.
    pub(super) fn refusal(&self) -> Option<String> {
        self.slot.lock().refusal.clone()
    }

    /// Whether a file is being read, which may take as long as a disk or a network likes.
    pub(super) fn is_reading(&self) -> bool {
        let slot = self.slot.lock();
        slot.file.is_some() && matches!(slot.state, LoadState::Loading)
    }

    /// Waits for the model while `go_on` says so; the error is a sentence.
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

    /// Lets those who wait look whether to go on.
    pub(super) fn interrupt(&self) {
        // With the lock, so that nobody is between the look and the wait.
        let _slot = self.slot.lock();
        self.settled.notify_all();
    }

    /// Loads nothing any more, and waits until `deadline` for what is being loaded.
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
