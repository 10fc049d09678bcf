//! Detects channels that cancel each other in their mean: one side inverted, or a microphone with reversed polarity.

use std::num::NonZeroUsize;

/// A mean this far below the loudest channel is not a mix of voices, dB. The mean of two unrelated voices is at most 6 dB below it.
const CANCELLED_DB: f64 = 20.0;

/// Power below which a channel contains nothing that could be lost, relative to full scale.
const SILENCE: f64 = 1e-9;

/// A cancellation in the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cancelled {
    /// The loudest channel, counted from 1.
    pub(super) loudest: NonZeroUsize,
    /// How far the mean is below it, dB.
    pub(super) below_db: f64,
}

/// Compares the power of channels and of their mean.
pub(super) struct MixWatch {
    n_frames: u64,
    mean: f64,
    channels: Vec<f64>,
}

impl MixWatch {
    pub(super) fn new(n_channels: usize) -> Self {
        Self { n_frames: 0, mean: 0.0, channels: vec![0.0; n_channels] }
    }

    /// Takes interleaved samples.
    pub(super) fn hear(&mut self, samples: &[f32]) {
        let n_channels = self.channels.len();
        self.n_frames += (samples.len() / n_channels) as u64;
        if let [left, right] = &mut self.channels[..] {
            let [of_left, of_right, of_sum] = pulp::Arch::new().dispatch(OfTwo(samples));
            *left += of_left;
            *right += of_right;
            self.mean += of_sum / 4.0;
            return;
        }
        for frame in samples.chunks_exact(n_channels) {
            let mean = frame.iter().sum::<f32>() / n_channels as f32;
            self.mean += f64::from(mean * mean);
            for (power, sample) in self.channels.iter_mut().zip(frame) {
                *power += f64::from(sample * sample);
            }
        }
    }

    /// The loudest channel, if the mean has lost it. The low level of one voice among many silent channels is not a loss.
    pub(super) fn cancelled(&self) -> Option<Cancelled> {
        let n_channels = self.channels.len() as f64;
        let (index, &loudest) = self.channels.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
        // The power of the mean if all channels were uncorrelated.
        let unrelated = self.channels.iter().sum::<f64>() / (n_channels * n_channels);
        let is_lost = self.mean * 10_f64.powf(CANCELLED_DB / 10.0) < unrelated * 2.0;
        if loudest <= SILENCE * self.n_frames as f64 || !is_lost {
            return None;
        }
        let below_db = 10.0 * (loudest / self.mean.max(SILENCE * self.n_frames as f64 / 100.0)).log10();
        Some(Cancelled { loudest: NonZeroUsize::MIN.saturating_add(index), below_db })
    }
}

/// The power of two interleaved channels and of their sum, over all frames: the usual case, which costs a fraction of the decoding time as long as no
/// addition waits for the previous one.
struct OfTwo<'a>(&'a [f32]);

impl pulp::NullaryFnOnce for OfTwo<'_> {
    type Output = [f64; 3];

    #[inline(always)]
    fn call(self) -> [f64; 3] {
        const LANES: usize = 16;
        let (frames, _) = self.0.as_chunks::<2>();
        let (groups, rest) = frames.as_chunks::<LANES>();
        let mut sums = [[0.0_f32; LANES]; 3];
        for group in groups {
            for (lane, &[left, right]) in group.iter().enumerate() {
                sums[0][lane] += left * left;
                sums[1][lane] += right * right;
                sums[2][lane] += (left + right) * (left + right);
            }
        }
        for &[left, right] in rest {
            sums[0][0] += left * left;
            sums[1][0] += right * right;
            sums[2][0] += (left + right) * (left + right);
        }
        sums.map(|lanes| lanes.iter().map(|&sum| f64::from(sum)).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loudest(n_channels: usize, of: impl Fn(f32) -> Vec<f32>) -> Option<usize> {
        let mut watch = MixWatch::new(n_channels);
        let samples: Vec<f32> = (0..10_000).flat_map(|index| of(index as f32)).collect();
        samples.chunks(700 * n_channels).for_each(|chunk| watch.hear(chunk));
        watch.cancelled().map(|cancelled| cancelled.loudest.get())
    }

    #[test]
    fn channels_that_cancel_are_noticed() {
        let voice = |t: f32| 0.1 * (0.05 * t).sin();
        assert_eq!(loudest(2, |t| vec![voice(t), -voice(t)]), Some(2));
        assert_eq!(loudest(2, |t| vec![voice(t), -0.9 * voice(t)]), Some(1));
        assert_eq!(loudest(4, |t| vec![0.0, 0.5 * voice(t), -voice(t), 0.5 * voice(t)]), Some(3));
    }

    #[test]
    fn voices_that_do_not_are_left_alone() {
        let (voice, other) = (|t: f32| 0.1 * (0.05 * t).sin(), |t: f32| 0.1 * (0.031 * t).sin());
        assert_eq!(loudest(2, |t| vec![voice(t), voice(t)]), None);
        assert_eq!(loudest(2, |t| vec![voice(t), other(t)]), None);
        assert_eq!(loudest(2, |t| vec![voice(t), 0.0]), None);
        assert_eq!(loudest(2, |_| vec![0.0, 0.0]), None);
        assert_eq!(loudest(16, |t| (0..16).map(|channel| if channel == 7 { voice(t) } else { 0.0 }).collect()), None);
        assert_eq!(loudest(2, |t| vec![voice(t), voice(t - 8.0)]), None, "half a millisecond apart");
    }
}
