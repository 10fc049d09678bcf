//! Selection of the steps of a block for a network that receives only speech.

use std::ops::Range;

use moodline_core::FrontEndConfig;

use super::SpeechDetector;
use super::grid::StepGrid;

/// Selects the steps that contain speech.
#[derive(Clone, Debug)]
pub struct SpeechSteps {
    /// Grid of the network's own steps.
    grid: StepGrid,
    /// Margin before and after speech that the network receives, seconds; if none, it receives everything.
    margin_s: Option<f64>,
    step_len: usize,
    kept: Vec<f32>,
}

impl SpeechSteps {
    /// For steps of `step_len` values from the front end of `config`.
    #[must_use]
    pub fn new(config: &FrontEndConfig, step_len: usize) -> Self {
        Self { grid: StepGrid::new(config), margin_s: config.speech_margin, step_len, kept: Vec::new() }
    }

    /// The steps of a stream that reach the network, in order. If it receives only speech, these are the steps whose centre is in an interval of speech or at
    /// most the margin from one; `speech`, which processed the same stream, finds the intervals within these steps alone. Without speech, all steps.
    #[must_use]
    pub fn ranges(&self, speech: Option<&SpeechDetector>, steps: Range<u64>) -> Vec<Range<u64>> {
        let all = vec![steps.clone()];
        let (Some(margin_s), Some(speech)) = (self.margin_s, speech) else { return all };
        let edge = |step: u64| self.grid.start_seconds(step);
        let step_from = |seconds: f64| self.grid.first_step_from(seconds).clamp(steps.start, steps.end);
        let times = speech.speech_between(edge(steps.start), edge(steps.end));
        let mut kept: Vec<Range<u64>> = Vec::new();
        for range in times.map(|(start_s, end_s)| step_from(start_s - margin_s)..step_from(end_s + margin_s)) {
            match kept.last_mut() {
                Some(last) if range.start <= last.end => last.end = range.end,
                _ if range.is_empty() => {}
                _ => kept.push(range),
            }
        }
        if kept.is_empty() { all } else { kept }
    }

    /// The values of those of `steps`, `[n, step_len]`, that reach the network; `first` is the position of the first of them in the stream.
    pub fn of<'a>(&'a mut self, speech: Option<&SpeechDetector>, first: u64, steps: &'a [f32]) -> &'a [f32] {
        let end = first + (steps.len() / self.step_len) as u64;
        let ranges = self.ranges(speech, first..end);
        if ranges.len() == 1 && ranges[0] == (first..end) {
            return steps;
        }
        let at = |step: u64| (step - first) as usize * self.step_len;
        self.kept.clear();
        ranges.into_iter().for_each(|kept| self.kept.extend_from_slice(&steps[at(kept.start)..at(kept.end)]));
        &self.kept
    }

    /// The steps of the network between two times of the stream.
    #[must_use]
    pub fn between(&self, start_s: f64, end_s: f64) -> Range<u64> {
        self.grid.first_step_from(start_s)..self.grid.first_step_from(end_s)
    }

    /// The steps between two times of the stream, which bound speech, and the margin around them that reaches the network.
    #[must_use]
    pub fn around(&self, start_s: f64, end_s: f64) -> Range<u64> {
        let margin_s = self.margin_s.unwrap_or(0.0);
        self.between((start_s - margin_s).max(0.0), end_s + margin_s)
    }

    /// The centre of a step, seconds from the start of the stream.
    #[must_use]
    pub fn centre_seconds(&self, step: u64) -> f64 {
        self.grid.centre_seconds(step)
    }
}
