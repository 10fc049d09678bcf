//! Prosody: the pitch, the voicing and the level of each frame, in addition to its coefficients; if wanted, how the voice sounds.
//!
//! In: the frames of the coefficients, and the coefficients. Out: rows of coefficients and [`Columns`], `look_ahead_frames` frames later.
//!
//! frame -> `yin` (level and candidate periods) and `voice` (harmonics, formants) -> `path` (choice among the candidates, or unvoiced) -> `Prosody` (rows) ->
//! [`super::assembler`], where `values` computes the five values of [`FeatureGroup::Prosody`], `quality` and `jitter` those of these groups ->
//! `average` -> steps -> [`super::BlockFeatures`], which makes pitch and level relative to the block.
//!
//! All of it is computed from the original samples in fixed precision (`f64`, the autocorrelation `f32`), so that both pipelines take the same decisions.

use std::ops::Range;

use crate::config::{FeatureGroup, FrontEndConfig, N_FORMANTS, N_JITTER, N_PROSODY, N_QUALITY};
use crate::frontend::{decibel, middle};
use crate::real::Real;

mod autocorrelation;
mod formants;
mod path;
mod voice;
mod yin;

use path::PitchPath;
use voice::{N_HARMONICS, VoiceFrame, VoiceSpectrum};
use yin::{PitchFrame, Yin};

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

/// The first columns of a row after the coefficients: pitch in semitones (0 where unvoiced), voicing (0 where unvoiced), level in dB.
pub(super) const N_COLUMNS: usize = 3;
const PITCH_COLUMN: usize = 0;
const VOICING_COLUMN: usize = 1;
const LEVEL_COLUMN: usize = 2;

/// All columns of a row after the coefficients; those that are not always there are 0 where unvoiced.
#[derive(Clone)]
pub(super) struct Columns {
    /// H1-H2 and H1-A3, dB.
    harmonics: Range<usize>,
    /// kHz.
    formants: Range<usize>,
}

impl Columns {
    pub(super) fn new(config: &FrontEndConfig) -> Self {
        let n = |group, n| if config.has(group) { n } else { 0 };
        let formants = N_COLUMNS + n(FeatureGroup::Quality, N_HARMONICS);
        Self { harmonics: N_COLUMNS..formants, formants: formants..formants + n(FeatureGroup::Formants, N_FORMANTS) }
    }

    /// Their number.
    pub(super) fn len(&self) -> usize {
        self.formants.end
    }
}

/// Largest jitter, semitones, and shimmer, dB: more is another sound, not the same one unsteadily.
const MOST_JITTER: f64 = 3.0;
const MOST_SHIMMER: f64 = 12.0;

/// The voicings between which the harmonics-to-noise ratio is that of the voicing: -20 to 30 dB.
const HNR_VOICINGS: [f64; 2] = [0.01, 0.999];

/// Index of the pitch in the group, semitones above [`REFERENCE_HZ`].
pub(crate) const F0: usize = 0;

/// Index of the voicing in the group.
pub(super) const VOICING: usize = 2;

/// Index of the level in the group, dB.
pub(super) const LEVEL: usize = 3;

/// Semitones above [`REFERENCE_HZ`].
#[must_use]
pub fn semitones(hz: f64) -> f64 {
    12.0 * (hz / REFERENCE_HZ).log2()
}

/// Hertz of `semitones` above [`REFERENCE_HZ`].
#[must_use]
fn hz(semitones: f64) -> f64 {
    REFERENCE_HZ * (semitones / 12.0).exp2()
}

/// Samples of the longest frame that the groups of the voice need, even; 0 without them.
#[must_use]
pub(super) fn longest_frame(config: &FrontEndConfig) -> usize {
    if config.has(FeatureGroup::Quality) || config.has(FeatureGroup::Formants) {
        voice::n_samples(config.sample_rate)
    } else if config.has(FeatureGroup::Prosody) {
        frame_samples(config.sample_rate)
    } else {
        0
    }
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

/// What is known of a frame before its pitch is decided.
#[derive(Clone, Copy)]
pub(super) struct Sound {
    pitch: PitchFrame,
    voice: Option<VoiceFrame>,
}

/// The part that processes single frames.
#[derive(Clone)]
pub(super) struct SoundAnalysis {
    yin: Yin,
    voice: Option<VoiceSpectrum>,
}

impl SoundAnalysis {
    pub(super) fn new(config: &FrontEndConfig) -> Self {
        Self { yin: Yin::new(config.sample_rate), voice: VoiceSpectrum::new(config) }
    }

    /// The sound of `frame`, at least [`longest_frame`] samples.
    pub(super) fn of_frame<T: Real>(&mut self, frame: &[T]) -> Sound {
        let pitch = self.yin.of_frame(middle(frame, self.yin.n_samples()));
        let voice = self.voice.as_mut().map(|voice| voice.of_frame(middle(frame, voice.n_samples()), &pitch));
        Sound { pitch, voice }
    }
}

/// Appends the columns of prosody to the coefficients of each frame, delayed until its pitch is decided.
#[derive(Clone)]
pub(super) struct Prosody<T> {
    path: PitchPath,
    look_ahead: usize,
    columns: Columns,
    /// The last `look_ahead + 1` rows; row `t` is at `t % (look_ahead + 1)`.
    rows: Vec<T>,
    /// The voices of the same frames, if wanted.
    voices: Vec<VoiceFrame>,
    row_len: usize,
    n_pushed: usize,
}

impl<T: Real> Prosody<T> {
    /// Creates the stage at the start of a stream.
    #[must_use]
    pub(super) fn new(config: &FrontEndConfig) -> Self {
        let (look_ahead, columns) = (look_ahead_frames(config), Columns::new(config));
        let row_len = config.n_mfcc + columns.len();
        let hop_seconds = config.hop_length as f64 / f64::from(config.sample_rate);
        Self {
            path: PitchPath::new(look_ahead, hop_seconds),
            look_ahead,
            columns,
            rows: vec![T::zero(); (look_ahead + 1) * row_len],
            voices: vec![VoiceFrame::default(); look_ahead + 1],
            row_len,
            n_pushed: 0,
        }
    }

    /// Takes the next frame; hands the row whose pitch is now decided to `sink`, `[n_mfcc]` and the columns.
    pub(super) fn push(&mut self, mfcc: &[T], sound: &Sound, sink: &mut impl FnMut(&[T])) {
        self.path.push(sound.pitch.candidates());
        let place = self.n_pushed % (self.look_ahead + 1);
        let row = &mut self.rows[place * self.row_len..][..self.row_len];
        row[..mfcc.len()].copy_from_slice(mfcc);
        row[mfcc.len() + LEVEL_COLUMN] = T::of(sound.pitch.level_db);
        if let Some(voice) = sound.voice {
            self.voices[place] = voice;
        }
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
        let place = (self.n_pushed - 1 - ago) % (self.look_ahead + 1);
        let row = &mut self.rows[place * self.row_len..][..self.row_len];
        let (_, columns) = row.split_at_mut(self.row_len - self.columns.len());
        let found = self.path.decision(ago);
        columns[PITCH_COLUMN] = T::of(found.map_or(0.0, |(_, candidate)| candidate.semitones));
        columns[VOICING_COLUMN] = T::of(found.map_or(0.0, |(_, candidate)| candidate.periodicity()));
        let VoiceFrame { harmonics, formants } = self.voices[place];
        let harmonics = found.map_or([0.0; N_HARMONICS], |(candidate, _)| harmonics[candidate]);
        let formants = found.map_or([0.0; N_FORMANTS], |_| formants);
        let Columns { harmonics: to_harmonics, formants: to_formants } = self.columns.clone();
        columns[to_harmonics].iter_mut().zip(harmonics).for_each(|(to, from)| *to = T::of(from));
        columns[to_formants].iter_mut().zip(formants).for_each(|(to, from)| *to = T::of(from));
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

/// The values of [`FeatureGroup::Quality`], from all columns of a frame.
pub(super) fn quality<T: Real>(own: &[T], columns: &Columns) -> [T; N_QUALITY] {
    let voicing = own[VOICING_COLUMN].widen();
    if voicing <= 0.0 {
        return [T::zero(); N_QUALITY];
    }
    let periodic = voicing.clamp(HNR_VOICINGS[0], HNR_VOICINGS[1]);
    let hnr = decibel::of_power(periodic / (1.0 - periodic));
    let [h1_h2, h1_a3] = std::array::from_fn(|harmonic| own[columns.harmonics.start + harmonic]);
    [T::of(hnr), h1_h2, h1_a3]
}

/// The values of [`FeatureGroup::Formants`], from all columns of a frame.
pub(super) fn formants<T: Real>(own: &[T], columns: &Columns) -> [T; N_FORMANTS] {
    std::array::from_fn(|formant| own[columns.formants.start + formant])
}

/// The values of [`FeatureGroup::Jitter`]: `own` are the columns of the frame, `around` those of the frame before, the frame itself and the one after, or, at
/// the edge of a stream, of the nearest frame with both neighbours.
pub(super) fn jitter<T: Real>(own: [T; N_COLUMNS], around: [[T; N_COLUMNS]; 3]) -> [T; N_JITTER] {
    let is_voiced = |columns: &[T; N_COLUMNS]| columns[VOICING_COLUMN] > T::zero();
    let [before, middle, after] = around;
    if ![own, before, middle].iter().all(is_voiced) {
        return [T::zero(); N_JITTER];
    }
    let [pitch_before, pitch, pitch_after] = around.map(|columns| columns[PITCH_COLUMN].widen());
    let bend = if is_voiced(&after) { (pitch_before - 2.0 * pitch + pitch_after).abs() } else { 0.0 };
    let change = (middle[LEVEL_COLUMN].widen() - before[LEVEL_COLUMN].widen()).abs();
    [T::of(bend.min(MOST_JITTER)), T::of(change.min(MOST_SHIMMER))]
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
