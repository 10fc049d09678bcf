//! Rate and channels of a stream, and conversion of parts with different ones to those of the beginning.

use std::fmt;

use moodline_core::resample::{ResampleError, Resampler};

/// Rate and channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Samples per second in each channel, Hz.
    pub(super) sample_rate: u32,
    /// Number of channels, at least 1.
    pub(super) n_channels: usize,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sample_rate, n_channels } = self;
        write!(f, "{sample_rate} Hz and {n_channels} channel{}", if *n_channels == 1 { "" } else { "s" })
    }
}

/// Converts parts with other layouts to a common one.
pub(super) struct Conform {
    to: Layout,
    from: Layout,
    /// One per channel while the rate differs.
    resamplers: Vec<Resampler>,
    channel: Vec<f32>,
    resampled: Vec<Vec<f32>>,
}

impl Conform {
    /// Converts everything to `to`.
    pub(super) const fn new(to: Layout) -> Self {
        Self { to, from: to, resamplers: Vec::new(), channel: Vec::new(), resampled: Vec::new() }
    }

    /// The common layout.
    pub(super) const fn layout(&self) -> Layout {
        self.to
    }

    /// Converts interleaved samples with the layout `from` to the common one, and includes the pending samples of the previous part.
    ///
    /// # Errors
    /// A rate or a sample that cannot be converted.
    pub(super) fn push(&mut self, from: Layout, samples: &mut Vec<f32>) -> Result<(), ResampleError> {
        if from == self.to && self.resamplers.is_empty() {
            self.from = from;
            return Ok(());
        }
        let mut before = Vec::new();
        if from.sample_rate != self.from.sample_rate {
            self.finish(&mut before);
            if from.sample_rate != self.to.sample_rate {
                let resampler = |_| Resampler::new(from.sample_rate, self.to.sample_rate);
                self.resamplers = (0..self.to.n_channels).map(resampler).collect::<Result<_, _>>()?;
            }
        }
        self.from = from;
        if from.n_channels != self.to.n_channels {
            *samples = with_channels(samples, from.n_channels, self.to.n_channels);
        }
        if !self.resamplers.is_empty() {
            self.resample(samples)?;
        }
        if !before.is_empty() {
            samples.splice(0..0, before);
        }
        Ok(())
    }

    /// Adds the pending samples to `samples`.
    pub(super) fn finish(&mut self, samples: &mut Vec<f32>) {
        self.resampled.iter_mut().for_each(Vec::clear);
        self.resampled.resize_with(self.resamplers.len(), Vec::new);
        for (resampler, resampled) in self.resamplers.iter_mut().zip(&mut self.resampled) {
            resampler.finish(&mut |part: &[f32]| resampled.extend_from_slice(part));
        }
        self.resamplers.clear();
        interleave(&self.resampled, samples);
    }

    fn resample(&mut self, samples: &mut Vec<f32>) -> Result<(), ResampleError> {
        let Self { to, resamplers, channel, resampled, .. } = self;
        resampled.iter_mut().for_each(Vec::clear);
        resampled.resize_with(to.n_channels, Vec::new);
        for (index, (resampler, resampled)) in resamplers.iter_mut().zip(resampled.iter_mut()).enumerate() {
            channel.clear();
            channel.extend(samples.iter().skip(index).step_by(to.n_channels));
            resampler.push(channel, &mut |part: &[f32]| resampled.extend_from_slice(part))?;
        }
        samples.clear();
        interleave(resampled, samples);
        Ok(())
    }
}

fn interleave(channels: &[Vec<f32>], samples: &mut Vec<f32>) {
    let n_frames = channels.first().map_or(0, Vec::len);
    samples.reserve(n_frames * channels.len());
    for frame in 0..n_frames {
        samples.extend(channels.iter().map(|channel| channel[frame]));
    }
}

/// The same sound with another number of channels, each of which is the mean of all original ones.
fn with_channels(samples: &[f32], n_from: usize, n_to: usize) -> Vec<f32> {
    let mean = |frame: &[f32]| frame.iter().sum::<f32>() / n_from as f32;
    samples.chunks_exact(n_from).flat_map(|frame| std::iter::repeat_n(mean(frame), n_to)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEREO: Layout = Layout { sample_rate: 16_000, n_channels: 2 };
    const MONO: Layout = Layout { sample_rate: 16_000, n_channels: 1 };
    const SLOW: Layout = Layout { sample_rate: 8_000, n_channels: 1 };

    #[test]
    fn channels_are_copied_or_averaged() {
        let mut conform = Conform::new(STEREO);
        for (from, given, expected) in
            [(STEREO, vec![1.0, 2.0], [1.0, 2.0]), (MONO, vec![3.0], [3.0, 3.0]), (STEREO, vec![4.0, 5.0], [4.0, 5.0])]
        {
            let mut samples = given;
            conform.push(from, &mut samples).unwrap();
            assert_eq!(samples, expected);
        }
        assert_eq!(with_channels(&[1.0, 3.0, 5.0, 7.0], 2, 1), [2.0, 6.0]);
    }

    #[test]
    fn a_part_with_another_rate_keeps_its_length() {
        let mut conform = Conform::new(STEREO);
        let mut all = Vec::new();
        for (from, n_samples) in [(STEREO, 2000), (SLOW, 500), (SLOW, 500), (STEREO, 2000), (SLOW, 100)] {
            let mut samples = vec![0.5; n_samples];
            conform.push(from, &mut samples).unwrap();
            all.extend(samples);
        }
        conform.finish(&mut all);
        assert_eq!(all.len(), 2 * (1000 + 2000 + 1000 + 200));
        // Away from the edges of the parts a constant remains unchanged.
        assert!((all[2 * 2000] - 0.5).abs() < 1e-3 && (all[2 * 3500] - 0.5).abs() < 1e-6);
    }
}
