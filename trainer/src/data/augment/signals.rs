//! Test signals, and files of them.

use std::path::Path;

pub(crate) use moodline_augment::signals::{RATE, sum_of_tones};

/// Writes mono samples at [`RATE`] as a 16-bit WAV file.
pub(crate) fn write_wav(path: &Path, samples: &[f32]) {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: RATE as u32, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    samples.iter().for_each(|sample| writer.write_sample((sample * 32_767.0) as i16).unwrap());
    writer.finalize().unwrap();
}
