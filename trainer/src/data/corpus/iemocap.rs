//! IEMOCAP: labels in `Session1/dialog/EmoEvaluation/DIALOG.txt`, audio in `Session1/sentences/wav/DIALOG/TURN.wav`.
//!
//! A turn is `Ses01F_impro01_M003`: session 1, the dialogue in which the woman wore the markers, spoken by the man. The speaker is the letter of the
//! *last* group; the letter after the session only says who wore the markers.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Acting, CorpusError, Found, Recording};

/// The archives nest the release in folders of its own name.
const NESTED: &str = "IEMOCAP_full_release";

/// One labelled turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) name: String,
    pub(super) code: String,
}

impl Turn {
    /// `Ses01`.
    pub(super) fn session(&self) -> &str {
        &self.name[..5]
    }

    /// `Ses01F_impro01`.
    fn dialog(&self) -> &str {
        self.name.rsplit_once('_').map_or("", |(dialog, _)| dialog)
    }

    /// `Ses01_M`.
    fn speaker(&self) -> String {
        let last = self.name.rsplit('_').next().unwrap_or_default();
        format!("{}_{}", self.session(), &last[..1])
    }

    pub(super) fn part(&self) -> Acting {
        if self.name.contains("_impro") { Acting::Improvised } else { Acting::Scripted }
    }

    /// `script03_2` or `impro01`: a scripted dialogue repeats the lines of its play in every session; an improvised one repeats the given situation,
    /// and with it much of what is said.
    fn text(&self) -> String {
        let dialog = self.dialog().split_once('_').map_or("", |(_, dialog)| dialog);
        dialog.trim_end_matches(|letter: char| letter.is_ascii_lowercase()).to_owned()
    }
}

pub(super) fn find(root: &Path) -> Result<Found, CorpusError> {
    let mut found = Found::default();
    let root = release(root);
    let Lists { turns, problems, paths } = lists(&root)?;
    (found.problems, found.sources) = (problems, paths);
    for (session, turn) in turns {
        let path = session.join("sentences/wav").join(turn.dialog()).join(format!("{}.wav", turn.name));
        if path.is_file() {
            found.recordings.push(Recording {
                session: Some(turn.session().to_owned()),
                part: Some(turn.part()),
                text: Some(turn.text()),
                ..Recording::new(path, turn.speaker(), turn.code)
            });
        } else {
            found.problems.push(format!("{}: expected the audio of a labelled turn, found no file", path.display()));
        }
    }
    found.recordings.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Content of the label lists.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Every labelled turn with the folder of its session.
    pub(super) turns: Vec<(PathBuf, Turn)>,
    /// Problems found in the lists.
    pub(super) problems: Vec<String>,
    /// Paths of the lists.
    pub(super) paths: Vec<PathBuf>,
}

pub(super) fn lists(root: &Path) -> Result<Lists, CorpusError> {
    let root = release(root);
    let Lists { mut turns, mut problems, mut paths } = Lists::default();
    for number in 1..=5 {
        let session = root.join(format!("Session{number}"));
        if !session.is_dir() {
            problems.push(format!("{}: expected the folder of a session, found none", session.display()));
            continue;
        }
        for list in label_lists(&session.join("dialog/EmoEvaluation"))? {
            let bytes = fs::read(&list).map_err(|error| unreadable(&list, &error))?;
            for line in String::from_utf8_lossy(&bytes).lines().filter(|line| line.starts_with('[')) {
                match parse_line(line, number) {
                    Some(turn) => turns.push((session.clone(), turn)),
                    None => {
                        problems
                            .push(format!("{}: expected '[start - end] turn code [v, a, d]', found '{line}'", list.display()));
                    }
                }
            }
            paths.push(list);
        }
    }
    Ok(Lists { turns, problems, paths })
}

/// `root`, or the release nested in it.
fn release(root: &Path) -> PathBuf {
    let candidates = [root.to_owned(), root.join(NESTED), root.join(NESTED).join(NESTED)];
    candidates.iter().find(|folder| folder.join("Session1").is_dir()).unwrap_or(&candidates[0]).clone()
}

/// The label lists of a session: only those directly in `folder`; its subfolders hold the lists of individual raters.
fn label_lists(folder: &Path) -> Result<Vec<PathBuf>, CorpusError> {
    let mut lists = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        let apple_double = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("._"));
        if path.is_file() && !apple_double && path.extension().is_some_and(|extension| extension == "txt") {
            lists.push(path);
        }
    }
    lists.sort();
    Ok(lists)
}

/// `[6.2901 - 8.2357]<TAB>Ses01F_impro01_F000<TAB>neu<TAB>[2.5000, 2.5000, 2.5000]`.
fn parse_line(line: &str, session: u32) -> Option<Turn> {
    let fields: Vec<&str> = line.trim_end().split('\t').collect();
    let [_, name, code, _] = fields[..] else { return None };
    let (dialog, last) = name.rsplit_once('_')?;
    let of_session = dialog.strip_prefix(&format!("Ses{session:02}"))?;
    let is_dialog = of_session.starts_with("F_") || of_session.starts_with("M_");
    let number = last.strip_prefix(['F', 'M'])?;
    let is_turn = number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_lowercase());
    (is_dialog && is_turn && is_code).then(|| Turn { name: name.to_owned(), code: code.to_owned() })
}

fn unreadable(path: &Path, error: &std::io::Error) -> CorpusError {
    CorpusError::Unreadable { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(line: &str) -> Option<Turn> {
        parse_line(line, 1)
    }

    #[test]
    fn the_speaker_is_the_letter_of_the_last_group() {
        let turn = turn("[6.2901 - 8.2357]\tSes01F_impro01_M003\tneu\t[2.5000, 2.5000, 2.5000]").unwrap();
        assert_eq!((turn.speaker().as_str(), turn.session(), turn.dialog()), ("Ses01_M", "Ses01", "Ses01F_impro01"));
        assert_eq!((turn.part(), turn.text().as_str()), (Acting::Improvised, "impro01"));
    }

    #[test]
    fn dialogs_share_their_text_over_sessions() {
        let turn = turn("[1.0 - 2.0]\tSes01M_script03_2b_F042\tang\t[1, 2, 3]\r").unwrap();
        assert_eq!((turn.part(), turn.text().as_str()), (Acting::Scripted, "script03_2"));
        assert_eq!(turn.code, "ang");
    }

    #[test]
    fn other_lines_are_no_turns() {
        for line in [
            "[1.0 - 2.0] Ses01F_impro01_F000 neu [2, 2, 2]",
            "[1.0 - 2.0]\tSes02F_impro01_F000\tneu\t[2, 2, 2]",
            "[1.0 - 2.0]\tSes01F_impro01_FXX0\tneu\t[2, 2, 2]",
            "[1.0 - 2.0]\tSes01X_impro01_F000\tneu\t[2, 2, 2]",
            "[1.0 - 2.0]\tSes01F_impro01_F000\tneutral\t[2, 2, 2]",
            "[1.0 - 2.0]\tSes01F_impro01_F000\tneu",
        ] {
            assert_eq!(turn(line), None, "{line}");
        }
    }
}
