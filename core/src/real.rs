//! The floating-point types the numeric code is written for.

use moodline_fourier::Plan;
use ndarray::NdFloat;
use num_traits::FromPrimitive;
use pulp::{Simd, WithSimd};

pub(crate) mod tanh;

/// `f32` (used by the product) or `f64` (used to check the golden data).
pub trait Real: NdFloat + Plan + FromPrimitive + Default {
    /// Rounds an `f64` constant to this type.
    fn of(value: f64) -> Self;

    /// Widens to `f64`.
    fn widen(self) -> f64;

    /// Runs a computation that is compiled for several widths of vectors with the widest that this processor has: for `f64`, which only checks, that is AVX2's at
    /// most, since each more takes seconds to compile.
    fn vectorize<W: WithSimd>(work: W) -> W::Output;

    /// Hyperbolic tangent as used everywhere in the network. `f64`: the standard library's. `f32`: a rational function without branches or
    /// calls, so that loops over it are vectorised; at most 2e-7 off, exactly odd, exactly 1 where the true value rounds to 1.
    fn tanh_of(self) -> Self;
}

impl Real for f32 {
    #[inline]
    fn of(value: f64) -> Self {
        value as Self
    }

    #[inline]
    fn widen(self) -> f64 {
        f64::from(self)
    }

    #[inline]
    fn vectorize<W: WithSimd>(work: W) -> W::Output {
        pulp::Arch::new().dispatch(work)
    }

    #[inline(always)]
    fn tanh_of(self) -> Self {
        tanh::rational(self)
    }
}

impl Real for f64 {
    #[inline]
    fn of(value: f64) -> Self {
        value
    }

    #[inline]
    fn widen(self) -> f64 {
        self
    }

    #[inline]
    fn vectorize<W: WithSimd>(work: W) -> W::Output {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = pulp::x86::V3::try_new() {
            return Simd::vectorize(avx2, work);
        }
        Simd::vectorize(pulp::Scalar::new(), work)
    }

    #[inline]
    fn tanh_of(self) -> Self {
        self.tanh()
    }
}
