//! Separates Rust code from its comments and literals, so that prose does not break a rule about code.

/// `source` with every comment, string and character literal replaced by spaces; lines and columns are unchanged.
pub(super) fn code_of(source: &str) -> String {
    let text: Vec<char> = source.chars().collect();
    let mut code = String::with_capacity(source.len());
    let mut at = 0;
    while at < text.len() {
        let length = prose_length(&text[at..], at.checked_sub(1).map(|before| text[before]));
        if length == 0 {
            code.push(text[at]);
            at += 1;
        } else {
            code.extend(text[at..at + length].iter().map(|&character| if character == '\n' { '\n' } else { ' ' }));
            at += length;
        }
    }
    code
}

/// Length in characters of the comment or literal that starts here; 0 if there is none.
fn prose_length(text: &[char], before: Option<char>) -> usize {
    let starts = |pattern: &str| pattern.chars().enumerate().all(|(i, character)| text.get(i) == Some(&character));
    let after_name = before.is_some_and(|character| character.is_alphanumeric() || character == '_');
    if starts("//") {
        text.iter().position(|&character| character == '\n').unwrap_or(text.len())
    } else if starts("/*") {
        block_comment_length(text)
    } else if starts("\"") {
        quoted_length(text, '"')
    } else if !after_name && (starts("r\"") || starts("r#") || starts("br\"") || starts("br#")) {
        raw_string_length(text)
    } else if starts("'") && (starts("'\\") || text.get(2) == Some(&'\'')) {
        quoted_length(text, '\'')
    } else {
        0
    }
}

fn block_comment_length(text: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match text[at..].get(..2) {
            Some(['/', '*']) => (depth, at) = (depth + 1, at + 2),
            Some(['*', '/']) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted_length(text: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < text.len() && text[at] != quote {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

/// 0 for a raw identifier such as `r#type`.
fn raw_string_length(text: &[char]) -> usize {
    let prefix = text.iter().take_while(|character| ['b', 'r'].contains(character)).count();
    let hashes = text[prefix..].iter().take_while(|&&character| character == '#').count();
    let start = prefix + hashes + 1;
    if text.get(start - 1) != Some(&'"') {
        return 0;
    }
    let closes = |at: usize| text[at] == '"' && text[at + 1..].iter().take_while(|&&c| c == '#').count() >= hashes;
    (start..text.len()).find(|&at| closes(at)).map_or(text.len(), |at| at + 1 + hashes)
}

/// Numbers (from 1) of the lines of `code` that contain `word` as a whole path or name.
pub(super) fn lines_with(code: &str, word: &str) -> Vec<usize> {
    let part_of_name = |character: char| character.is_alphanumeric() || character == '_';
    let ends_in_name = word.ends_with(part_of_name);
    let whole = |line: &str| {
        let inside_a_name =
            |at: usize| line[..at].ends_with(part_of_name) || ends_in_name && line[at + word.len()..].starts_with(part_of_name);
        line.match_indices(word).any(|(at, _)| !inside_a_name(at))
    };
    code.lines().enumerate().filter(|(_, line)| whole(line)).map(|(number, _)| number + 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_become_spaces_and_code_stays() {
        let source =
            "let a = \"unsafe \\\" b\"; // unsafe\n/* unsafe /* nested */ */ let c = 'u'; let d: &'static str = r#\"unsafe\"#;";
        let code = code_of(source);
        assert_eq!(code.chars().count(), source.chars().count());
        assert!(!code.contains("unsafe"), "{code}");
        for kept in ["let a =", "let c =", "let d: &'static str ="] {
            assert!(code.contains(kept), "{kept} is missing from {code}");
        }
    }

    #[test]
    fn lifetimes_escapes_and_raw_names_do_not_swallow_code() {
        for source in ["fn f<'a>(x: &'a str, y: &'a str) {}", "let r#type = 1;", "x = '\\''; y()", "'\"'; y()"] {
            let code = code_of(source);
            assert!(code.ends_with(&source[source.len() - 3..]), "{code}");
        }
    }

    #[test]
    fn a_word_is_found_whole() {
        assert_eq!(lines_with("a\nunsafe {\nunsafely()\nnot_unsafe", "unsafe"), [2]);
        assert_eq!(lines_with("use ort::Session;\nuse abort::x;", "ort::"), [1]);
    }
}
