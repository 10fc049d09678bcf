//! Which samples of a track are played, and when: edit lists, encoder priming and padding, and sound that begins after the picture.

use std::collections::VecDeque;

/// One step of playback, in samples per channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    /// Silence of a given length.
    Silence {
        /// Its length.
        n_frames: u64,
    },
    /// Samples of the decoder, starting at a given one.
    Play {
        /// The first one, counted from 0. Steps only go forwards: samples that were passed are not played again.
        start: u64,
        /// Their number; if unknown, all that follow.
        n_frames: Option<u64>,
    },
}

/// Silence is output in pieces of this many samples.
const PIECE: u64 = 4096;

/// Applies steps to a stream.
pub(super) struct Edits {
    left: VecDeque<Edit>,
    /// Number of samples received from the decoder.
    position: u64,
}

impl Edits {
    /// Everything is played.
    const ALL: Edit = Edit::Play { start: 0, n_frames: None };

    /// Applies `steps`; without any, all samples are played.
    pub(super) fn new(steps: Vec<Edit>) -> Self {
        Self { left: if steps.is_empty() { VecDeque::from([Self::ALL]) } else { steps.into() }, position: 0 }
    }

    /// Inserts silence at the beginning.
    pub(super) fn delay(&mut self, n_frames: u64) {
        if n_frames > 0 {
            self.left.push_front(Edit::Silence { n_frames });
        }
    }

    /// Leaves out silence beyond `most` samples in all, and returns how many those are. Where nothing but such silence was to be played, everything is.
    pub(super) fn limit_silence(&mut self, most: u64) -> u64 {
        let (mut n_silent, mut n_left_out) = (0_u64, 0_u64);
        self.left.retain(|edit| match *edit {
            Edit::Silence { n_frames } if n_frames > most - n_silent => {
                n_left_out = n_left_out.saturating_add(n_frames);
                false
            }
            Edit::Silence { n_frames } => {
                n_silent += n_frames;
                true
            }
            Edit::Play { .. } => true,
        });
        if n_left_out > 0 && !self.left.iter().any(|edit| matches!(edit, Edit::Play { .. })) {
            self.left.push_back(Self::ALL);
        }
        n_left_out
    }

    /// Total number of samples if the decoder outputs `n_given`.
    pub(super) fn n_frames(&self, n_given: u64) -> u64 {
        let length = |edit: &Edit| match *edit {
            Edit::Silence { n_frames } => n_frames,
            Edit::Play { start, n_frames } => n_given.saturating_sub(start).min(n_frames.unwrap_or(u64::MAX)),
        };
        self.left.iter().map(length).fold(0, u64::saturating_add)
    }

    /// Whether there is nothing more to play.
    pub(super) fn is_done(&self) -> bool {
        self.left.is_empty()
    }

    /// Length of the silence that is due now, at most one piece; it counts as played.
    pub(super) fn take_silence(&mut self) -> Option<u64> {
        let Some(Edit::Silence { n_frames }) = self.left.front_mut() else { return None };
        let n_taken = (*n_frames).min(PIECE);
        *n_frames -= n_taken;
        if *n_frames == 0 {
            self.left.pop_front();
        }
        Some(n_taken)
    }

    /// The range to play of the next `n_given` samples of the decoder, and how many of them are finished. The samples after those belong to the next
    /// step and must be passed again. All silence must be taken first.
    pub(super) fn take(&mut self, n_given: u64) -> (std::ops::Range<u64>, u64) {
        let Some(Edit::Play { start, n_frames }) = self.left.front_mut() else { return (0..0, n_given) };
        let from = start.saturating_sub(self.position).min(n_given);
        let to = n_frames.map_or(n_given, |n| n_given.min(from.saturating_add(n)));
        if let Some(n) = n_frames {
            *n -= to - from;
        }
        let is_played = *n_frames == Some(0);
        let n_done = if is_played { to } else { n_given };
        self.position += n_done;
        *start = (*start).max(self.position);
        if is_played {
            self.left.pop_front();
        }
        (from..to, n_done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The samples played of 0, 1, 2 ... in chunks of 7, silence as -1.
    fn played(steps: Vec<Edit>, n_given: i64) -> Vec<i64> {
        let mut edits = Edits::new(steps);
        let (mut out, given): (_, Vec<i64>) = (Vec::new(), (0..n_given).collect());
        for chunk in given.chunks(7) {
            let mut rest = chunk;
            while !rest.is_empty() {
                while let Some(n) = edits.take_silence() {
                    out.extend(std::iter::repeat_n(-1, n as usize));
                }
                let (part, n_done) = edits.take(rest.len() as u64);
                out.extend(&rest[part.start as usize..part.end as usize]);
                rest = &rest[n_done as usize..];
            }
        }
        out
    }

    #[test]
    fn steps_are_played_wherever_the_stream_is_cut() {
        let play = |start, n_frames| Edit::Play { start, n_frames };
        assert_eq!(played(vec![], 20), (0..20).collect::<Vec<_>>());
        assert_eq!(played(vec![play(9, Some(3))], 40), [9, 10, 11]);
        assert_eq!(played(vec![Edit::Silence { n_frames: 2 }, play(3, None)], 8), [-1, -1, 3, 4, 5, 6, 7]);
        let steps = vec![play(1, Some(2)), Edit::Silence { n_frames: 1 }, play(5, Some(1)), play(20, Some(2))];
        assert_eq!(played(steps, 40), [1, 2, -1, 5, 20, 21]);
        assert_eq!(played(vec![play(5, Some(2)), play(0, Some(2))], 40), [5, 6, 7, 8], "there is no way back");
    }

    #[test]
    fn endless_silence_is_left_out() {
        let silence = |n_frames| Edit::Silence { n_frames };
        let play = Edit::Play { start: 0, n_frames: Some(5) };
        let mut edits = Edits::new(vec![silence(60), play, silence(u64::MAX), silence(40), silence(1)]);
        assert_eq!(edits.limit_silence(100), u64::MAX);
        assert_eq!(edits.left, [silence(60), play, silence(40)]);
        assert_eq!(edits.limit_silence(100), 0);
        let mut edits = Edits::new(vec![silence(101)]);
        assert_eq!((edits.limit_silence(100), edits.left), (101, VecDeque::from([Edits::ALL])));
    }

    #[test]
    fn lengths_are_known_beforehand() {
        let mut edits = Edits::new(vec![Edit::Silence { n_frames: 10_000 }, Edit::Play { start: 100, n_frames: Some(50) }]);
        edits.delay(7);
        assert_eq!((edits.n_frames(1000), edits.n_frames(120)), (10_057, 10_027));
        assert_eq!(edits.take_silence(), Some(7));
        assert_eq!(edits.take_silence(), Some(PIECE));
        assert_eq!(Edits::new(vec![]).n_frames(33), 33);
    }
}
