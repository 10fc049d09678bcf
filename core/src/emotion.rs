//! The four emotions, their names and their order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the four emotions Moodline distinguishes.
///
/// The discriminant is the index of the emotion in every array of four in this project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Emotion {
    /// Hot or cold anger.
    Angry,
    /// Joy, amusement.
    Happy,
    /// Sadness.
    Sad,
    /// No marked emotion.
    Neutral,
}

impl Emotion {
    /// How many emotions there are.
    pub const COUNT: usize = 4;

    /// All emotions in index order.
    pub const ALL: [Self; Self::COUNT] = [Self::Angry, Self::Happy, Self::Sad, Self::Neutral];

    /// The index of this emotion in [`Emotion::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The emotion of the largest of these values, which are in index order; the first of equals.
    #[must_use]
    pub fn most_probable<T: PartialOrd>(values: &[T; Self::COUNT]) -> Self {
        let larger = |best: Self, other: Self| if values[other.index()] > values[best.index()] { other } else { best };
        Self::ALL.into_iter().fold(Self::Angry, larger)
    }

    /// The lower-case English name, as used in manifests, contracts and exports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Angry => "angry",
            Self::Happy => "happy",
            Self::Sad => "sad",
            Self::Neutral => "neutral",
        }
    }
}

impl fmt::Display for Emotion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that names none of the four emotions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown emotion '{found}': expected angry, happy, sad or neutral")]
pub struct UnknownEmotion {
    /// The word that was found.
    pub found: String,
}

impl FromStr for Emotion {
    type Err = UnknownEmotion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|emotion| emotion.name() == text).ok_or_else(|| UnknownEmotion { found: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_probable_is_the_first_of_equals() {
        let of = |values: [f32; Emotion::COUNT]| Emotion::most_probable(&values);
        assert_eq!(of([0.1, 0.2, 0.3, 0.4]), Emotion::Neutral);
        assert_eq!(of([0.0, 0.5, 0.5, 0.0]), Emotion::Happy);
        assert_eq!(of([0.25; 4]), Emotion::Angry);
    }

    #[test]
    fn names_and_indices_round_trip() {
        for (index, emotion) in Emotion::ALL.into_iter().enumerate() {
            assert_eq!(emotion.index(), index);
            assert_eq!(emotion.name().parse(), Ok(emotion));
        }
        assert_eq!("Angry".parse::<Emotion>().unwrap_err().found, "Angry");
    }
}
