//! The floating-point types the numeric code is written for.

use ndarray::NdFloat;
use num_traits::FromPrimitive;
use realfft::FftNum;

/// `f32` (what the product runs) or `f64` (what the golden data is checked in).
pub trait Real: NdFloat + FftNum + FromPrimitive + Default {
    /// Rounds an `f64` constant to this type.
    fn of(value: f64) -> Self;

    /// Widens to `f64`.
    fn widen(self) -> f64;

    /// Hyperbolic tangent as the network uses it everywhere: training, native kernel and tests.
    fn tanh_of(self) -> Self;
}
