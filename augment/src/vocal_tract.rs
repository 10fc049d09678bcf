//! Vocal tract length perturbation: formants move, pitch and tempo do not.

use moodline_core::config::Window;
use moodline_core::frontend::window::periodic;
use moodline_fourier::{Complex, Fourier};

use crate::time::cut;

/// Formants above this frequency are not moved by the full factor, Hz.
const HIGHEST_MOVED_HZ: f64 = 4800.0;

/// Shortest window, seconds.
const WINDOW_SECONDS: f64 = 0.03;

/// The spectral envelope keeps the cepstrum below this quefrency, seconds: the period of a 400 Hz voice.
const ENVELOPE_SECONDS: f64 = 0.0025;

/// Bins below this fraction of the frame's largest amplitude are raised to it, so that the envelope follows the voice and not the gaps between
/// harmonics.
const FLOOR: f32 = 1e-4;

/// Largest change of a bin, natural logarithm of its amplitude (30 dB): nothing can be moved across the band edge of a recording.
const LARGEST_CHANGE: f32 = 3.45;

/// Moves the formants by `alpha`, 0.8..=1.25: above 1 the vocal tract is shorter and the formants are higher. Same length.
///
/// # Source
/// Jaitly and Hinton 2013, "Vocal tract length perturbation (VTLP) improves speech recognition", the warping function of section 3; used for emotions
/// by Etienne et al. 2018. Deviation: the paper warps the centres of the mel filters; here the smoothed spectrum (from the truncated cepstrum) is
/// warped and the sound is filtered by the difference, which moves the same formants, leaves harmonics in place, and works for any features.
pub fn move_formants(samples: &[f32], sample_rate: f64, alpha: f64, fourier: &mut Fourier) -> Vec<f32> {
    let n = ((sample_rate * WINDOW_SECONDS) as usize).next_power_of_two().max(8);
    let (hop, n_bins) = (n / 2, n / 2 + 1);
    let n_kept = ((sample_rate * ENVELOPE_SECONDS) as usize).clamp(1, n / 2);
    // Square roots of Hann windows for analysis and synthesis: their products add up to 1 at a hop of half a window.
    let window: Vec<f32> = periodic(Window::Hann, n).into_iter().map(|weight| weight.sqrt() as f32).collect();
    let sources: Vec<f32> = (0..n_bins)
        .map(|bin| source_of(bin as f64 * sample_rate / n as f64, sample_rate, alpha) * n as f64 / sample_rate)
        .map(|place| place as f32)
        .collect();
    let mut transform = fourier.of_length(n);
    let mut buffer = vec![0.0; n];
    let mut out = vec![0.0; samples.len() + 2 * n];
    let (mut spectrum, mut cepstrum) = (vec![Complex::default(); n_bins], vec![Complex::default(); n_bins]);
    let mut envelope = vec![0.0; n_bins];
    for start in (0..samples.len() + n).step_by(hop) {
        cut(samples, start as isize - n as isize, &window, &mut buffer);
        transform.forward(&mut buffer, &mut spectrum);
        let loudest = spectrum.iter().map(Complex::norm_sqr).fold(0.0, f32::max);
        if loudest > 0.0 && loudest.is_finite() {
            for (log, bin) in cepstrum.iter_mut().zip(&spectrum) {
                *log = Complex::new(0.5 * (bin.norm_sqr() / loudest).max(FLOOR * FLOOR).ln(), 0.0);
            }
            transform.inverse(&mut cepstrum, &mut buffer);
            buffer[n_kept..=n - n_kept].fill(0.0);
            transform.forward(&mut buffer, &mut cepstrum);
            envelope.iter_mut().zip(&cepstrum).for_each(|(envelope, log)| *envelope = log.re);
            for ((bin, &here), &source) in spectrum.iter_mut().zip(&envelope).zip(&sources) {
                *bin *= (interpolate(&envelope, source) - here).clamp(-LARGEST_CHANGE, LARGEST_CHANGE).exp();
            }
        }
        transform.inverse(&mut spectrum, &mut buffer);
        let places = out[start..].iter_mut();
        places.zip(buffer.iter().zip(&window)).for_each(|(out, (sample, weight))| *out += sample * weight);
    }
    out.drain(..n);
    out.truncate(samples.len());
    out
}

/// The frequency that is moved to `hz`: the inverse of the paper's warp, piecewise linear with a break above the formants.
fn source_of(hz: f64, sample_rate: f64, alpha: f64) -> f64 {
    let nyquist = sample_rate / 2.0;
    let highest = HIGHEST_MOVED_HZ.min(0.6 * nyquist) * alpha.min(1.0);
    if hz <= highest { hz / alpha } else { nyquist - (nyquist - highest / alpha) / (nyquist - highest) * (nyquist - hz) }
}

fn interpolate(values: &[f32], place: f32) -> f32 {
    let last = values.len() - 1;
    let below = (place.max(0.0) as usize).min(last);
    let part = (place - below as f32).clamp(0.0, 1.0);
    values[below] + (values[(below + 1).min(last)] - values[below]) * part
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use crate::signals::{RATE, level_at, strongest_hz};

    /// Harmonics of 100 Hz shaped by one resonance as wide as a formant.
    fn vowel(formant_hz: f64) -> Vec<f32> {
        let harmonics: Vec<(f64, f64)> = (1..70)
            .map(|k| {
                let hz = 100.0 * f64::from(k);
                (hz, 0.05 / (1.0 + ((hz - formant_hz) / 150.0).powi(2)) + 1e-4)
            })
            .collect();
        (0..16_000)
            .map(|n| {
                let time = f64::from(n) / RATE;
                harmonics.iter().map(|(hz, amplitude)| amplitude * (TAU * hz * time + hz * hz * 1e-5).sin()).sum::<f64>() as f32
            })
            .collect()
    }

    /// Centroid of the harmonics around a resonance.
    fn formant_of(samples: &[f32], near: f64) -> f64 {
        let (mut sum, mut weights) = (0.0, 0.0);
        for k in ((near / 100.0) as u32 - 4)..=((near / 100.0) as u32 + 5) {
            let hz = 100.0 * f64::from(k);
            let power = level_at(samples, hz).powi(2);
            sum += hz * power;
            weights += power;
        }
        sum / weights
    }

    #[test]
    fn formants_move_by_alpha_and_the_pitch_stays() {
        for formant in [800.0, 1500.0, 2500.0] {
            let voice = vowel(formant);
            for alpha in [0.9, 1.1] {
                let moved = move_formants(&voice, RATE, alpha, &mut Fourier::new());
                assert_eq!(moved.len(), voice.len());
                let (before, after) = (formant_of(&voice, formant), formant_of(&moved, formant * alpha));
                // The envelope is smoother than the resonance, so the shift falls slightly short.
                let way = (after / before - 1.0) / (alpha - 1.0);
                assert!((0.75..1.15).contains(&way), "{formant} x {alpha}: {before} became {after}");
                let nearest = 100.0 * (formant * alpha / 100.0).round();
                let harmonic = strongest_hz(&moved, [nearest - 40.0, nearest + 40.0]);
                assert!((harmonic - nearest).abs() < 0.5, "the harmonics stay: {harmonic}");
            }
        }
    }

    #[test]
    fn alpha_1_changes_nothing() {
        let voice = vowel(1000.0);
        let same = move_formants(&voice, RATE, 1.0, &mut Fourier::new());
        for (a, b) in voice.iter().zip(&same) {
            assert!((a - b).abs() < 1e-5);
        }
    }

    #[test]
    fn the_warp_is_the_one_of_the_paper() {
        // Jaitly and Hinton's forward warping function.
        let warp = |hz: f64, alpha: f64| {
            let (nyquist, high) = (RATE / 2.0, 4800.0);
            if hz <= high * alpha.min(1.0) / alpha {
                hz * alpha
            } else {
                nyquist - (nyquist - high * alpha.min(1.0)) / (nyquist - high * alpha.min(1.0) / alpha) * (nyquist - hz)
            }
        };
        for alpha in [0.9, 1.0, 1.1] {
            for hz in [0.0, 100.0, 3000.0, 4300.0, 4800.0, 6000.0, 8000.0] {
                assert!((source_of(warp(hz, alpha), RATE, alpha) - hz).abs() < 1e-6, "{alpha} {hz}");
            }
        }
    }
}
