//! JSON: the results of one recording as one object on one line, so that those of several in one file are JSON Lines; and live results, one object
//! per block.

use std::num::NonZeroUsize;

use moodline_core::Probabilities;
use serde::Serialize;

use super::Results;
use crate::analysis::AnalysisConfig;
use crate::classifier::Backend;
use crate::display::is_uncertain;
use crate::source::FileSource;
use crate::voice::HeardVoice;
use crate::voices::{self, Found};

#[derive(Serialize)]
struct Document<'a> {
    file: &'a str,
    sample_rate: u32,
    channels: usize,
    duration_s: f64,
    model: Model<'a>,
    backend: &'a str,
    voices: Vec<Voice>,
    segments: Vec<SegmentObject>,
}

/// The source and the settings of a live analysis.
#[derive(Clone, Copy, Debug)]
pub struct Listening<'a> {
    /// Standard input, or the name of a microphone.
    pub file: &'a str,
    /// Sample rate, Hz.
    pub sample_rate: u32,
    /// Channels of the input.
    pub n_channels: usize,
    /// The part of the channels that is analysed.
    pub source: FileSource,
    /// Name of the model.
    pub model_id: &'a str,
    /// Fingerprint of the model.
    pub model_fingerprint: &'a str,
    /// Probability from which an answer is certain, 0..=1.
    pub certain_from: f32,
    /// Backend that runs the network.
    pub backend: Backend,
    /// How the stream is cut into blocks.
    pub config: AnalysisConfig,
}

/// One line of live results.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Event<'a> {
    Start(ListeningObject<'a>),
    Block(SegmentObject),
    Gap { start_s: f64, end_s: f64, state: &'static str, reason: &'a str },
    End(ListeningObject<'a>),
}

#[derive(Serialize)]
struct ListeningObject<'a> {
    file: &'a str,
    sample_rate: u32,
    channels: usize,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_s: Option<f64>,
    model: Model<'a>,
    backend: &'a str,
    window_s: f64,
    hop_s: f64,
}

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    fingerprint: &'a str,
    certain_from: f32,
}

/// The voice whose history corrects the answers.
#[derive(Serialize)]
struct Voice {
    channel: Option<NonZeroUsize>,
    seconds: f64,
    variety: f64,
    trust: f64,
}

#[derive(Serialize)]
struct SegmentObject {
    start_s: f64,
    end_s: f64,
    channel: Option<NonZeroUsize>,
    state: &'static str,
    emotion: Option<&'static str>,
    probabilities: Option<Scores>,
    activation: Option<f32>,
    uncertain: Option<bool>,
    latency_ms: LatencyMs,
}

#[derive(Serialize)]
struct Scores {
    angry: f32,
    happy: f32,
    sad: f32,
    neutral: f32,
}

#[derive(Serialize)]
struct LatencyMs {
    features: f64,
    inference: f64,
}

/// The results as one line.
pub(super) fn line(results: &Results) -> String {
    let document = Document {
        file: &results.file,
        sample_rate: results.sample_rate,
        channels: results.n_channels,
        duration_s: rounded(results.duration_s, 1e6),
        model: Model { id: &results.model_id, fingerprint: &results.model_fingerprint, certain_from: results.certain_from },
        backend: &results.backend,
        voices: results.voices.iter().filter_map(voice).collect(),
        segments: results.found().iter().map(|found| block(found, results.certain_from)).collect(),
    };
    as_line(&document)
}

/// The voice whose history corrects the answers.
fn voice(of: &voices::Voice) -> Option<Voice> {
    let HeardVoice { seconds, variety, trust } = of.heard?;
    Some(Voice {
        channel: of.channel,
        seconds: rounded(seconds, 1e3),
        variety: rounded(variety, 1e6),
        trust: rounded(trust, 1e6),
    })
}

impl Listening<'_> {
    /// The first line of live results: the source and the settings.
    #[must_use]
    pub fn start_line(&self) -> String {
        as_line(&Event::Start(self.object(None)))
    }

    /// The last line, which repeats them and adds the duration, seconds.
    #[must_use]
    pub fn end_line(&self, duration_s: f64) -> String {
        as_line(&Event::End(self.object(Some(rounded(duration_s, 1e6)))))
    }

    fn object(&self, duration_s: Option<f64>) -> ListeningObject<'_> {
        ListeningObject {
            file: self.file,
            sample_rate: self.sample_rate,
            channels: self.n_channels,
            source: self.source.to_string(),
            duration_s,
            model: Model { id: self.model_id, fingerprint: self.model_fingerprint, certain_from: self.certain_from },
            backend: self.backend.name(),
            window_s: self.config.window_seconds,
            hop_s: self.config.hop_seconds,
        }
    }
}

/// A block of a live stream, as a line with the same fields as in the results of a recording; answers are certain from the probability `certain_from` on.
#[must_use]
pub fn block_line(found: &Found, certain_from: f32) -> String {
    as_line(&Event::Block(block(found, certain_from)))
}

/// A time range, seconds, without live results, and the reason.
#[must_use]
pub fn gap_line(start_s: f64, end_s: f64, reason: &str) -> String {
    let [start_s, end_s] = [start_s, end_s].map(|seconds| rounded(seconds, 1e6));
    as_line(&Event::Gap { start_s, end_s, state: "gap", reason })
}

fn as_line(object: &impl Serialize) -> String {
    // INVARIANT: strings, finite numbers and options of them always serialise.
    let mut text = serde_json::to_string(object).expect("results serialise");
    text.push('\n');
    text
}

fn block(found: &Found, certain_from: f32) -> SegmentObject {
    let Found { channel, segment, latency } = *found;
    SegmentObject {
        start_s: rounded(segment.start_s, 1e6),
        end_s: rounded(segment.end_s, 1e6),
        channel,
        state: segment.state.name(),
        emotion: segment.emotion().map(|emotion| emotion.name()),
        probabilities: segment.answer().map(|probabilities| {
            let [angry, happy, sad, neutral] = *probabilities.as_array();
            Scores { angry, happy, sad, neutral }
        }),
        activation: segment.answer().map(Probabilities::activation),
        uncertain: segment.answer().map(|_| is_uncertain(&segment, certain_from)),
        latency_ms: LatencyMs {
            features: rounded(latency.features.as_secs_f64() * 1e3, 1e3),
            inference: rounded(latency.inference.as_secs_f64() * 1e3, 1e3),
        },
    }
}

fn rounded(value: f64, per_unit: f64) -> f64 {
    (value * per_unit).round() / per_unit
}
