//! A one-line summary of a recording: how much of it is speech, and with which emotions.

use moodline_core::Emotion;

use super::is_uncertain;
use super::time::duration_text;
use crate::segment::{Segment, State, spans};

/// How the time of one or several recordings is divided. Each block counts for its part of [`spans`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// Length of the recordings, seconds.
    pub duration_s: f64,
    /// Speech whose most probable emotion is this, seconds, in [`Emotion::ALL`] order.
    pub emotion_s: [f64; Emotion::COUNT],
    /// The part of this speech that is [uncertain](is_uncertain), seconds.
    pub uncertain_s: f64,
    /// Time that is unlike the training data of the model, seconds; not included in the speech.
    pub unfamiliar_s: f64,
}

impl Summary {
    /// The summary of one recording; answers are certain from the probability `certain_from` on.
    #[must_use]
    pub fn of(segments: &[Segment], duration_s: f64, certain_from: f32) -> Self {
        let mut summary = Self { duration_s, ..Self::default() };
        for (segment, (start_s, end_s)) in segments.iter().zip(spans(segments)) {
            let length_s = (end_s - start_s).max(0.0);
            if matches!(segment.state, State::Unfamiliar(_)) {
                summary.unfamiliar_s += length_s;
            }
            let State::Speech(probabilities) = &segment.state else { continue };
            let winner = probabilities.winner();
            summary.emotion_s[winner.index()] += length_s;
            if is_uncertain(segment, certain_from) {
                summary.uncertain_s += length_s;
            }
        }
        summary
    }

    /// Adds another recording.
    pub fn add(&mut self, other: &Self) {
        self.duration_s += other.duration_s;
        self.uncertain_s += other.uncertain_s;
        self.unfamiliar_s += other.unfamiliar_s;
        self.emotion_s.iter_mut().zip(other.emotion_s).for_each(|(sum, more)| *sum += more);
    }

    /// Duration of the speech, seconds.
    #[must_use]
    pub fn speech_s(&self) -> f64 {
        self.emotion_s.iter().sum()
    }

    /// The share of each emotion in the speech, 0..=1, the largest first; none without speech.
    #[must_use]
    pub fn shares(&self) -> Vec<(Emotion, f64)> {
        let speech_s = self.speech_s();
        let mut shares = Emotion::ALL.map(|emotion| (emotion, self.emotion_s[emotion.index()] / speech_s)).to_vec();
        shares.retain(|(_, share)| *share > 0.0);
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        shares
    }

    /// `18:20 min of speech in 22:10 min: sad 60 %, angry 40 %; 12 % of it uncertain; 0:30 min unfamiliar`.
    #[must_use]
    pub fn text(&self) -> String {
        let shares = self.shares();
        let unfamiliar =
            if self.unfamiliar_s > 0.0 { format!("; {} unfamiliar", duration_text(self.unfamiliar_s)) } else { String::new() };
        if shares.is_empty() {
            return format!("no speech in {}{unfamiliar}", duration_text(self.duration_s));
        }
        let shares: Vec<String> = shares.iter().map(|(emotion, share)| format!("{emotion} {:.0} %", 100.0 * share)).collect();
        let uncertain = 100.0 * self.uncertain_s / self.speech_s();
        let uncertain = if uncertain < 0.5 { String::new() } else { format!("; {uncertain:.0} % of it uncertain") };
        let (speech, duration) = (duration_text(self.speech_s()), duration_text(self.duration_s));
        format!("{speech} of speech in {duration}: {}{uncertain}{unfamiliar}", shares.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use moodline_core::Probabilities;

    use super::*;

    fn segment(start_s: f64, end_s: f64, values: Option<[f32; 4]>) -> Segment {
        let state = values.map_or(State::NoSpeech, |values| State::Speech(Probabilities::new(values).unwrap()));
        Segment { start_s, end_s, state }
    }

    #[test]
    fn time_is_counted_once_and_shares_are_of_the_speech() {
        let angry = Some([0.75, 0.25, 0.0, 0.0]);
        let unsure = Some([0.3, 0.2, 0.39, 0.11]);
        // The first two overlap by two seconds, so each counts for four.
        let segments = [segment(0.0, 5.0, angry), segment(3.0, 8.0, unsure), segment(8.0, 100.0, None)];
        let mut summary = Summary::of(&segments, 100.0, 0.4);
        assert_eq!(summary.text(), "8 s of speech in 1:40 min: angry 50 %, sad 50 %; 50 % of it uncertain");
        summary.add(&Summary::of(&[segment(0.0, 8.0, angry)], 8.0, 0.4));
        assert_eq!(summary.text(), "16 s of speech in 1:48 min: angry 75 %, sad 25 %; 25 % of it uncertain");
        assert_eq!(Summary::of(&segments[2..], 100.0, 0.4).text(), "no speech in 1:40 min");
        let drill =
            Segment { start_s: 0.0, end_s: 3.0, state: State::Unfamiliar(Probabilities::new([0.75, 0.25, 0.0, 0.0]).unwrap()) };
        assert_eq!(
            Summary::of(&[drill, segment(3.0, 7.0, angry)], 7.0, 0.4).text(),
            "4 s of speech in 7 s: angry 100 %; 3 s unfamiliar"
        );
    }
}
