//! Sweeps: the paper's Table 1 compared with ours, and all configurations by their dev metric.

use std::collections::BTreeSet;

use serde_json::Value;

use super::page::Section;
use super::source::Material;
use crate::base::plot::{Bar, Bars, Reference, series};
use crate::base::table::Table;
use crate::study::paper::published::{CITATION, Row, TABLE_1};
use crate::study::protocol::results::Spread;
use crate::study::sweep::config::Metric;
use crate::study::sweep::results::{ConfigurationResult, SweepResults, TrialStatus};

/// The paper's Table 1 compared with the sweeps that contain its configurations.
pub(super) fn table_1(material: &Material) -> Option<Section> {
    // A single configuration may match several rows in the settings it contains; that is not a reproduction of Table 1.
    let is_table = |sweep: &SweepResults| {
        let found = TABLE_1.iter().filter_map(|row| of_row(sweep, row));
        found.map(|configuration| configuration.name.as_str()).collect::<BTreeSet<_>>().len() > 1
    };
    let with_rows: Vec<_> = material.sweeps.iter().filter(|(_, sweep)| is_table(sweep)).collect();
    if with_rows.is_empty() {
        return None;
    }
    let mut section = Section::new("The paper's Table 1");
    section.text(format!(
        "Paper: {CITATION}, Table 1: accuracy on IEMOCAP, where speakers and augmented copies are on both sides of the split and the split that stops the training is the \
         one that is quoted. Ours: the same settings with speakers kept apart, mean ± deviation over the seeds, at the epoch that is best on the dev split."
    ));
    for (name, sweep) in with_rows {
        let manifests: Vec<&str> = sweep.manifests.iter().map(|source| source.name.as_str()).collect();
        let place = manifests.join(", ");
        section.table(format!("{name}: Table 1 on {place}, {} seeds", sweep.seeds.len()), side_by_side(sweep));
        let mut bars = Vec::new();
        for (index, row) in TABLE_1.iter().enumerate() {
            let group = format!("row {}: {}", index + 1, row.settings());
            let bar = |label: &str, value, interval, note: String, colour| Bar {
                group: group.clone(),
                label: label.to_owned(),
                value,
                interval,
                note,
                colour,
            };
            bars.push(bar("paper (IEMOCAP, leaking split)", row.accuracy, None, "quoted".to_owned(), series(5)));
            if let Some(dev) = of_row(sweep, row).and_then(|configuration| configuration.dev) {
                let seeds = format!("{} seeds", sweep.seeds.len());
                bars.push(bar("ours, dev split", dev.accuracy.mean, around(&dev.accuracy), seeds, series(0)));
            }
        }
        let figure = Bars {
            title: format!("Table 1: accuracy of the paper and ours on {place}"),
            subtitle: "whiskers: one deviation over the seeds to each side".to_owned(),
            x_label: "accuracy".to_owned(),
            bars,
            reference: None,
        };
        section.figure(
            format!("table-1-{name}"),
            format!("The rows of the paper's Table 1: accuracy published and ours ({place})."),
            figure,
        );
    }
    Some(section)
}

fn of_row<'a>(sweep: &'a SweepResults, row: &Row) -> Option<&'a ConfigurationResult> {
    sweep.configurations.iter().find(|configuration| row.is(&configuration.settings))
}

fn side_by_side(sweep: &SweepResults) -> Table {
    let mut table = Table::new([
        "row",
        "learning rate",
        "L2",
        "batch",
        "units",
        "epochs",
        "factor",
        "patience",
        "oversampling",
        "paper's accuracy",
        "our configuration",
        "our dev accuracy",
        "our dev UAR",
    ]);
    for (index, row) in TABLE_1.iter().enumerate() {
        let ours = of_row(sweep, row);
        let dev = ours.and_then(|configuration| configuration.dev);
        let missing = || if ours.is_some() { "not finished".to_owned() } else { "not in the sweep".to_owned() };
        table.push([
            (index + 1).to_string(),
            row.learning_rate.to_string(),
            row.l2.to_string(),
            row.batch_size.to_string(),
            row.units.to_string(),
            row.epochs.to_string(),
            row.factor.map_or_else(|| "-".to_owned(), |factor| factor.to_string()),
            row.patience.to_string(),
            if row.oversample { "yes" } else { "no" }.to_owned(),
            format!("{:.4}", row.accuracy),
            ours.map_or_else(String::new, |configuration| configuration.name.clone()),
            dev.map_or_else(missing, |dev| dev.accuracy.to_string()),
            dev.map_or_else(missing, |dev| dev.uar.to_string()),
        ]);
    }
    table
}

impl Row {
    fn settings(&self) -> String {
        let oversampling = if self.oversample { ", oversampled" } else { "" };
        format!("{} units, rate {}, L2 {}, batch {}{oversampling}", self.units, self.learning_rate, self.l2, self.batch_size)
    }
}

/// One standard deviation to each side.
fn around(spread: &Spread) -> Option<[f64; 2]> {
    spread.deviation.map(|deviation| [spread.mean - deviation, spread.mean + deviation])
}

/// Every sweep: its configurations, best first, and the choice.
pub(super) fn sweeps(material: &Material) -> Option<Section> {
    if material.sweeps.is_empty() {
        return None;
    }
    let mut section = Section::new("Sweeps");
    section.text("The dev split decides; the test split is measured for the chosen configuration alone, after the choice.");
    for (name, sweep) in &material.sweeps {
        section.text(chosen_sentence(name, sweep));
        let mut ordered: Vec<&ConfigurationResult> = sweep.configurations.iter().collect();
        let figure_of = |configuration: &ConfigurationResult| configuration.dev.map(|dev| dev.get(sweep.metric).mean);
        ordered.sort_by(|a, b| match (figure_of(a), figure_of(b)) {
            (Some(a), Some(b)) => sweep.metric.better_first(a, b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        });
        section.table(
            format!("{name}: all configurations, the best on {} first", sweep.metric.label()),
            configurations(sweep, &ordered),
        );
        let bars: Vec<Bar> = ordered
            .iter()
            .filter_map(|configuration| {
                let spread = configuration.dev?.get(sweep.metric);
                let chosen = sweep.chosen.as_ref().is_some_and(|chosen| chosen.configuration == configuration.name);
                Some(Bar {
                    group: String::new(),
                    label: configuration.name.clone(),
                    value: spread.mean,
                    interval: around(&spread),
                    note: format!("{} parameters", configuration.n_parameters),
                    colour: series(usize::from(chosen)),
                })
            })
            .collect();
        if bars.is_empty() {
            continue;
        }
        let figure = Bars {
            title: format!("Sweep {name}: {}", sweep.metric.label()),
            subtitle: format!(
                "mean over {} seeds; whiskers: one deviation to each side; the chosen one in another colour",
                sweep.seeds.len()
            ),
            x_label: sweep.metric.label().to_owned(),
            bars,
            reference: (sweep.metric == Metric::DevUar).then(Reference::chance),
        };
        section.figure(format!("sweep-{name}"), format!("{name}: every configuration that was trained to its end."), figure);
    }
    Some(section)
}

fn chosen_sentence(name: &str, sweep: &SweepResults) -> String {
    let Some(chosen) = &sweep.chosen else {
        return format!("{name}: not complete, so nothing is chosen; `trainer sweep` with the same folder continues it.");
    };
    let test = chosen.test.as_ref().map_or_else(
        || "the manifests have no test split".to_owned(),
        |test| {
            let ends: Vec<String> = test.trials.iter().map(|trial| format!("{:.3}", trial.report.uar)).collect();
            format!("test UAR {}, accuracy {} (UAR of each seed: {})", test.uar, test.accuracy, ends.join(", "))
        },
    );
    format!("{name}: chosen {} ({}); {test}.", chosen.configuration, chosen.by)
}

fn configurations(sweep: &SweepResults, ordered: &[&ConfigurationResult]) -> Table {
    let header = ["configuration"].into_iter().chain(sweep.keys.iter().map(String::as_str));
    let mut table = Table::new(header.chain(["parameters", "seeds done", "dev UAR", "dev accuracy", "dev loss"]));
    for configuration in ordered {
        let settings = sweep.keys.iter().map(|key| match configuration.settings.get(key) {
            None | Some(Value::Null) => "-".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(value) => value.to_string(),
        });
        let done = configuration.trials.iter().filter(|trial| trial.status == TrialStatus::Finished).count();
        let diverged = configuration.trials.iter().filter(|trial| trial.status == TrialStatus::Diverged).count();
        let done = match diverged {
            0 => format!("{done}/{}", configuration.trials.len()),
            n => format!("{done}/{} ({n} diverged)", configuration.trials.len()),
        };
        let dev = |spread: fn(&crate::study::sweep::results::DevSpread) -> Spread| {
            configuration.dev.as_ref().map_or_else(String::new, |dev| spread(dev).to_string())
        };
        let figures =
            [configuration.n_parameters.to_string(), done, dev(|dev| dev.uar), dev(|dev| dev.accuracy), dev(|dev| dev.loss)];
        table.push([configuration.name.clone()].into_iter().chain(settings).chain(figures));
    }
    table
}
