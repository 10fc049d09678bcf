//! CREMA-D: `1001_DFA_ANG_XX`: actor, sentence, emotion, level.

use super::files::Parsed;

const SENTENCES: [&str; 12] = ["IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI"];
const EMOTIONS: [&str; 6] = ["ANG", "DIS", "FEA", "HAP", "NEU", "SAD"];
/// `X` is a typo for `XX` in older copies.
const LEVELS: [&str; 5] = ["LO", "MD", "HI", "XX", "X"];

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
