//! The headline in the header, derived from the state of the analysis. Pure, no screen.

use std::time::Duration;

use moodline_core::{Emotion, Probabilities};
use moodline_engine::State;
use moodline_engine::live::{ModelState, Status};

use super::input::Input;
use crate::session::Segments;

/// The most important information at the moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Headline {
    /// The analysis is switched off.
    Bypassed,
    /// The model is still loading.
    Loading,
    /// There is no model; the reason in one sentence.
    ModelMissing(String),
    /// No audio is arriving.
    Waiting,
    /// No audio can arrive, because there is no microphone.
    NoMicrophone {
        /// Whether there is one to choose.
        is_any: bool,
    },
    /// No more audio will arrive, because the whole file was played.
    Ended,
    /// Audio is arriving, but not yet enough for a block.
    Listening {
        /// Uninterrupted audio so far, seconds.
        heard_s: f64,
        /// Length of a block, seconds.
        window_s: f64,
    },
    /// Audio is arriving, but no phrase has ended yet.
    ListeningToPhrase,
    /// There is audio, but no speech.
    NoSpeech,
    /// Speech-like audio, but unlike anything that the model was trained on.
    Unfamiliar,
    /// There is speech, but no emotion is probable enough.
    Uncertain(Probabilities),
    /// There is speech.
    Emotion(Probabilities),
}

/// The user's settings that affect the headline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadlineSettings {
    pub(crate) bypassed: bool,
    /// Emotions with a lower probability are uncertain.
    pub(crate) confidence: f32,
    /// Length of a block, seconds.
    pub(crate) window_s: f32,
    /// Distance between block starts, seconds.
    pub(crate) hop_s: f32,
    /// What a segment covers.
    pub(crate) segments: Segments,
}

impl HeadlineSettings {
    /// Longest time between segments while audio is arriving, seconds.
    pub(crate) const fn next_s(&self) -> f32 {
        match self.segments {
            Segments::Blocks => self.hop_s,
            Segments::Phrases => self.window_s,
        }
    }

    /// Age at which a segment is stale, allowing for the delays of the host's buffers and the analysis.
    pub(crate) fn stale_after(&self) -> Duration {
        Duration::from_secs_f32(2.0 + 2.0 * self.next_s().max(0.0))
    }
}

impl Headline {
    /// `shown` is the newest state as displayed, that is, smoothed.
    pub(crate) fn new(status: &Status, shown: Option<&State>, input: &Input, settings: &HeadlineSettings) -> Self {
        match &status.model {
            ModelState::Failed(reason) => return Self::ModelMissing(reason.clone()),
            ModelState::Loading if !settings.bypassed => return Self::Loading,
            _ if settings.bypassed => return Self::Bypassed,
            _ => {}
        }
        if let Input::NoMicrophone { is_any } = *input {
            // A sound system without a microphone delivers silence, which is not meaningful.
            return Self::NoMicrophone { is_any };
        }
        let fresh = status.latest_age.is_none_or(|age| age <= settings.stale_after());
        match shown.filter(|_| fresh) {
            Some(State::Speech(probabilities)) if probabilities.of(probabilities.winner()) >= settings.confidence => {
                Self::Emotion(*probabilities)
            }
            Some(State::Speech(probabilities)) => Self::Uncertain(*probabilities),
            Some(State::Unfamiliar(_)) => Self::Unfamiliar,
            Some(State::NoSpeech) => Self::NoSpeech,
            Some(State::Gap(_)) | None => Self::without_answer(status, input, settings),
        }
    }

    fn without_answer(status: &Status, input: &Input, settings: &HeadlineSettings) -> Self {
        let window_s = f64::from(settings.window_s);
        match status.listening_s {
            _ if input.has_ended() => Self::Ended,
            Some(_) if settings.segments == Segments::Phrases => Self::ListeningToPhrase,
            Some(heard_s) => Self::Listening { heard_s: heard_s.min(window_s), window_s },
            None => Self::Waiting,
        }
    }

    /// The emotion whose shape is painted, if any.
    pub(crate) fn emotion(&self) -> Option<Emotion> {
        self.probabilities().map(|probabilities| probabilities.winner())
    }

    /// The values of the four bars, if any.
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
            Self::NoMicrophone { .. } => "no microphone",
            Self::Ended => "the file has ended",
            Self::Listening { .. } | Self::ListeningToPhrase => "listening",
            Self::Unfamiliar => "unfamiliar",
            Self::NoSpeech => "no speech",
            Self::Uncertain(_) => "uncertain",
            Self::Emotion(probabilities) => probabilities.winner().name(),
        }
    }

    /// Whether it is about analysed audio, not about the state of the analysis.
    pub(crate) const fn is_answer(&self) -> bool {
        matches!(self, Self::NoSpeech | Self::Unfamiliar | Self::Uncertain(_) | Self::Emotion(_))
    }

    /// The smaller line below the word, and whether it reports a problem. `heard` names the audio that an answer is about, `voice` the voice it was corrected
    /// for.
    pub(crate) fn detail(&self, status: &Status, heard: Option<&str>, voice: Option<&str>) -> (String, bool) {
        if let Self::ModelMissing(reason) = self {
            return (reason.clone(), true);
        }
        match self {
            Self::NoMicrophone { is_any: true } => return ("choose one in Settings, or open an audio file".to_owned(), true),
            Self::NoMicrophone { is_any: false } => {
                return ("connect one and start again, or open an audio file".to_owned(), true);
            }
            _ => {}
        }
        if let Some(problem) = &status.problem {
            return (problem.clone(), true);
        }
        let ModelState::Ready { id, .. } = &status.model else { return (String::new(), false) };
        let backend = status.backend.map_or_else(String::new, |backend| format!("   {}", backend.name()));
        let [heard, voice] =
            [heard.filter(|_| self.is_answer()), voice].map(|text| text.map_or_else(String::new, |text| format!("{text}   ")));
        (format!("{heard}{voice}{id}{backend}"), false)
    }

    /// The text beside the word.
    pub(crate) fn remark(&self) -> String {
        match self {
            Self::Emotion(probabilities) => percent(probabilities.of(probabilities.winner())),
            Self::Uncertain(probabilities) => {
                let leaning = probabilities.winner();
                format!("leaning {leaning} {}", percent(probabilities.of(leaning)))
            }
            Self::Unfamiliar => "unlike anything the model learned from".to_owned(),
            Self::Listening { heard_s, window_s } => {
                // Rounded down, so that it does not reach the full length too early.
                format!("{:.1} of {window_s} s", (heard_s * 10.0).floor() / 10.0)
            }
            Self::ListeningToPhrase => "for a pause".to_owned(),
            _ => String::new(),
        }
    }
}

/// A share as whole percent.
pub(crate) fn percent(share: f32) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;
    use std::sync::atomic::Ordering;

    use super::super::input::PlayedFile;
    use super::*;

    /// The status of an analysis that has `model` and whose newest segment has this age, seconds.
    pub(crate) fn status(model: ModelState, age_s: Option<f32>) -> Status {
        Status {
            model,
            backend: None,
            fallback_reason: None,
            latest: None,
            latency: None,
            latest_age: age_s.map(Duration::from_secs_f32),
            listening_s: None,
            dropped_frames: 0,
            sample_rate: None,
            problem: None,
        }
    }

    pub(crate) fn ready() -> ModelState {
        ModelState::Ready { id: "a".into(), fingerprint: "b".into() }
    }

    const ANGRY: [f32; 4] = [0.6, 0.2, 0.1, 0.1];

    const SETTINGS: HeadlineSettings =
        HeadlineSettings { bypassed: false, confidence: 0.5, window_s: 5.0, hop_s: 0.5, segments: Segments::Blocks };

    fn said(model: ModelState, age_s: Option<f32>, shown: Option<State>, bypassed: bool, confidence: f32) -> (String, String) {
        let settings = HeadlineSettings { bypassed, confidence, ..SETTINGS };
        let headline = Headline::new(&status(model, age_s), shown.as_ref(), &Input::Track, &settings);
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
    fn waiting_says_for_what() {
        let silence = Some(State::NoSpeech);
        let played = |ended| {
            let file = PlayedFile::new(Path::new("talk.wav"), false);
            file.has_ended.store(ended, Ordering::Relaxed);
            Input::File(file)
        };
        let no_microphone = Input::NoMicrophone { is_any: true };
        let cases = [
            (None, None, Input::Track, "waiting for audio", ""),
            (Some(2.19), None, Input::Track, "listening", "2.1 of 5 s"),
            (Some(7.0), None, played(false), "listening", "5.0 of 5 s"),
            (Some(7.0), silence, Input::Track, "no speech", ""),
            (Some(7.0), silence, no_microphone.clone(), "no microphone", ""),
            (None, None, no_microphone, "no microphone", ""),
            (None, None, played(true), "the file has ended", ""),
        ];
        for (listening_s, shown, input, word, remark) in cases {
            let status = Status { listening_s, ..status(ready(), shown.map(|_| 0.2)) };
            let headline = Headline::new(&status, shown.as_ref(), &input, &SETTINGS);
            assert_eq!((headline.word(), headline.remark().as_str()), (word, remark), "{listening_s:?} {shown:?} {input:?}");
        }
        let listening = Status { listening_s: Some(7.0), ..status(ready(), None) };
        let of_phrases = HeadlineSettings { segments: Segments::Phrases, ..SETTINGS };
        assert_eq!(Headline::new(&listening, None, &Input::Track, &of_phrases).remark(), "for a pause");
        assert_eq!([SETTINGS.stale_after(), of_phrases.stale_after()].map(|after| after.as_secs()), [3, 12]);
        let advice = |is_any| Headline::NoMicrophone { is_any }.detail(&status(ready(), None), None, None).0;
        assert!(advice(true).contains("choose one in Settings") && advice(false).contains("connect one"));
    }

    #[test]
    fn an_answer_says_which_seconds_it_is_about_and_nothing_else_does() {
        let said = |headline: Headline, voice| headline.detail(&status(ready(), None), Some("0:08.2 to 0:13.2"), voice).0;
        let detail = |headline| said(headline, None);
        let angry = Probabilities::new(ANGRY).unwrap();
        for answer in [Headline::Emotion(angry), Headline::Uncertain(angry), Headline::Unfamiliar, Headline::NoSpeech] {
            assert_eq!(detail(answer), "0:08.2 to 0:13.2   a");
        }
        assert_eq!(detail(Headline::Waiting), "a");
        assert_eq!(said(Headline::NoSpeech, Some("voice: 42 s heard")), "0:08.2 to 0:13.2   voice: 42 s heard   a");
        assert_eq!(said(Headline::Waiting, Some("voice: 42 s heard")), "voice: 42 s heard   a");
    }

    #[test]
    fn only_probabilities_have_a_shape() {
        assert_eq!(Headline::Waiting.emotion(), None);
        assert_eq!(Headline::Uncertain(Probabilities::new(ANGRY).unwrap()).emotion(), Some(Emotion::Angry));
    }
}
