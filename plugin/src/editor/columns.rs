//! A timeline as columns of one pixel, which suffice for a picture of a recording of any length.
//!
//! In: segments that do not overlap. Out: one [`Column`] per pixel. Pure, no screen.

use moodline_core::{Emotion, Probabilities};
use moodline_engine::{GapReason, Segment, State};

/// The content of one pixel of the time axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Column {
    /// The state that covers most of the column; `None` where nothing was recorded.
    pub(crate) state: Option<State>,
    /// A gap that touches the column, however short, so that no gap disappears when zooming out.
    pub(crate) gap: Option<GapReason>,
}

/// Columns of equal length on a grid that starts at time zero, so that a picture does not shimmer while scrolling: column `k` covers
/// `k * seconds .. (k + 1) * seconds`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Grid {
    /// Number of the first column; negative before zero.
    pub(crate) first: i64,
    /// Number of columns.
    pub(crate) n: usize,
    /// Length of a column, seconds.
    pub(crate) seconds: f64,
}

impl Grid {
    /// The grid of `n` columns with a total length of `span_s`, the first of which contains `start_s`.
    pub(crate) fn new(start_s: f64, span_s: f64, n: usize) -> Self {
        let seconds = span_s / n.max(1) as f64;
        // A start that is a multiple of the column length except for rounding counts as that multiple.
        Self { first: (start_s / seconds + 1e-6).floor() as i64, n, seconds }
    }

    pub(crate) fn start_s(&self) -> f64 {
        self.first as f64 * self.seconds
    }

    pub(crate) fn end_s(&self) -> f64 {
        (self.first + self.n as i64) as f64 * self.seconds
    }

    /// The columns of `segments`, which are sorted and do not overlap.
    pub(crate) fn columns(&self, segments: impl IntoIterator<Item = Segment>) -> Vec<Column> {
        let mut cells = vec![Cell::default(); self.n];
        for segment in segments {
            let (from, to) = (self.position(segment.start_s), self.position(segment.end_s));
            let first = from.floor().max(0.0) as usize;
            let end = (to.ceil().max(0.0) as usize).min(self.n);
            for (index, cell) in cells.iter_mut().enumerate().take(end).skip(first) {
                let covered = to.min((index + 1) as f64) - from.max(index as f64);
                cell.add(&segment.state, covered);
            }
        }
        cells.iter().map(Cell::column).collect()
    }

    /// Position of `time_s`, in columns from the left edge.
    fn position(&self, time_s: f64) -> f64 {
        time_s / self.seconds - self.first as f64
    }
}

/// Data accumulated for one column; lengths are fractions of the column.
#[derive(Clone, Copy, Default)]
struct Cell {
    weighted: [f64; Emotion::COUNT],
    speech: f64,
    silence: f64,
    unfamiliar: f64,
    /// The first answer that is too unfamiliar to be used.
    unlike: Option<Probabilities>,
    missing: f64,
    gap: Option<GapReason>,
}

impl Cell {
    fn add(&mut self, state: &State, covered: f64) {
        if covered <= 0.0 {
            return;
        }
        match state {
            State::Speech(probabilities) => {
                self.speech += covered;
                for (sum, probability) in self.weighted.iter_mut().zip(probabilities.as_array()) {
                    *sum += covered * f64::from(*probability);
                }
            }
            State::Unfamiliar(answer) => {
                self.unfamiliar += covered;
                self.unlike.get_or_insert(*answer);
            }
            State::NoSpeech => self.silence += covered,
            State::Gap(reason) => {
                self.missing += covered;
                self.gap.get_or_insert(*reason);
            }
        }
    }

    fn column(&self) -> Column {
        let state = match self.gap {
            Some(reason) if self.missing >= self.speech.max(self.silence).max(self.unfamiliar) => Some(State::Gap(reason)),
            _ if self.speech >= self.silence.max(self.unfamiliar) && self.speech > 0.0 => self.mean().map(State::Speech),
            _ if self.unfamiliar >= self.silence && self.unfamiliar > 0.0 => self.unlike.map(State::Unfamiliar),
            _ if self.silence > 0.0 => Some(State::NoSpeech),
            _ => None,
        };
        Column { state, gap: self.gap }
    }

    /// The mean of distributions is a distribution, up to rounding far below its tolerance.
    fn mean(&self) -> Option<Probabilities> {
        Probabilities::new(self.weighted.map(|sum| (sum / self.speech) as f32)).ok()
    }
}

/// Runs of neighbouring columns with equal content: index of the first, length, the first column.
pub(crate) fn runs(columns: &[Column]) -> impl Iterator<Item = (usize, usize, &Column)> {
    runs_by(columns, |column| *column)
}

/// Runs of neighbouring columns with the same `key`: index of the first, length, the first column.
pub(crate) fn runs_by<'a, K: PartialEq>(
    columns: &'a [Column],
    key: impl Fn(&Column) -> K + 'a,
) -> impl Iterator<Item = (usize, usize, &'a Column)> {
    let mut first = 0;
    columns.chunk_by(move |a, b| key(a) == key(b)).map(move |run| {
        let start = first;
        first += run.len();
        (start, run.len(), &run[0])
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn speech(values: [f32; Emotion::COUNT]) -> State {
        State::Speech(Probabilities::new(values).unwrap())
    }

    fn a_state() -> impl Strategy<Value = State> {
        prop_oneof![
            3 => (0.0f32..1.0, 0.0f32..1.0).prop_map(|(a, b)| speech([a * b, a * (1.0 - b), (1.0 - a) * b, (1.0 - a) * (1.0 - b)])),
            1 => Just(State::NoSpeech),
            1 => Just(State::Unfamiliar(Probabilities::new([0.25; Emotion::COUNT]).unwrap())),
            1 => Just(State::Gap(GapReason::Overrun)),
        ]
    }

    fn some_segments() -> impl Strategy<Value = Vec<Segment>> {
        prop::collection::vec((0.0f64..1.5, 0.01f64..3.0, a_state()), 0..40).prop_map(|parts| {
            let mut time = -10.0;
            parts
                .into_iter()
                .map(|(pause, length, state)| {
                    let start_s = time + if pause > 1.0 { pause } else { 0.0 };
                    time = start_s + length;
                    Segment { start_s, end_s: time, state }
                })
                .collect()
        })
    }

    /// The content of a column, determined by sampling 1,000 of its moments.
    fn sampled(segments: &[Segment], start_s: f64, seconds: f64) -> ([f64; 4], [f32; Emotion::COUNT]) {
        let mut counts = [0.0f64; 4];
        let mut sums = [0.0f64; 4];
        for moment in 0..1000 {
            let time = start_s + (f64::from(moment) + 0.5) / 1000.0 * seconds;
            match segments.iter().find(|segment| segment.start_s <= time && time < segment.end_s).map(|segment| segment.state) {
                Some(State::Speech(four)) => {
                    counts[0] += 1.0;
                    (0..4).for_each(|index| sums[index] += f64::from(four.as_array()[index]));
                }
                Some(State::NoSpeech) => counts[1] += 1.0,
                Some(State::Gap(_)) => counts[2] += 1.0,
                Some(State::Unfamiliar(_)) => counts[3] += 1.0,
                None => {}
            }
        }
        (counts.map(|count| count / 1000.0), sums.map(|sum| (sum / counts[0].max(1.0)) as f32))
    }

    proptest! {
        #[test]
        fn columns_are_what_a_thousand_looks_at_each_pixel_find(
            segments in some_segments(), start_s in -12.0f64..20.0, span_s in 0.5f64..60.0, n in 1usize..80,
        ) {
            let grid = Grid::new(start_s, span_s, n);
            let columns = grid.columns(segments.iter().copied());
            prop_assert_eq!(columns.len(), n);
            for (index, column) in columns.iter().enumerate() {
                let ([speech, silence, missing, unlike], four) = sampled(&segments, grid.start_s() + index as f64 * grid.seconds, grid.seconds);
                let close = 0.01;
                match column.state {
                    Some(State::Speech(found)) => {
                        prop_assert!(speech >= silence.max(missing).max(unlike) - close);
                        if speech > 0.2 {
                            for (found, expected) in found.as_array().iter().zip(four) {
                                prop_assert!((found - expected).abs() < 0.03, "{found} {expected}");
                            }
                        }
                    }
                    Some(State::NoSpeech) => prop_assert!(silence >= speech.max(missing).max(unlike) - close),
                    Some(State::Gap(_)) => prop_assert!(missing >= speech.max(silence).max(unlike) - close),
                    Some(State::Unfamiliar(_)) => prop_assert!(unlike >= speech.max(silence).max(missing) - close),
                    None => prop_assert!(speech + silence + missing + unlike <= close),
                }
                if missing > close {
                    prop_assert!(column.gap.is_some());
                }
            }
        }
    }

    #[test]
    fn a_grid_does_not_move_with_the_view() {
        let (one, other) = (Grid::new(10.0, 60.0, 600), Grid::new(10.03, 60.0, 600));
        assert_eq!(one, other);
        assert_eq!(Grid::new(10.12, 60.0, 600).first, one.first + 1);
        assert_eq!(Grid::new(-0.05, 60.0, 600).first, -1);
    }

    #[test]
    fn a_gap_shorter_than_a_pixel_is_still_known() {
        let speech = speech([1.0, 0.0, 0.0, 0.0]);
        let segments = [
            Segment { start_s: 0.0, end_s: 0.5, state: speech },
            Segment { start_s: 0.5, end_s: 0.51, state: State::Gap(GapReason::NotFinite) },
            Segment { start_s: 0.51, end_s: 2.0, state: speech },
        ];
        let columns = Grid::new(0.0, 2.0, 2).columns(segments);
        assert_eq!(columns[0], Column { state: Some(speech), gap: Some(GapReason::NotFinite) });
        assert_eq!(columns[1], Column { state: Some(speech), gap: None });
    }

    #[test]
    fn runs_cover_every_column_once() {
        let silence = Column { state: Some(State::NoSpeech), gap: None };
        let empty = Column { state: None, gap: None };
        let columns = [silence, silence, empty, silence];
        let found: Vec<_> = runs(&columns).map(|(first, n, column)| (first, n, *column)).collect();
        assert_eq!(found, [(0, 2, silence), (2, 1, empty), (3, 1, silence)]);
    }
}
