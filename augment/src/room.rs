//! Room acoustics: a synthetic impulse response.

use moodline_fourier::Fourier;
use rand::Rng;

use crate::random::normals;

/// Time between the direct sound and the first reflection from a wall, seconds: a detour of 0.7 m.
const FIRST_REFLECTION_SECONDS: f64 = 0.002;

/// Impulse response of a room: the impulse itself, then noise that decays by 60 dB over `t60_seconds` (its length) and whose energy is `direct_db`
/// below that of the impulse.
///
/// # Source
/// Polack 1988: the tail of a room's impulse response is Gaussian noise with an exponential envelope.
pub fn impulse_response(t60_seconds: f64, direct_db: f64, sample_rate: f64, rng: &mut dyn Rng) -> Vec<f32> {
    let first = (FIRST_REFLECTION_SECONDS * sample_rate).round().max(1.0) as usize;
    let n_tail = (t60_seconds * sample_rate).round() as usize;
    // Decay per sample so that the amplitude falls to a thousandth over the whole tail.
    let kept = (-(1000.0_f64.ln()) / n_tail.max(1) as f64).exp();
    let mut envelope = 1.0;
    let mut response = vec![0.0; first];
    response.extend(normals(rng, n_tail).into_iter().map(|sample| {
        envelope *= kept;
        sample * envelope as f32
    }));
    let energy: f64 = response.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    if energy > 0.0 {
        let scale = (10.0_f64.powf(-direct_db / 10.0) / energy).sqrt() as f32;
        response.iter_mut().for_each(|sample| *sample *= scale);
    }
    response[0] = 1.0;
    response
}

/// `samples` as they sound in a room, at the same level and length: reverberation beyond the end is cut off.
pub fn reverberate(samples: &[f32], response: &[f32], fourier: &mut Fourier) -> Vec<f32> {
    let energy = |samples: &[f32]| samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>();
    let mut wet = crate::filter::convolve(samples, response, fourier);
    wet.truncate(samples.len());
    let (before, after) = (energy(samples), energy(&wet));
    if after > 0.0 {
        let scale = (before / after).sqrt() as f32;
        wet.iter_mut().for_each(|sample| *sample *= scale);
    }
    wet
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::generator;
    use crate::signals::{RATE, power, sum_of_tones};

    #[test]
    fn the_decay_takes_t60_and_the_direct_sound_stands_out_as_asked() {
        for (t60, direct_db) in [(0.2, 10.0), (0.5, 0.0), (0.9, -3.0)] {
            let response = impulse_response(t60, direct_db, RATE, &mut generator(&[b"room"]));
            let energy: f64 = response[1..].iter().map(|&sample| f64::from(sample).powi(2)).sum();
            assert!((-10.0 * energy.log10() - direct_db).abs() < 0.01, "{t60}");

            // Schroeder's backward integration; slope between -5 and -25 dB.
            let mut left = energy;
            let decay: Vec<f64> = response[1..]
                .iter()
                .map(|&sample| {
                    left -= f64::from(sample).powi(2);
                    10.0 * (left.max(1e-30) / energy).log10()
                })
                .collect();
            let at = |db: f64| decay.iter().position(|&level| level < db).unwrap() as f64 / RATE;
            let found = 3.0 * (at(-25.0) - at(-5.0));
            assert!((found - t60).abs() < 0.08 * t60, "{t60}: {found}");
        }
    }

    #[test]
    fn a_room_keeps_level_and_length_and_rings_on_after_a_sound() {
        let mut samples = sum_of_tones(&[700.0], 0.2);
        let n = samples.len();
        samples.resize(3 * n, 0.0);
        let response = impulse_response(0.4, 0.0, RATE, &mut generator(&[b"room"]));
        let wet = reverberate(&samples, &response, &mut Fourier::new());
        assert_eq!(wet.len(), samples.len());
        assert!((power(&wet) / power(&samples) - 1.0).abs() < 1e-4);
        assert!(power(&wet[n..n + 800]) > 10.0 * power(&wet[2 * n..2 * n + 800]));
        assert!(power(&wet[2 * n..]) > 0.0);
    }
}
