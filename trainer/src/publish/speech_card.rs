//! The card of a speech detector: what it is, its training data, and how it compares with others.
//!
//! In: the detector, the kinds of sound in its training data, the recordings of sounds and of free speech, and the tables of results. Out: the text of its `MODEL_CARD.md`, in
//! which no number was typed by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use moodline_core::Sound;
use moodline_core::contract::{Detection, SpeechContract};
use moodline_engine::SpeechModel;

use crate::base::table::Table;
use crate::data::speech::sounds::Origin;

/// The text of the card. `spoken` is free speech beside the corpora, by language; `tables` are the results, as Markdown.
#[must_use]
pub fn card(
    model: &SpeechModel,
    kinds: &BTreeMap<String, Sound>,
    learned_from: &[Origin],
    spoken: &[Origin],
    tables: &str,
) -> String {
    let mut text = String::new();
    // INVARIANT: writing to a String cannot fail.
    write_card(&mut text, model, kinds, learned_from, spoken, tables).expect("a string takes everything");
    text
}

fn write_card(
    text: &mut String,
    model: &SpeechModel,
    kinds: &BTreeMap<String, Sound>,
    learned_from: &[Origin],
    spoken: &[Origin],
    tables: &str,
) -> std::fmt::Result {
    let SpeechContract { id, front_end, .. } = model.contract();
    writeln!(text, "# {id}\n\n<!-- Written by `trainer speech evaluate`; do not edit. -->\n")?;
    writeln!(
        text,
        "Hears at every {} of a stream whether somebody speaks, and so finds times of speech and blocks with speech in them. Speech is words, shouted, whispered or sung \
         over music as long as they are spoken; **a voice without words is no speech**: laughs, cries and sung notes are a class of their own, \
         because the models of emotions have learned from words.\n",
        ms(front_end.step_seconds())
    )?;
    writeln!(text, "{}", facts(model).to_markdown())?;
    writeln!(
        text,
        "`train.toml` is the complete configuration; `trainer/recipes/speech-2` says how its data is made. Silero heard the clean clips and said when somebody \
         speaks; its times were trimmed to where the clips are loud; the clips were then mixed with music, sounds, rooms, bands and noise at any \
         level, and the times stayed with them.\n"
    )?;
    writeln!(
        text,
        "## What it says\n\nRecordings that no training saw, but for the sounds of the kinds it learned from and the clips of the corpora above.\n\n{tables}"
    )?;
    write_free_speech(text, spoken)?;
    write_sounds(text, kinds, learned_from)?;
    writeln!(
        text,
        "## Limits\n\n\
         - Singing with words lies between speech and music, and it may be taken for either.\n\
         - Voices without words were hardly learned from; the table above says how often they are taken for speech.\n\
         - Languages: whole sentences were learned from in English, German and Bangla; the table has Italian beside them.\n\
         - Crowds were heard mostly as clips laid over each other, hardly as recordings."
    )
}

fn ms(seconds: f64) -> String {
    format!("{:.0} ms", 1e3 * seconds)
}

/// What the detector is, one row for each property.
fn facts(model: &SpeechModel) -> Table {
    let SpeechContract { front_end, delay_steps, detection, network, training, licence, metrics, .. } = model.contract();
    let step_seconds = front_end.step_seconds();
    let n_parameters = network.n_parameters(front_end.n_features());
    let mut facts = Table::new(["", " "]);
    let Detection { onset, offset, min_pause_seconds, min_speech_seconds, min_block_seconds } = detection;
    let corpora: Vec<String> = training
        .corpora
        .iter()
        .map(|corpus| format!("{}: {} utterances, {} speakers", corpus.name, corpus.n_utterances, corpus.n_speakers))
        .collect();
    let rows = [
        ("fingerprint", format!("`{}`", model.fingerprint())),
        (
            "network",
            format!(
                "{}, {} layer(s) of {} units, {n_parameters} trained values, softmax readout of every step",
                network.cell.description(),
                network.layers,
                network.units
            ),
        ),
        (
            "features",
            format!(
                "{} values every {}: {} MFCC ({} mel bands, {} windows) with their derivative, standardised",
                front_end.n_features(),
                ms(step_seconds),
                front_end.n_mfcc,
                front_end.n_mels,
                ms(front_end.win_length as f64 / f64::from(front_end.sample_rate))
            ),
        ),
        ("answers", format!("{} late, so that it has heard what follows", ms(*delay_steps as f64 * step_seconds))),
        (
            "times of speech",
            format!(
                "begin at a probability of {onset}, end below {offset}; pauses under {} are closed, then speech under {} is dropped",
                ms(*min_pause_seconds),
                ms(*min_speech_seconds)
            ),
        ),
        ("a block is speech", format!("when {} of it are, or half of a block shorter than twice that", ms(*min_block_seconds))),
        ("speech it learned from", corpora.join("; ")),
        ("protocol", training.protocol.clone()),
        ("seed, epoch", format!("{}, {}", training.seed, training.epoch)),
        ("licence", licence.clone()),
    ];
    rows.into_iter().for_each(|(name, value)| facts.push([name.to_owned(), value]));
    metrics.iter().for_each(|(name, value)| facts.push([name.replace('_', " "), format!("{value:.4}")]));
    facts
}

fn write_free_speech(text: &mut String, spoken: &[Origin]) -> std::fmt::Result {
    let languages: BTreeSet<&str> = spoken.iter().map(|origin| origin.kind.as_str()).collect();
    let n_spoken = spoken.iter().map(|origin| origin.recordings).sum::<usize>();
    if n_spoken == 0 {
        return Ok(());
    }
    let licences: BTreeSet<&str> = spoken.iter().map(|origin| origin.licence.as_str()).collect();
    writeln!(
        text,
        "## Free speech it learned from\n\n{n_spoken} recordings in {} languages, mostly single words and short sentences, out of software packages; \
         `speech.csv` names their sources, for attribution. Licences: {}.\n",
        languages.len(),
        licences.into_iter().collect::<Vec<_>>().join("; ")
    )
}

fn write_sounds(text: &mut String, kinds: &BTreeMap<String, Sound>, learned_from: &[Origin]) -> std::fmt::Result {
    writeln!(text, "## Sounds it learned from\n\n`sounds.csv` names their sources, for attribution.\n")?;
    let mut sounds = Table::new(["kind", "taken for", "recordings", "licences"]);
    for (kind, sound) in kinds {
        let of_kind: Vec<&Origin> = learned_from.iter().filter(|origin| origin.kind == *kind).collect();
        let licences: BTreeSet<&str> = of_kind.iter().map(|origin| origin.licence.as_str()).collect();
        sounds.push([
            kind.clone(),
            sound.to_string(),
            of_kind.iter().map(|origin| origin.recordings).sum::<usize>().to_string(),
            licences.into_iter().collect::<Vec<_>>().join("; "),
        ]);
    }
    writeln!(text, "{}", sounds.to_markdown())?;
    writeln!(
        text,
        "Besides, sounds that the trainer computes: hum, tones, beeps, sirens, clicks, noise in many forms, buzzes, notes, melodies, barks, breath \
         and crackle, and crowds: many of the clips at once, whose words cannot be understood.\n"
    )
}
