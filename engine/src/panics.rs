//! Why something panicked, in words.

use std::any::Any;

/// What a caught `panic` said.
#[must_use]
pub fn reason(panic: &(dyn Any + Send)) -> String {
    let reason = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    reason.unwrap_or("no reason given").to_owned()
}
