//! The paper that the first model reproduces: its published results, its protocol, and the comparison with ours.
//!
//! In: a manifest to plan on, or results. Out: the folds of the published protocol, the published numbers, and a comparison table. All code specific
//! to the paper is here.

pub(crate) mod comparison;
pub mod protocol;
pub mod published;
