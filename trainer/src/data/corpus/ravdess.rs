//! RAVDESS: `03-01-05-01-01-02-24`: modality, vocal channel, emotion, intensity, statement, repetition, actor.

use super::files::Parsed;

const AUDIO_ONLY: &str = "03";
const SPEECH: &str = "01";

pub(super) fn parse(stem: &str) -> Parsed {
    let fields: Vec<&str> = stem.split('-').collect();
    let two_digits = |field: &&str| field.len() == 2 && field.bytes().all(|byte| byte.is_ascii_digit());
    match fields[..] {
        [modality, channel, emotion, _, statement, _, actor] if fields.iter().all(two_digits) => {
            if modality == AUDIO_ONLY && channel == SPEECH {
                Parsed::Recording { speaker: actor.to_owned(), code: emotion.to_owned(), text: Some(statement.to_owned()) }
            } else {
                Parsed::Other
            }
        }
        _ => Parsed::Unknown("03-01-05-01-01-01-01"),
    }
}
