//! A model file in memory, read and checked once.
//!
//! In: the path or the bytes of an ONNX file, or the built-in one. Out: a [`Model`] that both backends run.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use moodline_core::Contract;
use moodline_core::network::Tensors;
use moodline_core::onnx::{self, MAX_FILE_BYTES, ModelError, ModelFile};

use crate::display::CONFIDENCE_THRESHOLD;
use crate::files::open_regular;

/// A valid model. Clones share the memory.
#[derive(Clone, Debug)]
pub struct Model(Arc<Contents>);

#[derive(Debug)]
struct Contents {
    bytes: Vec<u8>,
    file: ModelFile,
}

/// Models are equal when they have the same contract and weights, wherever they came from.
impl PartialEq for Model {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint() == other.fingerprint()
    }
}

/// Why a model could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenModelError {
    /// The file could not be read.
    #[error("cannot read the model {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The file is not a model that this version of Moodline can use.
    #[error("cannot use the model {}: {source}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// The problem.
        source: ModelError,
    },
}

impl Model {
    /// The model built into this program, read once per process.
    #[must_use]
    pub fn embedded() -> Self {
        static MODEL: OnceLock<Model> = OnceLock::new();
        // INVARIANT: a test reads the built-in bytes.
        MODEL.get_or_init(|| Self::from_bytes(moodline_models::BUILT_IN.to_vec()).expect("the embedded model is valid")).clone()
    }

    /// Reads the model file at `path`; at most [`MAX_FILE_BYTES`] of it, and only if it is a regular file.
    ///
    /// # Errors
    /// [`OpenModelError`] with the path when the file cannot be read or is refused.
    pub fn open(path: &Path) -> Result<Self, OpenModelError> {
        let bytes = read_at_most(path, MAX_FILE_BYTES + 1)
            .map_err(|source| OpenModelError::Unreadable { path: path.to_owned(), source })?;
        Self::from_bytes(bytes).map_err(|source| OpenModelError::Refused { path: path.to_owned(), source })
    }

    /// Checks the bytes of a model file.
    ///
    /// # Errors
    /// See [`onnx::read`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, ModelError> {
        let file = onnx::read(&bytes)?;
        Ok(Self(Arc::new(Contents { bytes, file })))
    }

    /// What a program must know to run this model.
    #[must_use]
    pub fn contract(&self) -> &Contract {
        &self.0.file.contract
    }

    /// The trained values.
    #[must_use]
    pub fn weights(&self) -> &Tensors<f32> {
        &self.0.file.weights
    }

    /// SHA-256 over contract and weights, 64 hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.0.file.fingerprint
    }

    /// Name of the model, the folder under `models/`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.contract().id
    }

    /// Probability from which an answer of this model is certain, 0..=1.
    #[must_use]
    pub fn certain_from(&self) -> f32 {
        self.contract().certainty.map_or(CONFIDENCE_THRESHOLD, |certainty| certainty.least_probability as f32)
    }

    /// The bytes of the file, as read by ONNX Runtime.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }
}

/// Reads a file up to `limit`, so that one that grows meanwhile cannot fill the memory.
pub(crate) fn read_at_most(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}
