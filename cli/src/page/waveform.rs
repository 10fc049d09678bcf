//! The outline of a recording: its loudest samples in each part of the time.

use std::path::Path;

use moodline_engine::decode::{AudioReader, DecodeError};

/// The largest magnitude in each of `n` equal parts of the mean of all channels, relative to the loudest, 0..=1.
pub(super) fn outline(path: &Path, duration_s: f64, n: usize) -> Result<Vec<f32>, DecodeError> {
    let mut reader = AudioReader::open(path)?;
    let parts_a_sample = n as f64 / (duration_s * f64::from(reader.sample_rate())).max(1.0);
    let (mut peaks, mut chunk, mut n_read) = (vec![0.0_f32; n], Vec::new(), 0_u64);
    while reader.read_mono(&mut chunk)? {
        for sample in &chunk {
            let part = ((n_read as f64 * parts_a_sample) as usize).min(n.saturating_sub(1));
            peaks[part] = peaks[part].max(sample.abs());
            n_read += 1;
        }
    }
    let loudest = peaks.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    peaks.iter_mut().for_each(|peak| *peak /= loudest);
    Ok(peaks)
}
