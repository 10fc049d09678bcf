//! Learning curves, as in the paper's Figure 1, for each run.

use super::page::Section;
use super::source::{Material, RunPart};
use crate::base::plot::{Guide, Line, LinePanel, Lines, series};
use crate::base::table::{Table, number};
use crate::study::paper::published::{LAST_EPOCH, TABLE_1};
use crate::train::checkpoint::EpochRecord;
use crate::train::run::list::list;

pub(super) fn learning_curves(material: &Material) -> Option<Section> {
    if material.runs.is_empty() {
        return None;
    }
    let mut section = Section::new("Training");
    section.text(
        "The curves of the paper's Figure 1, for each run. Train figures are taken while the weights still change, those of the dev split after each epoch; the \
         dev split decides which epoch is kept, so its figures at the best epoch are a little too good.",
    );
    let summaries: Vec<_> = material.runs.iter().map(|run| run.summary.clone()).collect();
    section.table("Runs, each with its best epoch", list(&summaries));
    section.table("Where the curves end", ends(material));
    for run in material.runs.iter().filter(|run| !run.history.is_empty()) {
        let caption =
            format!("Loss, UAR and accuracy of {} ({}) by epoch, {} epochs.", run.name, run.summary.model, run.history.len());
        section.figure(format!("learning-curves-{}", run.name), caption, figure(run));
    }
    Some(section)
}

/// The last epoch of each run, below the one from the paper's Figure 1.
fn ends(material: &Material) -> Table {
    let mut table = Table::new(["", "epoch", "train accuracy", "dev accuracy", "train loss", "dev loss"]);
    let [[train_accuracy, train_loss], [accuracy, loss]] = LAST_EPOCH;
    let figures = [train_accuracy, accuracy, train_loss, loss].map(number);
    let quoted = ["quoted from the paper: IEMOCAP, leaking split".to_owned(), TABLE_1[0].epochs.to_string()];
    table.push(quoted.into_iter().chain(figures));
    for run in &material.runs {
        let Some(last) = run.history.last() else { continue };
        let figures = [last.train_accuracy, last.dev_accuracy, last.train_loss, last.dev_loss].map(number);
        table.push([run.name.clone(), last.epoch.to_string()].into_iter().chain(figures));
    }
    table
}

fn figure(run: &RunPart) -> Lines {
    let line = |name: &str, index: usize, dashed: bool, figure: fn(&EpochRecord) -> f64| Line {
        name: name.to_owned(),
        points: run.history.iter().map(|record| (record.epoch as f64, figure(record))).collect(),
        colour: series(index),
        dashed,
    };
    let best = run.summary.best.as_ref().map(|record| record.epoch);
    Lines {
        title: format!("Training of {}", run.name),
        x_label: "epoch".to_owned(),
        panels: vec![
            LinePanel {
                y_label: "cross-entropy, nats".to_owned(),
                lines: vec![
                    line("train loss", 0, false, |record| record.train_loss),
                    line("dev loss", 1, false, |record| record.dev_loss),
                ],
            },
            LinePanel {
                y_label: "UAR, accuracy".to_owned(),
                lines: vec![
                    line("train UAR", 0, false, |record| record.train_uar),
                    line("dev UAR", 1, false, |record| record.dev_uar),
                    line("train accuracy", 0, true, |record| record.train_accuracy),
                    line("dev accuracy", 1, true, |record| record.dev_accuracy),
                ],
            },
        ],
        guide: best.map(|epoch| Guide { x: epoch as f64, label: format!("best epoch {epoch}") }),
    }
}
