//! The files of a run: what it reads, what it writes, and that the one never harms the other.
//!
//! In: the paths a user named, and the bytes of results. Out: files that appear complete or not at all ([`AtomicFile`]), or one sentence about why they would
//! destroy something, before the first byte is written ([`FilePlan`]); regular files opened, and nothing else. All programs write through here.

mod atomic;
mod kind;
mod place;
mod plan;
mod regular;
#[cfg(test)]
mod tests;
mod unfinished;

use std::path::Path;

pub use atomic::{AtomicFile, WriteError, write_atomically};
pub use kind::Kind;
pub use plan::{FilePlan, Refusal, Replace};
pub use regular::{check_regular, open_regular};
pub use unfinished::exit;

/// The folder a file is in; `.` for a bare name.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
