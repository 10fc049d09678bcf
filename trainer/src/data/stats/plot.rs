//! A corpus as a row of small charts: classes, speakers, durations, levels, bandwidths.

use std::collections::BTreeMap;
use std::ops::Range;

use plotters::style::text_anchor::HPos;

use super::{AudioFigures, Statistics};
use crate::base::plot::{Area, DrawResult, Figure, INK, class_columns, histogram, style};
use crate::base::table::Table;

const COLUMN: u32 = 300;
const ROW: u32 = 230;
const HEAD: u32 = 34;

/// Quantity shown in a histogram.
struct Quantity {
    title: &'static str,
    of: fn(&AudioFigures) -> f64,
    silent_too: bool,
}

const QUANTITIES: [Quantity; 3] = [
    Quantity { title: "duration, s", of: |measured| measured.duration_s, silent_too: true },
    Quantity { title: "level, dBFS", of: |measured| measured.level_db, silent_too: false },
    Quantity { title: "bandwidth, kHz", of: |measured| measured.bandwidth_hz / 1000.0, silent_too: false },
];

/// A row for each corpus. A quantity has the same axis in every row.
impl Figure for Statistics {
    fn title(&self) -> String {
        "the statistics".to_owned()
    }

    fn size(&self) -> (u32, u32) {
        (COLUMN * (QUANTITIES.len() as u32 + 2), (ROW + HEAD) * self.corpora.len().max(1) as u32)
    }

    fn table(&self) -> Table {
        let titles = QUANTITIES.iter().map(|quantity| quantity.title);
        let mut table = Table::new(["corpus", "path", "emotion"].into_iter().chain(titles));
        for (utterance, measured) in &self.recordings {
            let names = [utterance.corpus.clone(), utterance.name.clone(), utterance.emotion.to_string()];
            let values = QUANTITIES.iter().map(|quantity| {
                if quantity.silent_too || !measured.is_silent { format!("{:.3}", (quantity.of)(measured)) } else { String::new() }
            });
            table.push(names.into_iter().chain(values));
        }
        table
    }

    fn draw(&self, root: &Area<'_>) -> DrawResult {
        let ranges = QUANTITIES.map(|quantity| range(values(self, &quantity).map(|(_, value)| value)));
        let shares = range(self.corpora.iter().flat_map(|corpus| corpus.per_speaker).map(|n| n as f64));
        for (area, corpus) in root.split_evenly((self.corpora.len().max(1), 1)).iter().zip(&self.corpora) {
            let (head, body) = area.split_vertically(HEAD);
            let title = format!(
                "{}: {} recordings, {} speakers, {:.1} h",
                corpus.corpus, corpus.n_recordings, corpus.n_speakers, corpus.hours
            );
            head.draw_text(&title, &style(17.0, &INK, HPos::Left), (14, 20))?;
            let charts = body.split_evenly((1, QUANTITIES.len() + 2));
            let largest = corpus.classes.values().copied().max().unwrap_or(1);
            class_columns(&charts[0], largest, |emotion| corpus.classes[emotion.name()])?;
            histogram(&charts[1], "recordings of a speaker", shares.clone(), &recordings_by_speaker(self, &corpus.corpus))?;
            for ((chart, quantity), range) in charts[2..].iter().zip(&QUANTITIES).zip(&ranges) {
                let values = values(self, quantity).filter(|(name, _)| *name == corpus.corpus).map(|(_, value)| value);
                histogram(chart, quantity.title, range.clone(), &values.collect::<Vec<_>>())?;
            }
        }
        Ok(())
    }
}

fn values<'a>(statistics: &'a Statistics, quantity: &'a Quantity) -> impl Iterator<Item = (&'a str, f64)> {
    statistics
        .recordings
        .iter()
        .filter(|(_, measured)| quantity.silent_too || !measured.is_silent)
        .map(|(utterance, measured)| (utterance.corpus.as_str(), (quantity.of)(measured)))
}

/// Number of recordings of each speaker of a corpus.
fn recordings_by_speaker(statistics: &Statistics, corpus: &str) -> Vec<f64> {
    let mut counts: BTreeMap<&str, f64> = BTreeMap::new();
    for (utterance, _) in statistics.recordings.iter().filter(|(utterance, _)| utterance.corpus == corpus) {
        *counts.entry(&utterance.speaker).or_default() += 1.0;
    }
    counts.into_values().collect()
}

/// An axis that covers all values and is never empty.
fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    around(low, high)
}

/// An axis from `low` to `high`, which are infinite if there are no values.
fn around(low: f64, high: f64) -> Range<f64> {
    if low < high {
        low..high + (high - low) * 1e-6
    } else if low.is_finite() {
        // All equal, as after cutting to one length.
        low - 0.5..high + 0.5
    } else {
        0.0..1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_holds_its_values_even_where_all_are_alike() {
        assert_eq!(around(3.0, 3.0), 2.5..3.5);
        assert_eq!(around(f64::INFINITY, f64::NEG_INFINITY), 0.0..1.0);
        assert!(around(1.0, 2.0).contains(&1.0) && around(1.0, 2.0).contains(&2.0));
    }
}
