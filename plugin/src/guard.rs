//! The layer between a host and the framework.
//!
//! In: the calls of a host, which may break any rule of CLAP and VST3. Out: calls that `nice-plug` 0.4.2 can handle, and the answers that the formats
//! require. Everything that works in the framework is passed on; the following is handled here:
//!
//! | rule | the framework alone | here |
//! |---|---|---|
//! | the process mode | VST3: that of the previous set-up | [`Link`]: updated by every set-up and every buffer |
//! | buffers with wrong channels, null pointers, `process` before `activate` | panics across C, ending the process | refused; passed if possible ([`route`]) |
//! | automation in a VST3 buffer | a message to another thread, with a system call | applied where it is read |
//! | requesting parameter info at index = count | panics | refused |
//! | a stream that refuses state, or invalid state | "OK" | failure ([`state`]) |
//! | a panic while state is saved or loaded | crosses C, ending the process | failure |
//! | state for a preset or a duplicate | contains the recorded timeline | does not |
//! | one channel to two and back, 5.1.4, ambisonics ... | refused, or another arrangement is read back | [`route`], [`arrangements`] |
//! | a window of 1 x 1, closed at once, from another thread | panics, hangs | clamped, waited for, refused |
//! | the host's run loop (VST3 on Linux) | one handler and two descriptors leak per window | released |
//! | deleting an instance while others are in use (VST3) | aborts with the last instance | waits for the framework's thread |
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

use std::panic::{AssertUnwindSafe, catch_unwind};

pub(crate) use link::{Link, Settled};

/// The result of `call`; none after a panic, which would end the host if it left this code.
fn unless_panicked<T>(call: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(call)).ok()
}
