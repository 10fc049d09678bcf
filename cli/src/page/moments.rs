//! The moments of a recording that are worth visiting.

use std::num::NonZeroUsize;

use moodline_core::Emotion;
use moodline_engine::marks::Told;
use moodline_engine::voices::Found;

/// Maximum number of moments in a list.
const MOST: usize = 8;
/// Minimum distance between moments of a list, seconds: overlapping blocks show the same moment.
const APART_S: f64 = 10.0;

/// A block that stands out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    pub(super) start_s: f64,
    pub(super) channel: Option<NonZeroUsize>,
    pub(super) told: Told,
    /// The probability of its emotion.
    pub(super) probability: f32,
}

/// The blocks with the most probable emotions other than neutral, the most probable first.
pub(super) fn most_intense(found: &[Found], certain_from: f32) -> Vec<Moment> {
    let mut moments = moments(found, certain_from);
    moments.retain(|moment| matches!(moment.told, Told::Emotion(emotion) if emotion != Emotion::Neutral));
    moments.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    apart(moments)
}

/// The blocks in which no emotion is certain, the least certain first.
pub(super) fn uncertain(found: &[Found], certain_from: f32) -> Vec<Moment> {
    let mut moments = moments(found, certain_from);
    moments.retain(|moment| matches!(moment.told, Told::Uncertain(_)));
    moments.sort_by(|a, b| a.probability.total_cmp(&b.probability));
    apart(moments)
}

fn moments(found: &[Found], certain_from: f32) -> Vec<Moment> {
    let moment = |&Found { channel, segment, .. }: &Found| {
        let told = Told::of(&segment, certain_from);
        let probability = segment.probabilities()?.of(told.emotion()?);
        Some(Moment { start_s: segment.start_s, channel, told, probability })
    };
    found.iter().filter_map(moment).collect()
}

fn apart(moments: Vec<Moment>) -> Vec<Moment> {
    let mut kept: Vec<Moment> = Vec::new();
    for moment in moments {
        if kept.len() < MOST && kept.iter().all(|other| (other.start_s - moment.start_s).abs() >= APART_S) {
            kept.push(moment);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use moodline_core::Probabilities;
    use moodline_engine::{Latency, Segment, State};

    use super::*;

    #[test]
    fn moments_are_ranked_and_apart() {
        let segment = |start_s: f64, values: [f32; 4]| {
            let state = State::Speech(Probabilities::new(values).unwrap());
            let segment = Segment { start_s, end_s: start_s + 5.0, state };
            Found { channel: None, segment, latency: Latency::default() }
        };
        let segments = [
            segment(0.0, [0.9, 0.1, 0.0, 0.0]),
            segment(5.0, [0.95, 0.05, 0.0, 0.0]),
            segment(20.0, [0.0, 0.0, 0.0, 1.0]),
            segment(40.0, [0.0, 0.0, 0.6, 0.4]),
            segment(60.0, [0.3, 0.25, 0.25, 0.2]),
        ];
        let starts = |moments: Vec<Moment>| moments.iter().map(|moment| moment.start_s).collect::<Vec<_>>();
        assert_eq!(starts(most_intense(&segments, 0.4)), [5.0, 40.0]);
        assert_eq!(starts(uncertain(&segments, 0.4)), [60.0]);
    }
}
