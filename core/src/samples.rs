//! Validity of samples.

use crate::real::Real;

/// Largest magnitude of a valid sample. It is 240 dB above full scale, far from any recording, and keeps every intermediate value finite in
/// `f32` for the longest window and the widest filter.
pub const MAX_MAGNITUDE: f64 = 1e12;

/// Whether a value is a number with a magnitude of at most [`MAX_MAGNITUDE`].
#[must_use]
#[inline]
pub fn is_usable<T: Real>(sample: &T) -> bool {
    sample.abs() <= T::of(MAX_MAGNITUDE)
}

/// Position of the first value that is NaN, infinite or larger than [`MAX_MAGNITUDE`].
#[must_use]
pub fn first_unusable<T: Real>(samples: &[T]) -> Option<usize> {
    // Without an early exit the check is vectorised and very cheap.
    let all_usable = pulp::Arch::new().dispatch(
        #[inline(always)]
        || samples.iter().fold(true, |all, sample| all & is_usable(sample)),
    );
    if all_usable { None } else { samples.iter().position(|sample| !is_usable(sample)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_unusable_value_is_found() {
        let mut samples = vec![0.5_f32; 100];
        samples[0] = -1e12;
        samples[99] = 1e12;
        assert_eq!(first_unusable(&samples), None);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.001e12, -2e12] {
            samples[70] = f32::NAN;
            samples[33] = bad;
            assert_eq!(first_unusable(&samples), Some(33));
        }
        assert_eq!(first_unusable::<f64>(&[]), None);
    }
}
