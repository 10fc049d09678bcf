//! The reference data of `tests/golden` in the types of core.

use moodline_core::config::{DeltaMode, FrontEndConfig, MelNorm, MelScale, Window};
use moodline_core::network::{Tensor, Tensors};
use ndarray::{Array, Array1, Array2, ArrayD, Dimension, s};
use serde_json::Value;

pub use golden::{json, path, table};

/// The array `file`; for `golden/ltc`, the one that its manifest names if two are equal.
pub fn array(file: &str) -> ArrayD<f64> {
    golden::array(&stored(file))
}

/// A one-dimensional [`array()`].
pub fn vector(file: &str) -> Array1<f64> {
    golden::vector(&stored(file))
}

/// A two-dimensional [`array()`].
pub fn matrix(file: &str) -> Array2<f64> {
    golden::matrix(&stored(file))
}

/// The integers of `file`.
pub fn integers(file: &str) -> Vec<i64> {
    golden::integers(&stored(file))
}

fn stored(file: &str) -> String {
    match file.strip_prefix("ltc/") {
        Some(name) => format!("ltc/{}", json("ltc/manifest.json")["same"][name].as_str().unwrap_or(name)),
        None => file.to_owned(),
    }
}

/// A configuration of `mfcc/manifest.json`, including `librosa.power_to_db`'s floor of 80 dB.
pub fn front_end(config: &Value) -> FrontEndConfig {
    let count = |key: &str| usize::try_from(config[key].as_u64().unwrap()).unwrap();
    assert_eq!(config["pad_mode"], "constant");
    assert_eq!(config["power"], 2.0);
    assert_eq!((config["dct_type"].as_u64(), config["norm"].as_str()), (Some(2), Some("ortho")));
    FrontEndConfig {
        sample_rate: u32::try_from(count("sr")).unwrap(),
        n_fft: count("n_fft"),
        win_length: count("win_length"),
        hop_length: count("hop_length"),
        window: match config["window"].as_str() {
            Some("hann") => Window::Hann,
            Some("hamming") => Window::Hamming,
            other => panic!("window {other:?}"),
        },
        center: config["center"].as_bool().unwrap(),
        n_mels: count("n_mels"),
        fmin: config["fmin"].as_f64().unwrap(),
        fmax: config["fmax"].as_f64().unwrap(),
        mel_scale: if config["htk"].as_bool().unwrap() { MelScale::Htk } else { MelScale::Slaney },
        mel_norm: if config["mel_norm"].is_null() { MelNorm::None } else { MelNorm::Slaney },
        n_mfcc: count("n_mfcc"),
        lifter: count("lifter"),
        delta_width: 9,
        delta_mode: DeltaMode::Interp,
        ..FrontEndConfig::librosa_16k()
    }
}

/// The eight arrays of `golden/ltc` whose names begin with `prefix`, including the paper's W: parameters of a single-layer network of the paper's cell, or
/// their gradients.
pub fn ltc_parameters(prefix: &str) -> Tensors<f64> {
    fn tensor<D: Dimension>(name: &str, array: &Array<f64, D>) -> Tensor<f64> {
        Tensor { name: name.to_owned(), shape: array.shape().to_vec(), values: array.iter().copied().collect() }
    }
    let file = |array: &str| format!("ltc/{prefix}_{array}.npy");
    let w = matrix(&file("W"));
    // W has one row per feature and, below them, one per unit.
    let n_features = w.nrows() - w.ncols();
    Tensors::new(vec![
        tensor("layer0.kernel", &w.slice(s![..n_features, ..]).to_owned()),
        tensor("layer0.recurrent_kernel", &w.slice(s![n_features.., ..]).to_owned()),
        tensor("layer0.bias", &vector(&file("b"))),
        tensor("layer0.tau", &vector(&file("tau"))),
        tensor("layer0.c", &vector(&file("C"))),
        tensor("layer0.g", &vector(&file("G"))),
        tensor("dense_kernel", &matrix(&file("Wd"))),
        tensor("dense_bias", &vector(&file("bd"))),
    ])
}
