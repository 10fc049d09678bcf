//! The committed reference data: arrays and tables computed by other software, and functions to read them.
//!
//! In: the gzip-compressed files in this folder, written by `scripts`. Out: arrays and values. It depends on none of our crates, so that the unit tests of
//! every crate can read their reference data.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use ndarray::{Array1, Array2, ArrayD, Ix1, Ix2};
use ndarray_npy::{ReadNpyError, ReadNpyExt, ReadableElement};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Full scale of signals stored as integers.
const INT16_FULL_SCALE: f64 = 32_768.0;

/// The path of a file in this folder.
pub fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// The contents of `file`, which is stored with the suffix `.gz`.
///
/// # Panics
/// The file is missing or was not written by `scripts`; this applies to all functions here.
pub fn bytes(file: &str) -> Vec<u8> {
    let path = path(&format!("{file}.gz"));
    let compressed = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut content = vec![];
    GzDecoder::new(&compressed[..]).read_to_end(&mut content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    content
}

/// The table `file` as a `T`.
pub fn table<T: DeserializeOwned>(file: &str) -> T {
    serde_json::from_slice(&bytes(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// A manifest.
pub fn json(file: &str) -> Value {
    table(file)
}

/// An array of `f64`, `f32`, or `i16` (as fractions of full scale).
pub fn array(file: &str) -> ArrayD<f64> {
    let content = bytes(file);
    let read = elements::<f64>(&content)
        .or_else(|_| Ok(elements::<f32>(&content)?.mapv(f64::from)))
        .or_else(|_: ReadNpyError| Ok(elements::<i16>(&content)?.mapv(|sample| f64::from(sample) / INT16_FULL_SCALE)));
    read.unwrap_or_else(|error: ReadNpyError| panic!("{file}: {error}"))
}

/// A one-dimensional [`array()`].
pub fn vector(file: &str) -> Array1<f64> {
    array(file).into_dimensionality::<Ix1>().unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// A two-dimensional [`array()`].
pub fn matrix(file: &str) -> Array2<f64> {
    array(file).into_dimensionality::<Ix2>().unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// A one-dimensional array of whole numbers.
pub fn integers(file: &str) -> Vec<i64> {
    elements::<i64>(&bytes(file)).unwrap_or_else(|error| panic!("{file}: {error}")).into_iter().collect()
}

fn elements<T: ReadableElement>(content: &[u8]) -> Result<ArrayD<T>, ReadNpyError> {
    ArrayD::<T>::read_npy(content)
}
