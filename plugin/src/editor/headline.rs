//! What the header says, from how the analysis stands. Pure, no screen.

use std::time::Duration;

use moodline_core::{Emotion, Probabilities};
use moodline_engine::State;
use moodline_engine::live::{ModelState, Status};

/// The one thing a person should see first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Headline {
    /// The analysis is switched off.
    Bypassed,
    /// There is no model yet.
    Loading,
    /// There is no model; the reason in one sentence.
    ModelMissing(String),
    /// No audio comes, or too little for a block so far.
    Waiting,
    /// Audio, but nobody speaks.
    NoSpeech,
    /// Somebody speaks, and no emotion is probable enough.
    Uncertain(Probabilities),
    /// Somebody speaks.
    Emotion(Probabilities),
}

/// How old a segment may be before it says nothing about now. Blocks come every hop, and a host's buffers and the analysis take a moment.
pub(crate) fn stale_after(hop_s: f32) -> Duration {
    Duration::from_secs_f32(2.0 + 2.0 * hop_s.max(0.0))
}

impl Headline {
    /// `shown` is the newest state as it is to be shown, that is smoothed.
    pub(crate) fn new(status: &Status, shown: Option<&State>, bypassed: bool, confidence: f32, hop_s: f32) -> Self {
        match &status.model {
            ModelState::Failed(reason) => return Self::ModelMissing(reason.clone()),
            ModelState::Loading if !bypassed => return Self::Loading,
            _ if bypassed => return Self::Bypassed,
            _ => {}
        }
        let fresh = status.latest_age.is_none_or(|age| age <= stale_after(hop_s));
        match shown.filter(|_| fresh) {
            None => Self::Waiting,
            Some(state) => Self::of_state(state, confidence),
        }
    }

    fn of_state(state: &State, confidence: f32) -> Self {
        match state {
            State::Speech(probabilities) if probabilities.of(probabilities.winner()) >= confidence => {
                Self::Emotion(*probabilities)
            }
            State::Speech(probabilities) => Self::Uncertain(*probabilities),
            State::NoSpeech => Self::NoSpeech,
            State::Gap(_) => Self::Waiting,
        }
    }

    /// The shape to paint, if there is one.
    pub(crate) fn emotion(&self) -> Option<Emotion> {
        self.probabilities().map(|probabilities| probabilities.winner())
    }

    /// The four bars, if there are any.
    pub(crate) fn probabilities(&self) -> Option<&Probabilities> {
        match self {
            Self::Emotion(probabilities) | Self::Uncertain(probabilities) => Some(probabilities),
            _ => None,
        }
    }

    /// The large word.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Bypassed => "bypassed",
            Self::Loading => "loading",
            Self::ModelMissing(_) => "model missing",
            Self::Waiting => "waiting for audio",
            Self::NoSpeech => "no speech",
            Self::Uncertain(_) => "uncertain",
            Self::Emotion(probabilities) => probabilities.winner().name(),
        }
    }

    /// The smaller line below the word, and whether it is about something that is wrong.
    pub(crate) fn detail(&self, status: &Status) -> (String, bool) {
        if let Self::ModelMissing(reason) = self {
            return (reason.clone(), true);
        }
        if let Some(problem) = &status.problem {
            return (problem.clone(), true);
        }
        let ModelState::Ready { id, .. } = &status.model else { return (String::new(), false) };
        let backend = status.backend.map_or_else(String::new, |backend| format!("   {}", backend.name()));
        (format!("{id}{backend}"), false)
    }

    /// What stands beside the word.
    pub(crate) fn remark(&self) -> String {
        match self {
            Self::Emotion(probabilities) => percent(probabilities.of(probabilities.winner())),
            Self::Uncertain(probabilities) => {
                let leaning = probabilities.winner();
                format!("leaning {leaning} {}", percent(probabilities.of(leaning)))
            }
            _ => String::new(),
        }
    }
}

/// A share as whole percent.
pub(crate) fn percent(share: f32) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(model: ModelState, age_s: Option<f32>) -> Status {
        Status {
            model,
            backend: None,
            fallback_reason: None,
            latest: None,
            latency: None,
            latest_age: age_s.map(Duration::from_secs_f32),
            dropped_frames: 0,
            sample_rate: None,
            problem: None,
        }
    }

    fn ready() -> ModelState {
        ModelState::Ready { id: "a".into(), fingerprint: "b".into() }
    }

    const ANGRY: [f32; 4] = [0.6, 0.2, 0.1, 0.1];

    fn said(model: ModelState, age_s: Option<f32>, shown: Option<State>, bypassed: bool, confidence: f32) -> (String, String) {
        let headline = Headline::new(&status(model, age_s), shown.as_ref(), bypassed, confidence, 0.5);
        (headline.word().to_owned(), headline.remark())
    }

    #[test]
    fn every_state_has_its_word() {
        let speech = Some(State::Speech(Probabilities::new(ANGRY).unwrap()));
        let cases = [
            (said(ready(), Some(0.2), speech, false, 0.5), ("angry", "60 %")),
            (said(ready(), Some(0.2), speech, false, 0.7), ("uncertain", "leaning angry 60 %")),
            (said(ready(), Some(0.2), Some(State::NoSpeech), false, 0.5), ("no speech", "")),
            (said(ready(), None, None, false, 0.5), ("waiting for audio", "")),
            (said(ready(), Some(60.0), speech, false, 0.5), ("waiting for audio", "")),
            (said(ready(), Some(0.2), speech, true, 0.5), ("bypassed", "")),
            (said(ModelState::Loading, None, speech, false, 0.5), ("loading", "")),
            (said(ModelState::Failed("gone".into()), None, speech, true, 0.5), ("model missing", "")),
        ];
        for ((word, remark), (expected_word, expected_remark)) in cases {
            assert_eq!((word.as_str(), remark.as_str()), (expected_word, expected_remark));
        }
    }

    #[test]
    fn only_probabilities_have_a_shape() {
        assert_eq!(Headline::Waiting.emotion(), None);
        assert_eq!(Headline::Uncertain(Probabilities::new(ANGRY).unwrap()).emotion(), Some(Emotion::Angry));
    }
}
