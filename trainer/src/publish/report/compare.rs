//! Comparison of models: the paper's Figure 2, and UAR against cost.

use super::evaluations;
use super::page::Section;
use super::source::{EvaluationPart, LATENCY_RUNS, Material};
use crate::base::plot::{Bar, Bars, Point, Reference, Scatter, ScatterPanel, counted, series};
use crate::measure::evaluate::confusion_by_speaker;
use crate::measure::metrics::accuracy_interval;
use crate::study::paper::published;

/// The colour for quoted numbers, which is not used by any series.
const QUOTED: plotters::style::RGBColor = plotters::style::RGBColor(0x99, 0x99, 0x99);

/// "N seeds" as text.
pub(super) fn seeds(n: usize) -> String {
    format!("{n} seed{}", if n == 1 { "" } else { "s" })
}

/// The data of an evaluation: only evaluations on the same data are comparable.
fn place(part: &EvaluationPart) -> String {
    format!("{}, {} split", part.evaluation.manifests.join(", "), part.evaluation.split)
}

/// UAR of all evaluations, grouped by data.
pub(super) fn uar(material: &Material) -> Option<Section> {
    let mut places: Vec<String> = Vec::new();
    let mut rows: Vec<(String, Bar)> = Vec::new();
    let mut add = |group: String, label: String, value: f64, interval: Option<[f64; 2]>, note: String| {
        let index = places.iter().position(|place| *place == group).unwrap_or_else(|| {
            places.push(group.clone());
            places.len() - 1
        });
        rows.push((group.clone(), Bar { group, label, value, interval, note, colour: series(index) }));
    };
    for part in &material.evaluations {
        let report = &part.evaluation.report;
        add(place(part), part.name.clone(), report.uar, report.uar_interval, counted(report.n, report.uar_interval));
    }
    for (name, results) in &material.crossvals {
        for model in &results.models {
            for group in &model.groups {
                let label = if group.name == "test" { model.name.clone() } else { format!("{}, {}", model.name, group.name) };
                let note = format!("n = {} × {}", group.pooled.n / group.seeds.len().max(1) as u64, seeds(group.seeds.len()));
                let place = format!("{name}: cross-validation, protocol {}", results.protocol);
                add(place, label, group.uar.mean, group.pooled.uar_interval, note);
            }
        }
    }
    for run in &material.runs {
        if let Some(best) = &run.summary.best {
            let group = format!("dev split of {}, on which the epoch was chosen", run.summary.corpora.join(", "));
            add(group, run.name.clone(), best.dev_uar, None, format!("epoch {}", best.epoch));
        }
    }
    // Bars of a group are adjacent, in the order in which the groups first appeared.
    let ordered: Vec<Bar> = places
        .iter()
        .flat_map(|place| rows.iter().filter(move |(group, _)| group == place).map(|(_, bar)| bar.clone()))
        .collect();
    if ordered.is_empty() {
        return None;
    }
    let mut section = Section::new("Comparison of models");
    section.text("Only bars under the same heading were measured on the same recordings and can be compared.");
    let figure = Bars {
        title: "Unweighted average recall".to_owned(),
        subtitle: "whiskers: 95 % bootstrap interval over speakers, where there are several and they are known".to_owned(),
        x_label: "UAR".to_owned(),
        bars: ordered,
        reference: Some(Reference::chance()),
    };
    section.figure("comparison-uar", "UAR of every model, by what it was measured on; n counts utterances.", figure);
    Some(section)
}

/// Accuracy in comparison with the paper's Figure 2.
pub(super) fn accuracy(material: &Material) -> Option<Section> {
    if material.evaluations.is_empty() {
        return None;
    }
    let ours = material.evaluations.iter().map(|part| {
        let report = &part.evaluation.report;
        let interval = part.answers.as_deref().and_then(|answers| accuracy_interval(&confusion_by_speaker(answers)));
        Bar {
            group: "measured here, speakers of train and test apart".to_owned(),
            label: format!("{} on {}", part.name, place(part)),
            value: report.accuracy,
            interval,
            note: format!("n = {}", report.n),
            colour: series(0),
        }
    });
    let quoted = published::ACCURACIES.iter().map(|(name, value)| Bar {
        group: "quoted from the paper: IEMOCAP, speakers and copies on both sides".to_owned(),
        label: (*name).to_owned(),
        value: *value,
        interval: None,
        note: "quoted".to_owned(),
        colour: QUOTED,
    });
    let mut section = Section::new("Accuracy beside the paper's");
    section.text(format!(
        "Quoted: {}. Its Figure 2 is published as a picture; these are the numbers its text gives. They are from another corpus and a split with the same \
         speakers, and augmented copies of the same recordings, in train and test: they stand here to be seen, not to be beaten.",
        published::CITATION
    ));
    let figure = Bars {
        title: "Accuracy, as the paper's Figure 2 has it".to_owned(),
        subtitle: "whiskers: 95 % bootstrap interval over speakers, where there are several and predictions of them".to_owned(),
        x_label: "accuracy".to_owned(),
        bars: ours.chain(quoted).collect(),
        reference: None,
    };
    section.figure("comparison-accuracy", "Accuracy measured here and accuracies quoted from the paper.", figure);
    Some(section)
}

/// UAR against number of parameters, size and time. An evaluation belongs to the model with its fingerprint.
pub(super) fn cost(material: &Material, latency: bool) -> Option<Section> {
    let pairs: Vec<_> = material
        .evaluations
        .iter()
        .filter_map(|part| {
            let fingerprint = &part.evaluation.model.fingerprint;
            Some((part, material.models.iter().find(|model| model.fingerprint == *fingerprint)?))
        })
        .collect();
    if pairs.is_empty() {
        return None;
    }
    let mut section = Section::new("What it costs");
    let without: Vec<&str> = material
        .evaluations
        .iter()
        .filter(|part| pairs.iter().all(|(other, _)| other.name != part.name))
        .map(|part| part.name.as_str())
        .collect();
    if !without.is_empty() {
        section.text(format!("Without the model file beside them, and so not in the picture: {}.", without.join(", ")));
    }
    section.text(if latency {
        format!(
            "Time is that of the network alone over one block, in Moodline's own kernel on one thread, median of {LATENCY_RUNS} runs on the machine this page \
             was made on. Size is that of the model file."
        )
    } else {
        "Size is that of the model file. Time was not measured: `trainer report --latency` does it on the spot.".to_owned()
    });
    let panel = |x_label: &str, x: Vec<Option<f64>>| ScatterPanel { x_label: x_label.to_owned(), x };
    let figure = Scatter {
        title: "UAR against parameters, size and time".to_owned(),
        y_label: "UAR".to_owned(),
        panels: vec![
            panel("trained parameters", pairs.iter().map(|(_, model)| Some(model.n_parameters as f64)).collect()),
            panel("model file, kB", pairs.iter().map(|(_, model)| Some(model.n_bytes as f64 / 1000.0)).collect()),
            panel("time for one block, ms", pairs.iter().map(|(_, model)| model.latency_ms).collect()),
        ],
        points: pairs
            .iter()
            .map(|(part, _)| Point {
                name: evaluations::title(part),
                y: part.evaluation.report.uar,
                interval: part.evaluation.report.uar_interval,
            })
            .collect(),
    };
    section.figure(
        "cost",
        "UAR against the number of trained values, the size of the file, and time. The axes below are logarithmic.",
        figure,
    );
    Some(section)
}
