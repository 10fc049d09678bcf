//! The model of an instance, loaded in the background.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::signal::Signal;
use super::threads::{Threads, guarded};
use crate::model::Model;

/// How often somebody who waits for a model looks whether to go on waiting.
const LOOK: Duration = Duration::from_millis(20);

/// The model that was asked for.
#[derive(Clone)]
pub(super) enum Loaded {
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
    loaders: Threads,
}

struct Slot {
    /// None: the built-in one.
    path: Option<PathBuf>,
    /// Raised by every request; a loader whose request is not the last one is too late.
    request: u64,
    needed: bool,
    loaded: Loaded,
}

impl Models {
    pub(super) fn new(signal: Arc<Signal>) -> Self {
        let slot = Slot { path: None, request: 0, needed: false, loaded: Loaded::NotYet };
        Self { slot: Mutex::new(slot), settled: Condvar::new(), signal, loaders: Threads::default() }
    }

    /// Asks for the model at `path`, or the built-in one.
    pub(super) fn choose(self: &Arc<Self>, path: Option<PathBuf>) {
        let mut slot = self.slot.lock();
        slot.path = path;
        slot.request += 1;
        slot.loaded = Loaded::NotYet;
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
        if matches!(slot.loaded, Loaded::NotYet) {
            self.load(&mut slot);
        }
    }

    pub(super) fn loaded(&self) -> Loaded {
        self.slot.lock().loaded.clone()
    }

    /// Waits for the model while `go_on` says so; the error is a sentence.
    pub(super) fn wait(&self, go_on: impl Fn() -> bool) -> Option<Result<Model, String>> {
        let mut slot = self.slot.lock();
        while go_on() {
            match &slot.loaded {
                Loaded::Ready(model) => return Some(Ok(model.clone())),
                Loaded::Failed(sentence) => return Some(Err(sentence.clone())),
                Loaded::NotYet | Loaded::Loading => _ = self.settled.wait_for(&mut slot, LOOK),
            }
        }
        None
    }

    /// Loads nothing any more, and waits for what is being loaded.
    pub(super) fn close(&self) {
        self.loaders.close();
    }

    fn load(self: &Arc<Self>, slot: &mut Slot) {
        slot.loaded = Loaded::Loading;
        let (models, path, request) = (Arc::clone(self), slot.path.clone(), slot.request);
        let spawned = self.loaders.spawn("moodline-model", move || models.finish(request, open(path)));
        if !spawned {
            slot.loaded = Loaded::Failed("the system gives no thread to load the model on".to_owned());
        }
    }

    fn finish(&self, request: u64, loaded: Loaded) {
        let mut slot = self.slot.lock();
        if slot.request != request {
            return;
        }
        slot.loaded = loaded;
        drop(slot);
        self.settled.notify_all();
        self.signal.wake_worker();
        self.signal.changed();
    }
}

fn open(path: Option<PathBuf>) -> Loaded {
    let result = guarded(|| path.map_or_else(|| Ok(Model::embedded()), |path| Model::open(&path)));
    match result.and_then(|opened| opened.map_err(|error| error.to_string())) {
        Ok(model) => Loaded::Ready(model),
        Err(sentence) => Loaded::Failed(sentence),
    }
}
