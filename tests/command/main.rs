//! The command `moodline`, run in this process.
mod analyze;
mod bad_input;
#[cfg(unix)]
mod files;
mod parts;
