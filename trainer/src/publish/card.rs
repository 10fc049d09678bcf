//! The model card: what a model is, its training data, how well it works, and where it does not.
//!
//! In: the folder of a model (`model.onnx`, `metrics*.json` from `trainer evaluate`, optionally `unseen.json` from
//! `trainer crossval --protocol cross-corpus`, `robustness.json` from `trainer robustness` and `units.md`, the `summary.md` of a sweep over numbers of
//! units), and optionally the folders of the same recipe with other seeds. Out: `MODEL_CARD.md`, in which no number was typed by hand.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use moodline_core::config::FeatureGroup;
use moodline_core::contract::{TrainingCorpus, TrainingRun};
use moodline_core::network::{CellConfig, NetworkConfig, Pooling};
use moodline_core::{Contract, Emotion};
use moodline_engine::Model;
use moodline_engine::model::OpenModelError;
use serde::de::DeserializeOwned;

use super::CARD;
use crate::base::config::ConfigError;
use crate::base::files::{self, FileError};
use crate::data::corpus::Layout;
use crate::measure::evaluate::{Answered, CorpusMetrics, Evaluation, HeardPoint, Honesty};
use crate::measure::metrics::{NATURAL_SHARES, interval_text};
use crate::measure::robustness::Robustness;
use crate::study::protocol::unseen::UnseenRecord;

mod seeds;
#[cfg(test)]
mod tests;

use seeds::SeedFigures;

/// Why the card was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// The model cannot be opened.
    #[error(transparent)]
    Model(#[from] OpenModelError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A results file has unexpected content.
    #[error("{path}: expected what `{command}` writes: {reason}; write it again", path = path.display())]
    Figures {
        /// The file.
        path: PathBuf,
        /// The command that writes such files.
        command: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The metrics belong to another model.
    #[error("{path}: expected metrics of the model {expected}, found those of {found}; evaluate the model again", path = path.display())]
    OtherModel {
        /// The file.
        path: PathBuf,
        /// Fingerprint of the model.
        expected: String,
        /// Fingerprint found in the metrics.
        found: String,
    },
    /// There are no metrics.
    #[error("{path} holds no metrics*.json: run `trainer evaluate --report` first", path = path.display())]
    NoMetrics {
        /// The folder.
        path: PathBuf,
    },
    /// The configuration of a model cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A model given as another seed has a different recipe or other corpora.
    #[error(
        "{path}: expected the recipe and the corpora of {expected} with another seed, found others; name models that differ in \
         training.seed alone",
        path = path.display(),
        expected = expected.display()
    )]
    OtherRecipe {
        /// The folder given as another seed.
        path: PathBuf,
        /// The folder of the card.
        expected: PathBuf,
    },
    /// Two models have the same seed.
    #[error("{path}: the seed {seed} is there already; name each seed once, and not that of the model itself", path = path.display())]
    SeedTwice {
        /// The folder of the second.
        path: PathBuf,
        /// Its seed.
        seed: u64,
    },
    /// A model lacks an evaluation that the main model has.
    #[error("{path} holds no metrics*.json of {place}: run `trainer evaluate --report` on it", path = path.display())]
    NotMeasured {
        /// The folder.
        path: PathBuf,
        /// The data to evaluate it on.
        place: String,
    },
    /// A file of seeds has unexpected content.
    #[error("{path}: expected what `trainer card --seeds` writes for this model: {reason}; write it again, or remove it", path = path.display())]
    Seeds {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// Writes `MODEL_CARD.md` into the folder of a model, and `seeds.csv` if there are folders for other `seeds`: the same recipe, each with its model
/// and `metrics*.json` of the same clips.
///
/// # Errors
/// [`CardError`]; an existing card is then unchanged.
pub fn write_card(folder: &Path, seeds: &[PathBuf]) -> Result<PathBuf, CardError> {
    let model = Model::open(&folder.join("model.onnx"))?;
    let evaluations = evaluations(folder, &model)?;
    if !seeds.is_empty() {
        seeds::write(folder, &model, &evaluations, seeds)?;
    }
    let robustness = robustness(folder, &model)?;
    let seeds = seeds::read(folder, &model)?;
    let units = folder.join("units.md");
    let units = if units.is_file() { Some(files::read_text(&units)?) } else { None };
    let path = folder.join(CARD);
    let unseen = folder.join(UnseenRecord::FILE);
    let unseen = if unseen.is_file() { Some(figures(&unseen, "trainer crossval --protocol cross-corpus")?) } else { None };
    let measured = Measured { unseen, evaluations, seeds, robustness, units };
    files::write_atomically(&path, card(&model, &measured).as_bytes())?;
    Ok(path)
}

/// The files written by [`write_card`].
#[must_use]
pub fn files(folder: &Path, seeds: &[PathBuf]) -> Vec<PathBuf> {
    let mut files = vec![folder.join(CARD)];
    files.extend((!seeds.is_empty()).then(|| folder.join(seeds::FILE)));
    files
}

/// Results found in the folder of a model.
struct Measured {
    /// Results of the recipe on corpora held out from training.
    unseen: Option<UnseenRecord>,
    evaluations: Vec<Evaluation>,
    seeds: Vec<SeedFigures>,
    robustness: Option<Robustness>,
    /// As Markdown.
    units: Option<String>,
}

/// All `metrics*.json` of a folder, starting with `metrics.json`.
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
            let evaluation: Evaluation = figures(&path, "trainer evaluate --report")?;
            let (expected, found) = (model.fingerprint(), &evaluation.model.fingerprint);
            if expected == found {
                Ok(evaluation)
            } else {
                Err(CardError::OtherModel { path, expected: expected.to_owned(), found: found.clone() })
            }
        })
        .collect()
}

/// `robustness.json`, if it exists.
fn robustness(folder: &Path, model: &Model) -> Result<Option<Robustness>, CardError> {
    let path = folder.join("robustness.json");
    if !path.is_file() {
        return Ok(None);
    }
    let robustness: Robustness = figures(&path, "trainer robustness")?;
    let (expected, found) = (model.fingerprint(), &robustness.model.fingerprint);
    if expected == found {
        Ok(Some(robustness))
    } else {
        Err(CardError::OtherModel { path, expected: expected.to_owned(), found: found.clone() })
    }
}

/// The content of a file written by `command`.
fn figures<T: DeserializeOwned>(path: &Path, command: &'static str) -> Result<T, CardError> {
    let text = files::read_text(path)?;
    serde_json::from_str(&text).map_err(|error| CardError::Figures { path: path.to_owned(), command, reason: error.to_string() })
}

fn card(model: &Model, measured: &Measured) -> String {
    let mut text = String::new();
    // INVARIANT: writing to a String cannot fail.
    write_card_text(&mut text, model, measured).expect("a String takes any text");
    text
}

fn write_card_text(text: &mut String, model: &Model, measured: &Measured) -> std::fmt::Result {
    let contract = model.contract();
    writeln!(text, "# {}\n", contract.id)?;
    writeln!(text, "<!-- Written by `trainer card`; do not edit. -->\n")?;
    writeln!(
        text,
        "Takes up to {} s of speech and gives the probabilities of angry, happy, sad and neutral, as the labels of its training data mean \
         them.\n",
        contract.block_seconds
    )?;
    write_facts(text, model, contract)?;
    if let Some(unseen) = &measured.unseen {
        write_unseen(text, unseen)?;
    }
    for evaluation in &measured.evaluations {
        write_evaluation(text, contract, evaluation)?;
    }
    seeds::write_section(text, model, &measured.seeds)?;
    if let Some(robustness) = &measured.robustness {
        write_robustness(text, robustness)?;
    }
    if let Some(units) = &measured.units {
        writeln!(text, "## Other sizes\n")?;
        writeln!(
            text,
            "The same recipe with other numbers of units, mean ± deviation over the seeds; the dev split chose each epoch.\n"
        )?;
        writeln!(text, "{units}")?;
        if contract.networks.members().iter().any(|network| matches!(network.cell, CellConfig::PaperLtc(_))) {
            writeln!(
                text,
                "The paper quotes 710 parameters for 16 units. Its cell has `units * (39 + units) + 8 * units + 4` of them: 1,012 for 16 \
                 units and 712 for 12, the size of its best published weights.\n"
            )?;
        }
    }
    write_limits(text, contract, measured.robustness.is_some())
}

fn write_limits(text: &mut String, contract: &Contract, has_robustness: bool) -> std::fmt::Result {
    writeln!(text, "## Limits\n")?;
    let is_read = |corpus: &TrainingCorpus| Layout::of_corpus(&corpus.name).is_some_and(Layout::is_read_by_actors);
    let origin = if contract.training.corpora.iter().all(is_read) {
        "It was trained on actors who read short sentences. Spontaneous speech, other languages"
    } else {
        "It knows the recordings it was trained on. Other voices, other ways of speaking, other languages"
    };
    writeln!(text, "- {origin} and other recording conditions are recognised worse.")?;
    writeln!(text, "- It hears how something is said, not what. It says nothing about what a person feels.")?;
    if has_robustness {
        writeln!(
            text,
            "- Level, room and channel shift the answers: the table above says how often each emotion was found under each condition."
        )?;
    }
    writeln!(text, "- Silence and noise get an answer too where no detector of speech stands before it.")?;
    writeln!(text, "- Not for decisions about people.")
}

fn write_facts(text: &mut String, model: &Model, contract: &Contract) -> std::fmt::Result {
    let front_end = &contract.front_end;
    let n_features = front_end.n_features();
    let rate = f64::from(front_end.sample_rate);
    let has_prosody = front_end.has(FeatureGroup::Prosody);
    let floor = front_end
        .floor_db
        .map_or_else(String::new, |floor_db| format!(", a soft floor {floor_db} dB below the block's loudest band"));
    let heard = front_end.speech_margin.map_or_else(String::new, |margin| {
        format!(", of the steps in which somebody speaks or that are at most {margin} s from one")
    });
    let prosody = if has_prosody { ", prosody (pitch, voicing, level, and the derivatives of pitch and level)" } else { "" };
    writeln!(text, "| | |\n|---|---|")?;
    writeln!(text, "| fingerprint | `{}` |", model.fingerprint())?;
    for network in contract.networks.members() {
        writeln!(text, "| network | {} |", describe(network, n_features))?;
    }
    if let [_, _, ..] = contract.networks.members() {
        let n_parameters = contract.networks.n_parameters(n_features);
        writeln!(
            text,
            "| together | the mean of the logarithms of their probabilities; {n_parameters} trained values together |"
        )?;
    }
    writeln!(
        text,
        "| features | {n_features} values every {:.0} ms: {} MFCC ({} mel bands, {:.0} ms windows every {:.0} ms{floor}) with two derivatives{prosody}, \
         averaged over {} frames{heard}, standardised |",
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
    for TrainingRun { seed, epoch, .. } in contract.training.runs() {
        writeln!(text, "| seed, epoch | {seed}, {epoch} |")?;
    }
    for (name, value) in &contract.metrics {
        writeln!(text, "| {} | {value:.3} |", name.replace('_', " "))?;
    }
    writeln!(text, "| licence | {} |\n", contract.licence)?;
    if let Some(voice) = &contract.voice {
        writeln!(
            text,
            "It leans to some emotions with some voices. What it heard of a voice before corrects that, once the answers differ by {} nats among themselves \
             (fully from {} on); {} s of speech are remembered.\n",
            voice.least_variety, voice.full_variety, voice.memory_seconds
        )?;
    }
    let adopted = match contract.certainty {
        Some(_) => {
            " `trainer adopt` then took the threshold of certainty and `[voice]` from a cross-validation on corpora left out of training."
        }
        None => "",
    };
    match contract.networks.members().len() {
        1 => writeln!(
            text,
            "`train.toml` is the complete configuration. Made with `trainer train --config train.toml --manifest CSV --out RUN`, then \
             `trainer export RUN --out model.onnx`.{adopted}\n"
        ),
        n => writeln!(
            text,
            "`train.toml` to `train-{n}.toml` are the complete configurations. Made with `trainer train --config train.toml --manifest CSV --out RUN` for each, \
             then `trainer export RUN RUN ... --out model.onnx`.{adopted}\n"
        ),
    }
}

/// One-line description of a network.
fn describe(network: &NetworkConfig, n_features: usize) -> String {
    let cell = network.cell.description();
    let layers = if network.layers == 1 { String::new() } else { format!("{} layers of ", network.layers) };
    let seen = match network.pooling {
        Pooling::Last => "the last output",
        Pooling::Mean => "the mean output",
        Pooling::MeanDeviation => "mean and deviation of the outputs",
        Pooling::Attention => "the outputs weighted by attention",
    };
    let n_parameters = network.n_parameters(n_features);
    format!("{cell}, {layers}{} units, {n_parameters} trained values, softmax readout of {seen}", network.units)
}

fn write_unseen(text: &mut String, record: &UnseenRecord) -> std::fmt::Result {
    let UnseenRecord { model, seeds, n_parameters, results, .. } = record;
    let size = n_parameters.map_or_else(|| "a network".to_owned(), |n| format!("a network of {n} trained values"));
    let seeds: Vec<String> = seeds.iter().map(ToString::to_string).collect();
    writeln!(text, "## Corpora that were left out\n")?;
    writeln!(
        text,
        "Recipes are compared by this, before any test split is looked at: {size} by the recipe of {model}, seeds {}.\n",
        seeds.join(", ")
    )?;
    writeln!(text, "{}", results.to_markdown())
}

fn write_voice_curve(text: &mut String, curve: &[HeardPoint]) -> std::fmt::Result {
    let row = |name: &str, figure: &dyn Fn(&HeardPoint) -> String| {
        let cells: Vec<String> = curve.iter().map(figure).collect();
        format!("| {name} | {} |", cells.join(" | "))
    };
    writeln!(text, "\n{}", row("seconds heard of the voice", &|point| format!("{:.0}", point.seconds)))?;
    writeln!(text, "|---|{}", "---:|".repeat(curve.len()))?;
    writeln!(text, "{}", row("UAR after other clips, by chance", &|point| format!("{:.3}", point.others)))?;
    writeln!(text, "{}", row("UAR after the clips before", &|point| format!("{:.3}", point.before)))?;
    writeln!(text, "{}", row("UAR after the same emotion alone", &|point| format!("{:.3}", point.same)))?;
    let neutral = 100.0 * NATURAL_SHARES[Emotion::Neutral.index()];
    let natural = format!("accuracy if, as in natural speech, {neutral:.0} % of the clips were neutral, after such clips");
    writeln!(text, "{}", row(&natural, &|point| format!("{:.3}", point.natural)))
}

fn write_evaluation(text: &mut String, contract: &Contract, evaluation: &Evaluation) -> std::fmt::Result {
    let Evaluation { report, per_speaker, backend, .. } = evaluation;
    let unseen = if evaluation.has_any_of(&contract.training.corpora) { "" } else { ", a corpus it was not trained on" };
    writeln!(text, "## {}{unseen}\n", evaluation.place())?;
    writeln!(
        text,
        "UAR **{:.3}** (95 % interval over {} speaker{} {}), accuracy {:.3}, macro-F1 {:.3}, {} utterances, through \
         the engine ({backend}).\n",
        report.uar,
        per_speaker.len(),
        if per_speaker.len() == 1 { "" } else { "s" },
        interval_text(report.uar_interval),
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
    if let Some(CorpusMetrics { n, uar, uar_interval, accuracy, .. }) = evaluation.perceived {
        let interval = interval_text(uar_interval);
        writeln!(
            text,
            "\nOn the {n} utterances whose listeners perceived the intended emotion: UAR {uar:.3} (95 % interval {interval}), accuracy \
             {accuracy:.3}."
        )?;
    }
    if let Some(calibration) = &evaluation.calibration {
        writeln!(
            text,
            "\nExpected calibration error over {} bins: {:.3}; a calibrated model would have {:.3} with so many clips.",
            calibration.bins.len(),
            calibration.ece,
            calibration.ece_if_calibrated()
        )?;
    }
    if let Some(honesty) = &evaluation.honesty {
        write_honesty(text, evaluation, honesty)?;
    }
    if !evaluation.voice_curve.is_empty() {
        write_voice_curve(text, &evaluation.voice_curve)?;
    }
    if evaluation.per_corpus.len() > 1 {
        writeln!(text, "\n| corpus | UAR | 95 % interval | accuracy | speakers | utterances |\n|---|---:|---|---:|---:|---:|")?;
        for (name, corpus) in &evaluation.per_corpus {
            let interval = interval_text(corpus.uar_interval);
            let (uar, accuracy, n_speakers, n) = (corpus.uar, corpus.accuracy, corpus.n_speakers, corpus.n);
            writeln!(text, "| {name} | {uar:.3} | {interval} | {accuracy:.3} | {n_speakers} | {n} |")?;
        }
    }
    writeln!(text)
}

fn write_honesty(text: &mut String, evaluation: &Evaluation, honesty: &Honesty) -> std::fmt::Result {
    let Honesty { certain_from, certain, surest_50, surest_70, activation } = honesty;
    let of = |Answered { coverage, accuracy }: &Answered| format!("{:.1} % of {:.0} %", 100.0 * accuracy, 100.0 * coverage);
    writeln!(
        text,
        "\nRight: {} that are certain (probability of at least {certain_from}); {} the surest, {} the surest. Calm against excited: balanced \
         accuracy {:.3}, calibration error {:.3}. Unfamiliar: {} of {} clips.",
        of(certain),
        of(surest_50),
        of(surest_70),
        activation.balanced_accuracy,
        activation.ece,
        evaluation.n_unfamiliar,
        evaluation.report.n
    )
}

fn write_robustness(text: &mut String, robustness: &Robustness) -> std::fmt::Result {
    writeln!(text, "## Worse recordings\n\nThe same clips ({}), changed.\n", robustness.place())?;
    writeln!(
        text,
        "| condition | UAR | 95 % interval | accuracy | utterances | found angry | found happy | found sad | found neutral |\n\
         |---|---:|---|---:|---:|---:|---:|---:|---:|"
    )?;
    for row in &robustness.rows {
        let interval = interval_text(row.uar_interval);
        let [angry, happy, sad, neutral] = Emotion::ALL.map(|emotion| row.confusion.found(emotion));
        writeln!(
            text,
            "| {} | {:.3} | {interval} | {:.3} | {} | {angry} | {happy} | {sad} | {neutral} |",
            row.condition, row.uar, row.accuracy, row.n
        )?;
    }
    for skipped in &robustness.skipped {
        writeln!(text, "\nNot measured: {skipped}.")?;
    }
    writeln!(text)
}
