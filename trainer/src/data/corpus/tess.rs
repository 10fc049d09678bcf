//! TESS: `OAF_back_angry`: actress, word, emotion. Folder names vary in case, so only file names are used.

use super::files::Parsed;

const EMOTIONS: [&str; 7] = ["angry", "disgust", "fear", "happy", "neutral", "ps", "sad"];

pub(super) fn parse(stem: &str) -> Parsed {
    let fields: Vec<&str> = stem.split('_').collect();
    match fields[..] {
        // One file of the corpus is named `OA_bite_neutral`.
        [actress @ ("OAF" | "OA" | "YAF"), word, emotion] if EMOTIONS.contains(&emotion.to_ascii_lowercase().as_str()) => {
            Parsed::Recording {
                speaker: if actress == "YAF" { "YAF" } else { "OAF" }.to_owned(),
                code: emotion.to_ascii_lowercase(),
                text: Some(word.to_owned()),
            }
        }
        _ => Parsed::Unknown("OAF_back_angry"),
    }
}
