//! The other end of an [`AudioTap`](super::AudioTap).

use std::ops::ControlFlow;
use std::sync::Arc;

use rtrb::Consumer;

use super::pace::Pace;
use super::{StreamFormat, Transport};
use crate::segment::GapReason;

/// Samples passed on at a time.
const N_PIECE: usize = 4096;

/// With at most this much left to read the reader has caught up, seconds.
const CAUGHT_UP_SECONDS: f64 = 0.5;

/// Frames of the host that are not in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The position of the first of them.
    pub transport: Transport,
    /// Their number.
    pub n_frames: u64,
    /// The reason.
    pub reason: GapReason,
}

impl Missing {
    /// The position of the first frame after them.
    #[must_use]
    pub const fn end(&self) -> Transport {
        self.transport.after(self.n_frames)
    }
}

/// An event before the frame `at`, counted in the stream.
#[derive(Clone, Copy, Debug)]
pub(super) enum StreamEvent {
    /// A new run starts at `transport`.
    Begin {
        at: u64,
        transport: Transport,
    },
    Missing {
        at: u64,
        missing: Missing,
    },
    /// The host stopped.
    End {
        at: u64,
    },
}

impl StreamEvent {
    const fn at(&self) -> u64 {
        match self {
            Self::Begin { at, .. } | Self::Missing { at, .. } | Self::End { at } => *at,
        }
    }
}

/// A part of a stream, in order.
#[derive(Debug, PartialEq)]
pub enum Piece<'a> {
    /// A new run starts; the position of its first sample.
    Begin(Transport),
    /// Contiguous mono samples.
    Samples(&'a mut [f32]),
    /// A gap; what comes after it starts with a [`Piece::Begin`].
    Missing(Missing),
    /// The host stopped; what comes after it starts with a [`Piece::Begin`].
    End,
}

/// The reading end of a stream, for one thread that may block.
pub struct StreamReader {
    format: StreamFormat,
    samples: Consumer<f32>,
    events: Consumer<StreamEvent>,
    pace: Arc<Pace>,
    n_read: u64,
    buffer: Vec<f32>,
}

impl StreamReader {
    pub(super) fn new(format: StreamFormat, samples: Consumer<f32>, events: Consumer<StreamEvent>, pace: Arc<Pace>) -> Self {
        Self { format, samples, events, pace, n_read: 0, buffer: vec![0.0; N_PIECE] }
    }

    /// The initial format of the stream.
    #[must_use]
    pub const fn format(&self) -> StreamFormat {
        self.format
    }

    /// Whether the tap was dropped and everything was read.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        // In this order, because the tap writes before it is dropped.
        self.samples.is_abandoned() && self.samples.is_empty() && self.events.is_empty()
    }

    /// Number of samples available to read.
    #[must_use]
    pub fn n_waiting(&self) -> usize {
        self.samples.slots()
    }

    /// To be called after each look at the stream, even one that had to leave the audio unread: if little is left, the tap measures the host's lead over the
    /// clock from here on.
    pub fn looked(&self) {
        let n_waiting = self.n_waiting();
        if (n_waiting as f64) < CAUGHT_UP_SECONDS * f64::from(self.format.sample_rate) {
            self.pace.mark(self.n_read + n_waiting as u64);
        }
    }

    /// Passes the available pieces to `take`, until that breaks. A piece is removed before it is passed: one that makes `take` panic is not
    /// passed again.
    pub fn read(&mut self, mut take: impl FnMut(Piece<'_>) -> ControlFlow<()>) {
        // Read before the events, so that the events of all these samples are available too.
        let mut n_left = self.samples.slots();
        loop {
            let n_to_event = match self.events.peek().map(StreamEvent::at) {
                Ok(at) if at <= self.n_read => {
                    let Ok(event) = self.events.pop() else { return };
                    let piece = match event {
                        StreamEvent::Begin { transport, .. } => Piece::Begin(transport),
                        StreamEvent::Missing { missing, .. } => Piece::Missing(missing),
                        StreamEvent::End { .. } => Piece::End,
                    };
                    if take(piece).is_break() {
                        return;
                    }
                    continue;
                }
                Ok(at) => usize::try_from(at - self.n_read).unwrap_or(usize::MAX),
                Err(_) => usize::MAX,
            };
            let n = n_left.min(n_to_event).min(self.buffer.len());
            let (piece, _) = self.samples.pop_partial_slice(&mut self.buffer[..n]);
            if piece.is_empty() {
                return;
            }
            n_left -= piece.len();
            self.n_read += piece.len() as u64;
            if take(Piece::Samples(piece)).is_break() {
                return;
            }
        }
    }
}
