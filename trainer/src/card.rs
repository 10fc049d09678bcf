//! The model card: what a model is, what it was trained on, how well it works and where it does not.
//!
//! In: the folder of a model (`model.onnx`, `metrics*.json` from `trainer evaluate`, optionally `units.csv`'s table `units.md`). Out:
//! `MODEL_CARD.md`, in which no figure was typed by hand.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use moodline_core::Contract;
use moodline_core::contract::Network;
use moodline_core::ltc::Reading;
use moodline_engine::Model;
use moodline_engine::model::OpenModelError;

use crate::evaluate::Evaluation;
use crate::files::{self, FileError};

/// Why there is no card.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// The model.
    #[error(transparent)]
    Model(#[from] OpenModelError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file of metrics is something else.
    #[error("{path}: expected what `trainer evaluate --json` writes: {reason}", path = path.display())]
    Metrics {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The metrics are those of another model.
    #[error("{path}: expected metrics of the model {expected}, found those of {found}; evaluate the model again", path = path.display())]
    OtherModel {
        /// The file.
        path: PathBuf,
        /// Fingerprint of the model.
        expected: String,
        /// Fingerprint in the metrics.
        found: String,
    },
    /// Nothing was measured.
    #[error("{path} holds no metrics*.json: run `trainer evaluate --report` first", path = path.display())]
    NoMetrics {
        /// The folder.
        path: PathBuf,
    },
}

/// Writes `MODEL_CARD.md` into the folder of a model.
///
/// # Errors
/// [`CardError`]; a card that was there before is then as it was.
pub fn write_card(folder: &Path) -> Result<PathBuf, CardError> {
    let model = Model::open(&folder.join("model.onnx"))?;
    let evaluations = evaluations(folder, &model)?;
    let units = folder.join("units.md");
    let units = if units.is_file() { Some(files::read_text(&units)?) } else { None };
    let path = folder.join("MODEL_CARD.md");
    files::write_atomically(&path, card(&model, &evaluations, units.as_deref()).as_bytes())?;
    Ok(path)
}

/// All `metrics*.json` of a folder, `metrics.json` first.
fn evaluations(folder: &Path, model: &Model) -> Result<Vec<Evaluation>, CardError> {
    let entries = std::fs::read_dir(folder).map_err(FileError::at("read folder", folder))?;
    let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.retain(|name| name.starts_with("metrics") && name.ends_with(".json"));
    names.sort_by_key(|name| (name.len(), name.clone()));
    if names.is_empty() {
        return Err(CardError::NoMetrics { path: folder.to_owned() });
    }
    names
        .into_iter()
        .map(|name| {
            let path = folder.join(name);
            let evaluation: Evaluation = serde_json::from_str(&files::read_text(&path)?)
                .map_err(|error| CardError::Metrics { path: path.clone(), reason: error.to_string() })?;
            let (expected, found) = (model.fingerprint(), &evaluation.model.fingerprint);
            if expected == found {
                Ok(evaluation)
            } else {
                Err(CardError::OtherModel { path, expected: expected.to_owned(), found: found.clone() })
            }
        })
        .collect()
}

fn card(model: &Model, evaluations: &[Evaluation], units: Option<&str>) -> String {
    let contract = model.contract();
    let mut text = String::new();
    // INVARIANT: writing to a String cannot fail.
    write_card_text(&mut text, model, contract, evaluations, units).expect("a String takes any text");
    text
}

fn write_card_text(
    text: &mut String,
    model: &Model,
    contract: &Contract,
    evaluations: &[Evaluation],
    units: Option<&str>,
) -> std::fmt::Result {
    writeln!(text, "# {}\n", contract.id)?;
    writeln!(text, "<!-- Written by `trainer card`; do not edit. -->\n")?;
    writeln!(
        text,
        "Takes up to {} s of speech and gives the probabilities of angry, happy, sad and neutral, as listeners of acted speech would \
         mean them.\n",
        contract.block_seconds
    )?;
    write_facts(text, model, contract)?;
    for evaluation in evaluations {
        write_evaluation(text, contract, evaluation)?;
    }
    if let Some(units) = units {
        writeln!(text, "## Other sizes\n")?;
        writeln!(
            text,
            "The same recipe with other numbers of units, mean ± deviation over the seeds; the dev split chose each epoch.\n"
        )?;
        writeln!(text, "{units}")?;
        writeln!(
            text,
            "The paper quotes 710 parameters for 16 units. Its cell has `units * (39 + units) + 8 * units + 4` of them: 1,012 for 16 units and \
             712 for 12, the size of its best published weights.\n"
        )?;
    }
    writeln!(text, "## Limits\n")?;
    writeln!(
        text,
        "- It was trained on actors who read short sentences. Spontaneous speech, other languages and other recording conditions are \
         recognised worse.\n\
         - It hears how something is said, not what. It says nothing about what a person feels.\n\
         - Loud speech leans towards angry, quiet speech towards sad. Silence and noise get an answer too unless a gate holds them back.\n\
         - Not for decisions about people."
    )
}

fn write_facts(text: &mut String, model: &Model, contract: &Contract) -> std::fmt::Result {
    let Network::Ltc(network) = &contract.network;
    let front_end = &contract.front_end;
    let n_features = front_end.n_features();
    let n_parameters = network.units * (n_features + network.units) + 8 * network.units + 4;
    let reading = match network.reading {
        Reading::Held => "held over",
        Reading::Recomputed => "recomputed at",
    };
    let rate = f64::from(front_end.sample_rate);
    writeln!(text, "| | |\n|---|---|")?;
    writeln!(text, "| fingerprint | `{}` |", model.fingerprint())?;
    writeln!(
        text,
        "| network | LTC cell, {} units, {n_parameters} trained values, z {reading} {} unfolds, softmax readout of the last state |",
        network.units, network.unfolds
    )?;
    writeln!(
        text,
        "| features | {n_features} values every {:.0} ms: {} MFCC ({} mel bands, {:.0} ms windows every {:.0} ms) with two derivatives, \
         averaged over {} frames, standardised |",
        1e3 * front_end.step_seconds(),
        front_end.n_mfcc,
        front_end.n_mels,
        1e3 * front_end.win_length as f64 / rate,
        1e3 * front_end.hop_length as f64 / rate,
        front_end.average_frames
    )?;
    for corpus in &contract.training.corpora {
        writeln!(text, "| trained on | {}: {} utterances, {} speakers |", corpus.name, corpus.n_utterances, corpus.n_speakers)?;
    }
    writeln!(text, "| protocol | {} |", contract.training.protocol)?;
    writeln!(text, "| seed, epoch | {}, {} |", contract.training.seed, contract.training.epoch)?;
    for (name, value) in &contract.metrics {
        writeln!(text, "| {} | {value:.3} |", name.replace('_', " "))?;
    }
    writeln!(text, "| licence | {} |\n", contract.licence)?;
    writeln!(
        text,
        "`train.toml` is the complete configuration. Made with `trainer train --config train.toml --manifest CSV --out RUN`, then \
         `trainer export RUN --out model.onnx`.\n"
    )
}

fn write_evaluation(text: &mut String, contract: &Contract, evaluation: &Evaluation) -> std::fmt::Result {
    let Evaluation { report, split, manifests, per_speaker, backend, .. } = evaluation;
    let names: Vec<&str> = manifests.iter().map(|name| name.strip_suffix(".csv").unwrap_or(name)).collect();
    let corpora = &contract.training.corpora;
    let unseen = if names.iter().any(|name| corpora.iter().any(|corpus| corpus.name == *name)) {
        ""
    } else {
        ", a corpus it was not trained on"
    };
    writeln!(text, "## {}, {split} split{unseen}\n", names.join(", "))?;
    let [low, high] = report.uar_interval;
    writeln!(
        text,
        "UAR **{:.3}** (95 % interval over {} speakers {low:.3} - {high:.3}), accuracy {:.3}, macro-F1 {:.3}, {} utterances, through \
         the engine ({backend}).\n",
        report.uar,
        per_speaker.len(),
        report.accuracy,
        report.macro_f1,
        report.n
    )?;
    writeln!(text, "| | precision | recall | F1 | support | found angry | found happy | found sad | found neutral |")?;
    writeln!(text, "|---|---:|---:|---:|---:|---:|---:|---:|---:|")?;
    for label in report.labels {
        let class = report.per_class.of(label);
        let [angry, happy, sad, neutral] = report.confusion.0[label.index()];
        writeln!(
            text,
            "| {label} | {:.3} | {:.3} | {:.3} | {} | {angry} | {happy} | {sad} | {neutral} |",
            class.precision, class.recall, class.f1, class.support
        )?;
    }
    writeln!(text)
}
