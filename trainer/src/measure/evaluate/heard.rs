//! Effect of hearing more of a voice: UAR against the seconds heard of it before.
//!
//! In: the cold predictions for the clips of many speakers, in the order of the manifest. Out: a point for each number of seconds; **every** clip is
//! evaluated at each point, so that the points differ only in the history.

use moodline_core::{VoiceCorrection, VoiceProfile};
use rand::seq::SliceRandom as _;
use serde::{Deserialize, Serialize};

use super::Prediction;
use super::voices::{History, by_speaker, probabilities};
use crate::base::plot::{Line, LinePanel, Lines, series};
use crate::measure::metrics::Confusion;
use moodline_augment::random::generator;

/// Seconds of speech heard before.
const SECONDS: [f64; 7] = [0.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0];

/// How much is right after this much speech of a voice: the UAR, unless stated otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeardPoint {
    /// Seconds of speech, plus the remainder of the last clip; less if a speaker has no more.
    pub seconds: f64,
    /// After other clips of the speaker, in random order.
    pub others: f64,
    /// After the directly preceding clips in the manifest.
    pub before: f64,
    /// After others with the same label, in random order; this must do no harm.
    pub same: f64,
    /// [`Confusion::natural_accuracy`] after [`History::Natural`], in random order; this must do no harm either.
    pub natural: f64,
}

/// The curve, of at least one prediction.
#[must_use]
pub fn voice_curve(predictions: &[Prediction], correction: &VoiceCorrection) -> Vec<HeardPoint> {
    let mut confusions = SECONDS.map(|_| [Confusion::default(); 4]);
    for clips in by_speaker(predictions) {
        for &(place, this) in &clips {
            let mut others: Vec<(usize, &Prediction)> = clips.iter().copied().filter(|other| other.0 != place).collect();
            let before: Vec<_> = others.iter().copied().filter(|other| other.0 < place).rev().collect();
            let mut natural = History::Natural.heard(&clips, (place, this));
            for history in [&mut others, &mut natural] {
                history.shuffle(&mut generator(&[b"voice curve", &(place as u64).to_le_bytes()]));
            }
            let same: Vec<_> =
                others.iter().copied().filter(|other| other.1.utterance.emotion == this.utterance.emotion).collect();
            for (which, history) in [&others, &before, &same, &natural].into_iter().enumerate() {
                let (mut profile, mut heard, mut next) = (VoiceProfile::default(), 0.0, history.iter());
                for (point, seconds) in SECONDS.into_iter().enumerate() {
                    while heard < seconds {
                        let Some((_, other)) = next.next() else { break };
                        profile.hear(&probabilities(other), other.seconds, correction);
                        heard += other.seconds;
                    }
                    let answer = profile.correct(&probabilities(this), correction);
                    confusions[point][which].add(this.utterance.emotion, answer.winner());
                }
            }
        }
    }
    let point = |(seconds, [others, before, same, natural]): (f64, [Confusion; 4])| HeardPoint {
        seconds,
        others: others.uar(),
        before: before.uar(),
        same: same.uar(),
        natural: natural.natural_accuracy(),
    };
    SECONDS.into_iter().zip(confusions).map(point).collect()
}

/// The curve as a figure.
#[must_use]
pub fn voice_figure(curve: &[HeardPoint], title: String) -> Lines {
    let line = |name: &str, index: usize, dashed: bool, figure: fn(&HeardPoint) -> f64| Line {
        name: name.to_owned(),
        points: curve.iter().map(|point| (point.seconds, figure(point))).collect(),
        colour: series(index),
        dashed,
    };
    let lines = vec![
        line("other clips, by chance", 0, false, |point| point.others),
        line("the clips before", 1, false, |point| point.before),
        line("the same emotion alone", 2, true, |point| point.same),
    ];
    let natural = vec![line("natural speech, accuracy", 3, true, |point| point.natural)];
    Lines {
        title,
        x_label: "seconds of the voice heard".to_owned(),
        panels: vec![
            LinePanel { y_label: "UAR".to_owned(), lines },
            LinePanel { y_label: "accuracy".to_owned(), lines: natural },
        ],
        guide: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::evaluate::voices::tests::{CORRECTION, leaning};
    use moodline_core::Emotion;

    #[test]
    fn every_clip_counts_at_every_point_and_only_a_varied_history_helps() {
        let emotions: Vec<Emotion> = Emotion::ALL.into_iter().cycle().take(32).collect();
        let curve = voice_curve(&leaning(&emotions), &CORRECTION);
        assert_eq!(curve.iter().map(|point| point.seconds).collect::<Vec<_>>(), SECONDS);
        let (cold, longest) = (curve[0], curve[curve.len() - 1]);
        assert_eq!((cold.others, cold.before, cold.same), (0.25, 0.25, 0.25), "anger alone is found");
        assert_eq!((longest.others, longest.same), (1.0, 0.25));
        assert!((cold.natural - 0.1).abs() < 1e-12, "anger is a tenth of natural speech: {}", cold.natural);
        assert!(longest.before > 0.8 && longest.before < 1.0, "{}: the first clips have no history", longest.before);
        assert_eq!(voice_curve(&leaning(&emotions), &CORRECTION), curve, "the same draws every time");
    }
}
