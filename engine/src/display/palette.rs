//! The colours of the four emotions, in pictures and on screen.
//!
//! # Source
//! M. Okabe and K. Ito, "Color Universal Design", 2008: distinguishable with any colour vision.

use moodline_core::Emotion;

const BLACK: [u8; 3] = [0, 0, 0];
const WHITE: [u8; 3] = [255, 255, 255];

/// Red, green and blue (sRGB) of `emotion`: vermilion, yellow, blue and bluish green.
#[must_use]
pub const fn rgb(emotion: Emotion) -> [u8; 3] {
    match emotion {
        Emotion::Angry => [0xD5, 0x5E, 0x00],
        Emotion::Happy => [0xF0, 0xE4, 0x42],
        Emotion::Sad => [0x00, 0x72, 0xB2],
        Emotion::Neutral => [0x00, 0x9E, 0x73],
    }
}

/// The text colour on [`rgb`]: black on yellow, white on the others.
#[must_use]
pub const fn ink_on(emotion: Emotion) -> [u8; 3] {
    match emotion {
        Emotion::Happy => BLACK,
        Emotion::Angry | Emotion::Sad | Emotion::Neutral => WHITE,
    }
}
