//! Non-overlapping stretches made of blocks: marks in a file, parts of a picture, passages on a page.
//!
//! In: segments. Out: [`Stretch`]es, or the [`Mark`]s among them.

use std::num::NonZeroUsize;

use moodline_core::Emotion;

use crate::display::is_uncertain;
use crate::segment::{Segment, State, spans};

/// Shorter marks are omitted, seconds: half the resolution of the coarsest format that does not count frames.
const SHORTEST_S: f64 = 5e-4;

/// The probability from which every answer is certain.
const EVERY_ANSWER: f32 = 0.0;

/// How blocks are converted to stretches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MarkOptions {
    /// Whether equal neighbours are merged; otherwise there is one stretch per block, for its part of [`spans`].
    pub merge: bool,
    /// When merging: shorter stretches are absorbed by the longer of their adjacent neighbours, seconds; 0 keeps all.
    pub min_length_s: f64,
}

/// The result for a stretch, as shown to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// This emotion is the most probable.
    Emotion(Emotion),
    /// This emotion is the most probable, but not certain enough.
    Uncertain(Emotion),
    /// Speech unlike the training data.
    Unfamiliar,
    /// No speech, or unknown.
    Nothing,
}

impl Told {
    /// The result for a segment; answers are certain from the probability `certain_from` on.
    #[must_use]
    pub fn of(segment: &Segment, certain_from: f32) -> Self {
        match &segment.state {
            State::Speech(answer) if is_uncertain(segment, certain_from) => Self::Uncertain(answer.winner()),
            State::Speech(answer) => Self::Emotion(answer.winner()),
            State::Unfamiliar(_) => Self::Unfamiliar,
            State::NoSpeech | State::Gap(_) => Self::Nothing,
        }
    }

    /// The most probable emotion, certain or not.
    #[must_use]
    pub const fn emotion(self) -> Option<Emotion> {
        match self {
            Self::Emotion(emotion) | Self::Uncertain(emotion) => Some(emotion),
            Self::Unfamiliar | Self::Nothing => None,
        }
    }
}

/// A stretch with a single result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// Start, seconds on the clock of the segments.
    pub start_s: f64,
    /// End, seconds; after the start.
    pub end_s: f64,
    /// Its result.
    pub told: Told,
    /// Probability of the emotion, summed over the blocks in which it was found, with their durations as weights.
    weighted: f64,
    /// The sum of these weights, seconds.
    weight_s: f64,
}

/// A stretch of speech with one emotion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// Start, seconds on the clock of the segments.
    pub start_s: f64,
    /// End, seconds; after the start.
    pub end_s: f64,
    /// The most probable emotion.
    pub emotion: Emotion,
    /// Mean of its probability over the duration of the blocks in which it was found, 0..=1.
    pub probability: f32,
    /// Number of its channel, counted from 1, if channels are analysed separately.
    pub channel: Option<NonZeroUsize>,
}

impl Mark {
    /// `angry 75 %`, or `2: angry 75 %` for a channel.
    #[must_use]
    pub fn label(&self) -> String {
        self.of_channel(&format!("{} {:.0} %", self.emotion, 100.0 * self.probability))
    }

    /// `text` after the number of the channel, if there is one.
    pub(crate) fn of_channel(&self, text: &str) -> String {
        self.channel.map_or_else(|| text.to_owned(), |channel| format!("{channel}: {text}"))
    }

    /// Duration, seconds.
    #[must_use]
    pub fn length_s(&self) -> f64 {
        self.end_s - self.start_s
    }
}

/// The stretches with an emotion, certain or not: programs that read marks have one label for each.
#[must_use]
pub fn marks(segments: &[Segment], options: &MarkOptions) -> Vec<Mark> {
    stretches(segments, options, EVERY_ANSWER).iter().filter_map(Stretch::mark).collect()
}

/// The stretches of `segments`, sorted and non-overlapping; answers are certain from the probability `certain_from` on.
#[must_use]
pub fn stretches(segments: &[Segment], options: &MarkOptions, certain_from: f32) -> Vec<Stretch> {
    let stretch = |(segment, span)| Stretch::new(segment, Told::of(segment, certain_from), span);
    let mut stretches: Vec<Stretch> = segments.iter().zip(spans(segments)).filter_map(stretch).collect();
    if options.merge {
        merge(&mut stretches);
        while let Some(index) = shortest_below(&stretches, options.min_length_s) {
            absorb(&mut stretches, index);
            merge(&mut stretches);
        }
    }
    stretches
}

impl Stretch {
    fn new(segment: &Segment, told: Told, (start_s, end_s): (f64, f64)) -> Option<Self> {
        let weight_s = end_s - start_s;
        let probability =
            segment.probabilities().zip(told.emotion()).map_or(0.0, |(found, emotion)| f64::from(found.of(emotion)));
        (weight_s > SHORTEST_S).then_some(Self { start_s, end_s, told, weighted: weight_s * probability, weight_s })
    }

    /// Duration, seconds.
    #[must_use]
    pub fn length_s(&self) -> f64 {
        self.end_s - self.start_s
    }

    fn touches(&self, next: &Self) -> bool {
        next.start_s - self.end_s <= SHORTEST_S
    }

    /// Mean of the probability of its emotion, 0..=1; 0 without an emotion.
    #[must_use]
    pub fn probability(&self) -> f32 {
        (self.weighted / self.weight_s) as f32
    }

    /// The mark of a stretch with an emotion.
    #[must_use]
    pub fn mark(&self) -> Option<Mark> {
        let &Self { start_s, end_s, told, .. } = self;
        Some(Mark { start_s, end_s, emotion: told.emotion()?, probability: self.probability(), channel: None })
    }
}

/// Merges adjacent stretches with the same result.
fn merge(stretches: &mut Vec<Stretch>) {
    stretches.dedup_by(|next, kept| {
        let is_same = kept.told == next.told && kept.touches(next);
        if is_same {
            kept.end_s = next.end_s;
            kept.weighted += next.weighted;
            kept.weight_s += next.weight_s;
        }
        is_same
    });
}

/// The shortest stretch that is shorter than `min_length_s` and adjacent to another; the first of equals.
fn shortest_below(stretches: &[Stretch], min_length_s: f64) -> Option<usize> {
    let is_candidate = |index: &usize| {
        let (before, after) = (index.checked_sub(1).map(|before| &stretches[before]), stretches.get(index + 1));
        let touches = before.is_some_and(|before| before.touches(&stretches[*index]))
            || after.is_some_and(|after| stretches[*index].touches(after));
        touches && stretches[*index].length_s() < min_length_s
    };
    let candidates = (0..stretches.len()).filter(is_candidate);
    candidates.min_by(|a, b| stretches[*a].length_s().total_cmp(&stretches[*b].length_s()))
}

/// Adds the time of one stretch to the longer of its adjacent neighbours, whose probability remains unchanged.
fn absorb(stretches: &mut Vec<Stretch>, index: usize) {
    let stretch = stretches.remove(index);
    let before = index.checked_sub(1).filter(|&before| stretches[before].touches(&stretch));
    let after = Some(index).filter(|&after| stretches.get(after).is_some_and(|after| stretch.touches(after)));
    match (before, after) {
        (Some(before), Some(after)) if stretches[after].length_s() > stretches[before].length_s() => {
            stretches[after].start_s = stretch.start_s;
        }
        (Some(before), _) => stretches[before].end_s = stretch.end_s,
        (None, Some(after)) => stretches[after].start_s = stretch.start_s,
        (None, None) => stretches.insert(index, stretch),
    }
}

#[cfg(test)]
mod tests {
    use moodline_core::Probabilities;

    use super::*;

    const ANGRY: Option<[f32; 4]> = Some([0.75, 0.25, 0.0, 0.0]);
    const SURE: Option<[f32; 4]> = Some([1.0, 0.0, 0.0, 0.0]);
    const SAD: Option<[f32; 4]> = Some([0.0, 0.25, 0.5, 0.25]);

    /// Consecutive segments with these durations in seconds.
    fn row(parts: &[(f64, Option<[f32; 4]>)]) -> Vec<Segment> {
        let mut start_s = 0.0;
        let segment = |&(length_s, values): &(f64, Option<[f32; 4]>)| {
            let state = values.map_or(State::NoSpeech, |values| State::Speech(Probabilities::new(values).unwrap()));
            let segment = Segment { start_s, end_s: start_s + length_s, state };
            start_s = segment.end_s;
            segment
        };
        parts.iter().map(segment).collect()
    }

    fn merged(min_length_s: f64) -> MarkOptions {
        MarkOptions { merge: true, min_length_s }
    }

    fn found(segments: &[Segment], options: &MarkOptions) -> Vec<(f64, f64, String)> {
        marks(segments, options).iter().map(|mark| (mark.start_s, mark.end_s, mark.label())).collect()
    }

    #[test]
    fn equal_neighbours_are_one_with_the_mean_over_time() {
        let segments = row(&[(3.0, ANGRY), (1.0, SURE), (2.0, None), (4.0, SAD)]);
        assert_eq!(found(&segments, &merged(0.0)), [(0.0, 4.0, "angry 81 %".into()), (6.0, 10.0, "sad 50 %".into())]);
        let blocks = found(&segments, &MarkOptions { merge: false, min_length_s: 3.0 });
        assert_eq!(blocks, [(0.0, 3.0, "angry 75 %".into()), (3.0, 4.0, "angry 100 %".into()), (6.0, 10.0, "sad 50 %".into())]);
    }

    #[test]
    fn short_ones_go_to_the_longer_neighbour() {
        let segments = row(&[(4.0, ANGRY), (1.0, SAD), (3.0, SURE), (0.5, None), (6.0, SAD), (0.5, ANGRY)]);
        assert_eq!(found(&segments, &merged(2.0)), [(0.0, 8.0, "angry 86 %".into()), (8.0, 15.0, "sad 50 %".into())]);
    }

    #[test]
    fn doubt_is_a_stretch_of_its_own_and_no_border_of_marks() {
        let doubt = Some([0.35, 0.25, 0.2, 0.2]);
        let mut segments = row(&[(3.0, ANGRY), (1.0, doubt), (2.0, ANGRY), (4.0, SAD)]);
        segments[3].state = State::Unfamiliar(Probabilities::new([0.0, 0.0, 1.0, 0.0]).unwrap());
        let told: Vec<_> =
            stretches(&segments, &merged(0.0), 0.4).iter().map(|stretch| (stretch.length_s(), stretch.told)).collect();
        let (angry, doubt) = (Told::Emotion(Emotion::Angry), Told::Uncertain(Emotion::Angry));
        assert_eq!(told, [(3.0, angry), (1.0, doubt), (2.0, angry), (4.0, Told::Unfamiliar)]);
        assert_eq!(found(&segments, &merged(0.0)), [(0.0, 6.0, "angry 68 %".into())]);
    }

    #[test]
    fn one_that_stands_alone_stays_however_short() {
        let mut segments = row(&[(1.0, SAD), (5.0, None)]);
        segments[1].start_s = 3.0;
        assert_eq!(found(&segments, &merged(10.0)), [(0.0, 1.0, "sad 50 %".into())]);
    }
}
