//! A stretch of time and what is known about it: what the analysis answers, a timeline records and an export writes.

use std::time::Duration;

use moodline_core::{Emotion, Probabilities};

/// A stretch of time and what is known about it.
///
/// The analysis gives one a block; its times are nominal and never beyond the end of the stream. On a timeline a gap is one, too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// Start, seconds: of a block from the start of the stream, of an entry on the timeline's clock.
    pub start_s: f64,
    /// End, seconds; after the start.
    pub end_s: f64,
    /// What is known.
    pub state: State,
}

/// What is known about a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    /// Somebody speaks, and this is the network's answer.
    Speech(Probabilities),
    /// Somebody seems to speak, but it is unlike anything that the network learned from, as its contract says ([`Familiarity`](moodline_core::Familiarity)). This
    /// is still the network's answer; it should not be interpreted.
    Unfamiliar(Probabilities),
    /// Nobody speaks, as the detector of speech says. The network is not asked, so there are no probabilities: whatever it would
    /// say about silence, noise or music means nothing.
    NoSpeech,
    /// Nothing, and why. Only a timeline has gaps: an [`Analyser`](crate::Analyser) answers for all it hears or fails.
    Gap(GapReason),
}

/// Why there is no answer for a part of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GapReason {
    /// Audio came faster than it could be taken.
    Overrun,
    /// The analysis was switched off.
    Bypass,
    /// No model, or a network that failed.
    Failure,
    /// Samples that are NaN, infinite or beyond any audio.
    NotFinite,
}

impl State {
    /// `speech`, `unfamiliar` or `no_speech`, as every export writes it, or `gap`.
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
    /// Resampling, features and detection of speech in the audio that came since the previous block.
    pub features: Duration,
    /// The network.
    pub inference: Duration,
}

impl Segment {
    /// The most probable emotion; none without speech that the network knows.
    #[must_use]
    pub fn emotion(&self) -> Option<Emotion> {
        self.probabilities().map(|probabilities| probabilities.winner())
    }

    /// The network's answer; none without speech that it knows.
    #[must_use]
    pub const fn probabilities(&self) -> Option<&Probabilities> {
        match &self.state {
            State::Speech(probabilities) => Some(probabilities),
            State::Unfamiliar(_) | State::NoSpeech | State::Gap(_) => None,
        }
    }

    /// The network's answer, also where nothing is to be made of it; none where it was not asked.
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

    /// What a person reads: the emotion, `unfamiliar`, `no speech` or `gap`.
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

/// The part of the time each of these segments, sorted by start, stands for: start and end in seconds.
///
/// Where two overlap, the earlier one stands for the time up to the middle of their overlap and the later one for the time from there, so that a
/// picture or a subtitle shows one at a time. What lies between two segments belongs to none. A gap stands for all of its time: a segment of an
/// earlier pass that reaches into it stands for what is before it.
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

/// Cuts starts and ends, sorted by start, at the middle of each overlap. Nothing leaves its own time, also where one lies within another.
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
