//! The position of the next frame in time.

use crate::live::Transport;
use crate::timeline::Clock;

/// Follows the host's position and counts the stream's own time.
pub(super) struct StreamPosition {
    transport: Transport,
    sample_rate: u32,
    /// The stream's time before the frames counted below, seconds.
    stream_start_s: f64,
    /// Number of frames on the stream's clock since then.
    n_stream_frames: u64,
}

impl StreamPosition {
    /// `stream_s`: the time of the stream's clock, seconds.
    pub(super) const fn new(stream_s: f64) -> Self {
        Self { transport: Transport::Stopped, sample_rate: 1, stream_start_s: stream_s, n_stream_frames: 0 }
    }

    pub(super) const fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// A stream at `sample_rate` Hz starts. The stream's clock continues.
    pub(super) fn begin_stream(&mut self, sample_rate: u32) {
        self.restart_stream(self.stream_seconds());
        self.sample_rate = sample_rate.max(1);
    }

    /// Sets the stream's clock to `stream_s`.
    pub(super) const fn restart_stream(&mut self, stream_s: f64) {
        (self.stream_start_s, self.n_stream_frames) = (stream_s, 0);
    }

    pub(super) const fn move_to(&mut self, transport: Transport) {
        self.transport = transport;
    }

    pub(super) const fn advance(&mut self, n_frames: u64) {
        self.transport = self.transport.after(n_frames);
        if matches!(self.transport, Transport::None) {
            self.n_stream_frames += n_frames;
        }
    }

    /// The clock and its time; none while a followed host is stopped.
    pub(super) fn now(&self) -> Option<(Clock, f64)> {
        match self.transport {
            Transport::Playing(frame) => Some((Clock::Host, frame as f64 / f64::from(self.sample_rate))),
            Transport::None => Some((Clock::Stream, self.stream_seconds())),
            Transport::Stopped => None,
        }
    }

    fn stream_seconds(&self) -> f64 {
        self.stream_start_s + self.n_stream_frames as f64 / f64::from(self.sample_rate)
    }
}
