//! Whether a copy of IEMOCAP is complete: compares its label lists with the published counts.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Acting, CorpusError, iemocap};

/// Turns of each code in all five sessions.
const CODES: [(&str, usize); 11] = [
    ("neu", 1708),
    ("fru", 1849),
    ("xxx", 2507),
    ("ang", 1103),
    ("sad", 1084),
    ("exc", 1041),
    ("hap", 595),
    ("sur", 107),
    ("fea", 40),
    ("dis", 2),
    ("oth", 3),
];

/// Turns of each session.
const SESSIONS: [usize; 5] = [1819, 1811, 2136, 2103, 2170];

/// Codes of the usual four-class task, with the columns of the two tables below.
const COLUMNS: [&str; 5] = ["ang", "hap", "exc", "sad", "neu"];

/// Turns of each code of [`COLUMNS`] in each session.
const BY_SESSION: [[usize; 5]; 5] = [
    [229, 135, 143, 194, 384],
    [137, 117, 210, 197, 362],
    [240, 135, 151, 305, 320],
    [327, 65, 238, 143, 258],
    [170, 143, 299, 245, 384],
];

/// Turns of each code of [`COLUMNS`] in improvised and in scripted dialogs.
const BY_PART: [(Acting, [usize; 5]); 2] =
    [(Acting::Improvised, [289, 284, 663, 608, 1099]), (Acting::Scripted, [814, 311, 378, 476, 609])];

/// One count that was compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckLine {
    /// What was counted.
    pub what: String,
    /// Published count.
    pub expected: usize,
    /// Count in this copy.
    pub found: usize,
}

impl CheckLine {
    /// Whether this copy matches the published count.
    #[must_use]
    pub const fn agrees(&self) -> bool {
        self.expected == self.found
    }
}

/// Compares the label lists under `root` with the published counts; also returns problems with files and lists.
///
/// # Errors
/// [`CorpusError`] if the folder or a label list cannot be read.
///
/// # Source
/// The label lists in EmoBox, `data/iemocap`.
pub fn check_iemocap(root: &Path) -> Result<(Vec<CheckLine>, Vec<String>), CorpusError> {
    if !root.is_dir() {
        return Err(CorpusError::NoFolder { root: root.to_owned() });
    }
    let iemocap::Lists { turns, mut problems, .. } = iemocap::lists(root)?;
    let audio = iemocap::find(root)?;
    problems.extend(audio.problems.into_iter().filter(|problem| problem.contains("expected the audio")));
    let mut counts: BTreeMap<(String, String, Acting), usize> = BTreeMap::new();
    for (_, turn) in &turns {
        *counts.entry((turn.code.clone(), turn.session().to_owned(), turn.part())).or_default() += 1;
    }
    let count = |code: Option<&str>, session: Option<&str>, part: Option<Acting>| -> usize {
        let wanted = |key: &(String, String, Acting)| {
            code.is_none_or(|code| key.0 == code)
                && session.is_none_or(|session| key.1 == session)
                && part.is_none_or(|part| key.2 == part)
        };
        counts.iter().filter(|(key, _)| wanted(key)).map(|(_, n)| n).sum()
    };
    let mut lines = vec![CheckLine { what: "turns".to_owned(), expected: SESSIONS.iter().sum(), found: turns.len() }];
    for (code, expected) in CODES {
        lines.push(CheckLine { what: code.to_owned(), expected, found: count(Some(code), None, None) });
    }
    for (index, (&expected, of_codes)) in SESSIONS.iter().zip(&BY_SESSION).enumerate() {
        let session = format!("Ses{:02}", index + 1);
        lines.push(CheckLine { what: session.clone(), expected, found: count(None, Some(&session), None) });
        for (code, &expected) in COLUMNS.iter().zip(of_codes) {
            let found = count(Some(code), Some(&session), None);
            lines.push(CheckLine { what: format!("{session} {code}"), expected, found });
        }
    }
    for (part, of_codes) in BY_PART {
        for (code, expected) in COLUMNS.iter().zip(of_codes) {
            let found = count(Some(code), None, Some(part));
            lines.push(CheckLine { what: format!("{} {code}", part.name()), expected, found });
        }
    }
    Ok((lines, problems))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_tables_agree_with_each_other() {
        let n_codes: usize = CODES.iter().map(|(_, n)| n).sum();
        assert_eq!(n_codes, SESSIONS.iter().sum::<usize>());
        for (column, code) in COLUMNS.iter().enumerate() {
            let of_code = CODES.iter().find(|(name, _)| name == code).unwrap().1;
            assert_eq!(BY_SESSION.iter().map(|row| row[column]).sum::<usize>(), of_code, "{code} by session");
            assert_eq!(BY_PART.iter().map(|(_, row)| row[column]).sum::<usize>(), of_code, "{code} by part");
        }
    }
}
