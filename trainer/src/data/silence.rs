//! The threshold for silence, for both clips and noise recordings.

/// Largest sample of a silent clip: one step of 16-bit audio, -90 dBFS.
pub const SILENCE_PEAK: f32 = 1.0 / 32_768.0;
