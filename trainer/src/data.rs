//! From a published corpus to the features a network learns from.
//!
//! In: folders and tables of corpora, manifests, audio. Out: manifests, statistics, augmented copies and a [`Dataset`](dataset::Dataset) of
//! standardised features. Knows clips and labels; imports [`base`](crate::base), but nothing about training or about measuring networks.

pub mod augment;
pub mod cache;
pub mod config;
pub mod corpus;
pub mod dataset;
pub mod manifest;
pub mod preview;
pub mod silence;
pub mod speech;
pub mod stats;
