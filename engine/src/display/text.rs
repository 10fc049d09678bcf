//! Text from outside, such as file names, made safe to show.

use std::borrow::Cow;

/// `text` on one line and without side effects: characters that control a terminal, change the text direction or are invalid in XML are written as
/// `\u{1b}`, line ends as `\n`.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if is_control(letter) {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
    }
    Cow::Owned(shown)
}

/// The lines of `text`, each [`printable`].
#[must_use]
pub fn printable_lines(text: &str) -> String {
    let whole = |line: &str| match line.strip_suffix('\n') {
        Some(content) => format!("{}\n", printable(content)),
        None => printable(line).into_owned(),
    };
    text.split_inclusive('\n').map(whole).collect()
}

/// `text` for the content or an attribute of XML or HTML; characters that are not [`printable`] are escaped likewise.
#[must_use]
pub fn escaped(text: &str) -> String {
    printable(text).chars().fold(String::with_capacity(text.len()), |mut escaped, letter| {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
        escaped
    })
}

/// Control characters, marks that change the text direction (Unicode TR 9), line separators, and characters that are invalid in XML.
const fn is_control(letter: char) -> bool {
    matches!(
        letter,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_controls_a_terminal_is_written_out_and_the_rest_is_as_it_was() {
        assert_eq!(printable("a\x1b[31m\nb\u{202e}c"), "a\\u{1b}[31m\\nb\\u{202e}c");
        assert_eq!(printable_lines("a\x1b\nb\n"), "a\\u{1b}\nb\n");
        assert!(matches!(printable("日本語 é.wav"), Cow::Borrowed("日本語 é.wav")));
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(escaped("<a href=\"x\">&'\x07"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;\\u{7}");
    }
}
