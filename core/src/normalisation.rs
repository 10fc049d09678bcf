//! How features are normalised, as a contract says it.
//!
//! What fits and applies a scaler to features is [`crate::frontend::Scaler`].

use serde::{Deserialize, Serialize};

/// How features are normalised before the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Normalisation {
    /// `(x - mean) / scale` for each feature, fitted on the training split: scikit-learn's `StandardScaler`. It is folded into the weights of the
    /// file; the values are kept to be shown and checked.
    Standard {
        /// `[n_features]`
        mean: Vec<f64>,
        /// `[n_features]`, positive
        scale: Vec<f64>,
    },
}
