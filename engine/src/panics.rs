//! Panics of other people's code that this one expects: decoders given damaged files.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

thread_local! {
    /// Whether a panic of this thread is caught by [`caught`].
    static IS_EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// The message of a caught `panic`.
#[must_use]
pub fn reason(panic: &(dyn Any + Send)) -> String {
    let reason = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    reason.unwrap_or("no reason given").to_owned()
}

/// Runs `work`, after whose panic nothing that it changed is used any more.
///
/// # Errors
/// The message of its panic.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let was_expected = IS_EXPECTED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    IS_EXPECTED.set(was_expected);
    result.map_err(|panic| reason(&*panic))
}

/// From now on, panics that are caught and told in a sentence are not written to standard error as well. For programs: a library leaves that to its program.
pub fn hide_expected() {
    let before = take_hook();
    set_hook(Box::new(move |panic| {
        if !IS_EXPECTED.get() {
            before(panic);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message_and_is_expected_only_meanwhile() {
        let message = "index out of bounds".to_owned();
        assert_eq!(caught(|| -> u8 { std::panic::panic_any(message) }), Err("index out of bounds".to_owned()));
        assert_eq!(caught(|| IS_EXPECTED.get()), Ok(true));
        assert!(!IS_EXPECTED.get());
    }
}
