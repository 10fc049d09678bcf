//! The paper that the first model reproduces: its numbers, its protocol, and what is found here set against them.
//!
//! In: a manifest to plan on, or results. Out: the folds of the published protocol, the published numbers, a table of both. Everything that knows the paper is
//! here.

pub(crate) mod comparison;
pub mod protocol;
pub mod published;
