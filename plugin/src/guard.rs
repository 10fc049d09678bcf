//! What stands between a host and the framework.
//!
//! In: the calls of a host, which may bend every rule of CLAP and VST3. Out: calls that `nice-plug` 0.4.2 can take, and the answers that the
//! formats ask for. Everything that works in the framework is passed on; what is answered here, and why:
//!
//! | rule | the framework alone | here |
//! |---|---|---|
//! | the process mode | VST3: that of the set-up before | [`Link`]: told by every set-up and every buffer |
//! | buffers with other channels than agreed, null pointers, `process` before `activate` | panics across C, which ends the process | refused; what can pass, passes ([`route`]) |
//! | automation in a VST3 buffer | a message to another thread, with a system call | set where it is read |
//! | asking for parameter info at index = count | panics | refused |
//! | state to a stream that refuses, state of garbage | "OK" | failure ([`state`]) |
//! | state for a preset or a duplicate | carries the recorded timeline | does not |
//! | one channel to two and back, 5.1.4, ambisonics ... | refused, or another arrangement is read back | [`route`], [`arrangements`] |
//! | a window of 1 x 1, closed at once, from another thread | panics, hangs | clamped, waited for, refused |
//! | the host's run loop (VST3 on Linux) | one handler and two descriptors stay for each window | given back |
//! | deleting an instance while others talk to it (VST3) | aborts with the last instance | waits for the framework's thread |
//!
//! Both formats share this module; [`clap`] and [`vst3`] are the entry points.

#![allow(unsafe_code, reason = "CLAP and VST3 are C interfaces; what is read through their pointers is checked first")]
#![allow(non_upper_case_globals, reason = "the bindings keep the names that VST3 gives its constants")]

mod arrangements;
mod clap;
mod link;
mod preset;
mod route;
mod sizes;
mod state;
mod vst3;

pub(crate) use link::{Link, Settled};
