//! Prosody: the pitch, the voicing and the level of each frame, in addition to its coefficients.
//!
//! In: the frames of the coefficients, and the coefficients. Out: rows of coefficients and `N_COLUMNS` columns of prosody,
//! `look_ahead_frames` frames later.
//!
//! frame -> `yin` (level and candidate periods) -> `path` (choice among them, or unvoiced) -> `Prosody` (rows) ->
//! [`super::assembler`], where `values` computes the five values of [`FeatureGroup::Prosody`](crate::config::FeatureGroup::Prosody) ->
//! `average` -> steps -> [`super::BlockFeatures`], which makes pitch and level relative to the block.
//!
//! All of it is computed from the original samples in fixed precision (`f64`, the autocorrelation `f32`), so that both pipelines take the same decisions.

use crate::config::{FrontEndConfig, N_PROSODY};
use crate::real::Real;

mod autocorrelation;
mod path;
pub(super) mod yin;

use path::PitchPath;
use yin::{Candidate, PitchFrame};

/// Lowest pitch that is searched for, Hz.
pub const MIN_HZ: f64 = 60.0;

/// Highest pitch that is searched for, Hz.
pub const MAX_HZ: f64 = 500.0;

/// Reference of the semitone scale, Hz: the lowest A of a piano, as in openSMILE's eGeMAPS. [`MIN_HZ`] is 13.5 semitones, [`MAX_HZ`] 50.2.
pub const REFERENCE_HZ: f64 = 27.5;

/// Periods of the lowest pitch in a frame: 50 ms.
const N_PERIODS: usize = 3;

/// How far the tracker looks ahead before it decides, seconds.
const LOOK_AHEAD_SECONDS: f64 = 0.05;

/// Largest number of frames it looks ahead, however short the hop.
const MAX_LOOK_AHEAD: usize = 16;

/// Columns of a row after the coefficients: pitch in semitones (0 where unvoiced), voicing (0 where unvoiced), level in dB.
pub(super) const N_COLUMNS: usize = 3;
const PITCH_COLUMN: usize = 0;
const VOICING_COLUMN: usize = 1;
const LEVEL_COLUMN: usize = 2;

/// Index of the pitch in the group, semitones above [`REFERENCE_HZ`].
pub(super) const F0: usize = 0;

/// Index of the voicing in the group.
pub(super) const VOICING: usize = 2;

/// Index of the level in the group, dB.
pub(super) const LEVEL: usize = 3;

/// Semitones above [`REFERENCE_HZ`].
#[must_use]
pub fn semitones(hz: f64) -> f64 {
    12.0 * (hz / REFERENCE_HZ).log2()
}

/// Samples that a frame needs for prosody, even.
#[must_use]
pub(super) fn frame_samples(sample_rate: u32) -> usize {
    (N_PERIODS as f64 * f64::from(sample_rate) / MIN_HZ / 2.0).round() as usize * 2
}

/// Frames after a frame that are needed to decide its pitch: 50 ms, at least 1 and at most 16.
#[must_use]
pub(super) fn look_ahead_frames(config: &FrontEndConfig) -> usize {
    let frames_per_second = f64::from(config.sample_rate) / config.hop_length as f64;
    ((LOOK_AHEAD_SECONDS * frames_per_second).round() as usize).clamp(1, MAX_LOOK_AHEAD)
}

/// Appends the columns of prosody to the coefficients of each frame, delayed until its pitch is decided.
#[derive(Clone)]
pub(super) struct Prosody<T> {
    path: PitchPath,
    look_ahead: usize,
    /// The last `look_ahead + 1` rows; row `t` is at `t % (look_ahead + 1)`.
    rows: Vec<T>,
    row_len: usize,
    n_pushed: usize,
}

impl<T: Real> Prosody<T> {
    /// Creates the stage at the start of a stream.
    #[must_use]
    pub(super) fn new(config: &FrontEndConfig) -> Self {
        let (look_ahead, row_len) = (look_ahead_frames(config), config.n_mfcc + N_COLUMNS);
        let hop_seconds = config.hop_length as f64 / f64::from(config.sample_rate);
        Self {
            path: PitchPath::new(look_ahead, hop_seconds),
            look_ahead,
            rows: vec![T::zero(); (look_ahead + 1) * row_len],
            row_len,
            n_pushed: 0,
        }
    }

    /// Takes the next frame; hands the row whose pitch is now decided to `sink`, `[n_mfcc + N_COLUMNS]`.
    pub(super) fn push(&mut self, mfcc: &[T], sound: &PitchFrame, sink: &mut impl FnMut(&[T])) {
        self.path.push(sound.candidates());
        let first = self.n_pushed % (self.look_ahead + 1) * self.row_len;
        let row = &mut self.rows[first..first + self.row_len];
        row[..mfcc.len()].copy_from_slice(mfcc);
        row[mfcc.len() + LEVEL_COLUMN] = T::of(sound.level_db);
        self.n_pushed += 1;
        if self.n_pushed > self.look_ahead {
            self.emit(self.look_ahead, sink);
        }
    }

    /// Hands the rows of the last frames to `sink`.
    pub(super) fn finish(&mut self, sink: &mut impl FnMut(&[T])) {
        for ago in (0..self.n_pushed.min(self.look_ahead)).rev() {
            self.emit(ago, sink);
        }
    }

    /// Returns to the start of a stream.
    pub(super) fn reset(&mut self) {
        self.path.reset();
        self.n_pushed = 0;
    }

    /// Hands the row `ago` frames before the last one to `sink`.
    fn emit(&mut self, ago: usize, sink: &mut impl FnMut(&[T])) {
        let first = (self.n_pushed - 1 - ago) % (self.look_ahead + 1) * self.row_len;
        let row = &mut self.rows[first..first + self.row_len];
        let columns = self.row_len - N_COLUMNS;
        let found = self.path.decision(ago);
        row[columns + PITCH_COLUMN] = T::of(found.map_or(0.0, |candidate| candidate.semitones));
        row[columns + VOICING_COLUMN] = T::of(found.map_or(0.0, Candidate::periodicity));
        sink(row);
    }
}

/// The values of the group, as [`FeatureGroup::Prosody`](crate::config::FeatureGroup::Prosody) lists them.
///
/// `own` are the columns of the frame, `window` those of the frames around it, `slope` the weights of [`super::assembler`] for the first derivative.
/// The pitch of a voiced frame has a derivative: the slope of the line fitted to the voiced frames of the window. If all of them are
/// voiced, it is librosa's delta.
#[inline(always)]
pub(super) fn values<T: Real>(
    own: [T; N_COLUMNS],
    window: impl ExactSizeIterator<Item = [T; N_COLUMNS]>,
    slope: &[T],
) -> [T; N_PROSODY] {
    let [pitch, voicing, level] = own;
    let mut line = Line::default();
    let mut level_delta = T::zero();
    for (k, ([other, voiced, level], &weight)) in window.zip(slope).enumerate() {
        level_delta += weight * level;
        if voiced > T::zero() {
            line.add(k as f64, (other - pitch).widen());
        }
    }
    let pitch_delta = if voicing > T::zero() { T::of(line.slope()) } else { T::zero() };
    [pitch, pitch_delta, voicing, level, level_delta]
}

/// A least-squares line.
#[derive(Default)]
struct Line {
    n: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
}

impl Line {
    /// Fewest points for a slope: any two points fit a line exactly.
    const MIN_POINTS: f64 = 3.0;

    fn add(&mut self, x: f64, y: f64) {
        self.n += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.xy += x * y;
    }

    /// Its slope, or 0 with too few points; their `x` must differ.
    fn slope(&self) -> f64 {
        if self.n < Self::MIN_POINTS {
            return 0.0;
        }
        (self.n * self.xy - self.x * self.y) / (self.n * self.xx - self.x * self.x)
    }
}

#[cfg(test)]
mod tests;
