//! Averages consecutive frames into steps of the network.

use super::sample::Sink;
use crate::config::{FeatureGroup, FrontEndConfig};
use crate::frontend::prosody::{F0, VOICING};
use crate::real::Real;

/// Mean of every `n_frames` consecutive feature vectors, on a grid that starts with the stream. The pitch of a step is the
/// mean of its voiced frames.
#[derive(Clone)]
pub(super) struct Averager<T> {
    n_frames: usize,
    /// Offset of the group with the pitch in a feature vector.
    prosody: Option<usize>,
    /// Sum over the frames of the current step, then their mean.
    sum: Vec<T>,
    n_summed: usize,
    n_voiced: usize,
}

impl<T: Real> Averager<T> {
    /// Creates an averager at the start of a stream.
    #[must_use]
    pub(super) fn new(config: &FrontEndConfig) -> Self {
        Self {
            n_frames: config.average_frames,
            prosody: config.first_feature(FeatureGroup::Prosody),
            sum: vec![T::zero(); config.n_features()],
            n_summed: 0,
            n_voiced: 0,
        }
    }

    /// Takes one feature vector; hands a step to `sink` when it is complete.
    pub(super) fn push(&mut self, features: &[T], sink: Sink<'_, T>) {
        if self.n_frames == 1 {
            return sink(features);
        }
        for (sum, &value) in self.sum.iter_mut().zip(features) {
            *sum += value;
        }
        self.n_summed += 1;
        self.n_voiced += usize::from(self.prosody.is_some_and(|first| features[first + VOICING] > T::zero()));
        if self.n_summed == self.n_frames {
            self.finish(sink);
        }
    }

    /// Hands the last, partial step, if there is one, to `sink`: the mean of the frames it has.
    pub(super) fn finish(&mut self, sink: Sink<'_, T>) {
        if self.n_summed == 0 {
            return;
        }
        // An unvoiced frame has pitch 0, so the sum is that of the voiced ones.
        let pitch = self.prosody.map(|first| self.sum[first + F0] / T::of(self.n_voiced.max(1) as f64));
        let n = T::of(self.n_summed as f64);
        for sum in &mut self.sum {
            *sum /= n;
        }
        if let (Some(first), Some(pitch)) = (self.prosody, pitch) {
            self.sum[first + F0] = pitch;
        }
        sink(&self.sum);
        self.reset();
    }

    /// Returns to the start of a stream.
    pub(super) fn reset(&mut self) {
        self.sum.fill(T::zero());
        (self.n_summed, self.n_voiced) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn averaged<const N: usize>(average_frames: usize, groups: &[FeatureGroup], frames: &[[f64; N]]) -> Vec<Vec<f64>> {
        let groups = groups.to_vec();
        let mut averager = Averager::new(&FrontEndConfig { n_mfcc: 2, groups, average_frames, ..FrontEndConfig::librosa_16k() });
        let mut steps = Vec::new();
        for frame in frames {
            averager.push(frame, &mut |step: &[f64]| steps.push(step.to_vec()));
        }
        averager.finish(&mut |step: &[f64]| steps.push(step.to_vec()));
        steps
    }

    #[test]
    fn a_partial_last_step_is_the_mean_of_what_it_has() {
        let frames = [[1.0, 10.0], [2.0, 20.0], [3.0, 60.0], [4.0, 8.0], [6.0, 10.0]];
        let averaged = |n_frames, frames: &[[f64; 2]]| averaged(n_frames, &[FeatureGroup::Mfcc], frames);
        assert_eq!(averaged(3, &frames), [[2.0, 30.0], [5.0, 9.0]]);
        assert_eq!(averaged(5, &frames).len(), 1);
        assert_eq!(averaged(1, &frames), frames);
        assert!(averaged(3, &[]).is_empty());
    }

    #[test]
    fn the_pitch_is_that_of_the_voiced_frames() {
        let voiced = |pitch: f64| [1.0, 1.0, pitch, 0.3, 0.9, -20.0, 0.0];
        let unvoiced = [1.0, 1.0, 0.0, 0.0, 0.0, -50.0, 0.0];
        let groups = [FeatureGroup::Mfcc, FeatureGroup::Prosody];
        let steps = averaged(3, &groups, &[voiced(30.0), unvoiced, voiced(32.0), unvoiced, unvoiced, unvoiced, voiced(40.0)]);
        assert_eq!([steps[0][2], steps[1][2], steps[2][2]], [31.0, 0.0, 40.0]);
        assert!((steps[0][3] - 0.2).abs() < 1e-12 && (steps[0][4] - 0.6).abs() < 1e-12, "the others are means of all frames");
        assert_eq!([steps[0][5], steps[1][5]], [-30.0, -50.0]);
    }
}
