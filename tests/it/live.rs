//! The live analysis behind a simulated host: what is recorded where, what a gap is, and that nothing but the host's audio decides it.
//!
//! No test depends on how fast the machine is: the host waits with [`Control::settle`] for what it pushed.

mod bounce;
mod host;
mod memory;
mod settings;
mod tail;
mod transport;
mod trouble;
