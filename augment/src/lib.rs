//! What training data is augmented with: transforms of recordings, noises, rooms and computed sounds.
//!
//! In: mono samples and a random generator or exact parameters. Out: samples. What is done to which clip, how often and how much, is decided by the trainer
//! (`trainer/src/data/augment`), and so are files: this crate opens none.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod filter;
pub mod level;
pub mod noise;
pub mod random;
pub mod room;
pub mod signals;
pub mod synthetic;
pub mod time;
pub mod vocal_tract;
