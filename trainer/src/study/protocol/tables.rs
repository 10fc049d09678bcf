//! The results of a cross-validation as tables: CSV for programs, Markdown for people.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use moodline_learn::network::LANES;

use crate::measure::metrics::interval_text;

use super::beside::{beside_the_paper, note_beside_the_paper};
use super::results::{CrossvalResults, FoldResults, GroupResults, LeakStep, ModelResults, Spread};

/// A figure with its deviation over the seeds, `0.612 ± 0.011`.
impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = f.precision().unwrap_or(3);
        if f.sign_plus() {
            write!(f, "{:+.digits$}", self.mean)?;
        } else {
            write!(f, "{:.digits$}", self.mean)?;
        }
        self.deviation.map_or(Ok(()), |deviation| write!(f, " ± {deviation:.digits$}"))
    }
}

impl CrossvalResults {
    /// One line for each model, group, seed and fold.
    #[must_use]
    pub fn to_folds_csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut write = |fields: &[&str]| {
            // INVARIANT: writing to memory cannot fail, and every line has as many fields as the header.
            writer.write_record(fields).expect("a line of thirteen fields");
        };
        let header = "model,group,seed,fold,name,n_train,n_dev,n_test,best_epoch,chosen,dev_uar,uar,accuracy";
        write(&header.split(',').collect::<Vec<_>>());
        for model in &self.models {
            for group in &model.groups {
                for fold in &group.folds {
                    let summary = &self.folds[fold.fold];
                    let counts = [summary.n_train, summary.n_dev, fold.confusion.n() as usize].map(|n| n.to_string());
                    let figures = [fold.dev_uar, fold.uar, fold.accuracy].map(|figure| format!("{figure:.4}"));
                    let (seed, index) = (fold.seed.to_string(), fold.fold.to_string());
                    let epoch = fold.best_epoch.map_or_else(String::new, |epoch| epoch.to_string());
                    let mut fields = vec![model.name.as_str(), &group.name, &seed, &index, &summary.name];
                    fields.extend(counts.iter().map(String::as_str));
                    fields.extend([epoch.as_str(), &fold.chosen]);
                    fields.extend(figures.iter().map(String::as_str));
                    write(&fields);
                }
            }
        }
        text(writer)
    }

    /// Headline, classes, seeds, folds; for a cross-corpus protocol the matrix, for `paper` the leak.
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
                matrix.write_markdown(&mut text);
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

/// What stands under a table of the leak.
pub(crate) const LEAK_NOTE: &str = "Clips: what a training learns from, copies included, as the mean over the folds. Where the two differ, a part of the points is \
    that difference: who decides is taken out of those to train on, unless the tested clips decide.";

/// Adds the steps of the leak up: what changes, from where to where, with how many clips to train on, and what it is worth.
pub(crate) fn leak_rows(results: &CrossvalResults, model: &ModelResults) -> Vec<[String; 5]> {
    let clips = |group: &str| results.mean_n_train(model, group).map_or_else(|| "?".to_owned(), |n| format!("{n:.0}"));
    let row = |step: &LeakStep| {
        let clips = format!("{} to {}", clips(&step.from), clips(&step.to));
        [step.name.clone(), step.from.clone(), step.to.clone(), clips, format!("{:+.1}", step.points)]
    };
    model.leak.iter().map(row).collect()
}

impl ModelResults {
    /// The mean UAR of every cell, rows trained on, columns tested on; none where the protocol has no matrix.
    #[must_use]
    pub fn to_matrix_csv(&self) -> Option<String> {
        let matrix = Matrix::of(self)?;
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut write = |first: &str, cells: Vec<String>| {
            // INVARIANT: writing to memory cannot fail, and every line has as many fields as the header.
            writer.write_record(std::iter::once(first.to_owned()).chain(cells)).expect("a line of the matrix");
        };
        write("trained on", matrix.columns.iter().map(ToString::to_string).collect());
        for row in &matrix.rows {
            let cell = |column: &&str| matrix.cell(row, column).map_or_else(String::new, |uar| format!("{:.4}", uar.mean));
            write(row, matrix.columns.iter().map(cell).collect());
        }
        Some(text(writer))
    }
}

/// The groups of a cross-corpus protocol as rows and columns.
pub(super) struct Matrix<'a> {
    pub(super) rows: Vec<&'a str>,
    pub(super) columns: Vec<&'a str>,
    groups: &'a [GroupResults],
}

impl<'a> Matrix<'a> {
    pub(super) fn of(model: &'a ModelResults) -> Option<Self> {
        let (mut rows, mut columns): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for group in &model.groups {
            let (train_on, test_on) = (group.train_on.as_deref()?, group.test_on.as_deref()?);
            if !rows.contains(&train_on) {
                rows.push(train_on);
            }
            if !columns.contains(&test_on) {
                columns.push(test_on);
            }
        }
        (!rows.is_empty()).then_some(Self { rows, columns, groups: &model.groups })
    }

    pub(super) fn cell(&self, row: &str, column: &str) -> Option<Spread> {
        let is_it = |group: &&GroupResults| group.train_on.as_deref() == Some(row) && group.test_on.as_deref() == Some(column);
        self.groups.iter().find(is_it).map(|group| group.uar)
    }

    fn write_markdown(&self, text: &mut String) {
        let columns: Vec<String> = self.columns.iter().map(|column| cell(column)).collect();
        line(text, format_args!("\n## UAR, trained on (row), tested on (column)\n"));
        line(text, format_args!("| | {} |\n|---|{}", columns.join(" | "), "---|".repeat(self.columns.len())));
        for row in &self.rows {
            let cells = self.columns.iter().map(|column| self.cell(row, column).map_or_else(String::new, |uar| uar.to_string()));
            line(text, format_args!("| {} | {} |", cell(row), cells.collect::<Vec<_>>().join(" | ")));
        }
    }
}

fn text(writer: csv::Writer<Vec<u8>>) -> String {
    // INVARIANT: the fields are text, and memory takes all of it.
    String::from_utf8(writer.into_inner().expect("memory takes all of it")).expect("text")
}

/// A name as a cell of a Markdown table.
fn cell(name: &str) -> String {
    name.replace('|', "\\|")
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // INVARIANT: writing to a String cannot fail.
    writeln!(text, "{content}").expect("a String takes any text");
}
