//! Fourier transforms, whose many algorithms are compiled here and nowhere else.
//!
//! In: lengths. Out: the plans of rustfft and realfft, [`Fourier`] for whole signals and back, and rubato's [`BlockFilter`], which is made of such plans. A generic function is compiled in the crate that calls it, once
//! for every such crate and with that crate's optimisation, and a planner brings some two hundred algorithms; so planners are only called here.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};
use rustfft::FftPlanner;
pub use rustfft::num_complex::Complex;
pub use rustfft::{Fft, FftNum};

mod block_filter;
mod signal;

pub use block_filter::BlockFilter;
pub use signal::{Fourier, Transform};

/// `f32` or `f64`, whose transforms can be planned.
pub trait Plan: FftNum {
    /// Plans the transform of `n` complex values.
    fn forward(n: usize) -> Arc<dyn Fft<Self>>;

    /// Plans its inverse, which is not scaled: one after the other multiplies by `n`.
    fn inverse(n: usize) -> Arc<dyn Fft<Self>>;

    /// Plans the transform of `n` real values to `n / 2 + 1` complex ones.
    fn forward_real(n: usize) -> Arc<dyn RealToComplex<Self>>;
}

macro_rules! plan {
    ($number:ty) => {
        // Inlined elsewhere, they would be compiled there.
        impl Plan for $number {
            #[inline(never)]
            fn forward(n: usize) -> Arc<dyn Fft<Self>> {
                FftPlanner::new().plan_fft_forward(n)
            }

            #[inline(never)]
            fn inverse(n: usize) -> Arc<dyn Fft<Self>> {
                FftPlanner::new().plan_fft_inverse(n)
            }

            #[inline(never)]
            fn forward_real(n: usize) -> Arc<dyn RealToComplex<Self>> {
                RealFftPlanner::new().plan_fft_forward(n)
            }
        }
    };
}

plan!(f32);
plan!(f64);

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
