//! Feature normalisation as recorded in a contract.
//!
//! [`crate::frontend::Scaler`] fits and applies a scaler to features.

use serde::{Deserialize, Serialize};

/// How features are normalised before the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Normalisation {
    /// `(x - mean) / scale` for each feature, fitted on the training split: scikit-learn's `StandardScaler`. It is folded into the weights of the
    /// file; the values are kept for display and checks.
    Standard {
        /// `[n_features]`
        mean: Vec<f64>,
        /// `[n_features]`, positive
        scale: Vec<f64>,
    },
}
