//! True emotions of a recording, to compare with.

use std::path::Path;

use anyhow::{anyhow, bail};
use moodline_core::Emotion;
use moodline_core::emotion::UnknownEmotion;
use moodline_engine::Segment;

/// One passage with a known emotion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Label {
    pub(crate) start_s: f64,
    pub(crate) end_s: f64,
    pub(crate) emotion: Emotion,
}

/// Reads a CSV file with the columns `start_s`, `end_s` and `emotion`; other columns are ignored.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Label>> {
    let unreadable = |error| anyhow!("the labels {} cannot be read: {error}", path.display());
    let mut reader = csv::Reader::from_path(path).map_err(unreadable)?;
    let headers = reader.headers().map_err(unreadable)?.clone();
    let column = |name| {
        let position = headers.iter().position(|header| header.trim() == name);
        position.ok_or_else(|| anyhow!("{}: expected the columns start_s, end_s and emotion, found no {name}", path.display()))
    };
    let (start, end, emotion) = (column("start_s")?, column("end_s")?, column("emotion")?);
    let mut labels = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let at = || format!("{}, line {}", path.display(), record.position().map_or(0, csv::Position::line));
        let seconds = |column: usize| -> anyhow::Result<f64> {
            let text = record.get(column).unwrap_or_default().trim();
            text.parse()
                .ok()
                .filter(|value: &f64| value.is_finite())
                .ok_or_else(|| anyhow!("{}: expected seconds, found '{text}'", at()))
        };
        let emotion = record.get(emotion).unwrap_or_default().trim().parse();
        let label = Label {
            start_s: seconds(start)?,
            end_s: seconds(end)?,
            emotion: emotion.map_err(|error: UnknownEmotion| anyhow!("{}: {error}", at()))?,
        };
        if label.end_s <= label.start_s {
            bail!("{}: expected the end after the start {}, found {}", at(), label.start_s, label.end_s);
        }
        labels.push(label);
    }
    Ok(labels)
}

/// The emotions within a block, longest first, each with its time in seconds.
pub(crate) fn within(labels: &[Label], start_s: f64, end_s: f64) -> Vec<(Emotion, f64)> {
    let mut times = Emotion::ALL.map(|emotion| {
        let overlap = |label: &&Label| (label.end_s.min(end_s) - label.start_s.max(start_s)).max(0.0);
        let time: f64 = labels.iter().filter(|label| label.emotion == emotion).map(|label| overlap(&label)).sum();
        (emotion, time)
    });
    times.sort_by(|a, b| b.1.total_cmp(&a.1));
    times.into_iter().filter(|(_, time)| *time > 0.0).collect()
}

/// How many blocks of speech have the emotion that fills most of them, of how many that have one.
pub(crate) fn agreement(labels: &[Label], segments: &[Segment]) -> (usize, usize) {
    let pairs = segments.iter().filter_map(|segment| {
        let (truth, _) = *within(labels, segment.start_s, segment.end_s).first()?;
        Some((segment.emotion()?, truth))
    });
    pairs.fold((0, 0), |(n_equal, n), (found, truth)| (n_equal + usize::from(found == truth), n + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_emotion_of_a_block_comes_first() {
        let label = |start_s, end_s, emotion| Label { start_s, end_s, emotion };
        let labels = [label(0.0, 2.0, Emotion::Sad), label(2.5, 4.0, Emotion::Angry), label(4.0, 6.0, Emotion::Sad)];
        assert_eq!(within(&labels, 1.0, 5.0), [(Emotion::Sad, 2.0), (Emotion::Angry, 1.5)]);
        assert!(within(&labels, 7.0, 9.0).is_empty());
    }
}
