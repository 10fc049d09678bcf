//! What training data is augmented with: transforms of recordings and of features, noises, rooms and computed sounds.
//!
//! In: mono samples or features and a random generator or exact parameters. Out: the same. What is done to which clip, how often and how much, is decided by the trainer
//! (`trainer/src/data/augment`), and so are files: this crate opens none.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod features;
pub mod filter;
pub mod level;
pub mod noise;
pub mod random;
pub mod room;
pub mod signals;
pub mod synthetic;
pub mod time;
pub mod vocal_tract;
