//! What is shown: the newest that was found, or, while it is held, what was found when hold was switched on.

use moodline_core::Probabilities;
use moodline_engine::live::{Monitor, Status};
use moodline_engine::timeline::{self, Clock, Content, Entry, Timeline};
use moodline_engine::{Segment, State};

use super::columns::{Column, Grid, Piece, What};

/// How many time constants before the visible range smoothing starts: what is older weighs less than 1 in 20,000.
const WARM_UP: f64 = 10.0;
/// Times closer than this are the same, seconds.
const SAME_TIME_S: f64 = 1e-6;

/// How everything stands, but for the timeline itself, which is too long to be copied for each frame.
#[derive(Clone)]
pub(crate) struct Snapshot {
    /// Stands for what the timelines hold.
    pub(crate) timeline_version: u64,
    pub(crate) clock: Clock,
    pub(crate) status: Status,
    pub(crate) playhead: Option<f64>,
}

impl Snapshot {
    pub(crate) fn take(monitor: &Monitor) -> Self {
        // The version first: what changes meanwhile is seen in the next frame.
        let timeline_version = monitor.timeline_version();
        Self { timeline_version, clock: monitor.clock(), status: monitor.status(), playhead: monitor.playhead() }
    }
}

/// A frozen moment.
pub(crate) struct Held {
    snapshot: Snapshot,
    timeline: Timeline,
}

impl Held {
    pub(crate) fn take(monitor: &Monitor) -> Self {
        let snapshot = Snapshot::take(monitor);
        let timeline = monitor.with_timeline(snapshot.clock, Timeline::clone);
        Self { snapshot, timeline }
    }
}

/// What this frame shows.
pub(crate) struct Shown<'a> {
    pub(crate) snapshot: Snapshot,
    recorded: Recorded<'a>,
}

enum Recorded<'a> {
    Live(&'a Monitor),
    Held(&'a Timeline),
}

impl<'a> Shown<'a> {
    pub(crate) fn new(monitor: &'a Monitor, held: Option<&'a Held>) -> Self {
        match held {
            Some(held) => Self { snapshot: held.snapshot.clone(), recorded: Recorded::Held(&held.timeline) },
            None => Self { snapshot: Snapshot::take(monitor), recorded: Recorded::Live(monitor) },
        }
    }

    /// Reads the timeline; the worker waits meanwhile.
    pub(crate) fn with_timeline<R>(&self, read: impl FnOnce(&Timeline) -> R) -> R {
        match self.recorded {
            Recorded::Live(monitor) => monitor.with_timeline(self.snapshot.clock, read),
            Recorded::Held(timeline) => read(timeline),
        }
    }

    /// What the timeline holds on `grid`, smoothed.
    pub(crate) fn columns(&self, grid: &Grid, smoothing_s: f64) -> Vec<Column> {
        let start_s = grid.start_s() - WARM_UP * smoothing_s;
        self.with_timeline(|timeline| grid.columns(pieces(timeline.between(start_s, grid.end_s()), smoothing_s)))
    }

    /// The newest finding, smoothed.
    pub(crate) fn latest(&self, smoothing_s: f64) -> Option<State> {
        let latest = self.snapshot.status.latest?;
        let smoothed = || {
            self.with_timeline(|timeline| {
                let entries = timeline.between(latest.start_s - WARM_UP * smoothing_s, latest.end_s);
                let index = entries.iter().rposition(|entry| is_same(entry, &latest))?;
                timeline::smoothed(&entries[..=index], smoothing_s).last().copied().flatten()
            })
        };
        match latest.state {
            State::Speech(_) if smoothing_s > 0.0 => Some(smoothed().map_or(latest.state, State::Speech)),
            state => Some(state),
        }
    }
}

fn is_same(entry: &Entry, segment: &Segment) -> bool {
    (entry.start_s - segment.start_s).abs() < SAME_TIME_S
}

/// The part of time each entry stands for, and what it holds.
fn pieces(entries: &[Entry], smoothing_s: f64) -> impl Iterator<Item = Piece> {
    let smoothed = if smoothing_s > 0.0 { timeline::smoothed(entries, smoothing_s) } else { Vec::new() };
    let probabilities = smoothed.into_iter().chain(std::iter::repeat(None));
    let piece = |((entry, (start_s, end_s)), probabilities)| Piece { start_s, end_s, what: what(entry, probabilities) };
    entries.iter().zip(Timeline::spans(entries)).zip(probabilities).map(piece)
}

/// What was found in a file on `grid`, smoothed.
pub(crate) fn file_columns(segments: &[Segment], grid: &Grid, smoothing_s: f64) -> Vec<Column> {
    grid.columns(pieces(&entries_of(segments), smoothing_s))
}

fn what(entry: &Entry, probabilities: Option<Probabilities>) -> What {
    match (entry.content, probabilities) {
        (Content::Gap(reason), _) => What::Gap(reason),
        (Content::Segment(State::Speech(_)), Some(smoothed)) => What::Speech(*smoothed.as_array()),
        (Content::Segment(State::Speech(raw)), None) => What::Speech(*raw.as_array()),
        (Content::Segment(State::NoSpeech), _) => What::Silence,
    }
}

/// The segments of a file as entries of a timeline.
fn entries_of(segments: &[Segment]) -> Vec<Entry> {
    let entry =
        |segment: &Segment| Entry { start_s: segment.start_s, end_s: segment.end_s, content: Content::Segment(segment.state) };
    segments.iter().map(entry).collect()
}
