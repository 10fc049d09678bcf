//! A stretch of time and the result for it: produced by the analysis, recorded on a timeline and written by an export.

use std::time::Duration;

use moodline_core::{Emotion, Probabilities};

/// A stretch of time and the result for it.
///
/// The analysis gives one per block; its times are nominal and never beyond the end of the stream. On a timeline, a gap is a segment too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// Start, seconds: for a block from the start of the stream, for an entry on the timeline's clock.
    pub start_s: f64,
    /// End, seconds; after the start.
    pub end_s: f64,
    /// The result.
    pub state: State,
}

/// The result for a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    /// Speech, with the network's answer.
    Speech(Probabilities),
    /// Apparently speech, but unlike the training data of the network according to its contract ([`Familiarity`](moodline_core::Familiarity)). This
    /// is still the network's answer; it should not be interpreted.
    Unfamiliar(Probabilities),
    /// No speech, according to the speech detector. The network is not run, so there are no probabilities: its answer to silence, noise or music
    /// would be meaningless.
    NoSpeech,
    /// No result, with the reason. Only a timeline has gaps: an [`Analyser`](crate::Analyser) gives an answer for all audio or fails.
    Gap(GapReason),
}

/// Why there is no answer for a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GapReason {
    /// Audio arrived faster than it could be processed.
    Overrun,
    /// The analysis was switched off.
    Bypass,
    /// No model, or a network that failed.
    Failure,
    /// Samples that are NaN, infinite or too large for audio.
    NotFinite,
}

impl State {
    /// `speech`, `unfamiliar` or `no_speech`, as written by every export, or `gap`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Speech(_) => "speech",
            Self::Unfamiliar(_) => "unfamiliar",
            Self::NoSpeech => "no_speech",
            Self::Gap(_) => "gap",
        }
    }
}

/// Computing time of one block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Resampling, features and speech detection for the audio since the previous block.
    pub features: Duration,
    /// The network.
    pub inference: Duration,
}

impl Segment {
    /// The most probable emotion; none without familiar speech.
    #[must_use]
    pub fn emotion(&self) -> Option<Emotion> {
        self.probabilities().map(|probabilities| probabilities.winner())
    }

    /// The network's answer; none without familiar speech.
    #[must_use]
    pub const fn probabilities(&self) -> Option<&Probabilities> {
        match &self.state {
            State::Speech(probabilities) => Some(probabilities),
            State::Unfamiliar(_) | State::NoSpeech | State::Gap(_) => None,
        }
    }

    /// The network's answer, even where it should not be interpreted; none if the network was not run.
    #[must_use]
    pub const fn answer(&self) -> Option<&Probabilities> {
        match &self.state {
            State::Speech(probabilities) | State::Unfamiliar(probabilities) => Some(probabilities),
            State::NoSpeech | State::Gap(_) => None,
        }
    }

    /// Whether nothing is known about this time.
    #[must_use]
    pub const fn is_gap(&self) -> bool {
        matches!(self.state, State::Gap(_))
    }

    /// Label for a reader: the emotion, `unfamiliar`, `no speech` or `gap`.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match &self.state {
            State::Speech(probabilities) => probabilities.winner().name(),
            State::Unfamiliar(_) => "unfamiliar",
            State::NoSpeech => "no speech",
            State::Gap(_) => "gap",
        }
    }
}

/// The part of the time that each of these segments, sorted by start, represents: start and end in seconds.
///
/// Where two overlap, the earlier one represents the time up to the middle of their overlap and the later one the time from there, so that a
/// picture or a subtitle shows one at a time. Time between two segments belongs to none. A gap represents all of its time: a segment of an
/// earlier pass that extends into it represents only the time before it.
#[must_use]
pub fn spans(segments: &[Segment]) -> Vec<(f64, f64)> {
    let mut times: Vec<(f64, f64)> = segments.iter().map(|segment| (segment.start_s, segment.end_s)).collect();
    let mut next_gap_s = f64::INFINITY;
    for (time, segment) in times.iter_mut().zip(segments).rev() {
        time.1 = time.1.min(next_gap_s);
        if segment.is_gap() {
            next_gap_s = segment.start_s;
        }
    }
    cut_at_overlaps(&times)
}

/// Cuts intervals, sorted by start, at the middle of each overlap. None extends beyond its original time, even if one contains another.
fn cut_at_overlaps(times: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut borders: Vec<f64> = times.windows(2).map(|pair| f64::midpoint(pair[0].1.min(pair[1].1), pair[1].0)).collect();
    // No border may come before an earlier one.
    for index in (1..borders.len()).rev() {
        borders[index - 1] = borders[index - 1].min(borders[index]);
    }
    let before = |index: usize| index.checked_sub(1).map_or(f64::NEG_INFINITY, |before| borders[before]);
    let after = |index: usize| borders.get(index).copied().unwrap_or(f64::INFINITY);
    times.iter().enumerate().map(|(index, &(start_s, end_s))| (start_s.max(before(index)), end_s.min(after(index)))).collect()
}
