//! The reason for a panic, in words.

use std::any::Any;

/// The message of a caught `panic`.
#[must_use]
pub fn reason(panic: &(dyn Any + Send)) -> String {
    let reason = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    reason.unwrap_or("no reason given").to_owned()
}
