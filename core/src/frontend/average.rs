//! Averages consecutive frames into steps of the network.

use crate::real::Real;

/// Mean of every `n_frames` consecutive feature vectors, on a grid that starts with the stream.
pub struct Averager<T> {
    n_frames: usize,
    /// Sum of the frames of the current step, then their mean.
    sum: Vec<T>,
    n_summed: usize,
}

impl<T: Real> Averager<T> {
    /// An averager at the start of a stream.
    #[must_use]
    pub fn new(n_features: usize, n_frames: usize) -> Self {
        Self { n_frames, sum: vec![T::zero(); n_features], n_summed: 0 }
    }

    /// Takes one feature vector; hands a step to `sink` when it is complete.
    pub fn push(&mut self, features: &[T], sink: &mut impl FnMut(&[T])) {
        if self.n_frames == 1 {
            return sink(features);
        }
        for (sum, &value) in self.sum.iter_mut().zip(features) {
            *sum += value;
        }
        self.n_summed += 1;
        if self.n_summed == self.n_frames {
            self.finish(sink);
        }
    }

    /// Hands the last, partial step to `sink`, if there is one: the mean of the frames it has.
    pub fn finish(&mut self, sink: &mut impl FnMut(&[T])) {
        if self.n_summed == 0 {
            return;
        }
        let n = T::of(self.n_summed as f64);
        for sum in &mut self.sum {
            *sum /= n;
        }
        sink(&self.sum);
        self.reset();
    }

    /// Returns to the start of a stream.
    pub fn reset(&mut self) {
        self.sum.fill(T::zero());
        self.n_summed = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn averaged(n_frames: usize, frames: &[[f64; 2]]) -> Vec<Vec<f64>> {
        let mut averager = Averager::new(2, n_frames);
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
        assert_eq!(averaged(3, &frames), [[2.0, 30.0], [5.0, 9.0]]);
        assert_eq!(averaged(5, &frames).len(), 1);
        assert_eq!(averaged(1, &frames), frames);
        assert!(averaged(3, &[]).is_empty());
    }
}
