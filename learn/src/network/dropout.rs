//! Dropout: during training, values are omitted at random and the others scaled up, so that no unit relies on a single other one.

use moodline_core::Real;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::lanes::Lanes;

/// Dropout of a batch. Each value of each step is drawn independently; the draws depend only on the seed, the sequence's place in the batch and the
/// layer.
///
/// # Source
/// Srivastava et al. 2014, with the scaling during training (section 10) that is usual in frameworks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Dropout {
    /// Dropout rate of the features, 0..1.
    pub inputs: f64,
    /// Dropout rate of the outputs of each layer but the last, 0..1.
    pub between: f64,
    /// Seed for this batch.
    pub seed: u64,
}

impl Dropout {
    /// Factors of the inputs of a layer, step by step: 0 or the compensating scale.
    pub(super) fn factors<T: Real>(&self, layer: usize, place: usize) -> impl Iterator<Item = T> + use<T> {
        let rate = self.rate(layer);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(((layer as u64) << 32) + place as u64);
        let threshold = (rate * 2f64.powi(32)) as u64;
        let kept = T::of(1.0 / (1.0 - rate));
        std::iter::repeat_with(move || if u64::from(rng.next_u32()) < threshold { T::zero() } else { kept })
    }

    /// Dropout rate of the inputs of a layer.
    pub(super) fn rate(&self, layer: usize) -> f64 {
        if layer == 0 { self.inputs } else { self.between }
    }

    /// The features of a sequence after dropout.
    pub(super) fn features<T: Real>(&self, place: usize, features: &[T]) -> Vec<T> {
        features.iter().zip(self.factors(0, place)).map(|(value, factor): (&T, T)| *value * factor).collect()
    }

    /// The factors of the inputs of a deeper layer.
    ///
    /// # Shapes
    /// `places` and `lengths` of each sequence; `out` `[steps][rows]`, of which the first `units` are written
    pub(super) fn lanes<T: Real>(
        &self,
        layer: usize,
        (places, lengths): (&[usize], &[usize]),
        (units, rows): (usize, usize),
        out: &mut Vec<Lanes<T>>,
    ) {
        out.clear();
        out.resize(lengths[0] * rows, Lanes::zero());
        for (lane, (place, length)) in places.iter().zip(lengths).enumerate() {
            let mut factors = self.factors(layer, *place);
            for out in out.chunks_exact_mut(rows).take(*length) {
                for (out, factor) in out[..units].iter_mut().zip(&mut factors) {
                    out.0[lane] = factor;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_is_left_out_as_was_asked_for_and_the_mean_stays() {
        let dropout = Dropout { inputs: 0.25, between: 0.5, seed: 7 };
        let ones = vec![1.0_f64; 40_000];
        let features = dropout.features(3, &ones);
        assert!(features.iter().all(|value| *value == 0.0 || *value == 1.0 / 0.75));
        let left_out = features.iter().filter(|value| **value == 0.0).count() as f64 / 40_000.0;
        assert!((left_out - 0.25).abs() < 0.01, "{left_out}");
        assert_eq!(features, dropout.features(3, &ones));
        assert_ne!(features, dropout.features(4, &ones));
        assert_ne!(features, Dropout { seed: 8, ..dropout }.features(3, &ones));
        assert_eq!(Dropout::default().features(0, &[2.5]), [2.5]);
    }

    #[test]
    fn a_sequence_loses_the_same_whatever_its_lane() {
        let dropout = Dropout { inputs: 0.0, between: 0.5, seed: 7 };
        let (mut alone, mut third) = (Vec::<Lanes<f32>>::new(), Vec::<Lanes<f32>>::new());
        dropout.lanes(1, (&[9], &[5]), (6, 8), &mut alone);
        dropout.lanes(1, (&[4, 2, 9], &[7, 6, 5]), (6, 8), &mut third);
        assert_eq!((alone.len(), third.len()), (5 * 8, 7 * 8));
        for (alone, third) in alone.iter().zip(&third) {
            assert_eq!(alone.0[0], third.0[2]);
        }
        assert!(third[5 * 8..].iter().all(|lanes| lanes.0[2] == 0.0), "nothing after the end");
    }
}
