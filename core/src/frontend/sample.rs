//! The samples that the front end analyses, and the functions that are compiled for them in this crate.

use super::FrontEnd;
use crate::real::Real;

/// What takes the steps, `[step_len]` each.
pub(super) type Sink<'a, T> = &'a mut dyn FnMut(&[T]);

/// `f32` (used by the product) or `f64` (used to check the golden data).
///
/// A generic function is compiled in the crate that calls it, once for every such crate and with that crate's optimisation. These functions are not generic, so
/// that the analysis of a frame is compiled here alone. Call the methods of [`FrontEnd`].
pub trait Sample: Real {
    #[doc(hidden)]
    fn push(front_end: &mut FrontEnd<Self>, samples: &[Self], sink: &mut dyn FnMut(&[Self]));

    #[doc(hidden)]
    fn flush(front_end: &mut FrontEnd<Self>, sink: &mut dyn FnMut(&[Self]));

    #[doc(hidden)]
    fn flush_with_floor(front_end: &mut FrontEnd<Self>, samples: &[Self], top_db: f64, sink: &mut dyn FnMut(&[Self]));
}

macro_rules! sample {
    ($number:ty) => {
        // Inlined elsewhere, they would be compiled there.
        impl Sample for $number {
            #[inline(never)]
            fn push(front_end: &mut FrontEnd<Self>, samples: &[Self], sink: Sink<'_, Self>) {
                front_end.generic_push(samples, sink);
            }

            #[inline(never)]
            fn flush(front_end: &mut FrontEnd<Self>, sink: Sink<'_, Self>) {
                front_end.generic_flush(sink);
            }

            #[inline(never)]
            fn flush_with_floor(front_end: &mut FrontEnd<Self>, samples: &[Self], top_db: f64, sink: Sink<'_, Self>) {
                front_end.generic_flush_with_floor(samples, top_db, sink);
            }
        }
    };
}

sample!(f32);
sample!(f64);
