//! The probabilities of a row as columns, smoothed for display only: recorded and exported values are unchanged. Used by pictures and pages.

use moodline_core::Emotion;
use moodline_engine::{Segment, State};

/// What one column shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Column {
    /// Means of the four probabilities, in [`Emotion::ALL`] order.
    Speech([f64; Emotion::COUNT]),
    /// Its centre is unlike anything that the model was trained on.
    Unfamiliar,
    /// There is no speech at its centre.
    NoSpeech,
    /// Nothing was recorded at its centre.
    Nothing,
}

impl Column {
    /// The means, if there is speech.
    pub(crate) const fn probabilities(&self) -> Option<[f64; Emotion::COUNT]> {
        match self {
            Self::Speech(probabilities) => Some(*probabilities),
            Self::Unfamiliar | Self::NoSpeech | Self::Nothing => None,
        }
    }
}

/// Where blocks are narrower than this, their probabilities are smoothed, units.
const CLOSE_BLOCKS: f64 = 4.0;
/// Length of the smoothing window, units.
const SMOOTHING: f64 = 12.0;

/// Length of the smoothing window in seconds, if blocks are too narrow to be distinguished.
pub(crate) fn smoothing(segments: &[Segment], seconds_per_unit: f64) -> Option<f64> {
    let (first, last) = (segments.first()?, segments.last()?);
    let hop_s = (last.start_s - first.start_s) / (segments.len() - 1).max(1) as f64;
    (segments.len() > 1 && hop_s < CLOSE_BLOCKS * seconds_per_unit).then_some(SMOOTHING * seconds_per_unit)
}

/// The upper edge of each emotion, stacked as in the editor: the first of [`Emotion::ALL`] is on top.
pub(crate) fn stacked(probabilities: [f64; Emotion::COUNT]) -> [f64; Emotion::COUNT] {
    let mut tops = [1.0; Emotion::COUNT];
    for index in 1..Emotion::COUNT {
        tops[index] = (tops[index - 1] - probabilities[index - 1]).max(0.0);
    }
    tops
}

/// Columns of `column_s` seconds that cover `start_s..end_s`. Each is the mean over `smooth_s` seconds around its centre of what `segments` found, each
/// segment weighted by its part in `spans`; both are sorted.
pub(crate) fn columns(
    segments: &[Segment],
    spans: &[(f64, f64)],
    (start_s, end_s): (f64, f64),
    column_s: f64,
    smooth_s: f64,
) -> Vec<Column> {
    let n = ((end_s - start_s) / column_s - 1e-9).ceil().max(1.0) as usize;
    let column = |index: usize| {
        let middle_s = (start_s + (index as f64 + 0.5) * column_s).min(end_s);
        let (from_s, to_s) = (middle_s - smooth_s / 2.0, middle_s + smooth_s / 2.0);
        let first = spans.partition_point(|&(_, end_s)| end_s <= from_s);
        let (mut weighted, mut weight_s, mut state) = ([0.0; Emotion::COUNT], 0.0, None);
        for (segment, &(start_s, end_s)) in segments.iter().zip(spans).skip(first).take_while(|(_, (start_s, _))| *start_s < to_s)
        {
            if (start_s..end_s).contains(&middle_s) || (middle_s >= end_s && middle_s - end_s < 1e-9) {
                state = Some(&segment.state);
            }
            if let Some(probabilities) = segment.probabilities() {
                let covered_s = (end_s.min(to_s) - start_s.max(from_s)).max(0.0);
                weight_s += covered_s;
                weighted.iter_mut().zip(probabilities.as_array()).for_each(|(sum, value)| *sum += covered_s * f64::from(*value));
            }
        }
        match state {
            Some(State::Speech(_)) if weight_s > 0.0 => Column::Speech(weighted.map(|sum| sum / weight_s)),
            Some(State::Unfamiliar(_)) => Column::Unfamiliar,
            None => Column::Nothing,
            Some(_) => Column::NoSpeech,
        }
    };
    (0..n).map(column).collect()
}

#[cfg(test)]
mod tests {
    use moodline_core::Probabilities;

    use super::*;

    fn row(values: &[Option<[f32; 4]>]) -> (Vec<Segment>, Vec<(f64, f64)>) {
        let segments = values.iter().enumerate().map(|(index, values)| {
            let state = values.map_or(State::NoSpeech, |values| State::Speech(Probabilities::new(values).unwrap()));
            Segment { start_s: index as f64, end_s: index as f64 + 1.0, state }
        });
        let segments: Vec<Segment> = segments.collect();
        let spans = segments.iter().map(|segment| (segment.start_s, segment.end_s)).collect();
        (segments, spans)
    }

    const ANGRY: Option<[f32; 4]> = Some([1.0, 0.0, 0.0, 0.0]);
    const SAD: Option<[f32; 4]> = Some([0.0, 0.0, 1.0, 0.0]);

    #[test]
    fn the_first_emotion_is_on_top() {
        assert_eq!(stacked([0.5, 0.25, 0.125, 0.125]), [1.0, 0.5, 0.25, 0.125]);
    }

    #[test]
    fn columns_are_means_of_the_speech_around_them() {
        let (segments, spans) = row(&[ANGRY, SAD, ANGRY, SAD, None, SAD]);
        let found = columns(&segments, &spans, (0.0, 7.0), 1.0, 2.0);
        assert_eq!(found[1], Column::Speech([0.5, 0.0, 0.5, 0.0]));
        assert_eq!(found[5], Column::Speech([0.0, 0.0, 1.0, 0.0]), "silence takes no part in a mean");
        assert_eq!((found[4], found[6], found.len()), (Column::NoSpeech, Column::Nothing, 7));
        let sharp = columns(&segments, &spans, (1.0, 3.0), 0.5, 0.5);
        assert_eq!(sharp[..2], [Column::Speech([0.0, 0.0, 1.0, 0.0]); 2]);
    }
}
