//! The pitch of a stream: the smoothest path through the candidate periods of its frames.
//!
//! # Source
//! The dynamic programming of P. Boersma, "Accurate short-term analysis of the fundamental frequency", IFA Proceedings 17 (1993), section 3:
//! a cost for each candidate, for a jump in pitch (equation 27: per octave), and for the onset and end of voicing, both for steps of 10 ms. Deviation: a
//! frame is decided as soon as a fixed number of frames after it is known.

use super::yin::{Candidate, N_CANDIDATES};

/// Cost of an unvoiced frame: voiced is likelier where at most 0.45 of the energy does not repeat.
const UNVOICED_COST: f64 = 0.45;

/// Cost of the onset or end of voicing, for frames 10 ms apart.
const VOICING_CHANGE_COST: f64 = 0.3;

/// Cost of a jump of an octave, for frames 10 ms apart.
const OCTAVE_JUMP_COST: f64 = 0.7;

/// Distance of frames to which the costs of changes refer, seconds; frames further apart may change more.
const COST_SECONDS: f64 = 0.01;

/// State 0 is unvoiced, state `i` is candidate `i - 1`.
const N_STATES: usize = N_CANDIDATES + 1;

/// Tracks the pitch through the frames of a stream.
#[derive(Clone)]
pub(super) struct PitchPath {
    voicing_change: f64,
    /// Cost per semitone.
    jump: f64,
    /// The last `look_ahead + 1` frames; frame `t` is at `t % (look_ahead + 1)`.
    frames: Vec<Frame>,
    n_pushed: usize,
}

#[derive(Clone, Copy, Default)]
struct Frame {
    candidates: [Candidate; N_CANDIDATES],
    n_states: usize,
    /// Cost of the best path to each state, minus that of the best path overall.
    costs: [f64; N_STATES],
    /// The state before each state on the best path to it.
    previous: [usize; N_STATES],
}

impl PitchPath {
    /// Starts a stream with a frame every `hop_seconds`; [`decision`](Self::decision) goes back at most `look_ahead` frames.
    #[must_use]
    pub(super) fn new(look_ahead: usize, hop_seconds: f64) -> Self {
        let scale = COST_SECONDS / hop_seconds;
        Self {
            voicing_change: VOICING_CHANGE_COST * scale,
            jump: OCTAVE_JUMP_COST / 12.0 * scale,
            frames: vec![Frame::default(); look_ahead + 1],
            n_pushed: 0,
        }
    }

    /// Takes the candidates of the next frame, at most [`N_CANDIDATES`].
    pub(super) fn push(&mut self, candidates: &[Candidate]) {
        let mut frame = Frame { n_states: 1 + candidates.len(), ..Frame::default() };
        frame.candidates[..candidates.len()].copy_from_slice(candidates);
        for state in 0..frame.n_states {
            let (previous, change) = if self.n_pushed == 0 { (0, 0.0) } else { self.cheapest_way(self.at(0), &frame, state) };
            frame.previous[state] = previous;
            frame.costs[state] = change + frame.voice_in(state).map_or(UNVOICED_COST, Candidate::cost);
        }
        let least = frame.costs[frame.cheapest()];
        frame.costs.iter_mut().for_each(|cost| *cost -= least);
        let place = self.n_pushed % self.frames.len();
        self.frames[place] = frame;
        self.n_pushed += 1;
    }

    /// The present decision for the frame `ago` frames before the last one, at most `look_ahead` and fewer than were pushed: its pitch, or none
    /// where unvoiced.
    #[must_use]
    pub(super) fn decision(&self, ago: usize) -> Option<Candidate> {
        let last = self.at(0).cheapest();
        let state = (0..ago).fold(last, |state, ago| self.at(ago).previous[state]);
        self.at(ago).voice_in(state)
    }

    /// Returns to the start of a stream.
    pub(super) fn reset(&mut self) {
        self.n_pushed = 0;
    }

    fn at(&self, ago: usize) -> &Frame {
        &self.frames[(self.n_pushed - 1 - ago) % self.frames.len()]
    }

    /// The state of `before` on the best path to `state` of `frame`, and the cost of the path up to there.
    fn cheapest_way(&self, before: &Frame, frame: &Frame, state: usize) -> (usize, f64) {
        let change = |previous: usize| match (before.voice_in(previous), frame.voice_in(state)) {
            (None, None) => 0.0,
            (Some(a), Some(b)) => self.jump * (a.semitones - b.semitones).abs(),
            _ => self.voicing_change,
        };
        let mut best = (0, before.costs[0] + change(0));
        for previous in 1..before.n_states {
            let cost = before.costs[previous] + change(previous);
            if cost < best.1 {
                best = (previous, cost);
            }
        }
        best
    }
}

impl Frame {
    fn voice_in(&self, state: usize) -> Option<Candidate> {
        state.checked_sub(1).map(|index| self.candidates[index])
    }

    fn cheapest(&self) -> usize {
        (1..self.n_states).fold(0, |best, state| if self.costs[state] < self.costs[best] { state } else { best })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(semitones: f64, aperiodicity: f64) -> Candidate {
        Candidate { semitones, aperiodicity }
    }

    /// The pitch of each frame (0 where unvoiced), decided with `look_ahead` frames.
    fn path(frames: &[Vec<Candidate>], look_ahead: usize) -> Vec<f64> {
        let mut path = PitchPath::new(look_ahead, 0.01);
        let mut pitches = Vec::new();
        for (t, candidates) in frames.iter().enumerate() {
            path.push(candidates);
            if t >= look_ahead {
                pitches.push(path.decision(look_ahead));
            }
        }
        pitches.extend((0..look_ahead.min(frames.len())).rev().map(|ago| path.decision(ago)));
        pitches.into_iter().map(|found| found.map_or(0.0, |candidate| candidate.semitones)).collect()
    }

    #[test]
    fn one_frame_an_octave_off_is_put_right() {
        let mut frames = vec![vec![candidate(30.0, 0.1), candidate(18.0, 0.12)]; 20];
        frames[9] = vec![candidate(18.0, 0.05), candidate(30.0, 0.2)];
        assert_eq!(path(&frames, 5), vec![30.0; 20]);
        // Here the past suffices without look-ahead; at the start only the future helps.
        frames[0] = vec![candidate(18.0, 0.05), candidate(30.0, 0.2)];
        assert_eq!(path(&frames, 0)[0], 18.0);
        assert_eq!(path(&frames, 5)[0], 30.0);
    }

    #[test]
    fn a_short_gap_or_a_single_voiced_frame_is_no_change_of_voicing() {
        let voice = vec![candidate(30.0, 0.1)];
        let weak = vec![candidate(30.0, 0.6)];
        let mut frames = vec![voice.clone(); 20];
        frames[10] = weak;
        assert_eq!(path(&frames, 5), vec![30.0; 20]);
        let mut frames = vec![vec![]; 20];
        frames[10] = voice.clone();
        assert_eq!(path(&frames, 5), vec![0.0; 20]);
        frames[11..16].fill(voice);
        let found = path(&frames, 5);
        assert!(found[10..16].iter().all(|&pitch| pitch == 30.0) && found[16] == 0.0 && found[9] == 0.0);
    }

    #[test]
    fn the_whole_future_gives_the_path_of_least_cost() {
        // Three candidates in each of seven frames, compared with an exhaustive search over all paths.
        let frames: Vec<Vec<Candidate>> = (0..7)
            .map(|t| {
                (0..3)
                    .map(|i| candidate(20.0 + 7.0 * f64::from((t * 5 + i * 11) % 4), 0.1 * f64::from((t * 3 + i * 2) % 7)))
                    .collect()
            })
            .collect();
        let cost = |states: &[usize]| -> f64 {
            let voice = |t: usize| states[t].checked_sub(1).map(|index| frames[t][index]);
            let local: f64 = (0..7).map(|t| voice(t).map_or(UNVOICED_COST, Candidate::cost)).sum();
            let change = |t: usize| match (voice(t), voice(t + 1)) {
                (Some(a), Some(b)) => OCTAVE_JUMP_COST / 12.0 * (a.semitones - b.semitones).abs(),
                (None, None) => 0.0,
                _ => VOICING_CHANGE_COST,
            };
            local + (0..6).map(change).sum::<f64>()
        };
        let paths = (0..4_usize.pow(7)).map(|code| (0..7).map(|t| code / 4_usize.pow(t) % 4).collect::<Vec<_>>());
        let best = paths.min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap();
        let expected: Vec<f64> =
            best.iter().enumerate().map(|(t, &state)| if state == 0 { 0.0 } else { frames[t][state - 1].semitones }).collect();
        assert_eq!(path(&frames, 6), expected);
    }
}
