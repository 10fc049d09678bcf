//! Which samples are silence, and recordings that are not.

use std::path::Path;

use moodline_augment::level::peak;
use moodline_engine::decode::{DecodeError, read_mono_resampled};

/// Largest sample of a silent clip: one step of 16-bit audio, -90 dBFS.
pub const SILENCE_PEAK: f32 = 1.0 / 32_768.0;

/// Longest part read of a recording of sounds, seconds; the remainder is not used.
const MOST_SECONDS: usize = 60;

/// The beginning of the recording of sounds at `path`, at most a minute, mono at `sample_rate` Hz; none if it is silent.
///
/// # Errors
/// [`DecodeError`].
pub(crate) fn read_sound(path: &Path, sample_rate: u32) -> Result<Option<Vec<f32>>, DecodeError> {
    let mut samples = read_mono_resampled(path, sample_rate)?;
    samples.truncate(MOST_SECONDS * sample_rate as usize);
    samples.shrink_to_fit();
    Ok((peak(&samples) > SILENCE_PEAK).then_some(samples))
}
