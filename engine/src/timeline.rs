//! Recorded results by time.
//!
//! In: the segments and gaps of consecutive runs. Out: entries sorted by time, and the text that a session saves. A passage that is
//! played again replaces what was there, and nothing else.

mod codec;
mod thin;

use crate::segment::{GapReason, Segment, State};

pub use codec::{DecodeTimelineError, MAX_TEXT_BYTES};

/// Largest number of entries in a timeline: 4 hours with a block every quarter of a second. Beyond that, those written longest ago are thinned.
pub const CAPACITY: usize = 4 * 3600 * 4;

/// Times are stored in whole microseconds, as written by exports.
const TICKS_PER_SECOND: f64 = 1e6;

/// Times farther from 0 are not recorded, seconds; far beyond any session, and exact in microseconds.
const FARTHEST_S: f64 = 1e9;

/// The reference of the times of a timeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Clock {
    /// The position of the host's transport.
    #[default]
    Host,
    /// The audio itself, counted from the last reset.
    Stream,
}

/// A segment as stored in a timeline, with rounded times. None if it is empty, too far away, or its times are not numbers.
fn entry(start_s: f64, end_s: f64, state: State) -> Option<Segment> {
    let rounded = |seconds: f64| (seconds * TICKS_PER_SECOND).round() / TICKS_PER_SECOND;
    let (start_s, end_s) = (rounded(start_s), rounded(end_s));
    let valid = start_s >= -FARTHEST_S && end_s <= FARTHEST_S && start_s < end_s;
    valid.then_some(Segment { start_s, end_s, state })
}

/// The parts of `entry` before `start_s` and after `end_s`.
fn without(entry: Segment, start_s: f64, end_s: f64) -> impl Iterator<Item = Segment> {
    let before = Segment { end_s: entry.end_s.min(start_s), ..entry };
    let after = Segment { start_s: entry.start_s.max(end_s), ..entry };
    [before, after].into_iter().filter(|part| part.start_s < part.end_s)
}

/// An entry and the time when it was written.
#[derive(Clone, Copy, Debug)]
struct Written {
    entry: Segment,
    ordinal: u64,
}

/// Segments and gaps sorted by start: the entries.
///
/// Gaps overlap neither each other nor the start of a segment. Segments overlap as their blocks did, and one recorded in an
/// earlier pass may extend into a gap after it.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    entries: Vec<Segment>,
    /// For each entry, the number of the insertion that wrote it.
    ordinals: Vec<u64>,
    n_insertions: u64,
    /// Upper bound of the length of segments, seconds.
    longest_segment_s: f64,
}

impl PartialEq for Timeline {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Timeline {
    /// All entries, sorted by start.
    #[must_use]
    pub fn entries(&self) -> &[Segment] {
        &self.entries
    }

    /// The entries from the first to the last one that touch the time from `start_s` to `end_s`, seconds.
    #[must_use]
    pub fn between(&self, start_s: f64, end_s: f64) -> &[Segment] {
        let last = self.first_from(end_s);
        // A gap that extends into the range is the entry right before it, since none starts within a gap.
        let mut first = self.first_from(start_s).min(last);
        let mut earlier = first;
        while earlier > 0 {
            earlier -= 1;
            let entry = &self.entries[earlier];
            if entry.end_s > start_s {
                first = earlier;
            }
            if entry.start_s + self.longest_segment_s <= start_s {
                break;
            }
        }
        &self.entries[first..last]
    }

    /// First start and last end, seconds; none when nothing is recorded.
    #[must_use]
    pub fn bounds(&self) -> Option<(f64, f64)> {
        let (first, last) = (self.entries.first()?, self.entries.last()?);
        let near_the_end = self.between(last.start_s, last.end_s);
        Some((first.start_s, near_the_end.iter().fold(last.end_s, |end, entry| end.max(entry.end_s))))
    }

    /// The entries without the gaps, as used by exports.
    #[must_use]
    pub fn without_gaps(&self) -> Vec<Segment> {
        self.entries.iter().filter(|entry| !entry.is_gap()).copied().collect()
    }

    /// Number of insertions so far.
    pub(crate) const fn n_insertions(&self) -> u64 {
        self.n_insertions
    }

    /// All entries, sorted by start, each with the number of the insertion that wrote it, counted from 1.
    pub(crate) fn insertions(&self) -> impl Iterator<Item = (&Segment, u64)> {
        self.entries.iter().zip(self.ordinals.iter().copied())
    }

    /// Records `state` for the block from `start_s` to `end_s`, in a run with a block every `hop_s` seconds.
    ///
    /// It replaces the segments of earlier passes that start within it and before the run's next block does, and the gaps in the audio that was heard now.
    /// A gap is recorded as by [`Timeline::insert_gap`].
    pub fn insert_segment(&mut self, start_s: f64, end_s: f64, hop_s: f64, state: State) {
        if let State::Gap(reason) = state {
            return self.insert_gap(start_s, end_s, reason);
        }
        let Some(new) = entry(start_s, end_s, state) else { return };
        let next_start_s = new.start_s + hop_s - 0.5 / TICKS_PER_SECOND;
        self.longest_segment_s = self.longest_segment_s.max(new.end_s - new.start_s);
        self.replace(new, |older| !older.is_gap() && older.start_s < next_start_s);
    }

    /// Removes the segments that start from `from_s` up to `to_s`. Gaps stay.
    pub(crate) fn remove_segments(&mut self, from_s: f64, to_s: f64) {
        let half_tick = 0.5 / TICKS_PER_SECOND;
        let (first, end) = (self.first_from(from_s - half_tick), self.first_from(to_s - half_tick));
        for index in (first..end).rev().filter(|index| !self.entries[*index].is_gap()).collect::<Vec<_>>() {
            self.entries.remove(index);
            self.ordinals.remove(index);
        }
    }

    /// Records that there is no answer from `start_s` to `end_s`.
    ///
    /// It replaces what was there, and continues a gap with the same reason that ends where it starts. [`GapReason::Bypass`] only fills
    /// empty time: switching the analysis off while the host plays removes nothing.
    pub fn insert_gap(&mut self, start_s: f64, end_s: f64, reason: GapReason) {
        let Some(gap) = entry(start_s, end_s, State::Gap(reason)) else { return };
        if reason == GapReason::Bypass {
            for part in self.empty_parts(gap) {
                self.replace_by_gap(part);
            }
        } else {
            self.replace_by_gap(gap);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Index of the first entry that starts at `seconds` or later.
    fn first_from(&self, seconds: f64) -> usize {
        self.entries.partition_point(|entry| entry.start_s < seconds)
    }

    fn replace_by_gap(&mut self, mut gap: Segment) {
        let before = self.first_from(gap.start_s).checked_sub(1).map(|index| self.entries[index]);
        if let Some(before) = before.filter(|before| before.state == gap.state && before.end_s >= gap.start_s) {
            gap = Segment { start_s: before.start_s, end_s: gap.end_s.max(before.end_s), ..gap };
        }
        self.replace(gap, |older| !older.is_gap());
    }

    /// Inserts `new`. Of the older entries that start within its time those that are `replaced` are removed; gaps lose that time.
    fn replace(&mut self, new: Segment, replaced: impl Fn(&Segment) -> bool) {
        let mut first = self.first_from(new.start_s);
        let end = self.first_from(new.end_s);
        if first > 0 && self.entries[first - 1].is_gap() && self.entries[first - 1].end_s > new.start_s {
            first -= 1;
        }
        self.n_insertions += 1;
        let mut parts = vec![Written { entry: new, ordinal: self.n_insertions }];
        for (older, &ordinal) in self.entries[first..end].iter().zip(&self.ordinals[first..end]) {
            if older.is_gap() {
                parts.extend(without(*older, new.start_s, new.end_s).map(|entry| Written { entry, ordinal }));
            } else if !replaced(older) {
                parts.push(Written { entry: *older, ordinal });
            }
        }
        // Stable: new entries precede older ones with the same start.
        parts.sort_by(|a, b| a.entry.start_s.total_cmp(&b.entry.start_s));
        self.entries.splice(first..end, parts.iter().map(|part| part.entry));
        self.ordinals.splice(first..end, parts.iter().map(|part| part.ordinal));
        self.thin_to(CAPACITY);
    }

    /// The parts of `gap` that no entry covers.
    fn empty_parts(&self, gap: Segment) -> Vec<Segment> {
        let mut parts = Vec::new();
        let mut empty_from_s = gap.start_s;
        for entry in self.between(gap.start_s, gap.end_s) {
            if entry.start_s > empty_from_s {
                parts.push(Segment { start_s: empty_from_s, end_s: entry.start_s, ..gap });
            }
            empty_from_s = empty_from_s.max(entry.end_s);
        }
        if empty_from_s < gap.end_s {
            parts.push(Segment { start_s: empty_from_s, ..gap });
        }
        parts
    }

    /// A timeline of these entries; none if they violate its rules.
    fn from_entries(entries: Vec<Segment>) -> Option<Self> {
        let mut gap_end_s = f64::NEG_INFINITY;
        let mut longest_segment_s = 0.0_f64;
        for (index, entry) in entries.iter().enumerate() {
            let sorted = index == 0 || entries[index - 1].start_s <= entry.start_s;
            if !sorted || entry.start_s < gap_end_s || self::entry(entry.start_s, entry.end_s, entry.state) != Some(*entry) {
                return None;
            }
            if entry.is_gap() {
                gap_end_s = entry.end_s;
            } else {
                longest_segment_s = longest_segment_s.max(entry.end_s - entry.start_s);
            }
        }
        let n_insertions = entries.len() as u64;
        Some(Self { ordinals: (1..=n_insertions).collect(), entries, n_insertions, longest_segment_s })
    }
}

/// The recordings on both clocks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timelines {
    /// The timeline on the position of the host's transport.
    pub host: Timeline,
    /// The timeline on the audio's own clock.
    pub stream: Timeline,
}

impl Timelines {
    /// The timeline on `clock`.
    #[must_use]
    pub const fn on(&self, clock: Clock) -> &Timeline {
        match clock {
            Clock::Host => &self.host,
            Clock::Stream => &self.stream,
        }
    }

    /// The timeline on `clock`, mutable.
    pub const fn on_mut(&mut self, clock: Clock) -> &mut Timeline {
        match clock {
            Clock::Host => &mut self.host,
            Clock::Stream => &mut self.stream,
        }
    }
}
