//! Harmonics and formants of one frame.
//!
//! In: a frame, and its candidate periods. Out: the strength of the first harmonics at each of them, and the resonances of the vocal tract. Which candidate is
//! the pitch is decided later.
//!
//! # Source
//! The harmonic differences H1-H2 and H1-A3 and the formants of Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set", IEEE Transactions on Affective
//! Computing 7 (2016). A3 is the strongest level where the third formant is expected.

use super::formants::Formants;
use super::yin::{N_CANDIDATES, PitchFrame};
use super::{N_FORMANTS, frame_samples, hz};
use crate::config::{FeatureGroup, FrontEndConfig, Window};
use crate::frontend::decibel;
use crate::frontend::spectrum::PowerSpectrum;
use crate::real::Real;

/// Values of a frame that depend on its pitch: H1-H2 and H1-A3, dB.
pub(crate) const N_HARMONICS: usize = 2;

/// Where the third formant is expected, Hz.
const A3_HZ: [f64; 2] = [2000.0, 3500.0];

/// What the spectrum of a frame says of the voice.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct VoiceFrame {
    /// For each candidate of the frame.
    pub(crate) harmonics: [[f64; N_HARMONICS]; N_CANDIDATES],
    /// kHz; zeros if they are not wanted or the frame has no candidate.
    pub(crate) formants: [f64; N_FORMANTS],
}

/// Analyses frames of one sample rate, in `f64`: both pipelines find the same peaks.
#[derive(Clone)]
pub(crate) struct VoiceSpectrum {
    spectrum: PowerSpectrum<f64>,
    bin_hz: f64,
    /// `[n_fft]`
    frame: Vec<f64>,
    /// `[n_fft / 2 + 1]`
    power: Vec<f64>,
    /// `[n_fft / 2 + 1]`, dB.
    levels: Vec<f64>,
    formants: Option<Formants>,
}

impl VoiceSpectrum {
    /// None if the configuration has no group that needs it.
    pub(crate) fn new(config: &FrontEndConfig) -> Option<Self> {
        let has_formants = config.has(FeatureGroup::Formants);
        if !config.has(FeatureGroup::Quality) && !has_formants {
            return None;
        }
        let n_fft = n_samples(config.sample_rate);
        let bin_hz = f64::from(config.sample_rate) / n_fft as f64;
        let win_length = frame_samples(config.sample_rate);
        let settings = FrontEndConfig { n_fft, win_length, window: Window::Hann, ..config.clone() };
        Some(Self {
            spectrum: PowerSpectrum::new(&settings),
            bin_hz,
            frame: vec![0.0; n_fft],
            power: vec![0.0; n_fft / 2 + 1],
            levels: vec![0.0; n_fft / 2 + 1],
            formants: has_formants.then(|| Formants::new(bin_hz)),
        })
    }

    /// Samples in a frame, of which the window covers the middle.
    pub(crate) fn n_samples(&self) -> usize {
        self.frame.len()
    }

    /// The voice in `frame`, `[n_samples]`, for the candidates of its middle.
    pub(crate) fn of_frame<T: Real>(&mut self, frame: &[T], pitch: &PitchFrame) -> VoiceFrame {
        let mut voice = VoiceFrame::default();
        if pitch.candidates().is_empty() {
            return voice;
        }
        for (to, from) in self.frame.iter_mut().zip(frame) {
            *to = from.widen();
        }
        self.spectrum.of_frame(&self.frame, &mut self.power);
        for (level, power) in self.levels.iter_mut().zip(&self.power) {
            *level = decibel::of_power(*power);
        }
        let a3 = loudest(&self.levels[self.bin(A3_HZ[0])..self.bin(A3_HZ[1])]);
        for (harmonics, candidate) in voice.harmonics.iter_mut().zip(pitch.candidates()) {
            let f0 = hz(candidate.semitones);
            let (h1, h2) = (self.peak(f0), self.peak(2.0 * f0));
            *harmonics = [h1 - h2, h1 - a3];
        }
        if let Some(formants) = &self.formants {
            voice.formants = formants.of_power(&self.power);
        }
        voice
    }

    fn bin(&self, hz: f64) -> usize {
        ((hz / self.bin_hz).round() as usize).clamp(1, self.levels.len() - 2)
    }

    /// The strongest of the bins around a frequency.
    fn peak(&self, hz: f64) -> f64 {
        let bin = self.bin(hz);
        loudest(&self.levels[bin - 1..=bin + 1])
    }
}

fn loudest(levels: &[f64]) -> f64 {
    levels.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// Samples of the transform: a power of 2 that holds the frame of the pitch tracker.
pub(crate) fn n_samples(sample_rate: u32) -> usize {
    frame_samples(sample_rate).next_power_of_two()
}
