//! A transform with drawn parameters, and its application.

use std::fmt;
use std::sync::Arc;

use moodline_fourier::Fourier;
use rand_chacha::ChaCha8Rng;

use super::config::Transform;
use super::noise_files::{NoiseFiles, NoiseRecording};
use moodline_augment::filter::{band_limit, equaliser, tilt};
use moodline_augment::level::{Law, bound, clip, gain, gate, peak, quantise};
use moodline_augment::noise::{Colour, add_at_snr, add_hiss, noise};
use moodline_augment::random::{index, uniform};
use moodline_augment::room::{impulse_response, reverberate};
use moodline_augment::time::{pitch_shift, speed, time_stretch};
use moodline_augment::vocal_tract::move_formants;

/// A transform with one value for each of its parameters.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of Transform")]
pub enum Drawn {
    PitchShift { semitones: f64 },
    TimeStretch { rate: f64, cut: bool },
    Speed { rate: f64 },
    VocalTract { alpha: f64 },
    Gain { db: f64 },
    Tilt { db_per_octave: f64 },
    Equaliser { bands_db: Vec<f64> },
    BandLimit { low_hz: Option<f64>, high_hz: Option<f64> },
    Reverb { t60_seconds: f64, direct_db: f64 },
    Noise { colour: Colour, snr_db: f64 },
    NoiseFile { recording: Arc<NoiseRecording>, from: f64, snr_db: f64 },
    Hiss { sigma: f64 },
    Clipping { threshold_db: f64 },
    Gate { threshold_db: f64, range_db: f64 },
    Codec { law: Law, bits: f64, high_hz: Option<f64> },
}

impl Transform {
    /// Draws every parameter.
    ///
    /// # Panics
    /// When `noises` lacks a folder of the transform.
    pub(super) fn draw(&self, noises: &NoiseFiles, rng: &mut ChaCha8Rng) -> Drawn {
        match self {
            Self::PitchShift { semitones } => Drawn::PitchShift { semitones: semitones.draw(rng) },
            Self::TimeStretch { rate, cut } => Drawn::TimeStretch { rate: rate.draw(rng), cut: *cut },
            Self::Speed { rate } => Drawn::Speed { rate: rate.draw(rng) },
            Self::VocalTract { alpha } => Drawn::VocalTract { alpha: alpha.draw(rng) },
            Self::Gain { db } => Drawn::Gain { db: db.draw(rng) },
            Self::Tilt { db_per_octave } => Drawn::Tilt { db_per_octave: db_per_octave.draw(rng) },
            Self::Equaliser { bands, db } => Drawn::Equaliser { bands_db: (0..*bands).map(|_| db.draw(rng)).collect() },
            Self::BandLimit { low_hz, high_hz } => {
                Drawn::BandLimit { low_hz: low_hz.map(|span| span.draw(rng)), high_hz: high_hz.map(|span| span.draw(rng)) }
            }
            Self::Reverb { t60_seconds, direct_db } => {
                Drawn::Reverb { t60_seconds: t60_seconds.draw(rng), direct_db: direct_db.draw(rng) }
            }
            Self::Noise { colours, snr_db } => {
                Drawn::Noise { colour: colours[index(rng, colours.len())], snr_db: snr_db.draw(rng) }
            }
            Self::NoiseFiles { folder, snr_db } => {
                let recordings = noises.of_folder(folder);
                let recording = recordings[index(rng, recordings.len())].clone();
                Drawn::NoiseFile { recording, from: uniform(rng), snr_db: snr_db.draw(rng) }
            }
            Self::Hiss { sigma } => Drawn::Hiss { sigma: sigma.draw(rng) },
            Self::Clipping { threshold_db } => Drawn::Clipping { threshold_db: threshold_db.draw(rng) },
            Self::Gate { threshold_db, range_db } => {
                Drawn::Gate { threshold_db: threshold_db.draw(rng), range_db: range_db.draw(rng) }
            }
            Self::Codec { law, bits, high_hz } => {
                Drawn::Codec { law: *law, bits: bits.draw(rng).round(), high_hz: high_hz.map(|span| span.draw(rng)) }
            }
        }
    }
}

impl Drawn {
    /// Applies the transform to the samples of a clip; any noise is drawn from `rng`.
    ///
    /// Samples within -1..=1 remain so: a result that leaves this range is scaled down as a whole. Only a gain may leave it, as it was configured to.
    /// Whatever the input, the output consists of numbers of a magnitude that the front end accepts.
    pub fn apply(&self, mut samples: Vec<f32>, sample_rate: f64, fourier: &mut Fourier, rng: &mut ChaCha8Rng) -> Vec<f32> {
        bound(&mut samples);
        let loudest = peak(&samples).max(1.0);
        match self {
            Self::PitchShift { semitones } => samples = pitch_shift(&samples, sample_rate, *semitones, fourier),
            Self::TimeStretch { rate, cut } => {
                let n_most = if *cut { samples.len() } else { usize::MAX };
                samples = time_stretch(&samples, sample_rate, *rate, fourier);
                samples.truncate(n_most);
            }
            Self::Speed { rate } => samples = speed(&samples, *rate),
            Self::VocalTract { alpha } => samples = move_formants(&samples, sample_rate, *alpha, fourier),
            Self::Gain { db } => gain(&mut samples, *db),
            Self::Tilt { db_per_octave } => samples = tilt(&samples, sample_rate, *db_per_octave, fourier),
            Self::Equaliser { bands_db } => samples = equaliser(&samples, sample_rate, bands_db, fourier),
            Self::BandLimit { low_hz, high_hz } => samples = band_limit(&samples, sample_rate, *low_hz, *high_hz, fourier),
            Self::Reverb { t60_seconds, direct_db } => {
                let response = impulse_response(*t60_seconds, *direct_db, sample_rate, rng);
                samples = reverberate(&samples, &response, fourier);
            }
            Self::Noise { colour, snr_db } => {
                let noise = noise(*colour, samples.len(), sample_rate, rng);
                add_at_snr(&mut samples, &noise, 0, *snr_db);
            }
            Self::NoiseFile { recording, from, snr_db } => {
                let first = (from * recording.samples.len() as f64) as usize;
                add_at_snr(&mut samples, &recording.samples, first, *snr_db);
            }
            Self::Hiss { sigma } => add_hiss(&mut samples, *sigma, rng),
            Self::Clipping { threshold_db } => clip(&mut samples, *threshold_db),
            Self::Gate { threshold_db, range_db } => gate(&mut samples, sample_rate, *threshold_db, *range_db),
            Self::Codec { law, bits, high_hz } => {
                if high_hz.is_some() {
                    samples = band_limit(&samples, sample_rate, None, *high_hz, fourier);
                }
                quantise(&mut samples, *law, *bits);
            }
        }
        bound(&mut samples);
        let found = peak(&samples);
        if found > loudest && !matches!(self, Self::Gain { .. }) {
            samples.iter_mut().for_each(|sample| *sample *= loudest / found);
        }
        samples
    }
}

impl fmt::Display for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PitchShift { semitones } => write!(f, "pitch {semitones:+.2} semitones"),
            Self::TimeStretch { rate, cut } => write!(f, "tempo x {rate:.3}{}", if *cut { ", cut" } else { "" }),
            Self::Speed { rate } => write!(f, "speed x {rate:.3}"),
            Self::VocalTract { alpha } => write!(f, "formants x {alpha:.3}"),
            Self::Gain { db } => write!(f, "gain {db:+.1} dB"),
            Self::Tilt { db_per_octave } => write!(f, "tilt {db_per_octave:+.1} dB/octave"),
            Self::Equaliser { bands_db } => {
                let bands: Vec<String> = bands_db.iter().map(|db| format!("{db:+.0}")).collect();
                write!(f, "equaliser {} dB", bands.join(" "))
            }
            Self::BandLimit { low_hz, high_hz } => match (low_hz, high_hz) {
                (Some(low), Some(high)) => write!(f, "band {low:.0} - {high:.0} Hz"),
                (Some(low), None) => write!(f, "above {low:.0} Hz"),
                (None, Some(high)) => write!(f, "below {high:.0} Hz"),
                (None, None) => write!(f, "whole band"),
            },
            Self::Reverb { t60_seconds, direct_db } => write!(f, "room {t60_seconds:.2} s, direct {direct_db:+.1} dB"),
            Self::Noise { colour, snr_db } => write!(f, "{} noise, SNR {snr_db:.1} dB", colour.name()),
            Self::NoiseFile { recording, snr_db, .. } => write!(f, "{}, SNR {snr_db:.1} dB", recording.name),
            Self::Hiss { sigma } => write!(f, "hiss {sigma:.4}"),
            Self::Clipping { threshold_db } => write!(f, "clipped at {threshold_db:.1} dB"),
            Self::Gate { threshold_db, range_db } => write!(f, "gate at {threshold_db:.1} dB by {range_db:.0} dB"),
            Self::Codec { law, bits, high_hz } => {
                let law = if *law == Law::MuLaw { "mu-law" } else { "linear" };
                write!(f, "{law} {bits:.0} bits")?;
                high_hz.map_or(Ok(()), |high| write!(f, " below {high:.0} Hz"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use moodline_core::samples::MAX_MAGNITUDE;
    use proptest::prelude::*;

    use super::super::config::AugmentationConfig;
    use super::super::config::tests::EVERY_KIND;
    use super::super::signals::{RATE, sum_of_tones};
    use super::*;
    use moodline_augment::random::generator;

    fn every_kind() -> Vec<Transform> {
        let config: AugmentationConfig = toml::from_str(EVERY_KIND).unwrap();
        config.transforms.into_iter().map(|config| config.transform).collect()
    }

    fn applied(transform: &Transform, samples: &[f32], seed: u8) -> Vec<f32> {
        let rng = &mut generator(&[&[seed]]);
        transform.draw(&NoiseFiles::default(), rng).apply(samples.to_vec(), RATE, &mut Fourier::new(), rng)
    }

    #[test]
    fn the_same_seed_gives_the_same_bits_and_another_seed_others() {
        // Ends quietly, because a gate leaves everything else alone.
        let loud = sum_of_tones(&[150.0, 450.0, 2100.0], 0.5);
        let samples: Vec<f32> = loud.iter().copied().chain(loud.iter().map(|sample| 1e-3 * sample)).collect();
        for transform in every_kind() {
            let first = applied(&transform, &samples, 1);
            assert_eq!(first, applied(&transform, &samples, 1), "{transform:?}");
            let fixed = matches!(transform, Transform::TimeStretch { .. } | Transform::BandLimit { .. });
            assert_eq!(first == applied(&transform, &samples, 2), fixed, "{transform:?}");
            assert_ne!(first, samples, "{transform:?}");
        }
    }

    #[test]
    fn what_was_within_full_scale_stays_there_unless_a_gain_is_asked_for() {
        let loud: Vec<f32> =
            sum_of_tones(&[150.0, 900.0], 0.5).into_iter().map(|sample| (sample * 40.0).clamp(-1.0, 1.0)).collect();
        for transform in every_kind() {
            let is_gain = matches!(transform, Transform::Gain { .. });
            let peaks: Vec<f32> = (0..8).map(|seed| peak(&applied(&transform, &loud, seed))).collect();
            assert_eq!(peaks.iter().all(|&peak| peak <= 1.0 + 1e-6), !is_gain, "{transform:?} {peaks:?}");
        }
    }

    #[test]
    fn every_kind_says_what_was_drawn() {
        let words = [
            "pitch",
            "tempo x 0.900, cut",
            "speed x",
            "formants x",
            "gain",
            "dB/octave",
            "equaliser",
            "band 300 - 3400 Hz",
            "room",
            "noise, SNR",
            "hiss 0.0050",
            "clipped at",
            "gate at",
            "mu-law",
        ];
        let rng = &mut generator(&[b"words"]);
        for (transform, words) in every_kind().iter().zip(words) {
            let text = transform.draw(&NoiseFiles::default(), rng).to_string();
            assert!(text.contains(words), "{text}");
        }
    }

    fn sample() -> impl Strategy<Value = f32> {
        prop_oneof![
            8 => -1.0_f32..1.0,
            1 => Just(0.0),
            1 => prop_oneof![Just(f32::NAN), Just(f32::INFINITY), Just(f32::MAX), Just(1e12), Just(-1e12), Just(1e-38), Just(f32::MIN)],
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn nothing_that_goes_in_makes_it_panic_or_lets_out_what_is_no_number(
            samples in prop_oneof![
                proptest::collection::vec(sample(), 0..3),
                proptest::collection::vec(sample(), 0..3000),
                (1_usize..3000).prop_map(|n| vec![0.0; n]),
            ],
            seed in 0_u8..255,
            rate in prop_oneof![Just(8_000.0), Just(16_000.0), Just(44_100.0)],
        ) {
            for transform in every_kind() {
                let rng = &mut generator(&[&[seed]]);
                let out = transform.draw(&NoiseFiles::default(), rng).apply(samples.clone(), rate, &mut Fourier::new(), rng);
                prop_assert!(out.iter().all(|sample| sample.abs() <= MAX_MAGNITUDE as f32), "{transform:?}");
                prop_assert_eq!(out.is_empty(), samples.is_empty());
            }
        }
    }
}
