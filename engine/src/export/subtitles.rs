//! Subtitles: SubRip and WebVTT.
//!
//! A player shows overlapping cues on top of each other, so cues never overlap: each block is shown for its part of [`spans`]. Neighbouring blocks with the same emotion are one cue, with the mean of their
//! probabilities. A block without speech has no cue.

use std::fmt::Write as _;

use moodline_core::Emotion;

use super::Results;
use crate::segment::{Segment, spans};

/// First lines of a WebVTT file.
pub(super) const VTT_HEADER: &str = "WEBVTT\n\n";

struct Cue {
    start_s: f64,
    end_s: f64,
    emotion: Emotion,
    probabilities: Vec<f32>,
}

impl Cue {
    fn text(&self) -> String {
        let mean = self.probabilities.iter().sum::<f32>() / self.probabilities.len() as f32;
        format!("{} {:.0} %", self.emotion, 100.0 * mean)
    }
}

pub(super) fn srt(results: &Results) -> String {
    cues(&results.segments).iter().enumerate().fold(String::new(), |mut text, (index, cue)| {
        let (start, end) = (time(cue.start_s, ','), time(cue.end_s, ','));
        // INVARIANT: writing to a String cannot fail.
        write!(text, "{}\n{start} --> {end}\n{}\n\n", index + 1, cue.text()).expect("a String takes any text");
        text
    })
}

pub(super) fn vtt(results: &Results) -> String {
    cues(&results.segments).iter().fold(String::new(), |mut text, cue| {
        let (start, end) = (time(cue.start_s, '.'), time(cue.end_s, '.'));
        // INVARIANT: writing to a String cannot fail.
        write!(text, "{start} --> {end}\n{}\n\n", cue.text()).expect("a String takes any text");
        text
    })
}

fn cues(segments: &[Segment]) -> Vec<Cue> {
    let mut cues: Vec<Cue> = Vec::new();
    for (segment, (start_s, end_s)) in segments.iter().zip(spans(segments)) {
        let Some(probabilities) = segment.probabilities() else { continue };
        let emotion = probabilities.winner();
        match cues.last_mut() {
            Some(last) if last.emotion == emotion && last.end_s >= start_s => {
                last.end_s = end_s;
                last.probabilities.push(probabilities.of(emotion));
            }
            _ => cues.push(Cue { start_s, end_s, emotion, probabilities: vec![probabilities.of(emotion)] }),
        }
    }
    cues
}

/// `hh:mm:ss` and milliseconds after `separator`.
fn time(seconds: f64, separator: char) -> String {
    let milliseconds = (seconds * 1e3).round() as u64;
    let (whole, rest) = (milliseconds / 1000, milliseconds % 1000);
    format!("{:02}:{:02}:{:02}{separator}{rest:03}", whole / 3600, whole / 60 % 60, whole % 60)
}
