//! Pitch and tempo: both together (speed), or one without the other.

use moodline_core::config::Window;
use moodline_core::frontend::window::periodic;
use moodline_core::resample::Resampler;
use moodline_fourier::{Complex, Fourier};

use crate::level::bound;

/// Common multiple for the rates of [`resample`]; arbitrary, because only the ratio of the rates matters.
const UNIT_HZ: u32 = 96_000;

/// Steps of a factor per unit. Ratios of small integers resample fast; a step is 0.16 %, less than 3 cents of pitch.
const FACTOR_STEPS: f64 = 640.0;

/// Shortest window of the vocoder, seconds: four periods of a low voice.
const WINDOW_SECONDS: f64 = 0.05;

/// Hops per window of the vocoder.
const OVERLAP: usize = 4;

/// Sum of squared Hann windows at [`OVERLAP`].
const WINDOW_SUM: f32 = 1.5;

/// Plays `rate` times as fast, 0.5..=2: pitch and tempo together, like a tape. Returns `n / rate` samples, rounded up.
pub fn speed(samples: &[f32], rate: f64) -> Vec<f32> {
    resample(samples, steps(rate))
}

/// Plays `rate` times as fast at the same pitch, 0.5..=2. Returns `n / rate` samples, rounded.
///
/// # Source
/// A phase vocoder: Laroche and Dolson 1999, "Improved phase vocoder time-scale modification of audio", with identity phase locking; the phase
/// advance of a hop is measured between two frames of the input that are a hop apart (Puckette 1995, "Phase-locked vocoder"), so that no phase is
/// ever unwrapped. The frames are those of librosa's `effects.time_stretch`: Hann windows with four hops in a window.
pub fn time_stretch(samples: &[f32], sample_rate: f64, rate: f64, fourier: &mut Fourier) -> Vec<f32> {
    let n_out = (samples.len() as f64 / rate).round() as usize;
    let n = ((sample_rate * WINDOW_SECONDS) as usize).next_power_of_two().max(2 * OVERLAP);
    let (hop, half) = (n / OVERLAP, (n / 2) as isize);
    let window: Vec<f32> = periodic(Window::Hann, n).into_iter().map(|weight| weight as f32).collect();
    let mut transform = fourier.of_length(n);
    let mut buffer = vec![0.0; n];
    // Output sample `i` is at `n + i`, which leaves room for frames before the first sample.
    let mut out = vec![0.0; n_out + 2 * n];
    let [mut now, mut before, mut last, mut made] = [(); 4].map(|()| vec![Complex::default(); n / 2 + 1]);
    let mut peaks = Vec::new();
    for start in (0..n_out + n).step_by(hop) {
        let centre = start as isize - half;
        let at = (centre as f64 * rate).round() as isize - half;
        cut(samples, at, &window, &mut buffer);
        transform.forward(&mut buffer, &mut now);
        made.copy_from_slice(&now);
        if start > 0 {
            cut(samples, at - hop as isize, &window, &mut buffer);
            transform.forward(&mut buffer, &mut before);
            find_peaks(&now, &mut peaks);
            let mut from = 0;
            for (index, &peak) in peaks.iter().enumerate() {
                let to = peaks.get(index + 1).map_or(made.len(), |next| (peak + next) / 2 + 1);
                let turn = unit(last[peak] * before[peak].conj());
                made[from..to].iter_mut().for_each(|bin| *bin *= turn);
                from = to;
            }
        }
        last.copy_from_slice(&made);
        transform.inverse(&mut made, &mut buffer);
        let places = out[start..].iter_mut();
        places.zip(buffer.iter().zip(&window)).for_each(|(out, (sample, weight))| *out += sample * weight / WINDOW_SUM);
    }
    out.drain(..n);
    out.truncate(n_out);
    out
}

/// Shifts the pitch by `semitones` (down if negative), -12..=12, at the same tempo: stretched, then played faster. Formants move with the pitch. Same
/// length.
///
/// # Source
/// librosa 0.10 `effects.pitch_shift`.
pub fn pitch_shift(samples: &[f32], sample_rate: f64, semitones: f64, fourier: &mut Fourier) -> Vec<f32> {
    let steps = steps((semitones / 12.0).exp2());
    let mut stretched = time_stretch(samples, sample_rate, FACTOR_STEPS / f64::from(steps), fourier);
    bound(&mut stretched);
    let mut shifted = resample(&stretched, steps);
    shifted.resize(samples.len(), 0.0);
    shifted
}

/// The nearest factor that [`resample`] supports.
fn steps(factor: f64) -> u32 {
    (factor * FACTOR_STEPS).round() as u32
}

fn resample(samples: &[f32], steps: u32) -> Vec<f32> {
    let step_hz = UNIT_HZ / FACTOR_STEPS as u32;
    // INVARIANT: factors from 0.5 to 2 keep the rate within the range of the resampler.
    let mut resampler = Resampler::new(steps * step_hz, UNIT_HZ).expect("a rate in range");
    let mut out = Vec::with_capacity(samples.len() * FACTOR_STEPS as usize / steps as usize + 1);
    // INVARIANT: all transforms get finite samples within the range of the resampler.
    resampler.push(samples, &mut |part| out.extend_from_slice(part)).expect("samples in range");
    resampler.finish(&mut |part| out.extend_from_slice(part));
    out
}

/// The windowed samples from `at` on, zero outside the signal.
pub fn cut(samples: &[f32], at: isize, window: &[f32], frame: &mut [f32]) {
    for (index, (point, weight)) in frame.iter_mut().zip(window).enumerate() {
        let sample = usize::try_from(at + index as isize).ok().and_then(|place| samples.get(place));
        *point = sample.map_or(0.0, |sample| sample * weight);
    }
}

/// The bins that are stronger than their two neighbours on either side.
fn find_peaks(spectrum: &[Complex<f32>], peaks: &mut Vec<usize>) {
    peaks.clear();
    let power = |bin: usize| spectrum.get(bin).map_or(0.0, Complex::norm_sqr);
    for bin in 0..spectrum.len() {
        let here = power(bin);
        let below = (1..=2).all(|k| bin < k || here > power(bin - k));
        if below && here >= power(bin + 1) && here >= power(bin + 2) && here > 0.0 {
            peaks.push(bin);
        }
    }
}

/// `value` scaled to length 1, a pure rotation; 1 if it has no direction.
fn unit(value: Complex<f32>) -> Complex<f32> {
    let length = value.norm();
    if length > 0.0 && length.is_finite() { value / length } else { Complex::new(1.0, 0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::{RATE, level_at, power, strongest_hz, sum_of_tones};

    /// Cents between two frequencies.
    fn cents(found: f64, expected: f64) -> f64 {
        1200.0 * (found / expected).log2()
    }

    #[test]
    fn speed_moves_tones_and_duration_together() {
        for rate in [0.5, 0.85, 1.0, 1.18, 2.0] {
            let tone = sum_of_tones(&[1000.0], 1.0);
            let fast = speed(&tone, rate);
            assert!((fast.len() as f64 - tone.len() as f64 / rate).abs() < 0.001 * fast.len() as f64, "{rate}");
            let found = strongest_hz(&fast, [400.0, 2500.0]);
            assert!(cents(found, 1000.0 * rate).abs() < 2.0, "{rate}: {found}");
            assert!((level_at(&fast, found) - 0.5).abs() < 0.005, "{rate}");
        }
        let tone = sum_of_tones(&[440.0], 0.3);
        assert_eq!(speed(&tone, 1.0), tone);
    }

    #[test]
    fn stretching_changes_the_duration_and_no_tone() {
        let fourier = &mut Fourier::new();
        let hz = [220.0, 733.0, 2150.0];
        let tones = sum_of_tones(&hz, 2.0);
        for rate in [0.5, 0.9, 1.0, 1.3, 2.0] {
            let stretched = time_stretch(&tones, RATE, rate, fourier);
            assert_eq!(stretched.len(), (tones.len() as f64 / rate).round() as usize);
            for hz in hz {
                let found = strongest_hz(&stretched, [hz - 60.0, hz + 60.0]);
                assert!(cents(found, hz).abs() < 5.0, "{rate}: {hz} became {found}");
                let level = 20.0 * (level_at(&stretched, found) / level_at(&tones, hz)).log10();
                assert!(level.abs() < 0.5, "{rate}: {hz} Hz changed by {level} dB");
            }
        }
    }

    #[test]
    fn at_rate_1_nothing_changes_not_even_at_the_edges() {
        let samples: Vec<f32> = (0..5000).map(|n| (n as f32 * 0.03).sin() * (n as f32 * 0.0011).cos()).collect();
        let same = time_stretch(&samples, RATE, 1.0, &mut Fourier::new());
        for (at, (a, b)) in samples.iter().zip(&same).enumerate() {
            assert!((a - b).abs() < 1e-5, "{at}: {a} {b}");
        }
    }

    #[test]
    fn stretching_keeps_events_at_their_place() {
        let mut samples = vec![0.0; 32_000];
        for (n, sample) in samples[16_000..17_600].iter_mut().enumerate() {
            *sample = (n as f32 * 0.4).sin();
        }
        let slow = time_stretch(&samples, RATE, 0.8, &mut Fourier::new());
        let inside = power(&slow[20_100..21_900]);
        assert!(inside > 0.3 && power(&slow[..19_000]) < 1e-3 * inside && power(&slow[23_000..]) < 1e-3 * inside);
    }

    #[test]
    fn shifting_moves_tones_and_keeps_the_duration() {
        let fourier = &mut Fourier::new();
        let tones = sum_of_tones(&[300.0, 1200.0], 2.0);
        for semitones in [-12.0_f64, -3.7, 0.0, 2.0, 12.0] {
            let shifted = pitch_shift(&tones, RATE, semitones, fourier);
            assert_eq!(shifted.len(), tones.len());
            for hz in [300.0, 1200.0] {
                let expected = hz * (semitones / 12.0).exp2();
                let found = strongest_hz(&shifted, [expected * 0.9, expected * 1.1]);
                assert!(cents(found, expected).abs() < 6.0, "{semitones}: {hz} became {found}, not {expected}");
                assert!((level_at(&shifted, found) / level_at(&tones, hz) - 1.0).abs() < 0.06, "{semitones}: {hz}");
            }
        }
    }

    #[test]
    fn noise_keeps_its_power_when_stretched() {
        let noise = crate::random::normals(&mut crate::random::generator(&[b"noise"]), 32_000);
        for rate in [0.8, 1.25] {
            let stretched = time_stretch(&noise, RATE, rate, &mut Fourier::new());
            let change = 10.0 * (power(&stretched) / power(&noise)).log10();
            assert!(change.abs() < 1.5, "{rate}: {change} dB");
        }
    }
}
