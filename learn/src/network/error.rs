//! Errors of a network.

use moodline_core::emotion::Emotion;

/// Where a non-finite number was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// A parameter itself.
    Value,
    /// The gradient of a parameter.
    Gradient,
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Value => "value",
            Self::Gradient => "gradient",
        })
    }
}

/// Input the network cannot process, or a result that is useless for training.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// An array has the wrong shape.
    #[error("network: {name} must have the shape {expected:?}, found {found:?}")]
    Shape {
        /// Parameter or input.
        name: String,
        /// Rows and columns.
        expected: Vec<usize>,
        /// Rows and columns.
        found: Vec<usize>,
    },
    /// The parameters belong to another network.
    #[error("network: expected the parameters {expected}; found {found}")]
    Parameters {
        /// Names.
        expected: String,
        /// Names.
        found: String,
    },
    /// A sequence without steps.
    #[error("network: sequence {index} of the batch must have at least 1 step, found 0")]
    Empty {
        /// Position in the batch.
        index: usize,
    },
    /// A label that names no class, or too few or too many labels.
    #[error(
        "network: the batch must have one label below {} for each of its {expected} sequences, found {found:?}",
        Emotion::COUNT
    )]
    Labels {
        /// Sequences in the batch.
        expected: usize,
        /// The labels.
        found: Vec<usize>,
    },
    /// Step labels whose number is not that of the steps, or that name no class.
    #[error("network: sequence {index} of the batch must have one label for each step, each below {} or none", Emotion::COUNT)]
    StepLabels {
        /// Position in the batch.
        index: usize,
    },
    /// A feature that is NaN or infinite.
    #[error("network: the features of sequence {index} of the batch must be finite, found NaN or infinity")]
    Features {
        /// Position in the batch.
        index: usize,
    },
    /// A parameter or gradient that is NaN or infinite.
    #[error(
        "network: the {quantity} of parameter '{parameter}' must be finite, found NaN or infinity; try a lower learning rate"
    )]
    NotFinite {
        /// Which of the two.
        quantity: Quantity,
        /// Name of the parameter, or `loss`.
        parameter: String,
    },
}
