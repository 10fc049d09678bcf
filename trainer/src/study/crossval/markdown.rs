//! The results of a cross-validation as a readable page: `summary.md`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use moodline_learn::network::LANES;

use crate::measure::metrics::interval_text;
use crate::study::paper::comparison::{beside_the_paper, note_beside_the_paper};
use crate::study::protocol::results::{CrossvalResults, FoldResults, GroupResults, ModelResults, Spread};
use crate::study::protocol::tables::{LEAK_NOTE, Matrix, leak_rows};

impl CrossvalResults {
    /// Main results, classes, seeds, folds; for a cross-corpus protocol the matrix, for `paper` the leakage.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let seeds: Vec<String> = self.seeds.iter().map(ToString::to_string).collect();
        let sources: Vec<&str> = self.manifests.iter().map(|source| source.name.as_str()).collect();
        let mut text = format!(
            "# {} on {}: {}\n\n{}\n\nSeeds {}; folds drawn with seed {}. UAR is the mean of the four recalls; ± is the sample deviation over the \
             seeds, the interval a 95 % bootstrap over speakers of all seeds pooled.\n\n",
            self.model,
            sources.join(" + "),
            self.protocol,
            self.description,
            seeds.join(", "),
            self.split_seed
        );
        for model in &self.models {
            if let Some(unseen) = &model.unseen {
                line(
                    &mut text,
                    format_args!(
                        "## {}, on corpora that it never heard\n\n{}\n## All groups\n",
                        model.name,
                        unseen.to_markdown()
                    ),
                );
            }
        }
        self.write_headline(&mut text);
        for model in &self.models {
            if let Some(table) = beside_the_paper(self, model) {
                line(&mut text, format_args!("\n## {}: the paper's numbers and these\n", model.name));
                line(&mut text, format_args!("{}\n{}", table.to_markdown(), note_beside_the_paper()));
            }
            if !model.leak.is_empty() {
                self.write_leak(&mut text, model);
            }
            if let Some(matrix) = Matrix::of(model) {
                write_matrix(&matrix, &mut text);
            }
            self.write_seeds_and_folds(&mut text, model);
        }
        if !self.left_out.is_empty() {
            line(&mut text, format_args!("## Left out\n"));
            self.left_out.iter().for_each(|problem| line(&mut text, format_args!("- {problem}")));
        }
        text
    }

    fn write_headline(&self, text: &mut String) {
        line(
            text,
            format_args!("| model | group | clips | UAR | interval | accuracy | macro-F1 | angry | happy | sad | neutral |"),
        );
        line(text, format_args!("|---|---|---:|---|---|---|---|---|---|---|---|"));
        for model in &self.models {
            for group in &model.groups {
                let GroupResults { name, uar, accuracy, macro_f1, pooled, recall, .. } = group;
                let interval = interval_text(pooled.uar_interval);
                let [angry, happy, sad, neutral] = recall;
                let n_clips = pooled.n / model.seeds.len() as u64;
                line(
                    text,
                    format_args!(
                        "| {} | {} | {n_clips} | {uar} | {interval} | {accuracy} | {macro_f1} | {angry} | {happy} | {sad} | {neutral} |",
                        model.name,
                        cell(name)
                    ),
                );
            }
        }
        line(text, format_args!("\nThe last four columns are the recalls."));
        for model in &self.models {
            let ModelResults { name, description, n_parameters, block_ms, seeds, .. } = model;
            let size = n_parameters.map_or_else(String::new, |n| format!("; {n} parameters"));
            let time = block_ms.map_or_else(String::new, |ms| format!(", {ms:.3} ms a block"));
            let alone = if seeds.len() < self.seeds.len() { "; nothing in it is drawn, so one seed stands for all" } else { "" };
            let seconds = model.training_seconds();
            line(text, format_args!("- {name}: {description}{size}; {seconds:.1} s a training{time}{alone}"));
        }
        line(
            text,
            format_args!(
                "\nSeconds are those of trainings side by side on the machine these results were made on. The time of a block is that of a network without \
                 the front end: {LANES} blocks side by side on one thread, divided by {LANES}."
            ),
        );
    }

    fn write_leak(&self, text: &mut String, model: &ModelResults) {
        line(text, format_args!("\n## {}: the leak, in points of UAR\n", model.name));
        line(text, format_args!("| what changes | from | to | clips | points |\n|---|---|---|---|---|"));
        for row in leak_rows(self, model) {
            line(text, format_args!("| {} |", row.join(" | ")));
        }
        line(text, format_args!("\n{LEAK_NOTE}"));
    }

    fn write_seeds_and_folds(&self, text: &mut String, model: &ModelResults) {
        for group in &model.groups {
            line(text, format_args!("\n## {}, {}: seeds and folds\n", model.name, group.name));
            line(text, format_args!("| seed | UAR | interval | accuracy | macro-F1 |\n|---:|---|---|---|---|"));
            for seed in &group.seeds {
                let interval = interval_text(seed.report.uar_interval);
                let report = &seed.report;
                line(
                    text,
                    format_args!(
                        "| {} | {:.3} | {interval} | {:.3} | {:.3} |",
                        seed.seed, report.uar, report.accuracy, report.macro_f1
                    ),
                );
            }
            line(
                text,
                format_args!("\n| fold | train | dev | test | dev UAR | UAR | accuracy |\n|---|---:|---:|---:|---|---|---|"),
            );
            let indices: BTreeSet<usize> = group.folds.iter().map(|fold| fold.fold).collect();
            for index in indices {
                let folds: Vec<_> = group.folds.iter().filter(|fold| fold.fold == index).collect();
                let over_seeds =
                    |figure: fn(&FoldResults) -> f64| Spread::of(&folds.iter().map(|fold| figure(fold)).collect::<Vec<_>>());
                let (dev_uar, uar, accuracy) =
                    (over_seeds(|fold| fold.dev_uar), over_seeds(|fold| fold.uar), over_seeds(|fold| fold.accuracy));
                let summary = &self.folds[index];
                let n_test = summary.n_test.get(&group.name).copied().unwrap_or(0);
                line(
                    text,
                    format_args!(
                        "| {} | {} | {} | {n_test} | {dev_uar} | {uar} | {accuracy} |",
                        cell(&summary.name),
                        summary.n_train,
                        summary.n_dev
                    ),
                );
            }
        }
    }
}

fn write_matrix(matrix: &Matrix<'_>, text: &mut String) {
    let columns: Vec<String> = matrix.columns.iter().map(|column| cell(column)).collect();
    line(text, format_args!("\n## UAR, trained on (row), tested on (column)\n"));
    line(text, format_args!("| | {} |\n|---|{}", columns.join(" | "), "---|".repeat(matrix.columns.len())));
    for row in &matrix.rows {
        let cells = matrix.columns.iter().map(|column| matrix.cell(row, column).map_or_else(String::new, |uar| uar.to_string()));
        line(text, format_args!("| {} | {} |", cell(row), cells.collect::<Vec<_>>().join(" | ")));
    }
}

/// A name as a cell of a Markdown table.
fn cell(name: &str) -> String {
    name.replace('|', "\\|")
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // INVARIANT: writing to a String cannot fail.
    writeln!(text, "{content}").expect("a String takes any text");
}
