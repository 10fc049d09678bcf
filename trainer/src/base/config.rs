//! Why a configuration cannot be used, in the same words wherever its sections are defined.

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The text is no such configuration; the message of the TOML reader shows the line.
    #[error("{file}: {reason}")]
    Toml {
        /// The configuration file.
        file: String,
        /// What the TOML reader says.
        reason: String,
    },
    /// An override is not `section.key=value`.
    #[error("--set {found}: expected section.key=value, for example training.epochs=20")]
    Override {
        /// The override as it was given.
        found: String,
    },
    /// An override led to something that is not a configuration.
    #[error("--set {overrides}: {reason}")]
    AfterOverrides {
        /// All overrides.
        overrides: String,
        /// What is wrong.
        reason: String,
    },
    /// A value is out of its range.
    #[error("{field} must be {expected}, found {found}")]
    Range {
        /// `section.key`
        field: String,
        /// What it may be.
        expected: String,
        /// What it is.
        found: String,
    },
}

/// An error that names `field` unless `ok`.
pub(crate) fn check(ok: bool, field: &str, expected: impl Into<String>, found: impl Copy + ToString) -> Result<(), ConfigError> {
    if ok {
        Ok(())
    } else {
        Err(ConfigError::Range { field: field.to_owned(), expected: expected.into(), found: found.to_string() })
    }
}
