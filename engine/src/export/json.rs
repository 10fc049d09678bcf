//! JSON: the results of one recording as one object on one line, so that those of several in one file are JSON Lines.

use moodline_core::Probabilities;
use serde::Serialize;

use super::Results;
use crate::display::is_uncertain;
use crate::segment::{Latency, Segment};
use crate::voice::HeardVoice;

#[derive(Serialize)]
struct Document<'a> {
    file: &'a str,
    sample_rate: u32,
    channels: usize,
    duration_s: f64,
    model: Model<'a>,
    backend: &'a str,
    voice: Option<Voice>,
    segments: Vec<SegmentObject>,
}

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    fingerprint: &'a str,
}

/// The voice that the answers are corrected for.
#[derive(Serialize)]
struct Voice {
    seconds: f64,
    variety: f64,
    trust: f64,
}

#[derive(Serialize)]
struct SegmentObject {
    start_s: f64,
    end_s: f64,
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
        model: Model { id: &results.model_id, fingerprint: &results.model_fingerprint },
        backend: &results.backend,
        voice: results.voice.map(|HeardVoice { seconds, variety, trust }| Voice {
            seconds: rounded(seconds, 1e3),
            variety: rounded(variety, 1e6),
            trust: rounded(trust, 1e6),
        }),
        segments: results.timed().map(|(segment, latency)| block(segment, latency)).collect(),
    };
    // INVARIANT: strings, finite numbers and options of them always serialise.
    let mut text = serde_json::to_string(&document).expect("results serialise");
    text.push('\n');
    text
}

fn block(segment: &Segment, latency: Latency) -> SegmentObject {
    SegmentObject {
        start_s: rounded(segment.start_s, 1e6),
        end_s: rounded(segment.end_s, 1e6),
        state: segment.state.name(),
        emotion: segment.emotion().map(|emotion| emotion.name()),
        probabilities: segment.probabilities().map(|probabilities| {
            let [angry, happy, sad, neutral] = *probabilities.as_array();
            Scores { angry, happy, sad, neutral }
        }),
        activation: segment.probabilities().map(Probabilities::activation),
        uncertain: segment.probabilities().map(is_uncertain),
        latency_ms: LatencyMs {
            features: rounded(latency.features.as_secs_f64() * 1e3, 1e3),
            inference: rounded(latency.inference.as_secs_f64() * 1e3, 1e3),
        },
    }
}

fn rounded(value: f64, per_unit: f64) -> f64 {
    (value * per_unit).round() / per_unit
}
