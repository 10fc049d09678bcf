//! Digests as text.

/// Lower-case hexadecimal digits of `bytes`.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // INVARIANT: writing to a String cannot fail.
        write!(text, "{byte:02x}").expect("a String takes any text");
        text
    })
}
