//! The recordings of `tests/samples`.

use std::path::PathBuf;

use moodline_engine::decode::read_mono_resampled;

use crate::tests_file;

/// A file of `tests/samples`.
pub fn sample(name: &str) -> PathBuf {
    tests_file("samples").join(name)
}

/// The same short recording in one of many formats.
pub fn format_file(name: &str) -> PathBuf {
    sample("formats").join(name)
}

/// The recording `unheard.flac` at `rate_hz`, mono: 22 s of speech by two people.
pub fn speech(rate_hz: u32) -> Vec<f32> {
    read_mono_resampled(&sample("unheard.flac"), rate_hz).expect("the sample is in the repository")
}
