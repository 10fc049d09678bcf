//! Level, voicing and pitch of a stream, every 20 ms.
//!
//! # Source
//! The normalised cross-correlation function of D. Talkin, "A Robust Algorithm for Pitch Tracking (RAPT)", 1995, section 2.2, on the
//! decimated signal only. Deviations: the spectrum is flattened by pre-emphasis, and the shortest lag with a peak nearly as high as the highest
//! wins instead of a dynamic programme.

use super::GateFrame;
use super::decimate::{Decimator, dot};

/// Rate the signal is decimated to, Hz, as nearly as a whole factor allows. The first harmonics of any voice fit below half of it.
const INTERNAL_RATE_HZ: f64 = 2667.0;
/// Edge of the passband as a fraction of that rate: 0.7 kHz.
const CUTOFF: f64 = 0.25;
/// `x[n] - PRE_EMPHASIS * x[n - 1]`: without it the low end of brown noise is a narrow band and looks periodic.
const PRE_EMPHASIS: f32 = 0.97;
/// Distance between frames, seconds.
const HOP_SECONDS: f64 = 0.020;
/// Length of the correlated window, seconds.
const WINDOW_SECONDS: f64 = 0.032;
/// Range of the human voice, Hz.
const PITCH_HZ: std::ops::RangeInclusive<f64> = 60.0..=400.0;
/// A peak this high, relative to the highest, is taken when its lag is shorter: multiples of the period correlate as well as the period.
const NEARLY: f32 = 0.9;

/// Turns samples into [`GateFrame`]s.
#[derive(Clone)]
pub(super) struct VoicingTracker {
    level_db: f32,
    internal_rate: f64,
    hop: usize,
    window: usize,
    shortest_lag: usize,
    longest_lag: usize,
    decimator: Decimator,
    decimated: Vec<f32>,
    previous: f32,
    flattened: Vec<f32>,
    correlation: Vec<f32>,
}

impl VoicingTracker {
    /// For samples at `sample_rate` Hz; frames below `level_db` are not searched for a pitch.
    pub(super) fn new(sample_rate: u32, level_db: f32) -> Self {
        let factor = (f64::from(sample_rate) / INTERNAL_RATE_HZ).round().max(1.0);
        let internal_rate = f64::from(sample_rate) / factor;
        let shortest_lag = (internal_rate / PITCH_HZ.end()).floor() as usize;
        let longest_lag = (internal_rate / PITCH_HZ.start()).ceil() as usize;
        Self {
            level_db,
            internal_rate,
            hop: (HOP_SECONDS * internal_rate).round() as usize,
            window: (WINDOW_SECONDS * internal_rate).round() as usize,
            shortest_lag,
            longest_lag,
            decimator: Decimator::new(factor as usize, CUTOFF),
            decimated: Vec::new(),
            previous: 0.0,
            flattened: Vec::new(),
            correlation: vec![0.0; longest_lag + 1],
        }
    }

    pub(super) fn push(&mut self, samples: &[f32], sink: &mut impl FnMut(GateFrame)) {
        self.decimated.clear();
        self.decimator.push(samples, &mut self.decimated);
        for &sample in &self.decimated {
            self.flattened.push(sample - PRE_EMPHASIS * self.previous);
            self.previous = sample;
        }
        let mut at = 0;
        while at + self.span() <= self.flattened.len() {
            sink(self.frame(at));
            at += self.hop;
        }
        self.flattened.drain(..at);
    }

    pub(super) fn reset(&mut self) {
        self.decimator.reset();
        self.flattened.clear();
        self.previous = 0.0;
    }

    /// Distance between frames, seconds.
    pub(super) fn hop_seconds(&self) -> f64 {
        self.hop as f64 / self.internal_rate
    }

    /// Index of the first frame whose centre lies at `seconds` or later.
    pub(super) fn first_frame_from(&self, seconds: f64) -> u64 {
        let centre_of_first = self.span() as f64 / 2.0;
        ((seconds * self.internal_rate - centre_of_first) / self.hop as f64).ceil().max(0.0) as u64
    }

    /// Samples one frame looks at.
    const fn span(&self) -> usize {
        self.window + self.longest_lag
    }

    fn frame(&mut self, at: usize) -> GateFrame {
        let samples = &self.flattened[at..at + self.span()];
        let energy = dot(&samples[..self.window], &samples[..self.window]);
        let level_db = 10.0 * (energy / self.window as f32).max(f32::MIN_POSITIVE).log10();
        if level_db < self.level_db {
            return GateFrame { level_db, voicing: 0.0, log_period: 0.0 };
        }
        correlate(samples, self.window, self.shortest_lag, &mut self.correlation);
        let lag = best_lag(&self.correlation, self.shortest_lag);
        let period = refine(&self.correlation, lag) / self.internal_rate as f32;
        GateFrame { level_db, voicing: self.correlation[lag].clamp(0.0, 1.0), log_period: period.ln() }
    }
}

/// Fills `correlation[lag]` from `shortest` on: the normalised correlation of the first `window` samples with those `lag` later.
fn correlate(samples: &[f32], window: usize, shortest: usize, correlation: &mut [f32]) {
    let energy_of = |lag: usize| dot(&samples[lag..lag + window], &samples[lag..lag + window]);
    let energy = energy_of(0);
    let mut lagged_energy = energy_of(shortest);
    for lag in shortest..correlation.len() {
        let product = dot(&samples[..window], &samples[lag..lag + window]);
        correlation[lag] = product / (energy * lagged_energy).sqrt().max(f32::MIN_POSITIVE);
        if lag + window < samples.len() {
            lagged_energy = (lagged_energy + samples[lag + window].powi(2) - samples[lag].powi(2)).max(0.0);
        }
    }
}

/// The shortest lag with a peak nearly as high as the highest value.
fn best_lag(correlation: &[f32], shortest: usize) -> usize {
    let highest =
        (shortest..correlation.len()).fold(shortest, |best, lag| if correlation[lag] > correlation[best] { lag } else { best });
    let is_peak = |lag: usize| correlation[lag] >= correlation[lag - 1] && correlation[lag] >= correlation[lag + 1];
    (shortest + 1..highest).find(|&lag| correlation[lag] > NEARLY * correlation[highest] && is_peak(lag)).unwrap_or(highest)
}

/// The top of the parabola through the peak and its neighbours.
fn refine(correlation: &[f32], lag: usize) -> f32 {
    let (Some(&before), Some(&after)) = (correlation.get(lag.wrapping_sub(1)), correlation.get(lag + 1)) else {
        return lag as f32;
    };
    let curvature = before - 2.0 * correlation[lag] + after;
    let shift = if curvature < 0.0 { (0.5 * (before - after) / curvature).clamp(-0.5, 0.5) } else { 0.0 };
    lag as f32 + shift
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::GateConfig;

    fn frames_of(samples: &[f32], piece: usize) -> Vec<GateFrame> {
        let mut tracker = VoicingTracker::new(16_000, -80.0);
        let mut frames = Vec::new();
        samples.chunks(piece).for_each(|part| tracker.push(part, &mut |frame| frames.push(frame)));
        frames
    }

    /// A pulse train of `pitch` Hz, one second.
    fn pulses(pitch: f64) -> Vec<f32> {
        let phase = |i: i32| (f64::from(i) * pitch / 16_000.0).fract();
        (0..16_000).map(|i| if phase(i) < pitch / 16_000.0 { 0.5 } else { 0.0 }).collect()
    }

    #[test]
    fn the_pitch_of_a_pulse_train_is_found() {
        for pitch in [70.0, 110.0, 205.0, 330.0] {
            let frames = frames_of(&pulses(pitch), 16_000);
            for frame in &frames[1..] {
                let found = f64::from((-frame.log_period).exp());
                assert!((found / pitch - 1.0).abs() < 0.03, "expected {pitch} Hz, found {found} Hz");
                assert!(frame.voicing > GateConfig::default().voicing, "{pitch} Hz: {}", frame.voicing);
            }
        }
    }

    #[test]
    fn frames_do_not_depend_on_how_the_stream_is_cut() {
        let samples = pulses(123.0);
        let whole = frames_of(&samples, samples.len());
        assert!(whole.len() > 40);
        for piece in [1, 7, 160, 1024] {
            assert_eq!(frames_of(&samples, piece), whole, "pieces of {piece}");
        }
    }

    #[test]
    fn frames_are_named_by_their_centre() {
        let tracker = VoicingTracker::new(16_000, -80.0);
        let centre = |frame: u64| (frame as f64 * tracker.hop as f64 + tracker.span() as f64 / 2.0) / tracker.internal_rate;
        for seconds in [0.0, 0.5, 1.234, 5.0] {
            let first = tracker.first_frame_from(seconds);
            assert!(centre(first) >= seconds);
            assert!(first == 0 || centre(first - 1) < seconds);
        }
    }
}
