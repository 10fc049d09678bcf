//! When the worker looks at the streams, and its conclusions from the amount of audio found.
//!
//! In: the audio of each look, and the time. Out: when to look next, and whether the host has stopped.

use std::time::{Duration, Instant};

/// Interval between looks while an editor shows the level, and otherwise: as often as there is a block to classify. Every look finds cold
/// caches, which matters with many instances.
const WATCHED: Duration = Duration::from_millis(20);
const UNWATCHED: Duration = Duration::from_millis(500);

/// Interval between looks while the host is faster than the clock, so that the ring never fills; afterwards the interval doubles each time.
const HURRIED: Duration = Duration::from_millis(5);

/// After this much audio in one look, the next one follows immediately.
const BUSY: Duration = Duration::from_secs(1);

/// Audio of one look as a multiple of the time since the previous one: above the first the host is faster than the clock, below the second it has
/// stopped somewhere in between. Hosts deliver whole buffers, which alone is no reason to hurry.
const FAST: f64 = 1.5;
const SLOW: f64 = 0.75;
const ONE_BUFFER: Duration = Duration::from_millis(30);

/// Time without audio before the host is considered stopped, initial and largest. If it turns out to be a pause between two buffers, the time is
/// doubled: an answer given too early costs an unnecessary block. Together with [`UNWATCHED`] it stays below a second.
const PATIENCE: Duration = Duration::from_millis(100);
const LONGEST_PATIENCE: Duration = Duration::from_millis(250);

/// The result of one look.
#[derive(Clone, Copy)]
pub(super) struct Poll {
    /// When it was.
    pub(super) at: Instant,
    /// Duration of the audio found.
    pub(super) taken: Duration,
    /// Whether there is audio that is not yet covered by a block.
    pub(super) unanswered: bool,
    /// Whether an editor is open.
    pub(super) watched: bool,
}

/// The conclusion from a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    /// Time until the next look.
    pub(super) wait: Duration,
    /// The host seems to have stopped: the uncovered audio is to be analysed.
    pub(super) stopped: bool,
}

/// Tracks the looks at one instance's streams.
pub(super) struct Rhythm {
    looked: Instant,
    /// The last look that found audio.
    heard: Instant,
    patience: Duration,
    longest_wait: Duration,
}

impl Rhythm {
    pub(super) const fn new(now: Instant) -> Self {
        Self { looked: now, heard: now, patience: PATIENCE, longest_wait: UNWATCHED }
    }

    /// Draws the conclusion from `poll`.
    pub(super) fn after(&mut self, poll: Poll) -> Next {
        let before = std::mem::replace(&mut self.looked, poll.at);
        let elapsed = poll.at.saturating_duration_since(before);
        if !poll.taken.is_zero() {
            let pause = before.saturating_duration_since(self.heard);
            self.patience = self.patience.max(2 * pause).min(LONGEST_PATIENCE);
            self.heard = poll.at;
        }
        let silence = poll.at.saturating_duration_since(self.heard);
        let stopped = poll.unanswered && silence >= self.patience;
        self.longest_wait = if poll.taken >= BUSY {
            Duration::ZERO
        } else if poll.taken > elapsed.mul_f64(FAST) + ONE_BUFFER {
            HURRIED
        } else {
            (2 * self.longest_wait).clamp(HURRIED, UNWATCHED)
        };
        let usual = if poll.watched { WATCHED } else { UNWATCHED };
        let doubtful = poll.unanswered && !stopped && poll.taken < elapsed.mul_f64(SLOW);
        let until_sure = if doubtful { self.patience - silence } else { Duration::MAX };
        let wait = usual.min(self.longest_wait).min(until_sure);
        Next { wait, stopped }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A host, and a worker that looks on command.
    struct Play {
        rhythm: Rhythm,
        now: Instant,
        watched: bool,
        n_stops: usize,
        unanswered: bool,
    }

    impl Play {
        fn new(watched: bool) -> Self {
            let now = Instant::now();
            Self { rhythm: Rhythm::new(now), now, watched, n_stops: 0, unanswered: false }
        }

        /// Looks after `wait`, when `taken` is available.
        fn look(&mut self, wait: Duration, taken: Duration) -> Next {
            self.now += wait;
            self.unanswered |= !taken.is_zero();
            let poll = Poll { at: self.now, taken, unanswered: self.unanswered, watched: self.watched };
            let next = self.rhythm.after(poll);
            if next.stopped {
                self.n_stops += 1;
                self.unanswered = false;
            }
            next
        }

        /// A host that delivers `buffer` periodically, at `speed` times the clock, for `length`; returns the time until each look.
        fn play(&mut self, buffer: Duration, speed: f64, length: Duration) -> Vec<Duration> {
            let start = self.now;
            let (mut waits, mut n_taken, mut wait) = (Vec::new(), 0, ms(0));
            while self.now - start < length {
                let n_written = ((self.now + wait - start).as_secs_f64() * speed / buffer.as_secs_f64()) as u32;
                wait = self.look(wait, buffer * (n_written - n_taken)).wait;
                n_taken = n_written;
                waits.push(wait);
            }
            waits
        }
    }

    #[test]
    fn a_host_that_plays_is_looked_at_as_often_as_there_is_something_to_see() {
        for (watched, usual) in [(true, WATCHED), (false, UNWATCHED)] {
            for buffer in [1, 10, 21] {
                let mut play = Play::new(watched);
                let waits = play.play(ms(buffer), 1.0, ms(10_000));
                assert!(waits[1..].iter().filter(|wait| **wait < usual).count() <= 1, "{buffer} ms: {waits:?}");
                assert_eq!(play.n_stops, 0, "{buffer} ms");
            }
        }
    }

    #[test]
    fn long_buffers_look_like_an_end_once_at_most() {
        for watched in [true, false] {
            for buffer in [93, 120, 186, 230] {
                let mut play = Play::new(watched);
                play.play(ms(buffer), 1.0, ms(60_000));
                assert!(play.n_stops <= 2, "{buffer} ms, watched {watched}: {} times", play.n_stops);
            }
        }
    }

    #[test]
    fn a_host_that_renders_is_hurried_after() {
        let mut play = Play::new(false);
        let waits = play.play(ms(10), 20.0, ms(3_000));
        assert!(waits[2..].iter().all(|wait| *wait <= HURRIED), "{waits:?}");
        let mut play = Play::new(false);
        assert_eq!(play.look(ms(500), ms(10_000)).wait, ms(0));
    }

    #[test]
    fn whenever_a_host_stops_it_is_noticed_once_within_a_second() {
        for watched in [true, false] {
            for stop_ms in (1_000..2_000).step_by(7) {
                let mut play = Play::new(watched);
                let start = play.now;
                let (mut n_taken, mut wait) = (0, ms(0));
                while play.n_stops == 0 {
                    let n_written = ((play.now + wait - start).as_millis() as u64).min(stop_ms);
                    wait = play.look(wait, ms(n_written - n_taken)).wait;
                    n_taken = n_written;
                }
                let late = play.now - start - ms(stop_ms);
                assert!(late < ms(760), "stopped at {stop_ms} ms, noticed {late:?} later, watched {watched}");
                for _ in 0..20 {
                    assert!(!play.look(wait, ms(0)).stopped);
                }
            }
        }
    }

    #[test]
    fn what_comes_after_a_pause_is_heard_again() {
        let mut play = Play::new(false);
        for n_before in 0..3 {
            play.play(ms(10), 1.0, ms(2_000));
            play.look(ms(500), ms(0));
            play.look(ms(500), ms(0));
            assert_eq!(play.n_stops, n_before + 1);
        }
    }
}
