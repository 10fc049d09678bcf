//! The timeline: a passage replaces only itself, old entries become coarser, and a saved timeline is restored or refused.

mod saved;

use moodline_core::Probabilities;
use moodline_engine::display::smoothed;
use moodline_engine::segment::spans;
use moodline_engine::timeline::{CAPACITY, Timeline};
use moodline_engine::{GapReason, Segment, State};
use proptest::prelude::*;

/// Times in the tests are multiples of this, so that starts and ends often coincide.
const GRID_S: f64 = 0.25;

/// Four probabilities with any winner, derived from a number.
fn state(number: u64) -> State {
    if number.is_multiple_of(5) {
        return State::NoSpeech;
    }
    let weights: [f64; 4] = std::array::from_fn(|index| ((number >> (8 * index)) & 0xff) as f64 + 1.0);
    let sum: f64 = weights.iter().sum();
    State::Speech(Probabilities::new(weights.map(|weight| (weight / sum) as f32)).unwrap())
}

/// A change that a run may record.
#[derive(Clone, Debug)]
enum Change {
    Segment { start: i32, length: i32, hop: i32, number: u64 },
    Gap { start: i32, length: i32, reason: GapReason },
}

fn reasons() -> impl Strategy<Value = GapReason> {
    prop_oneof![Just(GapReason::Overrun), Just(GapReason::Bypass), Just(GapReason::Failure), Just(GapReason::NotFinite)]
}

fn changes() -> impl Strategy<Value = Change> {
    let segment = (-40..80_i32, 1..24_i32, 1..8_i32, any::<u64>()).prop_map(|(start, length, hop, number)| Change::Segment {
        start,
        length,
        hop,
        number,
    });
    let gap = (-40..80_i32, 1..24_i32, reasons()).prop_map(|(start, length, reason)| Change::Gap { start, length, reason });
    prop_oneof![2 => segment, 1 => gap]
}

fn seconds(n: i32) -> f64 {
    f64::from(n) * GRID_S
}

fn apply(timeline: &mut Timeline, change: &Change) {
    match *change {
        Change::Segment { start, length, hop, number } => {
            timeline.insert_segment(seconds(start), seconds(start + length), seconds(hop), state(number));
        }
        Change::Gap { start, length, reason } => timeline.insert_gap(seconds(start), seconds(start + length), reason),
    }
}

fn is_gap(entry: &Segment) -> bool {
    matches!(entry.state, State::Gap(_))
}

fn segments(timeline: &Timeline) -> Vec<Segment> {
    timeline.entries().iter().copied().filter(|entry| !is_gap(entry)).collect()
}

/// The gap in the middle of each cell of the grid.
fn gap_cells(timeline: &Timeline) -> Vec<Option<GapReason>> {
    cells().map(|middle_s| gap_at(timeline, middle_s)).collect()
}

fn cells() -> impl Iterator<Item = f64> {
    (-100..200).map(|cell| seconds(cell) + GRID_S / 2.0)
}

fn gap_at(timeline: &Timeline, at_s: f64) -> Option<GapReason> {
    let reason = |entry: &Segment| match entry.state {
        State::Gap(reason) if (entry.start_s..entry.end_s).contains(&at_s) => Some(reason),
        _ => None,
    };
    timeline.entries().iter().find_map(reason)
}

fn check_order(timeline: &Timeline) {
    let entries = timeline.entries();
    assert!(entries.is_sorted_by(|a, b| a.start_s <= b.start_s));
    for (index, gap) in entries.iter().enumerate().filter(|(_, entry)| is_gap(entry)) {
        for (other_index, other) in entries.iter().enumerate() {
            let starts_inside = (gap.start_s..gap.end_s).contains(&other.start_s);
            assert!(other_index == index || !starts_inside, "{other:?} starts in {gap:?}");
        }
    }
}

/// Checks the documented effect of one change, cell by cell.
fn check_change(before: &Timeline, after: &Timeline, change: &Change) {
    match *change {
        Change::Segment { start, length, hop, number } => {
            let (start_s, end_s) = (seconds(start), seconds(start + length));
            let entry = Segment { start_s, end_s, state: state(number) };
            let mut expected: Vec<Segment> = segments(before);
            expected.retain(|old| old.start_s < start_s || old.start_s >= start_s + seconds(hop).min(end_s - start_s));
            let at = expected.partition_point(|old| old.start_s < start_s);
            expected.insert(at, entry);
            assert_eq!(segments(after), expected);
            for ((middle_s, old), new) in cells().zip(gap_cells(before)).zip(gap_cells(after)) {
                let heard = (start_s..end_s).contains(&middle_s);
                assert_eq!(new, if heard { None } else { old }, "at {middle_s} s");
            }
        }
        Change::Gap { start, length, reason: GapReason::Bypass } => {
            let (start_s, end_s) = (seconds(start), seconds(start + length));
            assert_eq!(segments(after), segments(before));
            let covered = |at_s: f64| before.entries().iter().any(|entry| (entry.start_s..entry.end_s).contains(&at_s));
            for ((middle_s, old), new) in cells().zip(gap_cells(before)).zip(gap_cells(after)) {
                let filled = (start_s..end_s).contains(&middle_s) && !covered(middle_s);
                assert_eq!(new, if filled { Some(GapReason::Bypass) } else { old }, "at {middle_s} s");
            }
        }
        Change::Gap { start, length, reason } => {
            let (start_s, end_s) = (seconds(start), seconds(start + length));
            let mut expected = segments(before);
            expected.retain(|old| !(start_s..end_s).contains(&old.start_s));
            assert_eq!(segments(after), expected);
            for ((middle_s, old), new) in cells().zip(gap_cells(before)).zip(gap_cells(after)) {
                let inside = (start_s..end_s).contains(&middle_s);
                assert_eq!(new, if inside { Some(reason) } else { old }, "at {middle_s} s");
            }
        }
    }
}

proptest! {
    #[test]
    fn every_change_replaces_its_own_time_only(changes in prop::collection::vec(changes(), 1..60)) {
        let mut timeline = Timeline::default();
        for change in &changes {
            let before = timeline.clone();
            apply(&mut timeline, change);
            check_order(&timeline);
            check_change(&before, &timeline, change);
        }
    }

    #[test]
    fn a_part_holds_every_entry_that_touches_it(
        changes in prop::collection::vec(changes(), 1..60),
        start in -60..120_i32,
        length in 0..60_i32,
    ) {
        let mut timeline = Timeline::default();
        changes.iter().for_each(|change| apply(&mut timeline, change));
        let (start_s, end_s) = (seconds(start), seconds(start + length));
        let part = timeline.between(start_s, end_s);
        let touches = |entry: &&Segment| entry.start_s < end_s && entry.end_s > start_s;
        let touching: Vec<&Segment> = timeline.entries().iter().filter(touches).collect();
        prop_assert_eq!(part.iter().filter(touches).collect::<Vec<_>>(), touching);
        prop_assert!(part.first().is_none_or(|entry| touches(&entry)));
        let ends = timeline.entries().iter().map(|entry| entry.end_s).fold(f64::NEG_INFINITY, f64::max);
        prop_assert_eq!(timeline.bounds(), Some((timeline.entries()[0].start_s, ends)));
    }

    #[test]
    fn what_entries_stand_for_does_not_overlap(changes in prop::collection::vec(changes(), 1..60)) {
        let mut timeline = Timeline::default();
        changes.iter().for_each(|change| apply(&mut timeline, change));
        let parts = spans(timeline.entries());
        prop_assert!(parts.windows(2).all(|pair| pair[0].1 <= pair[1].0));
        for (entry, (start_s, end_s)) in timeline.entries().iter().zip(&parts) {
            prop_assert!(entry.start_s <= *start_s && start_s <= end_s && *end_s <= entry.end_s, "{:?}: {}..{}", entry, start_s, end_s);
            prop_assert!(!is_gap(entry) || (*start_s, *end_s) == (entry.start_s, entry.end_s));
        }
    }

    #[test]
    fn smoothing_keeps_probabilities_and_restarts(
        changes in prop::collection::vec(changes(), 1..60),
        time_constant_s in 0.0..10.0_f64,
    ) {
        let mut timeline = Timeline::default();
        changes.iter().for_each(|change| apply(&mut timeline, change));
        let raw = smoothed(timeline.entries(), 0.0);
        for ((entry, raw), smooth) in timeline.entries().iter().zip(&raw).zip(smoothed(timeline.entries(), time_constant_s)) {
            let found = match entry.state {
                State::Speech(found) => Some(found),
                _ => None,
            };
            prop_assert_eq!(*raw, found);
            prop_assert_eq!(smooth.is_some(), found.is_some());
        }
    }
}

#[test]
fn smoothing_is_exponential_in_time() {
    let certain =
        |index: usize| State::Speech(Probabilities::new(std::array::from_fn(|i| f32::from(u8::from(i == index)))).unwrap());
    let mut timeline = Timeline::default();
    for block in 0..4 {
        let start_s = 0.5 * f64::from(block);
        timeline.insert_segment(start_s, start_s + 2.0, 0.5, certain(usize::from(block > 0)));
    }
    timeline.insert_gap(10.0, 11.0, GapReason::Overrun);
    timeline.insert_segment(11.0, 13.0, 0.5, certain(2));
    let smooth = smoothed(timeline.entries(), 0.7);
    for (block, smooth) in smooth[..4].iter().enumerate() {
        let left = (-0.5 * block as f64 / 0.7).exp();
        let [first, second, ..] = *smooth.unwrap().as_array();
        assert!((f64::from(first) - left).abs() < 1e-5 && (f64::from(second) - (1.0 - left)).abs() < 1e-5);
    }
    assert_eq!(smooth[4], None);
    assert_eq!(smooth[5].unwrap().as_array()[2], 1.0, "nothing is carried over a gap");
}

#[test]
fn segments_alone_stand_for_what_exports_say() {
    let mut timeline = Timeline::default();
    for block in 0..40_u32 {
        let start_s = 0.5 * f64::from(block);
        timeline.insert_segment(start_s, start_s + 5.0, 0.5, state(u64::from(block) * 77));
    }
    let segments: Vec<Segment> = timeline.without_gaps();
    assert_eq!(spans(timeline.entries()), spans(&segments));
    assert_eq!(spans(&segments)[10], (7.25, 7.75), "the middle of both overlaps");
}

#[test]
fn times_that_are_none_are_not_recorded() {
    let mut timeline = Timeline::default();
    for (start_s, end_s) in [(f64::NAN, 1.0), (0.0, f64::INFINITY), (1.0, 1.0), (2.0, 1.0), (-1e300, 0.0), (0.0, 1e-9)] {
        timeline.insert_segment(start_s, end_s, 0.5, State::NoSpeech);
        timeline.insert_gap(start_s, end_s, GapReason::Overrun);
        timeline.insert_gap(start_s, end_s, GapReason::Bypass);
    }
    assert!(timeline.entries().is_empty() && timeline.bounds().is_none() && timeline.between(-1e9, 1e9).is_empty());
}

/// Records `n` blocks of `window_s` every `hop_s`.
fn record(timeline: &mut Timeline, start_s: f64, n: usize, window_s: f64, hop_s: f64) {
    for block in 0..n {
        let at_s = start_s + hop_s * block as f64;
        timeline.insert_segment(at_s, at_s + window_s, hop_s, state((block as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    }
}

/// Seconds from `start_s` to `end_s` that no entry covers.
fn n_uncovered(timeline: &Timeline, start_s: f64, end_s: f64) -> usize {
    let middles = (0..).map(|n| start_s + 0.5 + f64::from(n)).take_while(|middle_s| *middle_s < end_s);
    middles.filter(|middle_s| timeline.between(*middle_s, *middle_s).iter().all(|entry| entry.end_s <= *middle_s)).count()
}

#[test]
fn four_hours_are_kept_whole() {
    let mut timeline = Timeline::default();
    record(&mut timeline, 0.0, CAPACITY, 5.0, 0.25);
    assert_eq!(timeline.entries().len(), 4 * 3600 * 4);
    assert_eq!(timeline.bounds(), Some((0.0, 4.0 * 3600.0 + 4.75)));
}

#[test]
fn beyond_that_the_oldest_parts_become_coarse_and_stay_covered() {
    // Also if blocks do not overlap and dropping half of them would leave holes.
    for (window_s, hop_s) in [(5.0, 0.25), (5.0, 5.0)] {
        let mut timeline = Timeline::default();
        let n = 3 * CAPACITY;
        record(&mut timeline, 0.0, n, window_s, hop_s);
        let end_s = hop_s * (n - 1) as f64 + window_s;
        assert!(timeline.entries().len() <= CAPACITY && timeline.entries().len() > CAPACITY / 2);
        assert_eq!(timeline.bounds(), Some((0.0, end_s)));
        assert_eq!(n_uncovered(&timeline, 0.0, end_s), 0);
        let newest = timeline.between(end_s - 3000.0 * hop_s, end_s);
        assert!(newest.windows(2).all(|pair| (pair[1].start_s - pair[0].start_s - hop_s).abs() < 1e-6));
        let distance = |entries: &[Segment]| entries[1].start_s - entries[0].start_s;
        assert!(distance(timeline.entries()) > 2.0 * hop_s);
    }
}

#[test]
fn what_was_written_again_is_not_old() {
    let mut timeline = Timeline::default();
    record(&mut timeline, 0.0, CAPACITY / 2, 5.0, 0.5);
    record(&mut timeline, 20_000.0, CAPACITY / 4, 5.0, 0.5);
    // The very beginning once more, then new parts until something must be dropped.
    record(&mut timeline, 0.0, 1000, 5.0, 0.5);
    record(&mut timeline, 40_000.0, CAPACITY / 2, 5.0, 0.5);
    assert!(timeline.entries().len() <= CAPACITY);
    let beginning = timeline.between(0.0, 499.0);
    assert!(beginning.windows(2).all(|pair| (pair[1].start_s - pair[0].start_s - 0.5).abs() < 1e-6));
}

#[test]
fn a_timeline_of_nothing_but_gaps_has_an_end_too() {
    let mut timeline = Timeline::default();
    for n in 0..CAPACITY + 1000 {
        timeline.insert_gap(2.0 * n as f64, 2.0 * n as f64 + 1.0, GapReason::Overrun);
    }
    assert!(timeline.entries().len() <= CAPACITY);
    assert_eq!(timeline.bounds().unwrap().1, 2.0 * (CAPACITY + 999) as f64 + 1.0);
}
