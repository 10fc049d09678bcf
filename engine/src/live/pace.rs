//! How far the host is ahead of the clock.
//!
//! In: what the tap has written, the time, and now and then a mark of the worker. Out: whether audio comes faster than anybody could hear it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use atomic_float::AtomicF64;
use moodline_core::resample::RATES_HZ;

/// A host that plays to somebody is never further ahead of the clock, seconds: what it computes in advance must wait until it is heard.
const LONGEST_LEAD_SECONDS: f64 = 2.0;

/// The same as a share of the ring, for rates at which little fits: a full ring must still tell a host that renders from one that plays.
const LONGEST_LEAD_OF_RING: f64 = 0.25;

/// What the audio thread and the worker know together about the speed of a stream.
pub(super) struct Pace {
    /// Time since some moment before the stream began.
    clock: Box<dyn Fn() -> Duration + Send + Sync>,
    sample_rate: f64,
    longest_lead_s: f64,
    /// Audio written when the worker last set the mark, less the time it did so, seconds. One number, so that nobody ever sees half a mark.
    mark_s: AtomicF64,
}

impl Pace {
    /// Of a stream at `sample_rate` Hz whose ring holds `n_ring` samples.
    pub(super) fn new(sample_rate: u32, n_ring: usize, clock: Box<dyn Fn() -> Duration + Send + Sync>) -> Self {
        let sample_rate = f64::from(sample_rate.clamp(*RATES_HZ.start(), *RATES_HZ.end()));
        let longest_lead_s = LONGEST_LEAD_SECONDS.min(LONGEST_LEAD_OF_RING * n_ring as f64 / sample_rate);
        let pace = Self { clock, sample_rate, longest_lead_s, mark_s: AtomicF64::new(0.0) };
        pace.mark(0);
        pace
    }

    /// The time since this was made.
    pub(super) fn wall_clock() -> Box<dyn Fn() -> Duration + Send + Sync> {
        let start = Instant::now();
        Box::new(move || start.elapsed())
    }

    /// The worker has caught up with a stream of which `n_written` frames were written: from now on the host can only be ahead by what it
    /// writes faster than the clock runs.
    pub(super) fn mark(&self, n_written: u64) {
        self.mark_s.store(self.head_start_s(n_written), Ordering::Release);
    }

    /// Whether a host that has written `n_written` frames is further ahead than one that plays to somebody can be. After an answer that follows
    /// from a mark, the room that the worker made before it is there to be seen.
    ///
    /// # Realtime safety
    /// Reads the clock, which on the systems that hosts run on is no system call.
    pub(super) fn is_ahead(&self, n_written: u64) -> bool {
        self.head_start_s(n_written) - self.mark_s.load(Ordering::Acquire) > self.longest_lead_s
    }

    fn head_start_s(&self, n_written: u64) -> f64 {
        n_written as f64 / self.sample_rate - (self.clock)().as_secs_f64()
    }
}
