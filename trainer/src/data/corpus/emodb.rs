//! EmoDB: `03a01Wa`: speaker, text, emotion (the first letter of the German word), version.

use super::files::Parsed;

const EMOTIONS: &str = "WLEAFTN";

pub(super) fn parse(stem: &str) -> Parsed {
    let unknown = Parsed::Unknown("03a01Wa");
    if stem.len() != 7 || !stem.is_ascii() {
        return unknown;
    }
    let (speaker, text, emotion, version) = (&stem[..2], &stem[2..5], &stem[5..6], &stem[6..]);
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = digits(speaker)
        && text.starts_with(['a', 'b'])
        && digits(&text[1..])
        && EMOTIONS.contains(emotion)
        && version.bytes().all(|byte| byte.is_ascii_lowercase());
    if is_name {
        Parsed::Recording { speaker: speaker.to_owned(), code: emotion.to_owned(), text: Some(text.to_owned()) }
    } else {
        unknown
    }
}
