//! Filters: convolution, and arbitrary gains over frequency.

use moodline_core::config::Window;
use moodline_core::frontend::window::periodic;
use moodline_fourier::{Complex, Fourier};

/// Length of the filters of [`by_gain`], seconds: their gain has a frequency resolution of about 30 Hz.
const FILTER_SECONDS: f64 = 0.05;

/// Order of the flanks of [`band_limit`]: 96 dB per octave, as steep as those of telephones and codecs.
const BAND_ORDER: i32 = 16;

/// A tilt stops at this frequency, Hz: below it there is no speech to tilt, only rumble that would be amplified.
const LOWEST_TILTED_HZ: f64 = 60.0;

/// The frequency at which a tilt changes nothing, Hz.
const TILT_PIVOT_HZ: f64 = 1000.0;

/// Range of an equaliser's bands, Hz; outside, the gain is that of the outermost band.
const EQUALISER_HZ: [f64; 2] = [80.0, 8000.0];

/// `samples` convolved with `response`, `[samples + response - 1]`; empty if either is empty.
///
/// # Source
/// Overlap-add: Oppenheim and Schafer, Discrete-Time Signal Processing, section 8.7.3.
pub fn convolve(samples: &[f32], response: &[f32], fourier: &mut Fourier) -> Vec<f32> {
    if samples.is_empty() || response.is_empty() {
        return Vec::new();
    }
    let n_out = samples.len() + response.len() - 1;
    let n_fft = n_out.min(4 * response.len()).next_power_of_two().max(2);
    let n_block = n_fft - response.len() + 1;
    let mut transform = fourier.of_length(n_fft);
    let mut buffer = vec![0.0; n_fft];
    let (mut filter, mut spectrum) = (vec![Complex::default(); n_fft / 2 + 1], vec![Complex::default(); n_fft / 2 + 1]);
    buffer[..response.len()].copy_from_slice(response);
    transform.forward(&mut buffer, &mut filter);
    let mut out = vec![0.0; n_out];
    for (index, block) in samples.chunks(n_block).enumerate() {
        buffer[..block.len()].copy_from_slice(block);
        buffer[block.len()..].fill(0.0);
        transform.forward(&mut buffer, &mut spectrum);
        spectrum.iter_mut().zip(&filter).for_each(|(bin, filter)| *bin *= filter);
        transform.inverse(&mut spectrum, &mut buffer);
        out[index * n_block..].iter_mut().zip(&buffer).for_each(|(out, sample)| *out += sample);
    }
    out
}

/// `samples` with the amplitude at each frequency multiplied by `gain` (a function of Hz), without delay or phase shift. Same length.
pub fn by_gain(samples: &[f32], sample_rate: f64, gain: impl Fn(f64) -> f64, fourier: &mut Fourier) -> Vec<f32> {
    let n = ((sample_rate * FILTER_SECONDS) as usize).next_power_of_two().max(2);
    let mut gains: Vec<Complex<f32>> =
        (0..=n / 2).map(|bin| Complex::new(gain(bin as f64 * sample_rate / n as f64) as f32, 0.0)).collect();
    let mut response = vec![0.0; n];
    fourier.of_length(n).inverse(&mut gains, &mut response);
    // Symmetric about its middle; the window fades out the part that would wrap around.
    response.rotate_right(n / 2);
    response.iter_mut().zip(periodic(Window::Hann, n)).for_each(|(point, weight)| *point *= weight as f32);
    let mut out = convolve(samples, &response, fourier);
    out.drain(..(n / 2).min(out.len()));
    out.truncate(samples.len());
    out
}

/// Tilts the spectrum by `db_per_octave` about 1 kHz; below 60 Hz it stays level.
pub fn tilt(samples: &[f32], sample_rate: f64, db_per_octave: f64, fourier: &mut Fourier) -> Vec<f32> {
    let gain = |hz: f64| amplitude(db_per_octave * (hz.max(LOWEST_TILTED_HZ) / TILT_PIVOT_HZ).log2());
    by_gain(samples, sample_rate, gain, fourier)
}

/// Applies gains in dB to bands that are equally spaced in octaves from 80 Hz to 8 kHz, with cosine interpolation between them.
pub fn equaliser(samples: &[f32], sample_rate: f64, bands_db: &[f64], fourier: &mut Fourier) -> Vec<f32> {
    let Some(last) = bands_db.len().checked_sub(1) else { return samples.to_vec() };
    let [lowest, highest] = EQUALISER_HZ;
    let gain = |hz: f64| {
        let place = (hz.max(lowest) / lowest).ln() / (highest / lowest).ln() * last as f64;
        let below = (place as usize).min(last);
        let above = (below + 1).min(last);
        let part = 0.5 - 0.5 * (std::f64::consts::PI * (place - below as f64).clamp(0.0, 1.0)).cos();
        amplitude(bands_db[below] + (bands_db[above] - bands_db[below]) * part)
    };
    by_gain(samples, sample_rate, gain, fourier)
}

/// Removes what is below `low_hz` and above `high_hz`: 3 dB less at the edge itself, 96 dB per octave beyond it.
///
/// # Source
/// The magnitude of a Butterworth filter of order 16 at each edge (Butterworth 1930).
pub fn band_limit(
    samples: &[f32],
    sample_rate: f64,
    low_hz: Option<f64>,
    high_hz: Option<f64>,
    fourier: &mut Fourier,
) -> Vec<f32> {
    let flank = |ratio: f64| 1.0 / (1.0 + ratio.powi(2 * BAND_ORDER)).sqrt();
    let gain = |hz: f64| low_hz.map_or(1.0, |low| flank(low / hz)) * high_hz.map_or(1.0, |high| flank(hz / high));
    by_gain(samples, sample_rate, gain, fourier)
}

/// The amplitude factor for a gain in dB.
pub fn amplitude(db: f64) -> f64 {
    10.0_f64.powf(db / 20.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::{RATE, level_at, sum_of_tones};

    #[test]
    fn convolution_is_that_of_its_definition() {
        let fourier = &mut Fourier::new();
        let signal = |n: usize| -> Vec<f32> { (0..n).map(|i| (i as f32 * 0.9).sin() + 0.1 * (i % 7) as f32).collect() };
        for (n, m) in [(1, 1), (5, 3), (3, 5), (1000, 17), (64, 64)] {
            let (samples, response) = (signal(n), signal(m));
            let found = convolve(&samples, &response, fourier);
            assert_eq!(found.len(), n + m - 1);
            for (at, found) in found.iter().enumerate() {
                let expected: f32 = (0..m).filter(|&j| at >= j && at - j < n).map(|j| samples[at - j] * response[j]).sum();
                assert!((found - expected).abs() < 1e-4, "{n} {m} {at}: {found} {expected}");
            }
        }
        assert!(convolve(&[], &[1.0], fourier).is_empty() && convolve(&[1.0], &[], fourier).is_empty());
    }

    /// Change in dB that `filter` makes to a tone of each frequency.
    fn response_db(hz: &[f64], filter: impl Fn(&[f32], &mut Fourier) -> Vec<f32>) -> Vec<f64> {
        let fourier = &mut Fourier::new();
        hz.iter()
            .map(|&hz| {
                let tone = sum_of_tones(&[hz], 1.0);
                20.0 * (level_at(&filter(&tone, fourier), hz) / level_at(&tone, hz)).log10()
            })
            .collect()
    }

    #[test]
    fn a_tilt_has_its_slope_and_no_delay() {
        let octaves = [125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0];
        for slope in [-6.0, -1.5, 3.0] {
            let found = response_db(&octaves, |samples, fourier| tilt(samples, RATE, slope, fourier));
            for (octave, found) in (-3..=2).zip(found) {
                assert!((found - slope * f64::from(octave)).abs() < 0.3, "{slope}: octave {octave}: {found}");
            }
        }
        let tone = sum_of_tones(&[1000.0], 0.5);
        let same = tilt(&tone, RATE, 3.0, &mut Fourier::new());
        let middle = 2000..6000;
        for (a, b) in tone[middle.clone()].iter().zip(&same[middle]) {
            assert!((a - b).abs() < 0.01);
        }
    }

    #[test]
    fn a_telephone_passes_speech_and_stops_the_rest() {
        let telephone = |samples: &[f32], fourier: &mut Fourier| band_limit(samples, RATE, Some(300.0), Some(3400.0), fourier);
        let found = response_db(&[150.0, 300.0, 500.0, 1000.0, 3000.0, 3400.0, 4500.0, 6800.0], telephone);
        assert!(found[0] < -40.0 && found[6] < -35.0 && found[7] < -60.0, "{found:?}");
        assert!((found[1] + 3.0).abs() < 0.7 && (found[5] + 3.0).abs() < 0.5, "{found:?}");
        assert!(found[2..5].iter().all(|db| db.abs() < 0.2), "{found:?}");
        let low_pass =
            response_db(&[4000.0, 5500.0, 7500.0], |samples, fourier| band_limit(samples, RATE, None, Some(5500.0), fourier));
        assert!(low_pass[0].abs() < 0.2 && (low_pass[1] + 3.0).abs() < 0.3 && low_pass[2] < -35.0, "{low_pass:?}");
    }

    #[test]
    fn an_equaliser_passes_through_its_bands() {
        // Bands at 80, 800 and 8000 Hz.
        let found = response_db(&[80.0, 252.98, 800.0, 2529.8, 7800.0], |samples, fourier| {
            equaliser(samples, RATE, &[-6.0, 4.0, -2.0], fourier)
        });
        for (found, expected) in found.iter().zip([-6.0, -1.0, 4.0, 1.0, -2.0]) {
            assert!((found - expected).abs() < 0.4, "{found} {expected}");
        }
        let flat = response_db(&[100.0, 5000.0], |samples, fourier| equaliser(samples, RATE, &[3.0], fourier));
        assert!(flat.iter().all(|db| (db - 3.0).abs() < 0.1), "{flat:?}");
    }
}
