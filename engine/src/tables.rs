//! Text tables, whichever program wrote them.
//!
//! In: the bytes of a file. Out: its text, its delimiter, and its numbers. The command reads labels and the trainer manifests with
//! this module, and both interpret the columns themselves.

use std::borrow::Cow;

/// Possible delimiters.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// The text of a file: UTF-8, or UTF-16 as in spreadsheets' "Unicode text", recognised by its byte order mark. The mark is not part of the text.
///
/// # Errors
/// A sentence that does not name the file.
pub fn text_of(bytes: &[u8]) -> Result<Cow<'_, str>, &'static str> {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest),
        all => utf8(all),
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, &'static str> {
    str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| "not UTF-8 text; save it as \"CSV UTF-8\"")
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'static, str>, &'static str> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let text = String::from_utf16(&pairs.iter().copied().map(unit).collect::<Vec<_>>()).ok();
    text.filter(|_| rest.is_empty()).map(Cow::Owned).ok_or("damaged UTF-16 text; save it as \"CSV UTF-8\"")
}

/// The delimiter of `text`: the one of comma, semicolon and tab that is most frequent in its first line outside quotes.
#[must_use]
pub fn delimiter(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    // Every second part is inside quotes.
    let unquoted: Vec<&str> = header.split('"').step_by(2).collect();
    let count = |delimiter: &u8| unquoted.iter().flat_map(|part| part.bytes()).filter(|byte| byte == delimiter).count();
    // The first of equals: `max_by_key` would take the last.
    DELIMITERS.into_iter().rev().max_by_key(count).unwrap_or(DELIMITERS[0])
}

/// A finite number, with a decimal point or a decimal comma.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let value = text.parse().ok().or_else(|| text.replacen(',', ".", 1).parse().ok());
    value.filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_encoding_is_the_same_text() {
        let text = "path;emotion\nä.wav;sad\n";
        let units = || text.encode_utf16();
        let little: Vec<u8> = [0xFF, 0xFE].into_iter().chain(units().flat_map(u16::to_le_bytes)).collect();
        let big: Vec<u8> = [0xFE, 0xFF].into_iter().chain(units().flat_map(u16::to_be_bytes)).collect();
        for bytes in [text.as_bytes(), &[b"\xEF\xBB\xBF", text.as_bytes()].concat(), &little, &big] {
            assert_eq!(text_of(bytes).as_deref(), Ok(text));
        }
        assert!(text_of(b"\xE4.wav").unwrap_err().contains("UTF-8"));
        assert!(text_of(&little[..little.len() - 1]).unwrap_err().contains("UTF-16"));
    }

    #[test]
    fn the_header_tells_what_stands_between_columns() {
        for (header, expected) in [
            ("path,speaker", b','),
            ("\n\npath;speaker;emotion", b';'),
            ("path\tspeaker", b'\t'),
            ("\"a,b,c,d\";path", b';'),
            ("path", b','),
            ("", b','),
        ] {
            assert_eq!(delimiter(header), expected, "{header:?}");
        }
    }

    #[test]
    fn numbers_have_either_decimal_sign() {
        assert_eq!(number(" 1.5 "), Some(1.5));
        assert_eq!(number("1,5"), Some(1.5));
        assert_eq!((number("1,5,0"), number("NaN"), number("")), (None, None, None));
    }
}
