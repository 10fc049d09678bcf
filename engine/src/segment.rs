//! One answer of the analysis: what a block of the recording holds.

use std::time::Duration;

use moodline_core::{Emotion, Probabilities};

/// What was found in one block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// Nominal start of the block, seconds from the start of the stream.
    pub start_s: f64,
    /// Nominal end of the block, seconds; never beyond the end of the stream.
    pub end_s: f64,
    /// The finding.
    pub state: State,
    /// What it cost to find.
    pub latency: Latency,
}

/// The finding of one block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    /// Somebody speaks, and this is the network's answer.
    Speech(Probabilities),
    /// The gate found too little voiced speech. The network is not asked, so there are no probabilities: whatever it would
    /// say about silence or noise means nothing.
    NoSpeech,
}

impl State {
    /// `speech` or `no_speech`, as every export writes it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Speech(_) => "speech",
            Self::NoSpeech => "no_speech",
        }
    }
}

/// Computing time of one block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Resampling, features and gate of the audio that came since the previous block.
    pub features: Duration,
    /// The network.
    pub inference: Duration,
}

impl Segment {
    /// The most probable emotion, or none without speech.
    #[must_use]
    pub fn emotion(&self) -> Option<Emotion> {
        self.probabilities().map(|probabilities| probabilities.winner())
    }

    /// The network's answer, or none without speech.
    #[must_use]
    pub const fn probabilities(&self) -> Option<&Probabilities> {
        match &self.state {
            State::Speech(probabilities) => Some(probabilities),
            State::NoSpeech => None,
        }
    }

    /// What a person reads: the emotion, or `no speech`.
    #[must_use]
    pub fn label(&self) -> &'static str {
        self.emotion().map_or("no speech", Emotion::name)
    }
}

/// The part of the time line each block stands for: start and end in seconds.
///
/// Where two blocks overlap, the earlier one stands for the time up to the middle of their overlap and the later one for the time
/// from there, so that a picture or a subtitle shows one block at a time. A gap between blocks belongs to none.
#[must_use]
pub fn spans(segments: &[Segment]) -> Vec<(f64, f64)> {
    let blocks: Vec<(f64, f64)> = segments.iter().map(|segment| (segment.start_s, segment.end_s)).collect();
    spans_of(&blocks)
}

/// [`spans`] of starts and ends, sorted by start. A span never leaves its block, also where one block lies within another.
pub(crate) fn spans_of(blocks: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut borders: Vec<f64> = blocks.windows(2).map(|pair| f64::midpoint(pair[0].1.min(pair[1].1), pair[1].0)).collect();
    // No border may come before an earlier one.
    for index in (1..borders.len()).rev() {
        borders[index - 1] = borders[index - 1].min(borders[index]);
    }
    let before = |index: usize| index.checked_sub(1).map_or(f64::NEG_INFINITY, |before| borders[before]);
    let after = |index: usize| borders.get(index).copied().unwrap_or(f64::INFINITY);
    blocks.iter().enumerate().map(|(index, &(start_s, end_s))| (start_s.max(before(index)), end_s.min(after(index)))).collect()
}
