//! The paper that the first model reproduces.

pub mod published;
