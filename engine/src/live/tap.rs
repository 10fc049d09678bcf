//! The only code on the audio thread: it reduces a buffer to mono and writes it to a ring.
//!
//! In: the host's buffers. Out: samples and their events, which a [`StreamReader`] reads on another thread. Nothing
//! computed from the audio ever comes back this way.

use std::hint;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use moodline_core::resample::RATES_HZ;
use rtrb::{Producer, RingBuffer};

use super::downmix::reduce;
use super::pace::Pace;
use super::reader::{Missing, StreamEvent, StreamReader};
use super::{Source, StreamFormat, Transport};
use crate::segment::GapReason;

/// Capacity of the ring between the two threads, seconds, up to [`MAX_RING_SAMPLES`]: longer than any delay of the worker.
pub const RING_SECONDS: usize = 20;

/// Largest capacity of the ring in samples, whatever the rate: 4 MiB.
pub const MAX_RING_SAMPLES: usize = 1 << 20;

/// Capacity of the ring of events: with one per buffer of 64 frames at 384 kHz, more than half a second.
const N_EVENTS: usize = 4096;

/// Samples reduced at a time, while they are in the processor's cache.
const N_SCRATCH: usize = 512;

/// A deviation of the host's position up to this is not a jump, seconds.
const TOLERANCE_SECONDS: f64 = 2e-3;

/// How long to sleep when waiting for space in a ring where nothing may be lost.
const WAIT: Duration = Duration::from_millis(1);

/// Iterations between two readings of the clock while waiting without sleeping: below a microsecond.
const N_SPINS: usize = 16;

/// The audio thread's end of a stream. Dropping it ends the stream.
///
/// # Hosts that render faster than the clock
/// Not every host says so, and a bounce must lose nothing. A full ring means one of two things: the host plays and the worker was delayed for as
/// long as the ring lasts, or the host renders as fast as it can. The clock distinguishes them: audio that is played
/// cannot have been written long before it is heard. So [`push`](Self::push) reads the clock if, and only if, there is no space. While
/// the host has a larger lead than any that plays (2 s, less where the ring holds less than 8 s), it waits for the worker; otherwise, and in
/// the worst case as soon as the clock has caught up, the buffer becomes a gap.
///
/// # Realtime safety
/// [`push`](Self::push), [`skip`](Self::skip), [`pause`](Self::pause) and [`set_offline`](Self::set_offline) neither allocate, free, lock, make system
/// calls nor panic, and for a host that plays they take a time proportional to the buffer: the wait described above never affects such a host, and is a loop
/// that polls the ring. Only while the stream is offline do they sleep until there is space. Only one thread at a time may call them: a tap can be sent
/// to another thread but not shared.
pub struct AudioTap {
    samples: Producer<f32>,
    events: Producer<StreamEvent>,
    pace: Arc<Pace>,
    offline: bool,
    tolerance_frames: u64,
    /// Number of frames written so far.
    n_written: u64,
    /// The position and source with which the next frame continues the last one; none if a new run begins.
    expected: Option<(Transport, Source)>,
    /// Frames that were not written and have not been reported yet.
    untold: Option<Missing>,
    /// The ring was full, and too little of it has been read since then.
    overrun: bool,
    scratch: [f32; N_SCRATCH],
}

const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<AudioTap>();

    // Compiles only while `AudioTap` is not `Sync`: otherwise the parameter would be ambiguous.
    trait NotSync<Candidate> {
        const HELD: () = ();
    }
    struct Shared;
    impl<T: ?Sized> NotSync<()> for T {}
    impl<T: ?Sized + Sync> NotSync<Shared> for T {}
    let () = <AudioTap as NotSync<_>>::HELD;
};

impl AudioTap {
    /// Both ends of a stream of `format`. Allocates and touches all memory the stream will need; a host may give any rate, and one that
    /// cannot be analysed gets the ring of the nearest supported rate.
    #[must_use]
    pub fn new(format: StreamFormat) -> (Self, StreamReader) {
        Self::with_clock(format, Pace::wall_clock())
    }

    /// The same with another `clock`, which returns the time since some earlier moment and is read by the audio thread.
    #[must_use]
    pub fn with_clock(format: StreamFormat, clock: Box<dyn Fn() -> Duration + Send + Sync>) -> (Self, StreamReader) {
        let n_ring = format.sample_rate.clamp(*RATES_HZ.start(), *RATES_HZ.end()) as usize * RING_SECONDS;
        let (mut samples, mut read_samples) = RingBuffer::new(n_ring.min(MAX_RING_SAMPLES));
        let (events, read_events) = RingBuffer::new(N_EVENTS);
        touch(&mut samples, &mut read_samples);
        let pace = Arc::new(Pace::new(format.sample_rate, samples.buffer().capacity(), clock));
        let reader = StreamReader::new(format, read_samples, read_events, Arc::clone(&pace));
        let tap = Self {
            samples,
            events,
            pace,
            offline: format.offline,
            tolerance_frames: (TOLERANCE_SECONDS * f64::from(format.sample_rate)) as u64,
            n_written: 0,
            expected: None,
            untold: None,
            overrun: false,
            scratch: [0.0; N_SCRATCH],
        };
        (tap, reader)
    }

    /// Says whether the host renders offline from the next buffer on; this may change between any two buffers.
    ///
    /// # Realtime safety
    /// As for the type.
    pub const fn set_offline(&mut self, offline: bool) {
        self.offline = offline;
    }

    /// The host stops: the audio pushed so far is a run of its own, whose last, shorter block is analysed immediately. Later audio begins a new one.
    /// Does nothing if nothing was pushed since the last call.
    ///
    /// # Realtime safety
    /// As for the type. If there is no space to report it, the run ends with the next audio.
    pub fn pause(&mut self) {
        if self.expected.take().is_some() {
            self.tell(|at| StreamEvent::End { at });
        }
    }

    /// Takes one buffer: `channels` of the same length, of which `source` is analysed, with its first frame at `transport`.
    ///
    /// A buffer that does not fit in the ring, and is not waited for, is dropped as a whole and becomes a gap; then the ring is half emptied
    /// before more is accepted, so that the remaining audio is long enough to be analysed.
    ///
    /// # Realtime safety
    /// As for the type.
    pub fn push(&mut self, channels: &[&[f32]], source: Source, transport: Transport) {
        let n_frames = channels.iter().map(|channel| channel.len()).min().unwrap_or(0);
        if n_frames == 0 {
            return;
        }
        self.overrun = !self.offline && !self.comes_to_fit(n_frames);
        let place = if self.overrun { None } else { self.place(source, transport) };
        let Some(place) = place else {
            self.miss(Missing { transport, n_frames: n_frames as u64, reason: GapReason::Overrun });
            return;
        };
        for start in (0..n_frames).step_by(N_SCRATCH) {
            let part = self.scratch.get_mut(..N_SCRATCH.min(n_frames - start)).unwrap_or_default();
            reduce(channels, source, start, part);
            if self.offline {
                wait_until(&self.samples, |samples| samples.slots() >= part.len());
            }
            // Fails only if the reader of an offline stream was dropped.
            if self.samples.push_entire_slice(part).is_ok() {
                self.n_written += part.len() as u64;
            }
        }
        self.expected = Some((place.after(n_frames as u64), source));
    }

    /// Skips `n_frames` that are not to be analysed, the first of them at `transport`: a gap of [`GapReason::Bypass`].
    ///
    /// # Realtime safety
    /// As for the type.
    pub fn skip(&mut self, n_frames: usize, transport: Transport) {
        if n_frames > 0 {
            self.miss(Missing { transport, n_frames: n_frames as u64, reason: GapReason::Bypass });
        }
    }

    /// Whether there is space for `n_frames`, possibly after waiting for it.
    fn comes_to_fit(&self, n_frames: usize) -> bool {
        let n_needed = if self.overrun { n_frames.max(self.samples.buffer().capacity() / 2) } else { n_frames };
        self.samples.cached_slots() >= n_needed || self.comes_to_have(n_needed)
    }

    /// Whether the ring has `n_needed` free slots, possibly after waiting. Needed once per cycle of the ring, so kept out of [`push`](Self::push).
    #[cold]
    #[inline(never)]
    fn comes_to_have(&self, n_needed: usize) -> bool {
        n_needed <= self.samples.buffer().capacity() && self.comes_true(|| self.samples.slots() >= n_needed)
    }

    /// Whether `room` returns true, possibly after waiting while the host is ahead of the clock.
    fn comes_true(&self, room: impl Fn() -> bool) -> bool {
        while !room() {
            if self.samples.is_abandoned() || !self.pace.is_ahead(self.n_written) {
                // A worker that has caught up in the meantime frees space first; only then is the host no longer ahead.
                return room();
            }
            (0..N_SPINS).for_each(|_| hint::spin_loop());
        }
        true
    }

    /// The position of the next frame: after the last one if `transport` allows it, so that a host's rounding errors do not accumulate.
    /// Otherwise a new run begins, and the reader is notified; none if there is no space to notify it.
    fn place(&mut self, source: Source, transport: Transport) -> Option<Transport> {
        match self.expected {
            Some((expected, same)) if same == source && self.continues(expected, transport) => Some(expected),
            _ => self.begin(transport).then_some(transport),
        }
    }

    #[cold]
    #[inline(never)]
    fn begin(&mut self, transport: Transport) -> bool {
        let n_events = if self.untold.is_some() { 2 } else { 1 };
        let can_tell = self.offline || self.comes_true(|| self.events.slots() >= n_events);
        can_tell && self.tell_untold() && self.tell(|at| StreamEvent::Begin { at, transport })
    }

    fn continues(&self, expected: Transport, found: Transport) -> bool {
        match (expected, found) {
            (Transport::Playing(expected), Transport::Playing(found)) => expected.abs_diff(found) <= self.tolerance_frames,
            (expected, found) => expected == found,
        }
    }

    /// Records frames that are not written, and reports them if the ring of events has enough space.
    fn miss(&mut self, missing: Missing) {
        self.expected = None;
        match &self.untold {
            Some(untold) if untold.reason == missing.reason && self.continues(untold.end(), missing.transport) => {}
            _ => _ = self.tell_untold(),
        }
        match &mut self.untold {
            // If nothing more can be reported, the position of these frames is lost, but not their number.
            Some(untold) => untold.n_frames = untold.n_frames.saturating_add(missing.n_frames),
            none => *none = Some(missing),
        }
        if self.events.slots() > N_EVENTS / 2 {
            self.tell_untold();
        }
    }

    fn tell_untold(&mut self) -> bool {
        let Some(missing) = self.untold else { return true };
        let told = self.tell(|at| StreamEvent::Missing { at, missing });
        if told {
            self.untold = None;
        }
        told
    }

    fn tell(&mut self, event: impl FnOnce(u64) -> StreamEvent) -> bool {
        if self.offline {
            wait_until(&self.events, |events| events.slots() > 0);
        }
        self.events.push(event(self.n_written)).is_ok()
    }
}

impl Drop for AudioTap {
    fn drop(&mut self) {
        self.tell_untold();
    }
}

/// Waits until there is space, or the reader is dropped.
fn wait_until<T>(ring: &Producer<T>, has_room: impl Fn(&Producer<T>) -> bool) {
    while !has_room(ring) && !ring.is_abandoned() {
        thread::sleep(WAIT);
    }
}

/// Writes to every page of the ring, so that the audio thread never causes a page fault.
fn touch(samples: &mut Producer<f32>, read_samples: &mut rtrb::Consumer<f32>) {
    let n = samples.slots();
    if let Ok(chunk) = samples.write_chunk(n) {
        chunk.commit_all();
    }
    if let Ok(chunk) = read_samples.read_chunk(n) {
        chunk.commit_all();
    }
}
