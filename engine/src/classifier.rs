//! Runs a model over blocks of feature steps.
//!
//! In: a [`Model`] and feature steps from the front end. Out: [`Probabilities`]. There are two backends that read the same
//! bytes: ONNX Runtime, loaded at run time, and core's native kernel, which is always available. This folder is the only
//! place that uses ONNX Runtime's bindings.

use std::fmt;
use std::str::FromStr;

use moodline_core::emotion::Emotion;
use moodline_core::probabilities::{NotProbabilities, Probabilities};

use crate::model::Model;

mod library;
mod native;
mod onnxruntime;
mod telemetry;

pub use library::LibrarySearch;

use native::Native;
use onnxruntime::OnnxRuntime;

/// The backend to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendChoice {
    /// ONNX Runtime if it can be loaded, otherwise the native kernel.
    #[default]
    Auto,
    /// ONNX Runtime, or an error.
    OnnxRuntime,
    /// The native kernel.
    Native,
}

impl BackendChoice {
    /// All choices.
    pub const ALL: [Self; 3] = [Self::Auto, Self::OnnxRuntime, Self::Native];

    /// The name typed by users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::OnnxRuntime => Backend::OnnxRuntime.name(),
            Self::Native => Backend::Native.name(),
        }
    }
}

/// The choice that selects this backend again.
impl From<Backend> for BackendChoice {
    fn from(backend: Backend) -> Self {
        match backend {
            Backend::OnnxRuntime => Self::OnnxRuntime,
            Backend::Native => Self::Native,
        }
    }
}

impl fmt::Display for BackendChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is not the name of a backend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown backend '{found}': expected auto, onnxruntime or native")]
pub struct UnknownBackend {
    /// The word that was found.
    pub found: String,
}

impl FromStr for BackendChoice {
    type Err = UnknownBackend;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|choice| choice.name() == text).ok_or_else(|| UnknownBackend { found: text.to_owned() })
    }
}

/// The backend in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// ONNX Runtime.
    OnnxRuntime,
    /// Core's kernel.
    Native,
}

impl Backend {
    /// The name as in options and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnnxRuntime => "onnxruntime",
            Self::Native => "native",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a block was not classified, or a classifier not created.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifierError {
    /// ONNX Runtime was requested and could not be loaded.
    #[error(
        "ONNX Runtime is not available: {reason}. Run `cargo xtask setup`, or set {} to the library (1.24 or later, without a \
         telemetry client), or use the native backend",
        library::VARIABLE
    )]
    OnnxRuntimeUnavailable {
        /// Where it was searched for, and what was wrong there.
        reason: String,
    },
    /// ONNX Runtime failed.
    #[error("ONNX Runtime failed to {action}: {reason}")]
    OnnxRuntimeFailed {
        /// The action that failed.
        action: &'static str,
        /// ONNX Runtime's error message.
        reason: String,
    },
    /// A block without steps has no emotion.
    #[error("expected at least one feature step, found none")]
    NoSteps,
    /// A slice whose length does not match the others.
    #[error("{what} must have {expected} values, found {found}")]
    Length {
        /// Which slice.
        what: &'static str,
        /// Length it must have.
        expected: usize,
        /// Length it has.
        found: usize,
    },
    /// A feature that is NaN or infinite; the network was not run.
    #[error("feature {feature} of step {step} must be finite, found {found}")]
    NonFiniteFeature {
        /// Step of the block, from 0.
        step: usize,
        /// Feature of the step, from 0.
        feature: usize,
        /// The value.
        found: f32,
    },
    /// The network's answer is not a probability distribution.
    #[error("the network gave no valid answer: {0}")]
    InvalidOutput(#[from] NotProbabilities),
}

/// Outputs of the network's graph, for callers that run it chunk by chunk or compare backends.
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs {
    /// `[batch, 4]` in the order of the contract's labels.
    pub probabilities: Vec<f32>,
    /// `[batch, 4]` in the order of the contract's labels.
    pub logits: Vec<f32>,
    /// `[batch, state_size]`, the initial state of the next chunk.
    pub final_state: Vec<f32>,
}

/// A model on a backend.
#[derive(Debug)]
pub struct Classifier {
    network: Network,
    labels: [Emotion; Emotion::COUNT],
    n_features: usize,
    state_size: usize,
    fallback_reason: Option<String>,
}

#[derive(Debug)]
enum Network {
    OnnxRuntime(OnnxRuntime),
    Native(Box<Native>),
}

impl Classifier {
    /// Loads `model` on the chosen backend, searching for ONNX Runtime as in [`LibrarySearch::of_this_process`].
    ///
    /// # Errors
    /// [`ClassifierError::OnnxRuntimeUnavailable`] or [`ClassifierError::OnnxRuntimeFailed`] when ONNX Runtime was requested by name;
    /// never for [`BackendChoice::Auto`] and [`BackendChoice::Native`].
    pub fn new(model: &Model, choice: BackendChoice) -> Result<Self, ClassifierError> {
        Self::with_search(model, choice, &LibrarySearch::of_this_process())
    }

    /// [`Classifier::new`] with the given `search` for ONNX Runtime. A process loads one library; once it is loaded, every
    /// further classifier uses it.
    ///
    /// # Errors
    /// As [`Classifier::new`].
    pub fn with_search(model: &Model, choice: BackendChoice, search: &LibrarySearch) -> Result<Self, ClassifierError> {
        let native = || Network::Native(Box::new(Native::new(model)));
        let onnxruntime = || OnnxRuntime::new(model, search).map(Network::OnnxRuntime);
        let (network, fallback_reason) = match choice {
            BackendChoice::Native => (native(), None),
            BackendChoice::OnnxRuntime => (onnxruntime()?, None),
            BackendChoice::Auto => match onnxruntime() {
                Ok(network) => (network, None),
                Err(error) => (native(), Some(error.to_string())),
            },
        };
        let contract = model.contract();
        let classifier = Self {
            network,
            // INVARIANT: a model's contract names each emotion once.
            labels: contract.labels.as_slice().try_into().expect("four labels"),
            n_features: contract.front_end.n_features(),
            state_size: contract.networks.state_size(),
            fallback_reason,
        };
        match &classifier.fallback_reason {
            None => tracing::info!(backend = %classifier.backend(), "the classifier is ready"),
            Some(reason) => tracing::info!(backend = %classifier.backend(), reason, "the classifier fell back"),
        }
        Ok(classifier)
    }

    /// The backend in use.
    #[must_use]
    pub fn backend(&self) -> Backend {
        match self.network {
            Network::OnnxRuntime(_) => Backend::OnnxRuntime,
            Network::Native(_) => Backend::Native,
        }
    }

    /// Why [`BackendChoice::Auto`] did not choose ONNX Runtime, if it did not.
    #[must_use]
    pub fn fallback_reason(&self) -> Option<&str> {
        self.fallback_reason.as_deref()
    }

    /// The emotion of one block, from a zero state.
    ///
    /// # Shapes
    /// `features` `[n_steps, n_features]` row-major, as output by the front end.
    ///
    /// # Errors
    /// [`ClassifierError`] when `features` is empty, has another length or contains a non-finite value, or when the network fails or does not return a
    /// probability distribution.
    pub fn classify(&mut self, features: &[f32], n_steps: usize) -> Result<Probabilities, ClassifierError> {
        let expected = n_steps.saturating_mul(self.n_features);
        if features.len() != expected {
            return Err(ClassifierError::Length { what: "the block", expected, found: features.len() });
        }
        let outputs = self.run(1, features, &vec![0.0; self.state_size])?;
        let mut probabilities = [f32::NAN; Emotion::COUNT];
        for (label, &probability) in self.labels.iter().zip(&outputs.probabilities) {
            probabilities[label.index()] = probability;
        }
        Ok(Probabilities::new(probabilities)?)
    }

    /// Runs `n_sequences` sequences of the same length, each from its own state.
    ///
    /// # Shapes
    /// `features` `[n_sequences, n_steps, n_features]`, `initial_state` `[n_sequences, state_size]`, both row-major.
    ///
    /// # Errors
    /// [`ClassifierError`] when a slice is empty, has a length that does not match or contains a non-finite feature, or when the network
    /// fails.
    pub fn run(&mut self, n_sequences: usize, features: &[f32], initial_state: &[f32]) -> Result<Outputs, ClassifierError> {
        let step_size = n_sequences.saturating_mul(self.n_features);
        if features.is_empty() || step_size == 0 {
            return Err(ClassifierError::NoSteps);
        }
        let n_steps = features.len() / step_size;
        let length = |what, expected, found| match expected == found {
            true => Ok(()),
            false => Err(ClassifierError::Length { what, expected, found }),
        };
        length("the features", n_steps.max(1) * step_size, features.len())?;
        length("the initial state", n_sequences * self.state_size, initial_state.len())?;
        self.refuse_non_finite(features)?;
        match &mut self.network {
            Network::OnnxRuntime(network) => network.run([n_sequences, n_steps, self.n_features], features, initial_state),
            Network::Native(network) => Ok(network.run(n_steps * self.n_features, features, initial_state)),
        }
    }

    fn refuse_non_finite(&self, features: &[f32]) -> Result<(), ClassifierError> {
        match features.iter().position(|value| !value.is_finite()) {
            None => Ok(()),
            Some(at) => Err(ClassifierError::NonFiniteFeature {
                step: at / self.n_features,
                feature: at % self.n_features,
                found: features[at],
            }),
        }
    }
}

/// Runs one sequence of `n_steps` through the file of any network, with ONNX Runtime.
///
/// Speech detectors always run on the native kernel; this serves to check their files.
///
/// # Errors
/// As [`Classifier::new`], or features and state that do not match the network.
#[doc(hidden)]
pub fn run_on_onnxruntime(
    bytes: &[u8],
    n_steps: usize,
    features: &[f32],
    initial_state: &[f32],
) -> Result<Outputs, ClassifierError> {
    let mut network = OnnxRuntime::of_file(bytes, &LibrarySearch::of_this_process())?;
    network.run([1, n_steps, features.len() / n_steps.max(1)], features, initial_state)
}
