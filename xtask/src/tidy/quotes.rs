//! Numbers that a document quotes from a file: when the file changes, the sentence must change, too.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// A sentence with a number in it.
struct Quote {
    document: &'static str,
    /// The words around the number, whose position is `{}`.
    words: &'static str,
    file: &'static str,
    at: At,
    form: Form,
}

/// The position of the number in the file.
enum At {
    /// A JSON pointer into a JSON or TOML file.
    Pointer(&'static str),
    /// Before these words of a text.
    Before(&'static str),
}

/// The format of a number in a document.
enum Form {
    /// `19,080`
    Whole,
    /// `0.78`
    Hundredths,
}

const QUOTES: &[Quote] = &[
    Quote {
        document: "README.md",
        words: "liquid networks of {} trained values",
        file: "models/liquid-2/MODEL_CARD.md",
        at: At::Before(" trained values together"),
        form: Form::Whole,
    },
    Quote {
        document: "README.md",
        words: "a UAR of {} on CREMA-D",
        file: "models/liquid-2/metrics.json",
        at: At::Pointer("/uar"),
        form: Form::Hundredths,
    },
    Quote {
        document: "README.md",
        words: "on CREMA-D and {} on EmoDB",
        file: "models/liquid-2/metrics-emodb.json",
        at: At::Pointer("/uar"),
        form: Form::Hundredths,
    },
    Quote {
        document: "README.md",
        words: "worse, with {} on RAVDESS",
        file: "models/liquid-2/metrics-ravdess.json",
        at: At::Pointer("/uar"),
        form: Form::Hundredths,
    },
    Quote {
        document: "README.md",
        words: "{} on EMOVO",
        file: "models/liquid-2/metrics-emovo.json",
        at: At::Pointer("/uar"),
        form: Form::Hundredths,
    },
    Quote {
        document: "README.md",
        words: "{} on SAVEE",
        file: "models/liquid-2/metrics-savee.json",
        at: At::Pointer("/uar"),
        form: Form::Hundredths,
    },
    Quote {
        document: "README.md",
        words: "{} on EmoDB after a speaker's earlier clips",
        file: "models/liquid-2/metrics-emodb-before.json",
        at: At::Pointer("/uar"),
        form: Form::Hundredths,
    },
    Quote {
        document: "README.md",
        words: "one network of {} trained values",
        file: "models/liquid-1/MODEL_CARD.md",
        at: At::Before(" trained values"),
        form: Form::Whole,
    },
    Quote {
        document: "README.md",
        words: "gives {} on RAVDESS",
        file: "models/liquid-1/metrics-ravdess.json",
        at: At::Pointer("/uar"),
        form: Form::Hundredths,
    },
    Quote {
        document: "README.md",
        words: "16 units and {} trained values",
        file: "models/paper-ltc-16/MODEL_CARD.md",
        at: At::Before(" trained values"),
        form: Form::Whole,
    },
    Quote {
        document: "docs/reproduction/README.md",
        words: "16 units are {} trained values",
        file: "models/paper-ltc-16/MODEL_CARD.md",
        at: At::Before(" trained values"),
        form: Form::Whole,
    },
    Quote {
        document: "CHANGELOG.md",
        words: "search on dev: {} units",
        file: "models/liquid-1/train.toml",
        at: At::Pointer("/network/units"),
        form: Form::Whole,
    },
    Quote {
        document: "CHANGELOG.md",
        words: "units, {} epochs",
        file: "models/liquid-1/train.toml",
        at: At::Pointer("/training/epochs"),
        form: Form::Whole,
    },
];

/// A sentence for each quote of the checkout at `root` that does not match its file.
pub(super) fn check(root: &Path) -> Vec<String> {
    QUOTES.iter().filter_map(|quote| violation(root, quote)).collect()
}

fn violation(root: &Path, quote: &Quote) -> Option<String> {
    let Quote { document, words, file, .. } = quote;
    let read = |path: &str| fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"));
    let expected = read(file).and_then(|text| number(file, &text, &quote.at));
    let expected = match expected {
        Ok(value) => words.replace("{}", &quote.form.write(value)),
        Err(error) => return Some(format!("{document} quotes {file}: {error:#}")),
    };
    // Lines may break anywhere.
    let text = read(document).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.contains(&expected)).then(|| format!("{document} must say \"{expected}\", as {file} does"))
}

/// The number at this position of `text`, the content of `file`.
fn number(file: &str, text: &str, at: &At) -> Result<f64> {
    match at {
        At::Before(words) => {
            let before = text.split_once(words).with_context(|| format!("it does not say \"{words}\""))?.0;
            let digits = before.rsplit(|letter: char| !letter.is_ascii_digit()).next().unwrap_or_default();
            digits.parse().with_context(|| format!("there is no number before \"{words}\""))
        }
        At::Pointer(pointer) => {
            let value: Value = if file.ends_with(".toml") { toml::from_str(text)? } else { serde_json::from_str(text)? };
            value.pointer(pointer).and_then(Value::as_f64).with_context(|| format!("it has no number at {pointer}"))
        }
    }
}

impl Form {
    fn write(&self, value: f64) -> String {
        match self {
            Self::Hundredths => format!("{value:.2}"),
            Self::Whole => {
                let digits = format!("{value:.0}");
                let first = digits.len() % 3;
                let groups = digits.as_bytes()[first..].chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
                let head = (first > 0).then(|| digits[..first].to_owned());
                head.into_iter().chain(groups).collect::<Vec<_>>().join(",")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM_JSON: Quote =
        Quote { document: "a.md", words: "a UAR of {}", file: "m.json", at: At::Pointer("/x/uar"), form: Form::Hundredths };
    const FROM_CARD: Quote =
        Quote { document: "a.md", words: "{} values", file: "c.md", at: At::Before(" trained"), form: Form::Whole };
    const FROM_TOML: Quote =
        Quote { document: "a.md", words: "{} units", file: "t.toml", at: At::Pointer("/n/u"), form: Form::Whole };

    /// The violations of a document with the content `text` beside three files.
    fn wrong(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let files =
            [("a.md", text), ("m.json", r#"{"x": {"uar": 0.7796}}"#), ("c.md", "cell, 19080 trained"), ("t.toml", "[n]\nu = 76")];
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        [FROM_JSON, FROM_CARD, FROM_TOML].iter().filter_map(|quote| violation(folder.path(), quote)).collect()
    }

    #[test]
    fn a_number_that_is_not_its_files_is_named() {
        assert!(wrong("76 units, 19,080 values\nand a UAR\nof 0.78").is_empty());
        assert_eq!(wrong("76 units, 15,000 values, a UAR of 0.78"), ["a.md must say \"19,080 values\", as c.md does"]);
        assert_eq!(wrong("").len(), 3);
    }

    #[test]
    fn a_number_that_is_nowhere_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(violation(folder.path(), &FROM_CARD).unwrap().split(':').next(), Some("a.md quotes c.md"));
        for (file, text, at) in
            [("m.json", r#"{"x": 1}"#, FROM_JSON.at), ("c.md", "many trained", FROM_CARD.at), ("t.toml", "", FROM_TOML.at)]
        {
            assert!(number(file, text, &at).is_err(), "{file}");
        }
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            [7.0, 1012.0, 19_080.0, 1_234_567.0].map(|value| Form::Whole.write(value)),
            ["7", "1,012", "19,080", "1,234,567"]
        );
    }
}
