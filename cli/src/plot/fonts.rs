//! Glyphs for bitmaps: from the font built into this program, otherwise from a system font that has them, otherwise as code points. Never boxes.

use std::borrow::Cow;
use std::sync::{LazyLock, Mutex, PoisonError};

use fontdb::Database;
use plotters::style::{FontStyle, register_font};
use ttf_parser::Face;

/// The family of the built-in font; in an SVG, the viewer's font.
pub(super) const FAMILY: &str = "sans-serif";

/// Registers the built-in font with the drawing library; returns whether that worked.
pub(super) fn register_own() -> bool {
    static REGISTERED: LazyLock<bool> =
        LazyLock::new(|| register_font(FAMILY, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT).is_ok());
    *REGISTERED
}

/// A system font that was needed, with the family it is registered as.
#[derive(Clone, Copy)]
struct Fallback {
    family: &'static str,
    bytes: &'static [u8],
}

/// The family that has all letters of `text`, and the text to draw in it; letters that no font has are written as `\u{65e5}`.
pub(super) fn of(text: &str) -> (&'static str, Cow<'_, str>) {
    static SYSTEM: LazyLock<Database> = LazyLock::new(|| {
        let mut fonts = Database::new();
        fonts.load_system_fonts();
        fonts
    });
    static FALLBACKS: Mutex<Vec<Fallback>> = Mutex::new(Vec::new());
    if has_letters(epaint_default_fonts::UBUNTU_LIGHT, text) {
        return (FAMILY, Cow::Borrowed(text));
    }
    let mut fallbacks = FALLBACKS.lock().unwrap_or_else(PoisonError::into_inner);
    let known = fallbacks.iter().copied().find(|fallback| has_letters(fallback.bytes, text));
    let fallback = known.or_else(|| {
        let added = register(&SYSTEM, text, fallbacks.len())?;
        fallbacks.push(added);
        Some(added)
    });
    fallback.map_or_else(|| (FAMILY, Cow::Owned(numbered(text))), |fallback| (fallback.family, Cow::Borrowed(text)))
}

fn has_letters(font: &[u8], text: &str) -> bool {
    Face::parse(font, 0).is_ok_and(|face| text.chars().all(|letter| face.glyph_index(letter).is_some()))
}

/// `text` with code points for the letters missing from the built-in font.
fn numbered(text: &str) -> String {
    let Ok(face) = Face::parse(epaint_default_fonts::UBUNTU_LIGHT, 0) else { return text.to_owned() };
    let known = |letter: &char| face.glyph_index(*letter).is_some();
    let written = |letter: char| if known(&letter) { letter.to_string() } else { letter.escape_unicode().to_string() };
    text.chars().map(written).collect()
}

/// Registers the first font among `fonts` that has all letters of `text`, as the `number`th. It stays in memory until the program ends, as the drawing
/// library requires.
fn register(fonts: &Database, text: &str, number: usize) -> Option<Fallback> {
    // The drawing library uses the first face of a file.
    let upright = fonts.faces().filter(|face| face.index == 0 && face.style == fontdb::Style::Normal);
    let bytes = upright.filter_map(|face| {
        let read = |bytes: &[u8], _| has_letters(bytes, text).then(|| bytes.to_vec());
        fonts.with_face_data(face.id, read).flatten()
    });
    let family = || -> &'static str { format!("fallback {number}").leak() };
    bytes.map(Vec::leak).find_map(|bytes| {
        let fallback = Fallback { family: family(), bytes };
        register_font(fallback.family, FontStyle::Normal, fallback.bytes).is_ok().then_some(fallback)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_letters_are_in_the_own_font() {
        for text in ["stream.flac", "Grüße, Привет, Ελλάδα …", "0:00 %"] {
            assert_eq!(of(text), (FAMILY, Cow::Borrowed(text)));
        }
    }

    #[test]
    fn without_a_font_letters_are_numbers() {
        assert!(register(&Database::new(), "日本語.wav", 0).is_none());
        assert_eq!(numbered("日本 a.wav"), "\\u{65e5}\\u{672c} a.wav");
    }

    #[test]
    fn a_font_of_the_system_that_has_the_letters_is_taken() {
        let mut fonts = Database::new();
        let other = epaint_default_fonts::HACK_REGULAR;
        fonts.load_font_data(other.to_vec());
        let mut letters = ('\u{2000}'..'\u{f8ff}').map(String::from);
        let is_missing = |letter: &String| !has_letters(epaint_default_fonts::UBUNTU_LIGHT, letter) && has_letters(other, letter);
        let letter = letters.find(is_missing).expect("a letter that only the other font has");
        let fallback = register(&fonts, &letter, 99).unwrap();
        assert_eq!((fallback.family, fallback.bytes), ("fallback 99", other));
    }
}
