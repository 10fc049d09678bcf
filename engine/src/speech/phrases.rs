//! Division of a stream into phrases and the pauses between them.
//!
//! A phrase is speech between pauses of at least [`MIN_PAUSE_SECONDS`]; shorter ones are part of it. A phrase that is longer than a block may be ends where the
//! voice is weakest in the later half of the allowed length, and the next one continues from there. A pause as long as the longest phrase is reported in parts,
//! so that nothing waits for its end.

use super::SpeechStep;

/// Shortest pause between two phrases, seconds.
pub const MIN_PAUSE_SECONDS: f64 = 0.3;

/// Limits of a phrase, steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Longest phrase, at least 2.
    pub(super) longest: usize,
    /// Shortest pause, at least 1.
    pub(super) min_pause: usize,
    /// Shortest speech that counts.
    pub(super) min_speech: usize,
}

/// A phrase or a pause, from the first of the given steps up to `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) end: usize,
    pub(super) is_speech: bool,
}

/// The phrase or pause at the start of `steps`; none if later steps decide it, which cannot occur with `has_ended`.
pub(super) fn first_stretch(steps: &[SpeechStep], limits: Limits, has_ended: bool) -> Option<Found> {
    let Limits { longest, .. } = limits;
    let mut at = 0;
    loop {
        let pause = |end: usize| Some(Found { end, is_speech: false });
        let Some(start) = first(steps, at, true).filter(|start| *start < longest) else {
            return if steps.len() >= longest {
                pause(longest)
            } else {
                pause(steps.len()).filter(|_| has_ended && !steps.is_empty())
            };
        };
        let (end, is_phrase) = end_of(&steps[start..], limits, has_ended)?;
        match (start, is_phrase) {
            (0, true) => return Some(Found { end, is_speech: true }),
            (start, true) => return pause(start),
            // Too short to be speech: part of the pause.
            (start, false) => at = start + end,
        }
    }
}

/// The end of the speech at the start of `steps`, and whether it is long enough.
fn end_of(steps: &[SpeechStep], limits: Limits, has_ended: bool) -> Option<(usize, bool)> {
    let Limits { longest, min_pause, min_speech } = limits;
    let mut end = first(steps, 0, false).unwrap_or(steps.len());
    loop {
        if end > longest {
            return Some((weakest(&steps[..longest]), true));
        }
        let again = first(steps, end, true);
        let pause = again.unwrap_or(steps.len()) - end;
        if pause >= min_pause || (again.is_none() && has_ended) {
            return Some((end, end >= min_speech));
        }
        end = first(steps, again?, false).unwrap_or(steps.len());
        if end == steps.len() && end <= longest && !has_ended {
            return None;
        }
    }
}

/// The step in the later half that is least likely to be speech.
fn weakest(steps: &[SpeechStep]) -> usize {
    let half = steps.len() / 2;
    let weakest = steps[half..].iter().enumerate().min_by(|(_, a), (_, b)| a.probability.total_cmp(&b.probability));
    weakest.map_or(steps.len(), |(place, _)| half + place).max(1)
}

/// The first step from `from` on with this `is_open`.
fn first(steps: &[SpeechStep], from: usize, is_open: bool) -> Option<usize> {
    Some(from + steps.get(from..)?.iter().position(|step| step.is_open == is_open)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { longest: 10, min_pause: 3, min_speech: 2 };

    /// `#` is speech, `+` weaker speech, `.` none.
    fn steps(text: &str) -> Vec<SpeechStep> {
        let step = |mark| SpeechStep { probability: if mark == '#' { 0.9 } else { 0.4 }, is_open: mark != '.' };
        text.chars().map(step).collect()
    }

    /// All stretches of a stream that becomes known step by step: `a` for speech, `-` for a pause, repeated for their length.
    fn stretches(text: &str) -> String {
        let steps = steps(text);
        let (mut found, mut from) = (String::new(), 0);
        for known in 1..=steps.len() {
            while let Some(Found { end, is_speech }) = first_stretch(&steps[from..known], LIMITS, false) {
                found += &format!("{}{} ", if is_speech { 'a' } else { '-' }, end);
                from += end;
            }
        }
        while let Some(Found { end, is_speech }) = first_stretch(&steps[from..], LIMITS, true) {
            found += &format!("{}{} ", if is_speech { 'a' } else { '-' }, end);
            from += end;
        }
        assert_eq!(from, steps.len(), "{text}");
        // The same with all steps known at once.
        let (mut at_once, mut from) = (String::new(), 0);
        while let Some(Found { end, is_speech }) = first_stretch(&steps[from..], LIMITS, true) {
            at_once += &format!("{}{} ", if is_speech { 'a' } else { '-' }, end);
            from += end;
        }
        assert_eq!(found, at_once, "{text}");
        found.trim_end().to_owned()
    }

    #[test]
    fn speech_between_long_pauses_is_a_phrase_and_short_pauses_belong_to_it() {
        assert_eq!(stretches("..####..##...###"), "-2 a8 -3 a3");
        assert_eq!(stretches("####.."), "a4 -2");
        assert_eq!(stretches(""), "");
        assert_eq!(stretches("....."), "-5");
    }

    #[test]
    fn what_is_too_short_is_a_part_of_the_pause() {
        assert_eq!(stretches("...#...####"), "-7 a4");
        assert_eq!(stretches("#....##"), "-5 a2");
    }

    #[test]
    fn a_long_phrase_is_cut_where_the_voice_is_weakest_and_a_long_pause_is_told_in_parts() {
        assert_eq!(stretches("#######+########...."), "a7 a9 -4");
        assert_eq!(stretches("............####"), "-10 -2 a4");
        assert_eq!(stretches("##########...##"), "a10 -3 a2", "as long as it may be");
    }
}
