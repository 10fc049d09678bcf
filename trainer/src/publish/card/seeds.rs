//! The same recipe with other seeds: how much a model's metrics vary by chance.
//!
//! In: folders of models that differ from the card's only in the seed, each with `metrics*.json` of the same clips. Out: `seeds.csv` beside the card,
//! one line per seed and evaluation, and the card's table of it. The table is generated from this file, so it is kept when the card is rewritten
//! without those folders.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use moodline_engine::Model;
use serde::{Deserialize, Serialize};

use super::{CardError, evaluations};
use crate::base::files;
use crate::measure::evaluate::Evaluation;
use crate::study::protocol::results::Spread;
use crate::train::config::TrainConfig;

/// File name in the folder of a model.
pub(super) const FILE: &str = "seeds.csv";

/// A line of the file: one seed, evaluated on one set of clips.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedFigures {
    /// Training seed.
    seed: u64,
    /// [`Model::fingerprint`] of the resulting model.
    fingerprint: String,
    /// [`Evaluation::place`]
    place: String,
    /// Number of utterances.
    n: u64,
    /// Unweighted average recall.
    uar: f64,
    /// Fraction of correctly classified utterances.
    accuracy: f64,
    /// Mean F1 score over the classes.
    macro_f1: f64,
    /// UAR on the dev split, which selected the epoch; empty if the model does not contain it.
    dev_uar: Option<f64>,
}

/// Writes `seeds.csv` into `folder` from its own model and those of `others`.
///
/// # Errors
/// [`CardError`]: a folder without such a model, a model trained differently, a duplicate seed, or a missing evaluation.
pub(super) fn write(folder: &Path, model: &Model, own: &[Evaluation], others: &[impl AsRef<Path>]) -> Result<(), CardError> {
    let mut by_seed = BTreeMap::from([(model.contract().training.seed, figures(folder, model, own, own)?)]);
    for other in others.iter().map(AsRef::as_ref) {
        let other_model = Model::open(&other.join("model.onnx"))?;
        check_recipe((folder, model), (other, &other_model))?;
        let lines = figures(other, &other_model, &evaluations(other, &other_model)?, own)?;
        let seed = other_model.contract().training.seed;
        if by_seed.insert(seed, lines).is_some() {
            return Err(CardError::SeedTwice { path: other.to_owned(), seed });
        }
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    for line in by_seed.values().flatten() {
        // INVARIANT: numbers and text serialise, and writing to memory cannot fail.
        writer.serialize(line).expect("a line");
    }
    // INVARIANT: writing to memory cannot fail.
    Ok(files::write_atomically(&folder.join(FILE), &writer.into_inner().expect("memory takes all of it"))?)
}

/// The metrics of a model for each of the `wanted` evaluations, in their order.
fn figures(folder: &Path, model: &Model, found: &[Evaluation], wanted: &[Evaluation]) -> Result<Vec<SeedFigures>, CardError> {
    let of_place = |wanted: &Evaluation| {
        let place = wanted.place();
        let missing = || CardError::NotMeasured { path: folder.to_owned(), place: place.clone() };
        let report = &found.iter().find(|evaluation| evaluation.place() == place).ok_or_else(missing)?.report;
        let contract = model.contract();
        Ok(SeedFigures {
            seed: contract.training.seed,
            fingerprint: model.fingerprint().to_owned(),
            place,
            n: report.n,
            uar: report.uar,
            accuracy: report.accuracy,
            macro_f1: report.macro_f1,
            dev_uar: contract.metrics.get("dev_uar").copied(),
        })
    };
    wanted.iter().map(of_place).collect()
}

/// Refuses a model with a different configuration or other corpora, because a mean over both would be meaningless.
fn check_recipe((folder, model): (&Path, &Model), (other, other_model): (&Path, &Model)) -> Result<(), CardError> {
    let mut recipe = recipe(other)?;
    recipe.training.seed = model.contract().training.seed;
    let same = recipe == self::recipe(folder)? && other_model.contract().training.corpora == model.contract().training.corpora;
    if same { Ok(()) } else { Err(CardError::OtherRecipe { path: other.to_owned(), expected: folder.to_owned() }) }
}

fn recipe(folder: &Path) -> Result<TrainConfig, CardError> {
    let path = folder.join("train.toml");
    Ok(TrainConfig::parse(&path.display().to_string(), &files::read_text(&path)?, &[])?)
}

/// The content of a folder's `seeds.csv`; nothing if it does not exist.
///
/// # Errors
/// [`CardError`]: the file has unexpected content or refers to other models.
pub(super) fn read(folder: &Path, model: &Model) -> Result<Vec<SeedFigures>, CardError> {
    let path = folder.join(FILE);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let text = files::read_text(&path)?;
    let lines: Result<Vec<SeedFigures>, csv::Error> = csv::Reader::from_reader(text.as_bytes()).deserialize().collect();
    let lines = lines.map_err(|error| CardError::Seeds { path: path.clone(), reason: error.to_string() })?;
    if lines.iter().any(|line| line.fingerprint == model.fingerprint()) {
        Ok(lines)
    } else {
        Err(CardError::Seeds { path, reason: format!("no line is of the model {}", model.fingerprint()) })
    }
}

/// The section of the card; nothing without lines.
pub(super) fn write_section(text: &mut String, model: &Model, lines: &[SeedFigures]) -> std::fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    let mut columns: Vec<(&str, Vec<Option<f64>>)> = Vec::new();
    let seeds: BTreeMap<u64, Option<f64>> = lines.iter().map(|line| (line.seed, line.dev_uar)).collect();
    columns.push(("dev, which chose the epoch", seeds.values().copied().collect()));
    for SeedFigures { place, .. } in lines {
        if columns.iter().all(|(name, _)| name != place) {
            let of = |seed: &u64| lines.iter().find(|line| line.seed == *seed && line.place == *place).map(|line| line.uar);
            columns.push((place, seeds.keys().map(of).collect()));
        }
    }
    let row =
        |cell: &dyn Fn(&[Option<f64>]) -> String| columns.iter().map(|(_, uars)| cell(uars)).collect::<Vec<_>>().join(" | ");
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    writeln!(text, "## Other seeds\n")?;
    writeln!(
        text,
        "UAR of the same recipe trained with other seeds; the model here has seed {}. The last line is the mean ± the sample deviation. \
         [{FILE}]({FILE}) has the other figures.\n",
        model.contract().training.seed
    )?;
    writeln!(text, "| seed | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()))?;
    for (index, seed) in seeds.keys().enumerate() {
        writeln!(text, "| {seed} | {} |", row(&|uars| uars[index].map_or_else(String::new, |uar| format!("{uar:.3}"))))?;
    }
    writeln!(text, "| {} seeds | {} |\n", seeds.len(), row(&|uars| spread(uars)))
}

/// Mean and standard deviation; empty if a value is missing.
fn spread(uars: &[Option<f64>]) -> String {
    let uars: Option<Vec<f64>> = uars.iter().copied().collect();
    uars.filter(|uars| !uars.is_empty()).map_or_else(String::new, |uars| Spread::of(&uars).to_string())
}
