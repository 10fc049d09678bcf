//! Shared handling of configuration files: TOML that is parsed strictly, written in full, and identified by its hash; with uniform error messages
//! wherever its sections are defined.

use moodline_core::{FrontEndConfig, Mismatch, digest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The text is not a valid configuration; the message of the TOML reader shows the line.
    #[error("{file}: {reason}")]
    Toml {
        /// The configuration file.
        file: String,
        /// Message of the TOML reader.
        reason: String,
    },
    /// An override is not `section.key=value`.
    #[error("--set {found}: expected section.key=value, for example training.epochs=20")]
    Override {
        /// The override as given.
        found: String,
    },
    /// Overrides lead to an invalid configuration.
    #[error("--set {overrides}: {reason}")]
    AfterOverrides {
        /// All overrides.
        overrides: String,
        /// What is wrong.
        reason: String,
    },
    /// A value is out of range.
    #[error("{field} must be {expected}, found {found}")]
    Range {
        /// `section.key`
        field: String,
        /// The permitted range.
        expected: String,
        /// The value found.
        found: String,
    },
}

impl From<Mismatch> for ConfigError {
    fn from(Mismatch { field, expected, found }: Mismatch) -> Self {
        Self::Range { field, expected, found }
    }
}

/// Parses a configuration whose ranges are not yet checked. `file` is only used in the error message.
///
/// # Errors
/// [`ConfigError::Toml`] with the line that does not fit.
pub(crate) fn from_toml<C: DeserializeOwned>(file: &str, text: &str) -> Result<C, ConfigError> {
    toml::from_str(text).map_err(|error| ConfigError::Toml { file: file.to_owned(), reason: error.to_string() })
}

/// The resolved configuration as TOML.
pub(crate) fn to_toml(config: &impl Serialize) -> String {
    // INVARIANT: a struct of tables, numbers, strings and enums always serialises.
    toml::to_string(config).expect("a configuration serialises")
}

/// SHA-256 of [`to_toml`], hexadecimal.
pub(crate) fn sha256(config: &impl Serialize) -> String {
    digest::hex(&Sha256::digest(to_toml(config)))
}

/// An error that names `field` unless `ok`.
pub(crate) fn check(ok: bool, field: &str, expected: impl Into<String>, found: impl Copy + ToString) -> Result<(), ConfigError> {
    if ok {
        Ok(())
    } else {
        Err(ConfigError::Range { field: field.to_owned(), expected: expected.into(), found: found.to_string() })
    }
}

/// The section `front_end`.
pub(crate) fn check_front_end(front_end: &FrontEndConfig) -> Result<(), ConfigError> {
    front_end.validate().map_err(|error| ConfigError::Range {
        field: format!("front_end.{}", error.field),
        expected: error.expected,
        found: error.found,
    })
}
