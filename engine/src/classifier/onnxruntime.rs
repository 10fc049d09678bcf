//! The backend that runs a model on ONNX Runtime, loaded at run time.
//!
//! One environment per process, one session per classifier, one thread per session: the network is far too small to be parallelised. Every call into the
//! library is guarded against panics of the bindings.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use moodline_core::onnx::names;
use ort::environment::Environment;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionOutputs};
use ort::value::TensorRef;

use super::telemetry::client_in;
use super::{ClassifierError, LibrarySearch, Outputs};
use crate::model::Model;
use crate::remote;

/// A session with the model.
#[derive(Debug)]
pub(super) struct OnnxRuntime {
    session: Session,
}

impl OnnxRuntime {
    /// Loads the library if this process has none yet, builds a session and runs it once, so that the first block is not slower than the others.
    pub(super) fn new(model: &Model, search: &LibrarySearch) -> Result<Self, ClassifierError> {
        let mut network = Self::of_file(model.bytes(), search)?;
        let contract = model.contract();
        let n_features = contract.front_end.n_features();
        network.run([1, 2, n_features], &vec![0.0; 2 * n_features], &vec![0.0; contract.networks.state_size()])?;
        Ok(network)
    }

    /// Creates a session with the file of any network.
    pub(super) fn of_file(bytes: &[u8], search: &LibrarySearch) -> Result<Self, ClassifierError> {
        let environment = environment(search)?;
        Ok(Self { session: guarded("load the model", || build_session(&environment, bytes))? })
    }

    /// Runs `features` of `shape` `[n_sequences, n_steps, n_features]`.
    pub(super) fn run(&mut self, shape: [usize; 3], features: &[f32], initial_state: &[f32]) -> Result<Outputs, ClassifierError> {
        let state_shape = [shape[0], initial_state.len() / shape[0]];
        guarded("run the model", || {
            let inputs = ort::inputs![
                names::FEATURES => TensorRef::from_array_view((shape, features))?,
                names::INITIAL_STATE => TensorRef::from_array_view((state_shape, initial_state))?,
            ];
            let outputs = self.session.run(inputs)?;
            Ok(Outputs {
                probabilities: values(&outputs, names::PROBABILITIES)?,
                logits: values(&outputs, names::LOGITS)?,
                final_state: values(&outputs, names::FINAL_STATE)?,
            })
        })
    }
}

fn values(outputs: &SessionOutputs<'_>, name: &str) -> ort::Result<Vec<f32>> {
    let output = outputs.get(name).ok_or_else(|| ort::Error::new(format!("the model has no output '{name}'")))?;
    Ok(output.try_extract_tensor::<f32>()?.1.to_vec())
}

fn build_session(environment: &Environment, bytes: &[u8]) -> ort::Result<Session> {
    Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::Level3)?
        .with_intra_threads(1)?
        .with_inter_threads(1)?
        .with_parallel_execution(false)?
        .commit_from_memory(bytes)
}

/// The environment of this process. A failure is not cached: a library may be installed while the program runs.
fn environment(search: &LibrarySearch) -> Result<Environment, ClassifierError> {
    static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);
    let mut environment = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = environment.as_ref() {
        return Ok(environment.clone());
    }
    let loaded = load(search).map_err(|reason| ClassifierError::OnnxRuntimeUnavailable { reason })?;
    Ok(environment.insert(loaded).clone())
}

/// Loads the first library that is new enough and has no telemetry client; otherwise says what was wrong with each.
fn load(search: &LibrarySearch) -> Result<Environment, String> {
    let mut reasons: Vec<String> = search.remote().iter().map(|path| format!("{}: {REMOTE}", path.display())).collect();
    for path in search.candidates() {
        let load = || -> Result<Environment, String> {
            refuse_callers_home(&path)?;
            let builder = ort::init_from(&path).map_err(|error| error.to_string())?;
            builder.with_name("moodline").with_telemetry(false).build().map_err(|error| error.to_string())
        };
        match catch_unwind(AssertUnwindSafe(load)).unwrap_or_else(|_| Err("the library is broken".to_owned())) {
            Ok(environment) => return Ok(environment),
            Err(reason) => reasons.push(format!("{}: {reason}", path.display())),
        }
    }
    if reasons.is_empty() {
        let places: Vec<String> = search.places().iter().map(|place| place.display().to_string()).collect();
        reasons.push(format!("its library is in none of {}", places.join(", ")));
    }
    Err(reasons.join("; "))
}

const REMOTE: &str = "it lies on another machine, from which no code is loaded; copy it to this one";

/// Returns the reason if the library at `path` must not be loaded: it is on another machine, or has a telemetry client, which nothing that is
/// called or set after loading stops.
fn refuse_callers_home(path: &Path) -> Result<(), String> {
    let unreadable = |error: io::Error| format!("it cannot be read: {error}");
    // A drive letter or a link can lead to a share too.
    if remote::is_remote(&path.canonicalize().map_err(unreadable)?) {
        return Err(REMOTE.to_owned());
    }
    match known_client_in(path).map_err(unreadable)? {
        None => Ok(()),
        Some(marker) => Err(format!(
            "it was refused, because it can send telemetry over the network ('{marker}' is in it); take one that cannot, such as 1.28.0"
        )),
    }
}

/// [`client_in`], which reads the whole file, called once per process for each unchanged file.
fn known_client_in(path: &Path) -> io::Result<Option<&'static str>> {
    type Seen = (PathBuf, u64, SystemTime);
    static KNOWN: Mutex<BTreeMap<Seen, Option<&'static str>>> = Mutex::new(BTreeMap::new());
    let metadata = path.metadata()?;
    let seen = (path.to_owned(), metadata.len(), metadata.modified()?);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(client) = known.get(&seen) {
        return Ok(*client);
    }
    Ok(*known.entry(seen).or_insert(client_in(path)?))
}

/// Converts errors and panics of the bindings to one kind of error.
fn guarded<T>(action: &'static str, call: impl FnOnce() -> ort::Result<T>) -> Result<T, ClassifierError> {
    let failed = |reason: String| ClassifierError::OnnxRuntimeFailed { action, reason };
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| failed(error.to_string())),
        Err(_) => Err(failed("its bindings panicked".to_owned())),
    }
}
