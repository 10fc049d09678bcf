//! Cross-validations: all models and groups, the leakage of the published protocol, the cross-corpus matrix.

use std::collections::BTreeMap;

use super::compare::seeds;
use super::page::Section;
use super::source::Material;
use crate::base::plot::{Bar, Bars, Reference, series};
use crate::base::table::Table;
use crate::measure::evaluate::SpeakerMetrics;
use crate::measure::metrics::interval_text;
use crate::measure::{ConfusionFigure, Reliability};
use crate::study::paper::comparison::{beside_the_paper, note_beside_the_paper};
use crate::study::protocol::matrix_figure;
use crate::study::protocol::results::{CrossvalResults, ModelResults, Spread};
use crate::study::protocol::tables::{LEAK_NOTE, leak_rows};
use crate::study::protocol::unseen::learning_figure;

pub(super) fn crossval(material: &Material) -> Option<Section> {
    if material.crossvals.is_empty() {
        return None;
    }
    let mut section = Section::new("Cross-validation");
    for (name, results) in &material.crossvals {
        let manifests: Vec<&str> = results.manifests.iter().map(|source| source.name.as_str()).collect();
        section.text(format!(
            "{name}: protocol {}, recipe {}, on {}. {} Seeds: {}.",
            results.protocol,
            results.model,
            manifests.join(", "),
            results.description,
            results.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
        ));
        if !results.left_out.is_empty() {
            section.text(format!("{} clips could not be used.", results.left_out.len()));
        }
        for model in &results.models {
            add_unseen(&mut section, name, model);
        }
        section.table(format!("{name}: mean ± deviation over the seeds, and their range"), figures(results));
        for model in &results.models {
            if let Some(table) = beside_the_paper(results, model) {
                section.table(format!("{name}, {}: the paper's numbers and these", model.name), table);
                section.text(note_beside_the_paper());
            }
            add_leak(&mut section, name, results, model);
            add_matrix(&mut section, name, model);
        }
        if let Some(network) = results.models.first() {
            for group in &network.groups {
                let title = format!("{name}, {}, {}", network.name, group.name);
                let answers = format!("the answers of {} together", seeds(group.seeds.len()));
                let caption = format!("{title}: {answers}.");
                let figure = ConfusionFigure::of(format!("{title}: {answers}"), &group.pooled);
                section.figure(format!("crossval-confusion-{name}-{}", group.name), caption, figure);
                if let Some(calibration) = &group.calibration {
                    let caption =
                        format!("{title}: reliability diagram of {answers}, expected calibration error {:.3}.", calibration.ece);
                    let figure = Reliability { title: title.clone(), calibration: calibration.clone() };
                    section.figure(format!("crossval-reliability-{name}-{}", group.name), caption, figure);
                }
                add_parts(&mut section, "speaker", &title, &group.per_speaker);
                if group.per_corpus.len() > 1 {
                    add_parts(&mut section, "corpus", &title, &group.per_corpus);
                }
            }
        }
    }
    Some(section)
}

fn show(spread: &Spread) -> String {
    match spread.deviation {
        Some(deviation) => format!("{:.3} ± {deviation:.3} ({:.3} - {:.3})", spread.mean, spread.min, spread.max),
        None => format!("{:.3}", spread.mean),
    }
}

fn figures(results: &CrossvalResults) -> Table {
    let mut table = Table::new([
        "model",
        "group",
        "parameters",
        "s a training",
        "ms a block",
        "utterances",
        "UAR",
        "interval over speakers",
        "accuracy",
        "macro-F1",
    ]);
    for model in &results.models {
        for group in &model.groups {
            table.push([
                model.name.clone(),
                group.name.clone(),
                model.n_parameters.map_or_else(String::new, |n| n.to_string()),
                format!("{:.1}", model.training_seconds()),
                model.block_ms.map_or_else(String::new, |ms| format!("{ms:.3}")),
                (group.pooled.n / group.seeds.len().max(1) as u64).to_string(),
                show(&group.uar),
                interval_text(group.pooled.uar_interval),
                show(&group.accuracy),
                show(&group.macro_f1),
            ]);
        }
    }
    table
}

/// The effect of each relaxed rule of the published protocol.
fn add_leak(section: &mut Section, name: &str, results: &CrossvalResults, model: &ModelResults) {
    if model.leak.is_empty() {
        return;
    }
    let mut table = Table::new(["what is loosened", "from", "to", "clips", "gain in points of UAR"]);
    leak_rows(results, model).into_iter().for_each(|row| table.push(row));
    section.table(format!("{name}, {}: the leak of the published protocol, each seed with itself", model.name), table);
    section.text(LEAK_NOTE);
    let bars = model
        .groups
        .iter()
        .map(|group| Bar {
            group: String::new(),
            label: group.name.clone(),
            value: group.uar.mean,
            interval: group.uar.deviation.map(|deviation| [group.uar.mean - deviation, group.uar.mean + deviation]),
            note: seeds(group.seeds.len()),
            colour: series(0),
        })
        .collect();
    let figure = Bars {
        title: format!("{name}, {}: the same network under stricter and looser protocols", model.name),
        subtitle: "whiskers: one deviation over the seeds to each side".to_owned(),
        x_label: "UAR".to_owned(),
        bars,
        reference: Some(Reference::chance()),
    };
    section.figure(format!("leak-{name}-{}", model.name), format!("{name}: what the protocol alone changes."), figure);
}

/// What decides between recipes.
fn add_unseen(section: &mut Section, name: &str, model: &ModelResults) {
    let Some(unseen) = &model.unseen else { return };
    section.table(format!("{name}, {}: corpora that it never heard", model.name), unseen.table());
    section.text(unseen.note());
    let title = format!("{name}, {}: what another corpus is worth", model.name);
    if let Some(figure) = learning_figure(&unseen.learning_curve, &title) {
        section.table(title.clone(), unseen.learning_table());
        section.figure(format!("learning-curve-{name}-{}", model.name), format!("{title}."), figure);
    }
}

/// Training on one corpus, testing on another.
fn add_matrix(section: &mut Section, name: &str, model: &ModelResults) {
    let title = format!("{name}, {}: across corpora", model.name);
    if let Some(figure) = matrix_figure(model, &title) {
        let caption = format!("{name}, {}: trained on one corpus, tested on each.", model.name);
        section.figure(format!("cross-corpus-{name}-{}", model.name), caption, figure);
    }
}

/// UAR per speaker or corpus.
fn add_parts(section: &mut Section, part: &str, title: &str, by_name: &BTreeMap<String, SpeakerMetrics>) {
    let mut speakers: Vec<_> = by_name.iter().collect();
    speakers.sort_by(|a, b| b.1.uar.total_cmp(&a.1.uar).then_with(|| a.0.cmp(b.0)));
    let bars = speakers
        .iter()
        .map(|(label, metrics)| Bar {
            group: String::new(),
            label: (*label).clone(),
            value: metrics.uar,
            interval: None,
            note: format!("n = {}", metrics.n),
            colour: series(0),
        })
        .collect();
    let figure = Bars {
        title: format!("By {part}: {title}"),
        subtitle: "n counts answers, those of all seeds together".to_owned(),
        x_label: "UAR".to_owned(),
        bars,
        reference: Some(Reference::chance()),
    };
    section.figure(format!("crossval-{part}-{title}"), format!("{title}: UAR by {part}, the best first."), figure);
}
