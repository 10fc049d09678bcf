//! The distributions that scenes are drawn from.

use std::collections::BTreeMap;

use moodline_core::Sound;
use serde::{Deserialize, Serialize};

use crate::base::config::{ConfigError, check};
use crate::data::augment::{AugmentationConfig, Span};

/// `[scenes]` in the configuration of a speech detector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenesConfig {
    /// Seed of all draws.
    pub seed: u64,
    /// Length of a scene, seconds, 1..=60.
    pub seconds: f64,
    /// Steps closer than this to the start or end of speech have no label, seconds, 0..=1.
    pub boundary_seconds: f64,
    /// Fraction of the scenes without speech, 0..=1.
    pub without_speech: f64,
    /// In the other scenes, fraction of the items that are speech, 0..=1.
    pub speech: f64,
    /// What is kept of a clip before and after its speech, seconds; small values are more frequent. Clips of single sentences begin and end with long
    /// silences; without this, no pause would be as short as in continuous speech. Absent: everything, as in older recipes.
    #[serde(default = "whole")]
    pub margin_seconds: Span,
    /// Pauses between items, seconds; short ones are more frequent.
    pub pause_seconds: Span,
    /// Length of a sound, seconds; shorter recordings are used as a whole.
    pub sound_seconds: Span,
    /// Fraction of the sounds that are overlaid with another one, 0..=1.
    #[serde(default)]
    pub layered: f64,
    /// Level of each clip or sound relative to the others, dB.
    pub item_db: Span,
    /// Speed of a clip of speech.
    pub speed: Span,
    /// Fraction of the scenes with a background, 0..=1.
    pub background: f64,
    /// Level of the background below the other items, dB.
    pub snr_db: Span,
    /// Fraction of the backgrounds that are heard only together with an item, so that pauses are silent, 0..=1.
    pub gated: f64,
    /// Fraction of the scenes at a low level, 0..=1.
    pub quiet: f64,
    /// Level of the other scenes, dBFS (RMS).
    pub level_db: Span,
    /// Level of the quiet scenes, dBFS (RMS).
    pub quiet_db: Span,
    /// Fraction of the scenes that are rounded to 16 bits, 0..=1.
    pub sixteen_bits: f64,
    /// Relative frequency of each class of sounds.
    pub weights: BTreeMap<Sound, f64>,
    /// The kinds of sound used for training, each with its class. Recordings of other kinds are left out.
    pub kinds: BTreeMap<String, Sound>,
    /// Accepted licences of recordings, by the beginning of their text.
    pub licences: Vec<String>,
    /// Recording conditions of a scene: rooms, bands, noise.
    pub recording: AugmentationConfig,
}

/// Longer than the silence in any clip, seconds.
const fn whole() -> Span {
    Span::Fixed(60.0)
}

impl ScenesConfig {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// [`ConfigError::Range`] with the location of the first value out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        check((1.0..=60.0).contains(&self.seconds), "scenes.seconds", "1..=60 s", self.seconds)?;
        let parts = [
            ("scenes.boundary_seconds", self.boundary_seconds),
            ("scenes.without_speech", self.without_speech),
            ("scenes.speech", self.speech),
            ("scenes.background", self.background),
            ("scenes.layered", self.layered),
            ("scenes.gated", self.gated),
            ("scenes.quiet", self.quiet),
            ("scenes.sixteen_bits", self.sixteen_bits),
        ];
        parts.into_iter().try_for_each(|(field, value)| check((0.0..=1.0).contains(&value), field, "0..=1", value))?;
        let spans = [
            ("scenes.margin_seconds", self.margin_seconds, [0.0, 60.0]),
            ("scenes.pause_seconds", self.pause_seconds, [0.0, 60.0]),
            ("scenes.sound_seconds", self.sound_seconds, [0.05, 60.0]),
            ("scenes.item_db", self.item_db, [-40.0, 40.0]),
            ("scenes.speed", self.speed, [0.5, 2.0]),
            ("scenes.snr_db", self.snr_db, [-20.0, 80.0]),
            ("scenes.level_db", self.level_db, [-100.0, 0.0]),
            ("scenes.quiet_db", self.quiet_db, [-100.0, 0.0]),
        ];
        for (field, span, [least, most]) in spans {
            let [low, high] = span.bounds();
            if !(low >= least && low <= high && high <= most) {
                let expected = format!("a number or [least, most] from {least} to {most}");
                return Err(ConfigError::Range { field: field.to_owned(), expected, found: span.to_string() });
            }
        }
        let weights: f64 = Sound::ALL.iter().filter(|sound| **sound != Sound::Speech).map(|sound| self.weight(*sound)).sum();
        let ok = weights > 0.0 && self.weights.values().all(|weight| weight.is_finite() && *weight >= 0.0);
        check(ok, "scenes.weights", "numbers from 0 on for voice, music and other, not all 0", weights)?;
        let speech = self.kinds.values().filter(|sound| **sound == Sound::Speech).count();
        check(speech == 0, "scenes.kinds", "voice, music or other for each kind: speech comes from the manifests", speech)?;
        let copies = self.recording.copies;
        check(copies == 1, "scenes.recording.copies", "1: each scene is recorded once", copies)?;
        self.recording.validate()
    }

    /// Relative frequency of a class.
    #[must_use]
    pub fn weight(&self, sound: Sound) -> f64 {
        self.weights.get(&sound).copied().unwrap_or(0.0)
    }

    /// Whether a recording with this licence may be used for training.
    #[must_use]
    pub fn allows(&self, licence: &str) -> bool {
        self.licences.iter().any(|start| licence.starts_with(start))
    }
}
