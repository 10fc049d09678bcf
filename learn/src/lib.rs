//! The mathematics of training: networks with exact gradients, losses, optimisers, schedules and sparse wirings.
//!
//! In: standardised features of sequences, labels, seeds and settings. Out: probabilities, losses, gradients, and updated parameters. A batch is computed on
//! the threads of the pool, and the result is bit-identical for any number of them. `moodline-core`, the only workspace crate imported here, defines the
//! parameters and their conversion to the weights of a model file. There are no files, paths, clocks or terminals, and nothing is printed.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod loss;
pub mod network;
pub mod optimiser;
pub mod parallel;
pub mod parameters;
pub mod schedule;
pub mod wiring;
