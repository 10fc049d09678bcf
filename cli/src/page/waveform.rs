//! The outlines of a recording's voices: their peaks in each part of the time.

use std::path::Path;

use moodline_engine::decode::{AudioReader, DecodeError};
use moodline_engine::voices::Voice;

/// For each voice, the peak magnitude in each of `n` equal parts of its samples, relative to the loudest of all, 0..=1. A voice that is not a single channel
/// uses the mean of all channels.
pub(super) fn outlines(path: &Path, voices: &[Voice], duration_s: f64, n: usize) -> Result<Vec<Vec<f32>>, DecodeError> {
    let mut reader = AudioReader::open(path)?;
    let (rate, n_channels) = (f64::from(reader.sample_rate()), reader.channels());
    let parts_a_frame = n as f64 / (duration_s * rate).max(1.0);
    let (mut outlines, mut chunk, mut n_read) = (vec![vec![0.0_f32; n]; voices.len()], Vec::new(), 0_u64);
    while reader.read(&mut chunk)? {
        for frame in chunk.chunks_exact(n_channels) {
            let part = ((n_read as f64 * parts_a_frame) as usize).min(n.saturating_sub(1));
            for (outline, voice) in outlines.iter_mut().zip(voices) {
                let of_channel = voice.channel.and_then(|channel| frame.get(channel.get() - 1).copied());
                let sample = of_channel.unwrap_or_else(|| frame.iter().sum::<f32>() / n_channels as f32);
                outline[part] = outline[part].max(sample.abs());
            }
            n_read += 1;
        }
    }
    let loudest = outlines.iter().flatten().copied().fold(f32::MIN_POSITIVE, f32::max);
    outlines.iter_mut().flatten().for_each(|peak| *peak /= loudest);
    Ok(outlines)
}
