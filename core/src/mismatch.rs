//! A value that differs from what is required: one sentence for everything that is checked in a model file.

/// A value that differs from what is required.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} must be {expected}, found {found}")]
pub struct Mismatch {
    /// Which value: a field of [`crate::Contract`] with the path below it, an initializer, or a place in the graph.
    pub field: String,
    /// What is required.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl Mismatch {
    /// Longest text taken from a file, characters.
    const MAX_TEXT: usize = 300;

    #[expect(clippy::needless_pass_by_value, reason = "callers pass numbers and new texts")]
    pub(crate) fn new(field: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        Self { field: printable(&field.into()), expected: printable(&expected.to_string()), found: printable(&found.to_string()) }
    }
}

/// A [`Mismatch`] unless `ok`.
pub(crate) fn check(ok: bool, field: impl Into<String>, expected: impl ToString, found: impl ToString) -> Result<(), Mismatch> {
    if ok { Ok(()) } else { Err(Mismatch::new(field, expected, found)) }
}

/// Makes text from a hostile file safe to print: it must neither control a terminal nor flood it.
fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len().min(Mismatch::MAX_TEXT));
    for character in text.chars().take(Mismatch::MAX_TEXT) {
        if character.is_control() { printable.extend(character.escape_default()) } else { printable.push(character) }
    }
    if text.chars().nth(Mismatch::MAX_TEXT).is_some() {
        printable.push_str("...");
    }
    printable
}
