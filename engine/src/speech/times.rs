//! From steps to intervals of speech: short pauses are closed, then intervals that are too short are dropped.

use std::ops::Range;

use super::SpeechStep;

/// Intervals of speech in consecutive steps, as ranges of steps.
#[derive(Clone, Debug)]
pub(super) struct Times<'a> {
    steps: &'a [SpeechStep],
    min_pause: usize,
    min_speech: usize,
    /// Everything before it is finished.
    next: usize,
}

impl<'a> Times<'a> {
    /// For steps in which a pause lasts at least `min_pause` steps and speech at least `min_speech`.
    pub(super) fn new(steps: &'a [SpeechStep], min_pause: usize, min_speech: usize) -> Self {
        Self { steps, min_pause, min_speech, next: 0 }
    }

    /// The first step from `from` on with this `is_open`.
    fn first(&self, from: usize, is_open: bool) -> Option<usize> {
        Some(from + self.steps[from..].iter().position(|step| step.is_open == is_open)?)
    }
}

impl Iterator for Times<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        loop {
            let start = self.first(self.next, true)?;
            let mut end = self.first(start, false).unwrap_or(self.steps.len());
            while let Some(again) = self.first(end, true).filter(|again| again - end < self.min_pause) {
                end = self.first(again, false).unwrap_or(self.steps.len());
            }
            self.next = end;
            if end - start >= self.min_speech {
                return Some(start..end);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Start and end of each interval, steps.
    fn times(steps: &str, min_pause: usize, min_speech: usize) -> Vec<(usize, usize)> {
        let steps: Vec<SpeechStep> = steps.chars().map(|step| SpeechStep { probability: 0.5, is_open: step == '#' }).collect();
        Times::new(&steps, min_pause, min_speech).map(|time| (time.start, time.end)).collect()
    }

    #[test]
    fn short_pauses_are_closed_before_short_speech_is_dropped() {
        assert_eq!(times("..###..##....#..", 0, 0), [(2, 5), (7, 9), (13, 14)]);
        assert_eq!(times("..###..##....#..", 3, 0), [(2, 9), (13, 14)]);
        assert_eq!(times("..###..##....#..", 3, 2), [(2, 9)]);
        assert_eq!(times("#.#.#", 2, 5), [(0, 5)], "three short ones are a long one");
        assert_eq!(times("#.#.#", 1, 2), [], "apart they are too short");
        assert_eq!(times("####", 3, 3), [(0, 4)]);
        assert!(times("", 3, 3).is_empty() && times("....", 3, 0).is_empty());
    }
}
