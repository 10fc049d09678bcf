//! CREMA-D: `1001_DFA_ANG_XX`: actor, sentence, emotion, level; what the crowd heard in the voice is in `processedResults/summaryTable.csv`.

use std::collections::HashMap;
use std::path::Path;

use super::files::{self, Parsed};
use super::{CorpusError, Found};

const SENTENCES: [&str; 12] = ["IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI"];
const EMOTIONS: [&str; 6] = ["ANG", "DIS", "FEA", "HAP", "NEU", "SAD"];
/// `X` is a typo for `XX` in older copies.
const LEVELS: [&str; 5] = ["LO", "MD", "HI", "XX", "X"];

/// The votes of the crowd, beside the folder of the audio.
const VOTES: &str = "processedResults/summaryTable.csv";

/// The recordings below `root`, with what listeners perceived if the votes are there or beside it.
pub(super) fn find(root: &Path) -> Result<Found, CorpusError> {
    let mut found = files::find(root, parse)?;
    let places = [Some(root), root.parent()].into_iter().flatten().map(|folder| folder.join(VOTES));
    if let Some(path) = places.into_iter().find(|path| path.is_file()) {
        let votes = votes(&path).map_err(|reason| CorpusError::Unreadable { path: path.clone(), reason })?;
        for recording in &mut found.recordings {
            recording.perceived = recording.path.file_stem().and_then(|stem| votes.get(stem.to_str()?).cloned());
        }
        found.sources.push(path);
    }
    Ok(found)
}

/// By name of the recording: the initials of the emotions with most votes of those who only heard the voice, with `:` between them.
fn votes(path: &Path) -> Result<HashMap<String, String>, String> {
    let mut reader = csv::Reader::from_path(path).map_err(|error| error.to_string())?;
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let column = |name: &str| {
        let missing = || format!("expected a column {name}, found {}", header.iter().collect::<Vec<_>>().join(", "));
        header.iter().position(|found| found == name).ok_or_else(missing)
    };
    let (name, vote) = (column("FileName")?, column("VoiceVote")?);
    let mut votes = HashMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        if !record[vote].is_empty() {
            votes.insert(record[name].to_owned(), record[vote].to_owned());
        }
    }
    Ok(votes)
}

pub(super) fn parse(stem: &str) -> Parsed {
    let fields: Vec<&str> = stem.split('_').collect();
    match fields[..] {
        [actor, sentence, emotion, level]
            if actor.len() == 4
                && actor.bytes().all(|byte| byte.is_ascii_digit())
                && SENTENCES.contains(&sentence)
                && EMOTIONS.contains(&emotion)
                && LEVELS.contains(&level) =>
        {
            Parsed::Recording { speaker: actor.to_owned(), code: emotion.to_owned(), text: Some(sentence.to_owned()) }
        }
        _ => Parsed::Unknown("1001_DFA_ANG_XX"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_the_crowd_heard_is_found_beside_the_audio() {
        let place = tempfile::tempdir().unwrap();
        let audio = place.path().join("AudioWAV");
        fs::create_dir_all(&audio).unwrap();
        for name in ["1001_DFA_ANG_XX", "1001_DFA_SAD_XX", "1001_IEO_HAP_LO"] {
            fs::write(audio.join(format!("{name}.wav")), b"").unwrap();
        }
        let perceived = |root: &Path| {
            let recordings = find(root).unwrap().recordings;
            recordings.into_iter().map(|recording| recording.perceived).collect::<Vec<_>>()
        };
        assert_eq!(perceived(&audio), [None, None, None]);
        let table = place.path().join(VOTES);
        fs::create_dir_all(table.parent().unwrap()).unwrap();
        let lines = "\"\",\"FileName\",\"VoiceVote\",\"VoiceLevel\"\n\"1\",\"1001_DFA_ANG_XX\",\"A\",\"65\"\n\"2\",\"1001_DFA_SAD_XX\",\"N:S\",\"50:60\"\n";
        fs::write(&table, lines).unwrap();
        let expected = [Some("A".to_owned()), Some("N:S".to_owned()), None];
        assert_eq!(perceived(&audio), expected);
        assert_eq!(perceived(place.path()), expected);
        let damaged = [[lines.as_bytes(), b"\xff\n"].concat(), b"FileName,Votes\n1001_DFA_ANG_XX,A\n".to_vec()];
        let messages = damaged.map(|bytes| {
            fs::write(&table, bytes).unwrap();
            find(&audio).unwrap_err().to_string()
        });
        assert!(messages.iter().all(|message| message.contains("summaryTable.csv: cannot be read: ")), "{messages:?}");
        assert!(messages[1].ends_with("expected a column VoiceVote, found FileName, Votes"), "{messages:?}");
    }
}
