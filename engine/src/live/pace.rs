//! Lead of the host over the clock.
//!
//! In: the amount written by the tap, the time, and occasional marks of the worker. Out: whether audio arrives faster than it could be played.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use atomic_float::AtomicF64;
use moodline_core::resample::RATES_HZ;

/// Largest lead of a host that plays in real time, seconds: audio computed in advance must wait until it is heard.
const LONGEST_LEAD_SECONDS: f64 = 2.0;

/// The same as a share of the ring, for rates at which it holds little: a full ring must still distinguish a rendering host from a playing one.
const LONGEST_LEAD_OF_RING: f64 = 0.25;

/// Information about the speed of a stream, shared by the audio thread and the worker.
pub(super) struct Pace {
    /// Time since some moment before the start of the stream.
    clock: Box<dyn Fn() -> Duration + Send + Sync>,
    sample_rate: f64,
    longest_lead_s: f64,
    /// Audio written when the worker last set the mark, minus the time at which it did so, seconds. A single number, so that it is always read as a whole.
    mark_s: AtomicF64,
}

impl Pace {
    /// For a stream at `sample_rate` Hz whose ring holds `n_ring` samples.
    pub(super) fn new(sample_rate: u32, n_ring: usize, clock: Box<dyn Fn() -> Duration + Send + Sync>) -> Self {
        let sample_rate = f64::from(sample_rate.clamp(*RATES_HZ.start(), *RATES_HZ.end()));
        let longest_lead_s = LONGEST_LEAD_SECONDS.min(LONGEST_LEAD_OF_RING * n_ring as f64 / sample_rate);
        let pace = Self { clock, sample_rate, longest_lead_s, mark_s: AtomicF64::new(0.0) };
        pace.mark(0);
        pace
    }

    /// A clock that starts now.
    pub(super) fn wall_clock() -> Box<dyn Fn() -> Duration + Send + Sync> {
        let start = Instant::now();
        Box::new(move || start.elapsed())
    }

    /// Sets the mark when the worker has caught up with a stream of which `n_written` frames were written: from now on the host's lead can only grow by writing
    /// faster than the clock.
    pub(super) fn mark(&self, n_written: u64) {
        self.mark_s.store(self.head_start_s(n_written), Ordering::Release);
    }

    /// Whether a host that has written `n_written` frames has a larger lead than a playing one can have. If the answer depends on a mark, the space that
    /// the worker freed before setting it is visible afterwards.
    ///
    /// # Realtime safety
    /// Reads the clock, which needs no system call on the usual systems of hosts.
    pub(super) fn is_ahead(&self, n_written: u64) -> bool {
        self.head_start_s(n_written) - self.mark_s.load(Ordering::Acquire) > self.longest_lead_s
    }

    fn head_start_s(&self, n_written: u64) -> f64 {
        n_written as f64 / self.sample_rate - (self.clock)().as_secs_f64()
    }
}
