//! EMOVO: `rab-f1-b1`: emotion, speaker, sentence.

use super::files::Parsed;

const EMOTIONS: [&str; 7] = ["dis", "gio", "neu", "pau", "rab", "sor", "tri"];
const SPEAKERS: [&str; 6] = ["f1", "f2", "f3", "m1", "m2", "m3"];

pub(super) fn parse(stem: &str) -> Parsed {
    let fields: Vec<&str> = stem.split('-').collect();
    match fields[..] {
        [emotion, speaker, sentence] if EMOTIONS.contains(&emotion) && SPEAKERS.contains(&speaker) => {
            Parsed::Recording { speaker: speaker.to_owned(), code: emotion.to_owned(), text: Some(sentence.to_owned()) }
        }
        _ => Parsed::Unknown("rab-f1-b1"),
    }
}
