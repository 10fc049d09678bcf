//! The columns of one timeline.

use moodline_core::{Emotion, Probabilities};

use super::DecodeTimelineError;
use crate::segment::{GapReason, Segment, State};
use crate::timeline::{CAPACITY, FARTHEST_S, TICKS_PER_SECOND, Timeline};

/// Largest size of one entry in the payload: its kind, two numbers and four probabilities.
pub(super) const LARGEST_ENTRY_BYTES: usize = 1 + 2 * LONGEST_NUMBER_BYTES + Emotion::COUNT * 2;

/// Seven bits per byte.
const LONGEST_NUMBER_BYTES: usize = 10;

/// Probability 1.
const ONE: f64 = 65535.0;

/// A probability this close to a multiple of 1 / 65535 has been saved before and must not be rounded again.
const SAME: f64 = 0.01;

type Result<T> = std::result::Result<T, DecodeTimelineError>;

const KINDS: [EntryKind; 7] = [
    EntryKind::Speech,
    EntryKind::NoSpeech,
    EntryKind::Gap(GapReason::Overrun),
    EntryKind::Gap(GapReason::Bypass),
    EntryKind::Gap(GapReason::Failure),
    EntryKind::Gap(GapReason::NotFinite),
    EntryKind::Unfamiliar,
];

/// The kind of an entry; its index in [`KINDS`] is saved.
#[derive(Clone, Copy, PartialEq)]
enum EntryKind {
    Speech,
    Unfamiliar,
    NoSpeech,
    Gap(GapReason),
}

impl EntryKind {
    const fn of(state: &State) -> Self {
        match state {
            State::Speech(_) => Self::Speech,
            State::Unfamiliar(_) => Self::Unfamiliar,
            State::NoSpeech => Self::NoSpeech,
            State::Gap(reason) => Self::Gap(*reason),
        }
    }

    /// Whether four probabilities are saved with it.
    const fn has_answer(self) -> bool {
        matches!(self, Self::Speech | Self::Unfamiliar)
    }

    fn code(self) -> u8 {
        // INVARIANT: a test saves every kind.
        KINDS.iter().position(|kind| *kind == self).expect("every kind is listed") as u8
    }
}

/// Appends the columns of `timeline`.
pub(super) fn write_timeline(timeline: &Timeline, out: &mut Vec<u8>) {
    let entries = timeline.entries();
    write_number(entries.len() as u64, out);
    out.extend(entries.iter().map(|entry| EntryKind::of(&entry.state).code()));
    // Blocks are equidistant: the second difference of their starts is 0.
    write_differences(&differences(entries.iter().map(|entry| ticks(entry.start_s))), out);
    write_differences(&entries.iter().map(|entry| ticks(entry.end_s) - ticks(entry.start_s)).collect::<Vec<_>>(), out);
    let speech: Vec<[u16; Emotion::COUNT]> = entries.iter().filter_map(|entry| levels_of(&entry.state)).collect();
    for emotion in 0..Emotion::COUNT {
        out.extend(speech.iter().map(|levels| levels[emotion].to_be_bytes()[0]));
        out.extend(speech.iter().map(|levels| levels[emotion].to_be_bytes()[1]));
    }
}

/// Removes the columns of one timeline from `bytes` and reads them.
pub(super) fn read_timeline(bytes: &mut &[u8]) -> Result<Timeline> {
    let n_entries = usize::try_from(read_number(bytes)?).unwrap_or(usize::MAX);
    if n_entries > CAPACITY {
        return Err(DecodeTimelineError::Content { expected: "no more entries than a timeline holds" });
    }
    let kinds: Vec<EntryKind> = take(bytes, n_entries)?.iter().map(|&code| kind_of(code)).collect::<Result<_>>()?;
    let starts = sums(&read_differences(bytes, n_entries)?)?;
    let lengths = read_differences(bytes, n_entries)?;
    let mut answers = read_speech(bytes, kinds.iter().filter(|kind| kind.has_answer()).count())?.into_iter();
    let mut entries = Vec::with_capacity(n_entries);
    for ((kind, start), length) in kinds.into_iter().zip(starts).zip(lengths) {
        let state = match kind {
            // INVARIANT: as many were read as there are entries of these two kinds.
            EntryKind::Speech => State::Speech(answers.next().expect("one for each answer")),
            EntryKind::Unfamiliar => State::Unfamiliar(answers.next().expect("one for each answer")),
            EntryKind::NoSpeech => State::NoSpeech,
            EntryKind::Gap(reason) => State::Gap(reason),
        };
        let end = start.checked_add(length).ok_or(UNUSABLE_TIME)?;
        entries.push(Segment { start_s: seconds(start)?, end_s: seconds(end)?, state });
    }
    Timeline::from_entries(entries)
        .ok_or(DecodeTimelineError::Content { expected: "entries in order, each as long as it can be" })
}

const UNUSABLE_TIME: DecodeTimelineError = DecodeTimelineError::Content { expected: "times within the range of a timeline" };

fn ticks(seconds: f64) -> i64 {
    (seconds * TICKS_PER_SECOND).round() as i64
}

fn seconds(ticks: i64) -> Result<f64> {
    let seconds = ticks as f64 / TICKS_PER_SECOND;
    if seconds.abs() <= FARTHEST_S { Ok(seconds) } else { Err(UNUSABLE_TIME) }
}

fn kind_of(code: u8) -> Result<EntryKind> {
    KINDS.get(usize::from(code)).copied().ok_or(DecodeTimelineError::Content { expected: "known kinds of entries" })
}

/// The four probabilities in units of 1 / 65535. The winner is rounded up and the others down, so that it still wins.
fn levels_of(state: &State) -> Option<[u16; Emotion::COUNT]> {
    let (State::Speech(probabilities) | State::Unfamiliar(probabilities)) = state else { return None };
    let winner = probabilities.winner();
    Some(Emotion::ALL.map(|emotion| {
        let level = f64::from(probabilities.of(emotion)) * ONE;
        let nearest = level.round();
        let outward = if emotion == winner { level.ceil() } else { level.floor() };
        (if (level - nearest).abs() < SAME { nearest } else { outward }) as u16
    }))
}

fn read_speech(bytes: &mut &[u8], n: usize) -> Result<Vec<Probabilities>> {
    let mut speech = vec![[0.0; Emotion::COUNT]; n];
    for emotion in 0..Emotion::COUNT {
        let (high, low) = (take(bytes, n)?, take(bytes, n)?);
        for (values, (&high, &low)) in speech.iter_mut().zip(high.iter().zip(low)) {
            values[emotion] = (f64::from(u16::from_be_bytes([high, low])) / ONE) as f32;
        }
    }
    let valid = |values| Probabilities::new(values).map_err(|_| DecodeTimelineError::Content { expected: "probabilities" });
    speech.into_iter().map(valid).collect()
}

/// The first value, then the difference of each value from the previous one.
fn differences(values: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut last = 0;
    values.map(|value| value - std::mem::replace(&mut last, value)).collect()
}

/// The inverse of [`differences`].
fn sums(differences: &[i64]) -> Result<Vec<i64>> {
    let mut sum = 0_i64;
    let mut add = |difference: &i64| {
        sum = sum.checked_add(*difference).ok_or(UNUSABLE_TIME)?;
        Ok(sum)
    };
    differences.iter().map(&mut add).collect()
}

fn write_differences(values: &[i64], out: &mut Vec<u8>) {
    for difference in differences(values.iter().copied()) {
        // Zigzag encoding: small numbers of either sign become small numbers.
        write_number(((difference << 1) ^ (difference >> 63)) as u64, out);
    }
}

fn read_differences(bytes: &mut &[u8], n: usize) -> Result<Vec<i64>> {
    let signed = |number: u64| (number >> 1) as i64 ^ -((number & 1) as i64);
    let differences = (0..n).map(|_| read_number(bytes).map(signed)).collect::<Result<Vec<_>>>()?;
    sums(&differences)
}

/// Seven bits per byte, the lowest first; the highest bit means that more follow.
fn write_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn read_number(bytes: &mut &[u8]) -> Result<u64> {
    let mut number = 0_u64;
    for index in 0..LONGEST_NUMBER_BYTES {
        let byte = take(bytes, 1)?[0];
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(DecodeTimelineError::Content { expected: "numbers of 64 bits" })
}

fn take<'a>(bytes: &mut &'a [u8], n: usize) -> Result<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(n).ok_or(DecodeTimelineError::Content { expected: "more bytes" })?;
    *bytes = rest;
    Ok(taken)
}
