//! True emotions of a recording, for comparison.

use std::path::Path;

use anyhow::{anyhow, bail};
use moodline_core::Emotion;
use moodline_core::emotion::UnknownEmotion;
use moodline_engine::display::text::printable;
use moodline_engine::{Segment, tables};

/// One passage with a known emotion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Label {
    pub(crate) start_s: f64,
    pub(crate) end_s: f64,
    pub(crate) emotion: Emotion,
}

/// Reads labels as exported by Audacity, or a table with the columns `start_s`, `end_s` and `emotion`, in capitals or not, separated by commas, semicolons or
/// tabs; other columns are ignored.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Label>> {
    let unreadable = |reason: String| anyhow!("the labels {} cannot be read: {reason}", path.display());
    let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let text = tables::text_of(&bytes).map_err(|reason| unreadable(reason.to_owned()))?;
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let at = |line: u64| format!("{}, line {line}", path.display());
    if audacity(first).is_some() { read_audacity(&text, at) } else { read_table(&text, path, at) }
}

/// Start, end and label from one line of a label track.
fn audacity(line: &str) -> Option<(f64, f64, &str)> {
    let mut fields = line.split('\t');
    let (start_s, end_s) = (tables::number(fields.next()?)?, tables::number(fields.next()?)?);
    Some((start_s, end_s, fields.next().unwrap_or_default()))
}

fn read_audacity(text: &str, at: impl Fn(u64) -> String) -> anyhow::Result<Vec<Label>> {
    let mut labels = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        // Lines that begin with a backslash hold the frequencies of the label before them.
        if line.trim().is_empty() || line.starts_with('\\') {
            continue;
        }
        let Some((start_s, end_s, name)) = audacity(line) else {
            bail!("{}: expected start, end and label with tabs between them, found '{}'", at(number), printable(line));
        };
        // A label of zero length marks a point, not a passage.
        if end_s != start_s {
            // Labels written by this program have the probability after the emotion.
            let name = name.split_whitespace().next().unwrap_or_default();
            labels.push(label(start_s, end_s, name, || at(number))?);
        }
    }
    Ok(labels)
}

fn read_table(text: &str, path: &Path, at: impl Fn(u64) -> String) -> anyhow::Result<Vec<Label>> {
    let unreadable = |error| anyhow!("the labels {} cannot be read: {error}", path.display());
    let mut reader =
        csv::ReaderBuilder::new().delimiter(tables::delimiter(text)).trim(csv::Trim::All).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(unreadable)?.clone();
    let column = |name| {
        let position = headers.iter().position(|header| header.eq_ignore_ascii_case(name));
        position.ok_or_else(|| {
            let expected = "expected labels of Audacity, or the columns start_s, end_s and emotion";
            anyhow!("{}: {expected}, found no {name}", path.display())
        })
    };
    let (start, end, emotion) = (column("start_s")?, column("end_s")?, column("emotion")?);
    let mut labels = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let at = || at(record.position().map_or(0, csv::Position::line));
        let field = |column: usize| record.get(column).unwrap_or_default();
        let seconds = |column: usize| {
            let text = field(column);
            tables::number(text).ok_or_else(|| anyhow!("{}: expected seconds, found '{}'", at(), printable(text)))
        };
        labels.push(label(seconds(start)?, seconds(end)?, field(emotion), at)?);
    }
    Ok(labels)
}

fn label(start_s: f64, end_s: f64, name: &str, at: impl Fn() -> String) -> anyhow::Result<Label> {
    let emotion = name.to_lowercase().parse().map_err(|error: UnknownEmotion| anyhow!("{}: {error}", at()))?;
    if end_s <= start_s {
        bail!("{}: expected the end after the start {start_s}, found {end_s}", at());
    }
    Ok(Label { start_s, end_s, emotion })
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

/// The number of speech blocks with the emotion that fills most of them, and the number that have a label.
pub(crate) fn agreement<'a>(labels: &[Label], segments: impl IntoIterator<Item = &'a Segment>) -> (usize, usize) {
    let pairs = segments.into_iter().filter_map(|segment| {
        let (truth, _) = *within(labels, segment.start_s, segment.end_s).first()?;
        Some((segment.emotion()?, truth))
    });
    pairs.fold((0, 0), |(n_equal, n), (found, truth)| (n_equal + usize::from(found == truth), n + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(bytes: &[u8]) -> anyhow::Result<Vec<Label>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels");
        std::fs::write(&path, bytes).unwrap();
        read(&path)
    }

    #[test]
    fn labels_of_audacity_and_every_table_are_the_same() {
        let expected = [(0.0, 1.5, Emotion::Angry), (2.0, 3.25, Emotion::Sad)];
        for text in [
            "start_s,end_s,emotion\n0,1.5,angry\n2,3.25,sad\n",
            "\u{feff}Emotion;Start_S;END_S;speaker\r\nAngry;0,0;1,5;a\r\nSAD;2;3,25;b\r\n",
            "start_s\tend_s\temotion\n0\t1.5\t\"angry\"\n2\t3.25\tsad\n",
            "0.000000\t1.500000\tAngry\n\\\t100.0\t2000.0\n1.700000\t1.700000\ta point\n2.000000\t3.250000\tsad 50 %\n",
            "0,000000\t1,500000\tangry\n\n2,000000\t3,250000\tsad\n",
        ] {
            let found: Vec<_> =
                read_text(text.as_bytes()).unwrap().iter().map(|label| (label.start_s, label.end_s, label.emotion)).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_label_is_named_with_its_line() {
        for (text, words) in [
            ("0\t1\tangry\n1\t2\tcough\n", "line 2: unknown emotion 'cough'"),
            ("0\t1\tangry\nsad\n", "line 2: expected start, end and label"),
            ("2\t1\tangry\n", "line 1: expected the end after the start 2, found 1"),
            ("start_s;emotion\n0;sad\n", "found no end_s"),
            ("start_s,end_s,emotion\n0,x,sad\n", "line 2: expected seconds, found 'x'"),
        ] {
            let error = read_text(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn the_longest_emotion_of_a_block_comes_first() {
        let label = |start_s, end_s, emotion| Label { start_s, end_s, emotion };
        let labels = [label(0.0, 2.0, Emotion::Sad), label(2.5, 4.0, Emotion::Angry), label(4.0, 6.0, Emotion::Sad)];
        assert_eq!(within(&labels, 1.0, 5.0), [(Emotion::Sad, 2.0), (Emotion::Angry, 1.5)]);
        assert!(within(&labels, 7.0, 9.0).is_empty());
    }
}
