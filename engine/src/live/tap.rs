//! The only code on the audio thread: it reduces a buffer to mono and leaves it in a ring.
//!
//! In: the host's buffers. Out: samples and what belongs to them, which a [`StreamReader`] takes up on another thread. Nothing that is
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

/// Audio that fits between the two threads, seconds, up to [`MAX_RING_SAMPLES`]: longer than anything keeps the worker from it.
pub const RING_SECONDS: usize = 20;

/// Samples that fit between the two threads at most, whatever the rate: 4 MiB.
pub const MAX_RING_SAMPLES: usize = 1 << 20;

/// Events that fit between the two threads: one a buffer of 64 frames at 384 kHz for more than half a second.
const N_EVENTS: usize = 4096;

/// Samples reduced at a time, while they are in the processor's cache.
const N_SCRATCH: usize = 512;

/// A host's position that is off by no more is no jump, seconds.
const TOLERANCE_SECONDS: f64 = 2e-3;

/// How long to sleep for room in a ring where nothing may be lost.
const WAIT: Duration = Duration::from_millis(1);

/// Turns between two looks at the clock while waiting without sleeping: below a microsecond.
const N_SPINS: usize = 16;

/// The audio thread's end of a stream. Dropping it ends the stream.
///
/// # Hosts that render faster than the clock
/// Not every host says so, and a bounce must lose nothing. A full ring means one of two things: somebody listens and the worker was kept from
/// the audio for as long as the ring is, or nobody listens and the host writes as fast as it can. The clock tells them apart: what somebody
/// listens to cannot have been written long before it is heard. So [`push`](Self::push) looks at the clock when, and only when, there is no room. While
/// the host is further ahead than any that plays (2 s, less where the ring holds less than 8 s), it waits for the worker; otherwise, and in
/// the worst case as soon as the clock has caught up, the buffer becomes a gap.
///
/// # Realtime safety
/// [`push`](Self::push), [`skip`](Self::skip), [`pause`](Self::pause) and [`set_offline`](Self::set_offline) neither allocate, free, lock, call the
/// system nor panic, and to a host that plays they take a time proportional to the buffer: the wait above is never one of theirs, and it is a loop that
/// looks at the ring. Only while the stream is offline do they sleep until there is room. One thread at a time may call them: a tap can be sent
/// to another thread and not be shared.
pub struct AudioTap {
    samples: Producer<f32>,
    events: Producer<StreamEvent>,
    pace: Arc<Pace>,
    offline: bool,
    tolerance_frames: u64,
    /// Frames written so far.
    n_written: u64,
    /// What the next frame must be to continue the last one; none where something new begins.
    expected: Option<(Transport, Source)>,
    /// Frames that were not written, and could not be told about yet.
    untold: Option<Missing>,
    /// The ring was full, and too little of it has been read since.
    overrun: bool,
    scratch: [f32; N_SCRATCH],
}

const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<AudioTap>();

    // Compiles only while `AudioTap` is not `Sync`: otherwise there would be two candidates for the parameter.
    trait NotSync<Candidate> {
        const HELD: () = ();
    }
    struct Shared;
    impl<T: ?Sized> NotSync<()> for T {}
    impl<T: ?Sized + Sync> NotSync<Shared> for T {}
    let () = <AudioTap as NotSync<_>>::HELD;
};

impl AudioTap {
    /// Both ends of a stream of `format`. Allocates and touches all memory the stream will need; a host may name any rate, and one that
    /// cannot be analysed gets the ring of the nearest that can.
    #[must_use]
    pub fn new(format: StreamFormat) -> (Self, StreamReader) {
        Self::with_clock(format, Pace::wall_clock())
    }

    /// The same by another `clock`, which tells the time since some moment before; the audio thread reads it.
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

    /// Says whether the host renders offline from the next buffer on; it may change its mind between any two.
    ///
    /// # Realtime safety
    /// As the type says.
    pub const fn set_offline(&mut self, offline: bool) {
        self.offline = offline;
    }

    /// The host stops: what was pushed so far is a run of its own, whose last, shorter block is analysed at once. What comes next begins a new one.
    /// Does nothing where nothing was pushed since the last time.
    ///
    /// # Realtime safety
    /// As the type says. Where there is no room to tell, the run ends with whatever comes next.
    pub fn pause(&mut self) {
        if self.expected.take().is_some() {
            self.tell(|at| StreamEvent::End { at });
        }
    }

    /// Takes one buffer: `channels` of the same length, of which `source` is analysed, with its first frame at `transport`.
    ///
    /// A buffer that does not fit in the ring, and is not worth waiting for, is left out as a whole and becomes a gap; then the ring is half emptied
    /// before more is taken, so that what remains is long enough to be analysed.
    ///
    /// # Realtime safety
    /// As the type says.
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
            // Fails only where the reader of an offline stream is gone.
            if self.samples.push_entire_slice(part).is_ok() {
                self.n_written += part.len() as u64;
            }
        }
        self.expected = Some((place.after(n_frames as u64), source));
    }

    /// Passes over `n_frames` that are not to be analysed, the first of them at `transport`: a gap of [`GapReason::Bypass`].
    ///
    /// # Realtime safety
    /// As the type says.
    pub fn skip(&mut self, n_frames: usize, transport: Transport) {
        if n_frames > 0 {
            self.miss(Missing { transport, n_frames: n_frames as u64, reason: GapReason::Bypass });
        }
    }

    /// Whether there is room for `n_frames`, perhaps after waiting for it.
    fn comes_to_fit(&self, n_frames: usize) -> bool {
        let n_needed = if self.overrun { n_frames.max(self.samples.buffer().capacity() / 2) } else { n_frames };
        self.samples.cached_slots() >= n_needed || self.comes_to_have(n_needed)
    }

    /// Whether the ring has `n_needed` free slots, or comes to. Once a lap of the ring: kept out of [`push`](Self::push), which is shorter without.
    #[cold]
    #[inline(never)]
    fn comes_to_have(&self, n_needed: usize) -> bool {
        n_needed <= self.samples.buffer().capacity() && self.comes_true(|| self.samples.slots() >= n_needed)
    }

    /// Whether there is `room`, or comes to be while the host is ahead of the clock.
    fn comes_true(&self, room: impl Fn() -> bool) -> bool {
        while !room() {
            if self.samples.is_abandoned() || !self.pace.is_ahead(self.n_written) {
                // A worker that has caught up in between makes room first, and then the host is no longer ahead.
                return room();
            }
            (0..N_SPINS).for_each(|_| hint::spin_loop());
        }
        true
    }

    /// Where the next frame belongs: behind the last one if `transport` allows it, so that a host's rounding errors do not add up.
    /// Otherwise something new begins, and the reader is told; none where there is no room to tell.
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

    /// Notes frames that are not written, and tells of them while the ring of events is not busy.
    fn miss(&mut self, missing: Missing) {
        self.expected = None;
        match &self.untold {
            Some(untold) if untold.reason == missing.reason && self.continues(untold.end(), missing.transport) => {}
            _ => _ = self.tell_untold(),
        }
        match &mut self.untold {
            // Where nothing more can be told, the position of what is added is lost, but not its length.
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

/// Waits until there is room, or nobody left to make it.
fn wait_until<T>(ring: &Producer<T>, has_room: impl Fn(&Producer<T>) -> bool) {
    while !has_room(ring) && !ring.is_abandoned() {
        thread::sleep(WAIT);
    }
}

/// Writes to every page of the ring, so that the audio thread is not the first to do so and is never stopped for it.
fn touch(samples: &mut Producer<f32>, read_samples: &mut rtrb::Consumer<f32>) {
    let n = samples.slots();
    if let Ok(chunk) = samples.write_chunk(n) {
        chunk.commit_all();
    }
    if let Ok(chunk) = read_samples.read_chunk(n) {
        chunk.commit_all();
    }
}
