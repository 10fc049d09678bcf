//! Checks settings and weights of a network before anything runs them.

use std::ops::RangeInclusive;

use super::{LtcConfig, LtcWeights};
use crate::contract::{Mismatch, check};

impl LtcConfig {
    /// Sizes of the hidden state that can be run.
    pub const UNITS: RangeInclusive<usize> = 1..=512;

    /// Numbers of Euler steps a feature step that can be run.
    pub const UNFOLDS: RangeInclusive<usize> = 1..=64;

    /// Checks every setting against its range.
    ///
    /// # Errors
    /// The first setting out of range, as `network.SETTING`, with what was expected and found.
    pub fn validate(&self) -> Result<(), Mismatch> {
        check(Self::UNITS.contains(&self.units), "network.units", format!("in {:?}", Self::UNITS), self.units)?;
        check(Self::UNFOLDS.contains(&self.unfolds), "network.unfolds", format!("in {:?}", Self::UNFOLDS), self.unfolds)?;
        check(self.dt > 0.0 && self.dt <= 1.0, "network.dt", "above 0 and at most 1", self.dt)?;
        check(self.clip > 0.0 && self.clip <= 1e6, "network.clip", "above 0 and at most 1e6", self.clip)?;
        match self.max_gain {
            Some(gain) => check(gain > 0.0 && gain <= 1e6, "network.max_gain", "above 0 and at most 1e6, or absent", gain),
            None => Ok(()),
        }
    }
}

impl LtcWeights {
    /// Checks that every value is finite, and that rates and gains are what `config` can give.
    ///
    /// # Errors
    /// The first tensor with a value that cannot be, with the value and its place.
    pub fn validate(&self, config: &LtcConfig) -> Result<(), Mismatch> {
        for (name, _, values) in self.tensors() {
            all(name, values, "finite numbers", |value| value.is_finite())?;
        }
        let max_rate = LtcConfig::MAX_RATE as f32;
        all("rate", &self.rate, format!("numbers in 0..={max_rate}"), |rate| (0.0..=max_rate).contains(&rate))?;
        let max_gain = config.max_gain.map_or(f32::MAX, |gain| gain as f32);
        all("gain", &self.gain, format!("numbers in 0..={max_gain}"), |gain| (0.0..=max_gain).contains(&gain))
    }
}

fn all<'a>(
    name: &str,
    values: impl IntoIterator<Item = &'a f32>,
    expected: impl ToString,
    ok: impl Fn(f32) -> bool,
) -> Result<(), Mismatch> {
    match values.into_iter().enumerate().find(|&(_, &value)| !ok(value)) {
        None => Ok(()),
        Some((at, value)) => Err(Mismatch::new(name, expected, format!("{value} at {at}"))),
    }
}
