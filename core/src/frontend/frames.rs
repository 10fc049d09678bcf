//! Division of a stream into overlapping frames.
//!
//! In: samples, cut in any way. Out: windows of consecutive samples, `hop_length` apart, each exactly once.

use crate::config::FrontEndConfig;
use crate::real::Real;

/// Samples copied at a time: few enough to stay in the first-level cache together with a frame.
const CHUNK_SAMPLES: usize = 2048;

/// Cuts a stream into frames.
///
/// With centring, frame `t` is centred on sample `t * hop_length`: the stream is preceded and followed by `n_fft / 2` zeros. A
/// stream of `n` samples then has `1 + n / hop_length` frames, otherwise `1 + (n - n_fft) / hop_length`, or none if it is shorter.
/// A frame may have more than `n_fft` samples: the additional ones are split equally between both sides, and are zeros outside the stream.
///
/// # Source
/// librosa 0.11 `librosa.stft(center, pad_mode="constant")`.
#[derive(Clone)]
pub struct Framer<T> {
    n_samples: usize,
    hop_length: usize,
    /// Zeros before the first and after the last sample.
    n_pad: usize,
    /// Samples that later frames still need; never longer than its initial capacity.
    pending: Vec<T>,
    n_pushed: u64,
}

impl<T: Real> Framer<T> {
    /// Creates a framer at the start of a stream, for frames of `n_samples`: `n_fft`, or more by an even number.
    #[must_use]
    pub fn new(config: &FrontEndConfig, n_samples: usize) -> Self {
        let n_pad = if config.center { n_samples / 2 } else { (n_samples - config.n_fft) / 2 };
        let pending = Vec::with_capacity(n_samples + CHUNK_SAMPLES);
        let mut framer = Self { n_samples, hop_length: config.hop_length, n_pad, pending, n_pushed: 0 };
        framer.reset();
        framer
    }

    /// Number of samples of the stream so far, without padding.
    #[must_use]
    pub fn n_pushed(&self) -> u64 {
        self.n_pushed
    }

    /// Takes the next samples and hands every frame they complete to `sink`, `[n_samples]`.
    pub fn push(&mut self, samples: &[T], sink: &mut impl FnMut(&[T])) {
        self.n_pushed += samples.len() as u64;
        for chunk in samples.chunks(CHUNK_SAMPLES) {
            self.pending.extend_from_slice(chunk);
            self.emit(sink);
        }
    }

    /// Hands the frames that reach into the padding to `sink`.
    pub fn finish(&mut self, sink: &mut impl FnMut(&[T])) {
        let mut left = self.n_pad;
        while left > 0 {
            let n = left.min(CHUNK_SAMPLES);
            self.pending.resize(self.pending.len() + n, T::zero());
            self.emit(sink);
            left -= n;
        }
    }

    /// Returns to the start of a stream.
    pub fn reset(&mut self) {
        self.pending.clear();
        self.pending.resize(self.n_pad, T::zero());
        self.n_pushed = 0;
    }

    fn emit(&mut self, sink: &mut impl FnMut(&[T])) {
        let mut start = 0;
        while start + self.n_samples <= self.pending.len() {
            sink(&self.pending[start..start + self.n_samples]);
            start += self.hop_length;
        }
        self.pending.drain(..start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(n_fft: usize, hop_length: usize, center: bool) -> FrontEndConfig {
        FrontEndConfig { n_fft, win_length: n_fft, hop_length, center, ..FrontEndConfig::librosa_16k() }
    }

    fn frames(config: &FrontEndConfig, n_samples: usize, samples: &[f64], cut: usize) -> Vec<Vec<f64>> {
        let mut framer = Framer::new(config, n_samples);
        let mut frames = Vec::new();
        for part in samples.chunks(cut) {
            framer.push(part, &mut |frame: &[f64]| frames.push(frame.to_vec()));
        }
        framer.finish(&mut |frame: &[f64]| frames.push(frame.to_vec()));
        frames
    }

    #[test]
    fn frames_are_the_windows_of_the_padded_signal() {
        let samples: Vec<f64> = (1..=10_000).map(f64::from).collect();
        for (n_fft, hop, center) in [(16, 16, false), (64, 10, true), (512, 160, true), (512, 160, false), (8192, 3, true)] {
            for n in [0, 1, 15, 16, 511, 512, 5000, 10_000] {
                let pad = if center { n_fft / 2 } else { 0 };
                let mut padded = vec![0.0; pad];
                padded.extend(&samples[..n]);
                padded.extend(vec![0.0; pad]);
                let expected: Vec<&[f64]> = padded.windows(n_fft).step_by(hop).collect();
                for cut in [1, 7, 4096, 20_000] {
                    assert_eq!(
                        frames(&config(n_fft, hop, center), n_fft, &samples[..n], cut),
                        expected,
                        "{n_fft} {hop} {center} {n} {cut}"
                    );
                }
            }
        }
    }

    #[test]
    fn longer_frames_have_the_same_centres_and_number() {
        let samples: Vec<f64> = (1..=3000).map(f64::from).collect();
        for center in [false, true] {
            for n in [0, 1, 63, 64, 65, 500, 3000] {
                let config = config(64, 10, center);
                let short = frames(&config, 64, &samples[..n], 700);
                for cut in [1, 37, 5000] {
                    let long = frames(&config, 100, &samples[..n], cut);
                    let middles: Vec<&[f64]> = long.iter().map(|frame| &frame[18..82]).collect();
                    assert_eq!(middles, short, "{center} {n} {cut}");
                    assert!(long.iter().all(|frame| frame.len() == 100));
                }
            }
        }
    }
}
