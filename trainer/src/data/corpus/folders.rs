//! A folder per class: `angry/anna/take1.wav`, or `angry/anna_take1.wav` with a pattern that finds the speaker in the name.

use std::path::Path;

use regex::Regex;

use super::files::{AudioFiles, audio_files};
use super::{CorpusError, Found, Recording};

/// A regular expression whose first group is the speaker, matched against a file name without its extension.
#[derive(Clone, Debug)]
pub struct SpeakerPattern(Regex);

impl std::str::FromStr for SpeakerPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let regex = Regex::new(text).map_err(|error| error.to_string())?;
        if regex.captures_len() < 2 {
            return Err(format!("expected a group in parentheses that is the speaker, found '{text}'"));
        }
        Ok(Self(regex))
    }
}

impl SpeakerPattern {
    /// The speaker in a file name without extension, if the pattern matches.
    pub(super) fn speaker(&self, stem: &str) -> Option<String> {
        Some(self.0.captures(stem)?.get(1)?.as_str().to_owned())
    }
}

/// The first folder is the class; the speaker is what `pattern` finds, or else the second folder.
pub(super) fn find(root: &Path, pattern: Option<&SpeakerPattern>) -> Result<Found, CorpusError> {
    let AudioFiles { paths, problems } = audio_files(root)?;
    let mut found = Found { problems, ..Found::default() };
    for path in paths {
        // INVARIANT: the walk started at `root`.
        let parts: Vec<String> = path
            .strip_prefix(root)
            .expect("a file below the root")
            .components()
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect();
        let (class, folder_of_speaker) = match &parts[..] {
            [class, _] => (class, None),
            [class, speaker, .., _] => (class, Some(speaker.clone())),
            _ => {
                found.problems.push(format!("{}: expected a folder for each class, found no folder", path.display()));
                continue;
            }
        };
        let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let speaker = pattern.map_or(folder_of_speaker, |pattern| pattern.speaker(&stem));
        let Some(speaker) = speaker.filter(|speaker| !speaker.is_empty()) else {
            let hint = "expected a folder for each speaker, or --speaker with a pattern that finds the speaker in the name";
            found.problems.push(format!("{}: {hint}, found neither", path.display()));
            continue;
        };
        found.recordings.push(Recording::new(path, speaker, class.clone()));
    }
    Ok(found)
}
