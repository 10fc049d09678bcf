//! The results of a cross-validation as machine-readable tables, and the rows of the readable ones.

use super::results::{CrossvalResults, GroupResults, LeakStep, ModelResults, Spread};

/// A quantity with its standard deviation over the seeds, `0.612 ± 0.011`.
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
}

/// The note below a table of the leakage.
pub(crate) const LEAK_NOTE: &str = "Clips: what a training learns from, copies included, as the mean over the folds. Where the two differ, a part of the points is \
    that difference: who decides is taken out of those to train on, unless the tested clips decide.";

/// One row per step of the leakage: what changes, from where to where, number of training clips, and effect.
pub(crate) fn leak_rows(results: &CrossvalResults, model: &ModelResults) -> Vec<[String; 5]> {
    let clips = |group: &str| results.mean_n_train(model, group).map_or_else(|| "?".to_owned(), |n| format!("{n:.0}"));
    let row = |step: &LeakStep| {
        let clips = format!("{} to {}", clips(&step.from), clips(&step.to));
        [step.name.clone(), step.from.clone(), step.to.clone(), clips, format!("{:+.1}", step.points)]
    };
    model.leak.iter().map(row).collect()
}

impl ModelResults {
    /// The mean UAR of every cell, with rows for training and columns for testing; none if the protocol has no matrix.
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
pub(crate) struct Matrix<'a> {
    pub(crate) rows: Vec<&'a str>,
    pub(crate) columns: Vec<&'a str>,
    groups: &'a [GroupResults],
}

impl<'a> Matrix<'a> {
    /// The matrix of a model; none where the protocol has none.
    pub(crate) fn of(model: &'a ModelResults) -> Option<Self> {
        let (mut rows, mut columns): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
        for group in &model.groups {
            let (Some(train_on), Some(test_on)) = (group.train_on.as_deref(), group.test_on.as_deref()) else { continue };
            if !rows.contains(&train_on) {
                rows.push(train_on);
            }
            if !columns.contains(&test_on) {
                columns.push(test_on);
            }
        }
        (!rows.is_empty()).then_some(Self { rows, columns, groups: &model.groups })
    }

    /// UAR of a cell; none if it was not evaluated.
    pub(crate) fn cell(&self, row: &str, column: &str) -> Option<Spread> {
        let is_it = |group: &&GroupResults| group.train_on.as_deref() == Some(row) && group.test_on.as_deref() == Some(column);
        self.groups.iter().find(is_it).map(|group| group.uar)
    }
}

fn text(writer: csv::Writer<Vec<u8>>) -> String {
    // INVARIANT: the fields are text, and writing to memory cannot fail.
    String::from_utf8(writer.into_inner().expect("memory takes all of it")).expect("text")
}
