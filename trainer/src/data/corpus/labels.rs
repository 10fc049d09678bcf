//! From a corpus's own codes to the four emotions.
//!
//! The maps of all known corpora are in `labels.toml`; a user's file of the same form replaces it. Codes that are not listed under any emotion are
//! left out on purpose.

use std::collections::BTreeMap;

use moodline_core::Emotion;

use super::Layout;

/// The maps of the known corpora.
const KNOWN: &str = include_str!("labels.toml");

/// The emotion for each code; case is ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelMap(BTreeMap<String, Emotion>);

/// A file that is not a label map.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {reason}; expected lines such as angry = [\"ang\", \"fru\"] for angry, happy, sad and neutral")]
pub struct LabelMapError {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub reason: String,
}

impl LabelMap {
    /// The map of a known corpus.
    #[must_use]
    pub fn of(layout: Layout) -> Self {
        // INVARIANT: a test reads the file for every layout.
        let all: BTreeMap<String, toml::Table> = toml::from_str(KNOWN).expect("labels.toml is well-formed");
        Self::of_table("labels.toml", &all[layout.name()]).expect("labels.toml is a label map")
    }

    /// Parses a user's map from the text of `file`: the codes for each emotion.
    ///
    /// # Errors
    /// [`LabelMapError`] for text that is not TOML, unknown emotions, or a code listed twice.
    pub fn parse(file: &str, text: &str) -> Result<Self, LabelMapError> {
        let table = text.parse().map_err(|error: toml::de::Error| fail(file, error.message().to_owned()))?;
        Self::of_table(file, &table)
    }

    fn of_table(file: &str, table: &toml::Table) -> Result<Self, LabelMapError> {
        let mut map = BTreeMap::new();
        for (name, codes) in table {
            let emotion: Emotion = name.parse().map_err(|_| fail(file, format!("'{name}' is not an emotion")))?;
            let codes = codes.as_array().and_then(|codes| codes.iter().map(toml::Value::as_str).collect::<Option<Vec<_>>>());
            for code in codes.ok_or_else(|| fail(file, format!("{name} is not a list of words")))? {
                if map.insert(code.to_lowercase(), emotion).is_some() {
                    return Err(fail(file, format!("'{code}' is listed twice")));
                }
            }
        }
        if map.is_empty() { Err(fail(file, "no code is listed".to_owned())) } else { Ok(Self(map)) }
    }

    /// The emotion for a code; none if it is left out.
    #[must_use]
    pub fn emotion(&self, code: &str) -> Option<Emotion> {
        self.0.get(&code.to_lowercase()).copied()
    }

    /// The same map without `code`.
    #[must_use]
    pub fn without(mut self, code: &str) -> Self {
        self.0.remove(&code.to_lowercase());
        self
    }
}

fn fail(file: &str, reason: String) -> LabelMapError {
    LabelMapError { file: file.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_known_corpus_has_a_map_with_all_emotions() {
        for &layout in Layout::value_variants() {
            let map = LabelMap::of(layout);
            for emotion in Emotion::ALL {
                assert!(map.0.values().any(|found| *found == emotion), "{layout}: {emotion}");
            }
        }
        assert_eq!(LabelMap::of(Layout::Emodb).emotion("F"), Some(Emotion::Happy));
        assert_eq!(LabelMap::of(Layout::Emodb).emotion("A"), None);
        assert_eq!(LabelMap::of(Layout::Iemocap).emotion("exc"), Some(Emotion::Happy));
        assert_eq!(LabelMap::of(Layout::Iemocap).without("exc").emotion("exc"), None);
    }

    #[test]
    fn bad_maps_are_refused_with_a_reason() {
        let reason = |text: &str| LabelMap::parse("map.toml", text).unwrap_err().reason;
        assert!(reason("angry = [").contains("unclosed") || !reason("angry = [").is_empty());
        assert_eq!(reason("furious = [\"x\"]"), "'furious' is not an emotion");
        assert_eq!(reason("angry = \"x\""), "angry is not a list of words");
        assert_eq!(reason("angry = [\"x\"]\nsad = [\"x\"]"), "'x' is listed twice");
        assert_eq!(reason("angry = [\"Wut\"]\nsad = [\"wut\"]"), "'wut' is listed twice");
        assert_eq!(reason(""), "no code is listed");
        assert_eq!(LabelMap::parse("m", "sad = [\"blue\"]").unwrap().emotion("blue"), Some(Emotion::Sad));
        assert_eq!(LabelMap::parse("m", "angry = [\"Wut\"]").unwrap().emotion("WUT"), Some(Emotion::Angry));
    }
}
