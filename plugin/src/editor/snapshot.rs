//! The data a frame is drawn from: the newest results, or, while held, those at the time hold was switched on.

use moodline_engine::display::smoothed;
use moodline_engine::display::time::range_text;
use moodline_engine::live::{Monitor, Status, TrackVoice};
use moodline_engine::segment::spans;
use moodline_engine::timeline::{Clock, Timeline};
use moodline_engine::{Segment, State};

use super::columns::{Column, Grid};

/// How many time constants before the visible range smoothing starts: older values have a weight below 1 in 20,000.
const WARM_UP: f64 = 10.0;
/// Times that differ by less than this are considered equal, seconds.
const SAME_TIME_S: f64 = 1e-6;

/// The full state except the timeline itself, which is too long to be copied in each frame.
#[derive(Clone)]
pub(crate) struct Snapshot {
    /// Version of the contents of the timelines.
    pub(crate) timeline_version: u64,
    pub(crate) clock: Clock,
    pub(crate) status: Status,
    pub(crate) playhead: Option<f64>,
    /// The voice that answers are corrected for.
    pub(crate) voice: TrackVoice,
}

impl Snapshot {
    pub(crate) fn take(monitor: &Monitor) -> Self {
        // The version is read first: later changes are shown in the next frame.
        let timeline_version = monitor.timeline_version();
        let clock = monitor.clock();
        let (status, playhead, voice) = (monitor.status(), monitor.playhead(), monitor.voice(clock));
        Self { timeline_version, clock, status, playhead, voice }
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

/// The data of this frame.
pub(crate) struct FrameData<'a> {
    pub(crate) snapshot: Snapshot,
    timeline: TimelineSource<'a>,
}

enum TimelineSource<'a> {
    Live(&'a Monitor),
    Held(&'a Timeline),
}

impl<'a> FrameData<'a> {
    pub(crate) fn new(monitor: &'a Monitor, held: Option<&'a Held>) -> Self {
        match held {
            Some(held) => Self { snapshot: held.snapshot.clone(), timeline: TimelineSource::Held(&held.timeline) },
            None => Self { snapshot: Snapshot::take(monitor), timeline: TimelineSource::Live(monitor) },
        }
    }

    /// Reads the timeline; the worker waits meanwhile.
    pub(crate) fn with_timeline<R>(&self, read: impl FnOnce(&Timeline) -> R) -> R {
        match self.timeline {
            TimelineSource::Live(monitor) => monitor.with_timeline(self.snapshot.clock, read),
            TimelineSource::Held(timeline) => read(timeline),
        }
    }

    /// The columns of the timeline on `grid`, corrected for the voice and smoothed.
    pub(crate) fn columns(&self, grid: &Grid, smoothing_s: f64) -> Vec<Column> {
        let start_s = grid.start_s() - WARM_UP * smoothing_s;
        let voice = &self.snapshot.voice;
        self.with_timeline(|timeline| grid.columns(to_show(timeline.between(start_s, grid.end_s()), voice, smoothing_s)))
    }

    /// The newest state, corrected for the voice and smoothed.
    pub(crate) fn latest(&self, smoothing_s: f64) -> Option<State> {
        let latest = self.snapshot.status.latest?;
        let voice = &self.snapshot.voice;
        let smoothed_latest = || {
            self.with_timeline(|timeline| {
                let entries = timeline.between(latest.start_s - WARM_UP * smoothing_s, latest.end_s);
                let index = entries.iter().rposition(|entry| is_same(entry, &latest))?;
                smoothed(&voice.shown_segments(&entries[..=index]), smoothing_s).last().copied().flatten()
            })
        };
        let shown = voice.shown(latest.state);
        match shown {
            State::Speech(_) if smoothing_s > 0.0 => Some(smoothed_latest().map_or(shown, State::Speech)),
            state => Some(state),
        }
    }

    /// The part of the newest segment that the next one, `hop_s` later, will replace: start and end in seconds. `None` if no audio is arriving to produce a
    /// next one, or if the newest is not recorded.
    pub(crate) fn provisional(&self, hop_s: f64) -> Option<(f64, f64)> {
        self.snapshot.status.listening_s?;
        self.recorded_latest().and_then(|latest| provisional(&latest, hop_s))
    }

    /// The audio that the newest segment covers, in words.
    pub(crate) fn heard(&self) -> Option<String> {
        let latest = self.snapshot.status.latest?;
        let is_recorded = self.recorded_latest().is_some();
        // Segments that are not recorded have no time on the displayed clock.
        Some(if is_recorded {
            range_text(latest.start_s, latest.end_s)
        } else {
            format!("last {:.1} s", latest.end_s - latest.start_s)
        })
    }

    fn recorded_latest(&self) -> Option<Segment> {
        let latest = self.snapshot.status.latest?;
        let is_recorded = self
            .with_timeline(|timeline| timeline.between(latest.start_s, latest.end_s).iter().any(|entry| is_same(entry, &latest)));
        is_recorded.then_some(latest)
    }
}

/// The part of `latest` that a segment `hop_s` later will replace, if they overlap.
fn provisional(latest: &Segment, hop_s: f64) -> Option<(f64, f64)> {
    let next = Segment { start_s: latest.start_s + hop_s, end_s: latest.end_s + hop_s, ..*latest };
    let [(_, kept_until_s), _] = spans(&[*latest, next])[..] else { return None };
    (kept_until_s < latest.end_s).then_some((kept_until_s, latest.end_s))
}

/// The part of the newest of a running file's `segments` that the next one will replace.
pub(crate) fn provisional_of_file(segments: &[Segment]) -> Option<(f64, f64)> {
    let [.., before, latest] = segments else { return None };
    // Phrases do not overlap.
    provisional(latest, latest.start_s - before.start_s).filter(|_| before.end_s > latest.start_s)
}

fn is_same(entry: &Segment, segment: &Segment) -> bool {
    (entry.start_s - segment.start_s).abs() < SAME_TIME_S
}

/// The results of a file on `grid`, corrected for `voice` and smoothed.
pub(crate) fn file_columns(segments: &[Segment], voice: &TrackVoice, grid: &Grid, smoothing_s: f64) -> Vec<Column> {
    grid.columns(to_show(segments, voice, smoothing_s))
}

/// The displayed form of `segments`: each covers only the time it stands for, with its probabilities corrected for `voice` and smoothed.
fn to_show(segments: &[Segment], voice: &TrackVoice, smoothing_s: f64) -> Vec<Segment> {
    let mut shown = voice.shown_segments(segments).into_owned();
    if smoothing_s > 0.0 {
        let smoothed = smoothed(&shown, smoothing_s);
        for (segment, probabilities) in shown.iter_mut().zip(smoothed) {
            segment.state = probabilities.map_or(segment.state, State::Speech);
        }
    }
    for (segment, (start_s, end_s)) in shown.iter_mut().zip(spans(segments)) {
        (segment.start_s, segment.end_s) = (start_s, end_s);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_next_block_answers_for_is_provisional() {
        let block = |start_s: f64| Segment { start_s, end_s: start_s + 5.0, state: State::NoSpeech };
        assert_eq!(provisional(&block(8.0), 0.5), Some((10.75, 13.0)));
        assert_eq!(provisional(&block(8.0), 5.0), None, "blocks that do not overlap are final");
        assert_eq!(provisional_of_file(&[block(7.0), block(8.0)]), Some((11.0, 13.0)));
        assert_eq!(provisional_of_file(&[block(7.0)]), None);
        let pause = Segment { start_s: 7.0, end_s: 8.0, state: State::NoSpeech };
        assert_eq!(provisional_of_file(&[pause, block(8.0)]), None, "a phrase is final");
    }
}
