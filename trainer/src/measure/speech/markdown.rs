//! Comparison of speech detectors as Markdown tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use moodline_core::Sound;

use super::{Blocks, PAUSE_TICK_SECONDS, SpeechFigures};
use crate::base::table::Table;

/// Whether a kind of sound is included.
type Wanted<'a> = &'a dyn Fn(&str) -> bool;

/// Tables of detectors, the first of which is the reference. `trained` are the kinds of sound in its training data; `voices` are the kinds of voices
/// without words, which are counted separately.
#[must_use]
pub fn markdown(detectors: &[SpeechFigures], trained: &BTreeMap<String, Sound>, voices: &[String]) -> String {
    let mut text = String::new();
    let names = || detectors.iter().map(|detector| detector.name.clone());
    let table = |first: &str| Table::new(std::iter::once(first.to_owned()).chain(names()));
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);

    let kinds: BTreeSet<&String> = detectors.iter().flat_map(|detector| detector.sounds.keys()).collect();
    let is_voice = |kind: &str| voices.iter().any(|voice| kind.starts_with(voice.as_str()));
    let groups: [(&str, Wanted<'_>); 3] = [
        ("kinds it learned from", &|kind| !is_voice(kind) && trained.contains_key(kind)),
        ("kinds it never heard", &|kind| !is_voice(kind) && !trained.contains_key(kind)),
        ("voices without words", &|kind| is_voice(kind)),
    ];
    let mut sounds = table("sounds without speech, 2-s blocks");
    let of = |detector: &SpeechFigures, wanted: Wanted<'_>| {
        Blocks::sum(detector.sounds.iter().filter(|(kind, _)| wanted(kind)).map(|(_, blocks)| blocks))
    };
    let both = |kind: &str| !is_voice(kind);
    let all: [(&str, Wanted<'_>); 1] = [("all but voices", &both)];
    for (name, wanted) in all.into_iter().chain(groups) {
        let n = detectors.first().map_or(0, |detector| of(detector, wanted).n);
        sounds.push(
            std::iter::once(format!("**{name}** ({n} blocks)"))
                .chain(detectors.iter().map(|detector| percent(of(detector, wanted).share()))),
        );
    }
    for (_, wanted) in groups {
        for kind in kinds.iter().filter(|kind| wanted(kind)) {
            let cell =
                |detector: &SpeechFigures| detector.sounds.get(*kind).map_or_else(String::new, |blocks| percent(blocks.share()));
            let heard = if trained.contains_key(*kind) { "" } else { ", never heard" };
            sounds.push(std::iter::once(format!("{kind}{heard}")).chain(detectors.iter().map(cell)));
        }
    }
    writeln!(text, "Called speech:\n\n{}", sounds.to_markdown()).ok();

    let mut labelled = table("labelled recordings, 1-s blocks");
    type Cell = fn(&SpeechFigures) -> String;
    let rows: [(&str, Cell); 4] = [
        ("blocks with speech that are found", |d| {
            format!("{:.1} % of {}", 100.0 * d.labelled.speech.share(), d.labelled.speech.n)
        }),
        ("time in pauses that is called speech", |d| {
            format!("{:.1} % of {:.1} s", 100.0 * d.labelled.pauses.share(), PAUSE_TICK_SECONDS * d.labelled.pauses.n as f64)
        }),
        ("beginnings, median distance", |d| format!("{:.0} ms", 1e3 * d.labelled.onset_error_s)),
        ("ends, median distance", |d| format!("{:.0} ms", 1e3 * d.labelled.offset_error_s)),
    ];
    for (name, cell) in rows {
        labelled.push(std::iter::once(name.to_owned()).chain(detectors.iter().map(cell)));
    }
    writeln!(text, "{}", labelled.to_markdown()).ok();

    let mut clips = table("clips that are speech");
    let corpora: BTreeSet<&String> = detectors.iter().flat_map(|detector| detector.clips.keys()).collect();
    let cell = |blocks: Option<&Blocks>| blocks.map_or_else(String::new, |blocks| format!("{:.2} %", 100.0 * blocks.share()));
    for corpus in &corpora {
        clips.push(std::iter::once((*corpus).clone()).chain(detectors.iter().map(|detector| cell(detector.clips.get(*corpus)))));
    }
    for corpus in &corpora {
        clips.push(
            std::iter::once(format!("{corpus}, at -60 dBFS"))
                .chain(detectors.iter().map(|detector| cell(detector.quiet_clips.get(*corpus)))),
        );
    }
    writeln!(text, "{}", clips.to_markdown()).ok();

    let mut cost = table("cost");
    cost.push(
        std::iter::once("5 s, one thread".to_owned())
            .chain(detectors.iter().map(|detector| format!("{:.2} ms", detector.ms_per_5_s))),
    );
    writeln!(text, "{}", cost.to_markdown()).ok();
    text
}
