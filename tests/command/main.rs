//! The command `moodline`, run in this process.
mod analyze;
mod bad_input;
mod features;
#[cfg(unix)]
mod files;
mod marks;
mod page;
mod parts;
mod voice;
