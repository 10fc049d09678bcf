//! Smoothing, for display only: recorded and exported results remain unchanged.

use moodline_core::{Emotion, Probabilities};

use crate::segment::Segment;

/// The probabilities of consecutive segments, each moved towards the previous one; none where a segment has none.
///
/// Exponential smoothing with a time constant of `time_constant_s` seconds (0: none) over the time between the starts. It restarts after a gap, after
/// silence and where nothing is recorded, so that nothing is carried across time without audio.
#[must_use]
pub fn smoothed(segments: &[Segment], time_constant_s: f64) -> Vec<Option<Probabilities>> {
    let mut before: Option<(&Segment, Probabilities)> = None;
    let mut smooth = Vec::with_capacity(segments.len());
    for segment in segments {
        before = segment.probabilities().map(|found| match before {
            Some((last, average)) if segment.start_s <= last.end_s => {
                (segment, mixed(&average, found, weight_of(segment.start_s - last.start_s, time_constant_s)))
            }
            _ => (segment, *found),
        });
        smooth.push(before.map(|(_, average)| average));
    }
    smooth
}

/// Weight of a new value after `seconds`, 0..=1.
fn weight_of(seconds: f64, time_constant_s: f64) -> f32 {
    if time_constant_s > 0.0 { (1.0 - (-seconds / time_constant_s).exp()) as f32 } else { 1.0 }
}

/// Interpolates from `from` to `to` by `weight` (0..=1).
fn mixed(from: &Probabilities, to: &Probabilities, weight: f32) -> Probabilities {
    let mix = |emotion: Emotion| (weight * to.of(emotion) + (1.0 - weight) * from.of(emotion)).clamp(0.0, 1.0);
    // A mixture of two distributions is one, up to rounding far below the tolerance.
    Probabilities::new(Emotion::ALL.map(mix)).unwrap_or(*to)
}
