//! The timelines of a live analysis, which the worker writes and everybody reads.

use parking_lot::Mutex;

use crate::timeline::{Clock, Timeline, Timelines};

/// What is recorded.
#[derive(Default)]
pub(super) struct Recorded(Mutex<Contents>);

#[derive(Default)]
struct Contents {
    timelines: Timelines,
    /// Raised when everything is replaced: what a run before that still finds does not belong here.
    epoch: u64,
    /// Raised with every change.
    version: u64,
}

impl Recorded {
    /// Raised with every change.
    pub(super) fn version(&self) -> u64 {
        self.0.lock().version
    }

    /// Reads the timeline on `clock`, while nobody writes.
    pub(super) fn with_timeline<R>(&self, clock: Clock, read: impl FnOnce(&Timeline) -> R) -> R {
        read(self.0.lock().timelines.on(clock))
    }

    /// A copy of everything.
    pub(super) fn timelines(&self) -> Timelines {
        self.0.lock().timelines.clone()
    }

    /// Replaces everything.
    pub(super) fn replace(&self, timelines: Timelines) {
        let mut contents = self.0.lock();
        contents.timelines = timelines;
        contents.epoch += 1;
        contents.version += 1;
    }

    /// The epoch of the recording, and where the stream's timeline ends, seconds.
    pub(super) fn epoch(&self) -> (u64, f64) {
        let contents = self.0.lock();
        (contents.epoch, contents.timelines.stream.bounds().map_or(0.0, |(_, end_s)| end_s.max(0.0)))
    }

    /// Writes to the timeline of `clock`, unless everything was replaced since `epoch`; whether it was written.
    pub(super) fn write(&self, epoch: u64, clock: Clock, write: impl FnOnce(&mut Timeline)) -> bool {
        let mut contents = self.0.lock();
        let is_current = contents.epoch == epoch;
        if is_current {
            write(contents.timelines.on_mut(clock));
            contents.version += 1;
        }
        is_current
    }
}
