//! The kinds of sound that a speech detector distinguishes, their names and their order.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::emotion::Emotion;

/// The kind of sound at one moment.
///
/// The discriminant is the index of the kind in every array of four kinds in this project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sound {
    /// Spoken words, whatever else is heard in the background.
    Speech,
    /// A voice without words: laughing, crying, humming, a sung note.
    Voice,
    /// Instruments, with or without a beat.
    Music,
    /// Everything else: silence, noise, animals, machines, weather.
    Other,
}

impl Sound {
    /// How many kinds there are; as many as a network has outputs.
    pub const COUNT: usize = Emotion::COUNT;

    /// All kinds in index order.
    pub const ALL: [Self; Self::COUNT] = [Self::Speech, Self::Voice, Self::Music, Self::Other];

    /// The index of this kind in [`Sound::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The lower-case English name, as used in contracts and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Speech => "speech",
            Self::Voice => "voice",
            Self::Music => "music",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_indices_are_those_of_a_contract() {
        for (index, sound) in Sound::ALL.into_iter().enumerate() {
            assert_eq!(sound.index(), index);
            assert_eq!(serde_json::to_string(&sound).unwrap(), format!("\"{sound}\""));
        }
    }
}
