//! The mathematics of training: networks with exact gradients, losses, optimisers, schedules and sparse wirings.
//!
//! In: standardised features of sequences, labels, seeds and settings. Out: probabilities, losses, gradients, and parameters that have moved. A batch is
//! computed on the threads of the pool and has the same bits for any number of them. What the parameters are and how they become the weights of a model file
//! is `moodline-core`'s, the one crate of ours that is imported here. There are no files, paths, clocks or terminals, and nothing is printed.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod loss;
pub mod network;
pub mod optimiser;
pub mod parallel;
pub mod parameters;
pub mod schedule;
pub mod wiring;
