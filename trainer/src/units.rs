//! The same recipe with other numbers of units: the table beside the paper's choice of 16.
//!
//! In: a configuration, manifests, the sizes and seeds to try. Out: a [`UnitsTable`], as CSV with a line for each training and as Markdown with mean and
//! deviation over the seeds. The test split is reported beside the dev split and decides nothing.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use moodline_core::Emotion;
use rayon::prelude::*;

use crate::cache::FeatureCache;
use crate::config::TrainConfig;
use crate::dataset::{ClipLoader, Dataset, Part};
use crate::manifest::{Manifest, Split, Utterance};
use crate::network::NetworkError;
use crate::progress::{Interrupt, Progress};
use crate::run::RunError;
use crate::train::{TrainError, Trainer, measure};

/// What to compare.
#[derive(Clone, Debug)]
pub struct UnitsOptions<'a> {
    /// The recipe; its units and seed are replaced.
    pub config: &'a TrainConfig,
    /// The clips.
    pub manifest: &'a Manifest,
    /// Sizes.
    pub units: &'a [usize],
    /// Seeds of each size.
    pub seeds: &'a [u64],
    /// Features on disk.
    pub cache: Option<&'a FeatureCache>,
}

/// One training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnitsRow {
    /// Size of the hidden state.
    pub units: usize,
    /// Trained values.
    pub parameters: usize,
    /// Seed.
    pub seed: u64,
    /// Epoch with the best dev figure, counted from 1.
    pub best_epoch: usize,
    /// UAR on the dev split.
    pub dev_uar: f64,
    /// UAR on the test split.
    pub test_uar: f64,
    /// Accuracy on the test split.
    pub test_accuracy: f64,
    /// Recall of each class on the test split.
    pub test_recall: [f64; Emotion::COUNT],
}

/// All trainings, by size and seed.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitsTable(pub Vec<UnitsRow>);

/// Trains every size with every seed, on all threads of the pool.
///
/// # Errors
/// [`RunError`]
pub fn compare(options: &UnitsOptions<'_>, progress: Progress, interrupt: &Interrupt) -> Result<UnitsTable, RunError> {
    let UnitsOptions { config, manifest, units, seeds, cache } = *options;
    let data = Dataset::load(manifest, config, cache, progress, interrupt)
        .map_err(|(source, problems)| RunError::Dataset { source, problems })?
        .dataset;
    let loader = ClipLoader::new(&config.front_end, config.training.block_seconds, cache);
    let wanted: Vec<&Utterance> = manifest.of_split(Some(Split::Test)).collect();
    let (clips, _) = loader
        .load(&wanted, progress, interrupt)
        .map_err(|source| RunError::Dataset { source, problems: crate::dataset::ClipProblems::default() })?;
    let test = Part::new(clips, &data.scaler);

    let runs: Vec<(usize, u64)> = units.iter().flat_map(|&units| seeds.iter().map(move |&seed| (units, seed))).collect();
    let bar = progress.bar("trainings", runs.len());
    let rows: Result<Vec<UnitsRow>, RunError> = runs
        .into_par_iter()
        .map(|(units, seed)| {
            let mut config = config.clone();
            config.network.units = units;
            config.training.seed = seed;
            let row = train_one(&config, &data, &test, interrupt)?;
            bar.advance();
            bar.line(&format!("{units} units, seed {seed}: dev UAR {:.3}", row.dev_uar));
            Ok(row)
        })
        .collect();
    bar.finish();
    Ok(UnitsTable(rows?))
}

fn train_one(config: &TrainConfig, data: &Dataset, test: &Part, interrupt: &Interrupt) -> Result<UnitsRow, RunError> {
    let mut trainer = Trainer::new(config, data);
    while !trainer.finished() {
        let stop = |_: &_| if interrupt.requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        if trainer.epoch(&mut { stop })?.is_none() {
            return Err(RunError::Interrupted);
        }
    }
    let fits = |source: NetworkError| TrainError { epoch: trainer.epochs_done(), batch: 0, source };
    let network = trainer.best_network()?;
    let dev = measure(&network, &data.dev).map_err(fits)?.confusion;
    let found = measure(&network, test).map_err(fits)?.confusion;
    Ok(UnitsRow {
        units: config.network.units,
        parameters: trainer.n_parameters(),
        seed: config.training.seed,
        best_epoch: trainer.checkpoint().state.best.map_or(0, |best| best.epoch),
        dev_uar: dev.uar(),
        test_uar: found.uar(),
        test_accuracy: found.accuracy(),
        test_recall: Emotion::ALL.map(|emotion| found.class(emotion).recall),
    })
}

impl UnitsTable {
    /// One line a training.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut csv = "units,parameters,seed,best_epoch,dev_uar,test_uar,test_accuracy,\
                       test_recall_angry,test_recall_happy,test_recall_sad,test_recall_neutral\n"
            .to_owned();
        for row in &self.0 {
            let UnitsRow { units, parameters, seed, best_epoch, dev_uar, test_uar, test_accuracy, test_recall } = row;
            let [angry, happy, sad, neutral] = test_recall;
            // INVARIANT: writing to a String cannot fail.
            writeln!(
                csv,
                "{units},{parameters},{seed},{best_epoch},{dev_uar:.4},{test_uar:.4},{test_accuracy:.4},\
                 {angry:.4},{happy:.4},{sad:.4},{neutral:.4}"
            )
            .expect("a String takes any text");
        }
        csv
    }

    /// One line a size: mean and sample deviation over the seeds.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut markdown = "| units | parameters | seeds | dev UAR | test UAR | test accuracy | test recall of happy |\n\
                            |---:|---:|---:|---|---|---|---|\n"
            .to_owned();
        for rows in self.0.chunk_by(|a, b| a.units == b.units) {
            let figure = |of: &dyn Fn(&UnitsRow) -> f64| mean_and_deviation(&rows.iter().map(of).collect::<Vec<_>>());
            // INVARIANT: writing to a String cannot fail.
            writeln!(
                markdown,
                "| {} | {} | {} | {} | {} | {} | {} |",
                rows[0].units,
                rows[0].parameters,
                rows.len(),
                figure(&|row| row.dev_uar),
                figure(&|row| row.test_uar),
                figure(&|row| row.test_accuracy),
                figure(&|row| row.test_recall[Emotion::Happy.index()])
            )
            .expect("a String takes any text");
        }
        markdown
    }
}

fn mean_and_deviation(values: &[f64]) -> String {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.len() < 2 {
        return format!("{mean:.3}");
    }
    let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    format!("{mean:.3} ± {deviation:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_for_each_size() {
        let row = |units, seed, uar| UnitsRow {
            units,
            parameters: units * (39 + units) + 8 * units + 4,
            seed,
            best_epoch: 3,
            dev_uar: uar,
            test_uar: uar,
            test_accuracy: uar,
            test_recall: [uar; 4],
        };
        let table = UnitsTable(vec![row(12, 0, 0.5), row(12, 1, 0.7), row(16, 0, 0.6)]);
        assert_eq!(table.to_csv().lines().count(), 4);
        let markdown = table.to_markdown();
        let lines: Vec<&str> = markdown.lines().skip(2).collect();
        assert_eq!(lines[0], "| 12 | 712 | 2 | 0.600 ± 0.141 | 0.600 ± 0.141 | 0.600 ± 0.141 | 0.600 ± 0.141 |");
        assert_eq!(lines[1], "| 16 | 1012 | 1 | 0.600 | 0.600 | 0.600 | 0.600 |");
    }
}
