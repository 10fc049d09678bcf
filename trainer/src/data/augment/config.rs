//! `[augmentation]` of a training configuration: the transforms, their parameters and the permitted ranges.

use std::fmt;
use std::path::{Path, PathBuf};

use rand::Rng;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::batch::BatchConfig;
use crate::base::config::ConfigError;
use moodline_augment::level::{Law, MUTE_DB};
use moodline_augment::noise::Colour;
use moodline_augment::random::uniform;

/// Most copies per clip.
const MAX_COPIES: usize = 64;

/// Most bands of an equaliser: with more, they would be closer together than its filter can resolve.
const MAX_BANDS: usize = 16;

/// How training clips are augmented. Only the train split is affected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AugmentationConfig {
    /// Augmented copies of each training clip, not counting the clip itself.
    #[serde(default)]
    pub copies: usize,
    /// Which transforms a copy gets.
    #[serde(default)]
    pub mode: Mode,
    /// Whether each epoch draws new copies, seeded also by the training seed and the number of the epoch, instead of reusing the same ones. They are
    /// then computed batch by batch from the audio and never cached.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fresh: bool,
    /// Seed of all draws for the copies. It is separate from the training seed, so that runs with different seeds share their copies.
    #[serde(default)]
    pub seed: u64,
    /// Transforms of the samples of a copy, in this order.
    #[serde(default)]
    pub transforms: Vec<TransformConfig>,
    /// Augmentation of the features of a batch, anew in each epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchConfig>,
}

/// Which transforms a copy gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// All of them in order, each with its probability.
    #[default]
    Chain,
    /// A single one: the first copy gets the first transform, the second copy the second, and so on, starting over after the last.
    Each,
}

/// A transform and how often it is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Table", into = "Table")]
pub struct TransformConfig {
    /// 0..=1; 1 if not given.
    pub probability: f64,
    /// The transform.
    pub transform: Transform,
}

/// Transforms of the samples of a clip, and the ranges their parameters are drawn from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Transform {
    /// Higher or lower pitch at the same tempo.
    PitchShift {
        /// -12..=12
        semitones: Span,
    },
    /// Faster or slower at the same pitch.
    TimeStretch {
        /// 0.5..=2; below 1 is slower.
        rate: Span,
        /// Whether anything beyond the original length is cut off.
        #[serde(default)]
        cut: bool,
    },
    /// Faster or slower together with the pitch, like a tape.
    Speed {
        /// 0.5..=2; below 1 is slower.
        rate: Span,
    },
    /// Longer or shorter vocal tract: formants move, the pitch does not.
    VocalTract {
        /// 0.8..=1.25; above 1 the formants are higher.
        alpha: Span,
    },
    /// Louder or quieter.
    Gain {
        /// -60..=40
        db: Span,
    },
    /// A spectrum that rises or falls with frequency.
    Tilt {
        /// -12..=12
        db_per_octave: Span,
    },
    /// An individual gain for each band, drawn independently.
    Equaliser {
        /// 1..=16, equally spaced in octaves from 80 Hz to 8 kHz.
        bands: usize,
        /// -24..=24
        db: Span,
    },
    /// Restricts the frequency range. At least one of the two limits is required.
    BandLimit {
        /// 20..=4000
        #[serde(default, skip_serializing_if = "Option::is_none")]
        low_hz: Option<Span>,
        /// 200..=24000; above half the sample rate it has no effect.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        high_hz: Option<Span>,
    },
    /// A synthetic room.
    Reverb {
        /// Time of decay by 60 dB, seconds, 0.05..=3.
        t60_seconds: Span,
        /// Energy of the direct sound relative to the rest, dB, -20..=40.
        direct_db: Span,
    },
    /// Synthetic noise.
    Noise {
        /// One of these is drawn.
        #[serde(default = "all_colours")]
        colours: Vec<Colour>,
        /// Power of the clip relative to the noise, dB, -20..=80.
        snr_db: Span,
    },
    /// White noise whose level does not depend on the clip.
    Hiss {
        /// Standard deviation relative to full scale; above 0, at most 1.
        sigma: Span,
    },
    /// An excerpt of a noise recording.
    NoiseFiles {
        /// Folder of audio files, including those in its subfolders. Relative to the working directory, as manifests are.
        folder: PathBuf,
        /// Power of the clip relative to the noise, dB, -20..=80.
        snr_db: Span,
    },
    /// Peak clipping.
    Clipping {
        /// Threshold relative to the peak, dB, -40..=0.
        threshold_db: Span,
    },
    /// A noise gate: what is quiet is attenuated.
    Gate {
        /// Threshold relative to the loudest 10 ms, dB, -80..=0.
        threshold_db: Span,
        /// Attenuation, dB, 0..=80; 80 leaves digital silence.
        range_db: Span,
    },
    /// Coarse quantisation and a limited band, like a telephone or an old recorder.
    Codec {
        /// `mu_law` or `linear`.
        #[serde(default)]
        law: Law,
        /// 3..=16, rounded.
        bits: Span,
        /// As in `band_limit`, applied before the quantisation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        high_hz: Option<Span>,
    },
}

/// A number, or `[least, most]` to draw from uniformly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Span {
    /// Always this value.
    Fixed(f64),
    /// Any value between the two.
    Between([f64; 2]),
}

impl Span {
    /// Smallest and largest value.
    #[must_use]
    pub const fn bounds(self) -> [f64; 2] {
        match self {
            Self::Fixed(value) => [value, value],
            Self::Between(bounds) => bounds,
        }
    }

    /// Draws a value.
    pub fn draw(self, rng: &mut impl Rng) -> f64 {
        let [least, most] = self.bounds();
        least + (most - least) * uniform(rng)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(value) => write!(f, "{value}"),
            Self::Between([least, most]) => write!(f, "[{least}, {most}]"),
        }
    }
}

fn all_colours() -> Vec<Colour> {
    Colour::ALL.to_vec()
}

impl TryFrom<Table> for TransformConfig {
    type Error = String;

    fn try_from(mut table: Table) -> Result<Self, String> {
        let number = |value: Value| value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
        let probability = match table.remove("probability") {
            None => 1.0,
            Some(value) => number(value.clone()).ok_or_else(|| format!("probability: expected a number, found {value}"))?,
        };
        let kind = table.get("kind").map(ToString::to_string).unwrap_or_default();
        let transform = table.try_into().map_err(|error: toml::de::Error| match error.message() {
            message if kind.is_empty() => message.to_owned(),
            message => format!("kind = {kind}: {message}"),
        })?;
        Ok(Self { probability, transform })
    }
}

impl From<TransformConfig> for Table {
    fn from(config: TransformConfig) -> Self {
        // INVARIANT: a struct of numbers, strings and lists always serialises.
        let mut table = Self::try_from(config.transform).expect("a transform serialises");
        if config.probability != 1.0 {
            table.insert("probability".to_owned(), Value::Float(config.probability));
        }
        table
    }
}

impl AugmentationConfig {
    /// The folders of recordings that are added as noise.
    pub fn noise_folders(&self) -> impl Iterator<Item = &Path> {
        self.transforms.iter().filter_map(|config| match &config.transform {
            Transform::NoiseFiles { folder, .. } => Some(folder.as_path()),
            _ => None,
        })
    }

    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`ConfigError::Range`] with the location of the first value out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let refuse = |field: &str, expected: String, found: String| {
            Err(ConfigError::Range { field: format!("augmentation.{field}"), expected, found })
        };
        if self.copies > MAX_COPIES {
            return refuse("copies", format!("0..={MAX_COPIES}"), self.copies.to_string());
        }
        if self.copies > 0 && self.transforms.is_empty() {
            return refuse("transforms", "at least one where there are copies".to_owned(), "none".to_owned());
        }
        if self.fresh && self.copies == 0 {
            return refuse("fresh", "absent where there are no copies".to_owned(), "true".to_owned());
        }
        for (index, TransformConfig { probability, transform }) in self.transforms.iter().enumerate() {
            let at = |field: &str| format!("transforms[{index}].{field}");
            let expected = match self.mode {
                Mode::Chain => "above 0 and at most 1",
                Mode::Each => "1 or absent with mode = \"each\", where a copy has nothing else",
            };
            if !(*probability > 0.0 && *probability <= 1.0) || (self.mode == Mode::Each && *probability < 1.0) {
                return refuse(&at("probability"), expected.to_owned(), probability.to_string());
            }
            for Limits { field, value, range: [least, most], unit } in transform.limits() {
                let [low, high] = value.bounds();
                if !(low >= least && low <= high && high <= most) {
                    let expected = format!("a number or [least, most] from {least} to {most}{unit}");
                    return refuse(&at(field), expected, value.to_string());
                }
            }
            transform.validate_choices().or_else(|(field, expected, found)| refuse(&at(field), expected, found))?;
        }
        self.batch.as_ref().map_or(Ok(()), BatchConfig::validate)
    }
}

/// Permitted values of a parameter.
struct Limits {
    field: &'static str,
    value: Span,
    range: [f64; 2],
    unit: &'static str,
}

impl Transform {
    /// The name used in configurations.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PitchShift { .. } => "pitch_shift",
            Self::TimeStretch { .. } => "time_stretch",
            Self::Speed { .. } => "speed",
            Self::VocalTract { .. } => "vocal_tract",
            Self::Gain { .. } => "gain",
            Self::Tilt { .. } => "tilt",
            Self::Equaliser { .. } => "equaliser",
            Self::BandLimit { .. } => "band_limit",
            Self::Reverb { .. } => "reverb",
            Self::Noise { .. } => "noise",
            Self::Hiss { .. } => "hiss",
            Self::NoiseFiles { .. } => "noise_files",
            Self::Clipping { .. } => "clipping",
            Self::Gate { .. } => "gate",
            Self::Codec { .. } => "codec",
        }
    }

    fn limits(&self) -> Vec<Limits> {
        let limits = |field, value: &Span, range, unit| Limits { field, value: *value, range, unit };
        let high = |value| limits("high_hz", value, [200.0, 24_000.0], " Hz");
        match self {
            Self::PitchShift { semitones } => vec![limits("semitones", semitones, [-12.0, 12.0], "")],
            Self::TimeStretch { rate, .. } | Self::Speed { rate } => vec![limits("rate", rate, [0.5, 2.0], "")],
            Self::VocalTract { alpha } => vec![limits("alpha", alpha, [0.8, 1.25], "")],
            Self::Gain { db } => vec![limits("db", db, [-60.0, 40.0], " dB")],
            Self::Tilt { db_per_octave } => vec![limits("db_per_octave", db_per_octave, [-12.0, 12.0], " dB an octave")],
            Self::Equaliser { db, .. } => vec![limits("db", db, [-24.0, 24.0], " dB")],
            Self::BandLimit { low_hz, high_hz } => {
                let low = |value| limits("low_hz", value, [20.0, 4000.0], " Hz");
                low_hz.iter().map(low).chain(high_hz.iter().map(high)).collect()
            }
            Self::Reverb { t60_seconds, direct_db } => {
                vec![limits("t60_seconds", t60_seconds, [0.05, 3.0], " s"), limits("direct_db", direct_db, [-20.0, 40.0], " dB")]
            }
            Self::Noise { snr_db, .. } | Self::NoiseFiles { snr_db, .. } => {
                vec![limits("snr_db", snr_db, [-20.0, 80.0], " dB")]
            }
            Self::Hiss { sigma } => vec![limits("sigma", sigma, [0.0, 1.0], "")],
            Self::Clipping { threshold_db } => vec![limits("threshold_db", threshold_db, [-40.0, 0.0], " dB")],
            Self::Gate { threshold_db, range_db } => {
                vec![
                    limits("threshold_db", threshold_db, [-80.0, 0.0], " dB"),
                    limits("range_db", range_db, [0.0, MUTE_DB], " dB"),
                ]
            }
            Self::Codec { bits, high_hz, .. } => {
                [limits("bits", bits, [3.0, 16.0], "")].into_iter().chain(high_hz.iter().map(high)).collect()
            }
        }
    }

    /// Constraints that no range expresses: the field, the expected value and the value found.
    fn validate_choices(&self) -> Result<(), (&'static str, String, String)> {
        match self {
            Self::Equaliser { bands, .. } if !(1..=MAX_BANDS).contains(bands) => {
                Err(("bands", format!("1..={MAX_BANDS}"), bands.to_string()))
            }
            Self::BandLimit { low_hz: None, high_hz: None } => {
                Err(("low_hz", "given, or high_hz: one of the two must limit the band".to_owned(), "neither".to_owned()))
            }
            Self::BandLimit { low_hz: Some(low), high_hz: Some(high) } if low.bounds()[1] >= high.bounds()[0] => Err((
                "high_hz",
                format!("above {} Hz, where low_hz ends: nothing would be left of the band", low.bounds()[1]),
                format!("{} Hz", high.bounds()[0]),
            )),
            Self::Noise { colours, .. } if colours.is_empty() => {
                Err(("colours", "some of \"white\", \"pink\", \"brown\"".to_owned(), "[]".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
