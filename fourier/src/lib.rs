//! Fourier transforms, whose many algorithms are compiled here and nowhere else.
//!
//! In: lengths. Out: the plans of rustfft, [`Fourier`] by realfft for whole signals and back, and rubato's [`BlockFilter`], which is made of such plans. A generic
//! function is compiled in the crate that calls it, once for every such crate and with that crate's optimisation, and a planner brings some two hundred
//! algorithms; so planners are only called here.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

use std::sync::Arc;

pub use rustfft::num_complex::Complex;
pub use rustfft::{Fft, FftNum};
use rustfft::{FftPlanner, FftPlannerScalar};

mod block_filter;
mod signal;

pub use block_filter::BlockFilter;
pub use signal::{Fourier, Transform};

/// `f32` or `f64`, whose transforms can be planned: those of `f32` for the processor's vector instructions, those of `f64` without.
pub trait Plan: FftNum {
    /// Plans the transform of `n` complex values.
    fn forward(n: usize) -> Arc<dyn Fft<Self>>;

    /// Plans its inverse, which is not scaled: one after the other multiplies by `n`.
    fn inverse(n: usize) -> Arc<dyn Fft<Self>>;
}

macro_rules! plan {
    ($number:ty, $planner:ident) => {
        // Inlined elsewhere, they would be compiled there.
        impl Plan for $number {
            #[inline(never)]
            fn forward(n: usize) -> Arc<dyn Fft<Self>> {
                $planner::new().plan_fft_forward(n)
            }

            #[inline(never)]
            fn inverse(n: usize) -> Arc<dyn Fft<Self>> {
                $planner::new().plan_fft_inverse(n)
            }
        }
    };
}

plan!(f32, FftPlanner);
// Without the algorithms for vector instructions: what is computed in `f64` checks the rest, and they would be half of all code here.
plan!(f64, FftPlannerScalar);

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
