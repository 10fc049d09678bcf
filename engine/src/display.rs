//! What every program that shows results has in common: the colour of an emotion, and smoothing over time.
//!
//! In: segments as they were found. Out: numbers for whoever draws. It knows neither a screen nor a drawing library, and is here because the plugin,
//! the command and the trainer draw and may not know one another.

pub mod palette;
mod smooth;

pub use smooth::smoothed;
