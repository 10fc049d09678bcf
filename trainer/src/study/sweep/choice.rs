//! The choice: the configuration with the best mean on dev, and only then its single evaluation on the test split.

use std::borrow::Cow;
use std::collections::BTreeMap;

use moodline_core::{Emotion, Probabilities};
use moodline_learn::network::Network;

use super::SweepError;
use super::folder::SweepFolder;
use super::plan::Plan;
use super::results::{Chosen, ConfigurationResult, Spread, SweepResults, TestResult, TestTrial};
use super::trial::DataSource;
use crate::base::progress::{Interrupt, Progress};
use crate::data::dataset::{Clip, ClipLoader, ClipProblems, DatasetError, Part};
use crate::data::manifest::{Split, Utterance};
use crate::measure::metrics::{Confusion, Report};
use crate::train::checkpoint::Checkpoint;
use crate::train::fit::predict;
use crate::train::run::RunError;
use crate::train::run::folder::{RunFolder, RunFolderError};

/// The best configuration on dev, evaluated on test unless the folder already contains that result.
///
/// # Errors
/// [`SweepError`]; in that case the test split was not evaluated.
pub(super) fn choose(
    folder: &SweepFolder,
    plan: &Plan,
    results: &SweepResults,
    source: DataSource<'_>,
    progress: Progress,
    interrupt: &Interrupt,
) -> Result<Chosen, SweepError> {
    let best = best(results).ok_or_else(|| SweepError::NoneFinished { path: folder.root().join("results.csv") })?;
    let ids: Vec<&str> = best.trials.iter().map(|trial| trial.id.as_str()).collect();
    let stored = folder.results().and_then(|before| before.chosen).and_then(|chosen| chosen.test);
    let stored = stored.filter(|test| test.trials.iter().map(|trial| trial.id.as_str()).eq(ids.iter().copied()));
    let test = match stored {
        Some(test) => Some(test),
        None => measure(folder, plan, &ids, source, progress, interrupt)?,
    };
    Ok(Chosen { configuration: best.name.clone(), by: sentence(results, test.is_some()), test })
}

/// The configuration with the best mean; in case of a tie the smaller one, then the first.
fn best(results: &SweepResults) -> Option<&ConfigurationResult> {
    let finished = results.configurations.iter().filter_map(|of| Some((of, of.dev?.get(results.metric).mean)));
    let ordered = |(a, a_mean): &(&ConfigurationResult, f64), (b, b_mean): &(&ConfigurationResult, f64)| {
        results.metric.better_first(*a_mean, *b_mean).then(a.n_parameters.cmp(&b.n_parameters))
    };
    finished.min_by(ordered).map(|(of, _)| of)
}

fn sentence(results: &SweepResults, measured: bool) -> String {
    let seeds = match results.seeds.len() {
        1 => "with one seed".to_owned(),
        n => format!("as the mean of {n} seeds"),
    };
    let (label, n) = (results.metric.label(), results.configurations.len());
    let test = if measured { "the test split was measured once, after this choice" } else { "the manifests have no test split" };
    format!("best {label} {seeds} among {n} configurations; {test}")
}

/// Evaluates trials on the test split; none if the manifests have none.
fn measure(
    folder: &SweepFolder,
    plan: &Plan,
    ids: &[&str],
    source: DataSource<'_>,
    progress: Progress,
    interrupt: &Interrupt,
) -> Result<Option<TestResult>, SweepError> {
    let wanted: Vec<&Utterance> = source.manifest.of_split(Some(Split::Test)).collect();
    let Some((_, first)) = ids.first().and_then(|id| plan.find(id)).filter(|_| !wanted.is_empty()) else { return Ok(None) };
    let config = first.train_config()?;
    let cache = source.cache(&config);
    let loader = ClipLoader::new(&config.front_end, config.training.block_seconds, cache.as_ref());
    let no_clips = |source, problems| RunError::Dataset { source, problems };
    let (clips, problems) =
        loader.load(&wanted, progress, interrupt).map_err(|error| no_clips(error, ClipProblems::default()))?;
    let n_left_out = problems.len();
    if clips.is_empty() {
        return Err(no_clips(DatasetError::EmptySplit { split: Split::Test }, ClipProblems(problems)).into());
    }
    let trials: Vec<TestTrial> = ids.iter().map(|id| measure_one(folder, plan, id, &clips)).collect::<Result<_, _>>()?;
    let over = |figure: fn(&Report) -> f64| Spread::of(&trials.iter().map(|trial| figure(&trial.report)).collect::<Vec<_>>());
    Ok(Some(TestResult {
        uar: over(|report| report.uar),
        accuracy: over(|report| report.accuracy),
        macro_f1: over(|report| report.macro_f1),
        n_left_out,
        trials,
    }))
}

/// Evaluates the weights of a trial's best epoch on clips with unstandardised features.
fn measure_one(folder: &SweepFolder, plan: &Plan, id: &str, clips: &[Clip]) -> Result<TestTrial, SweepError> {
    let path = folder.trial(id);
    let missing = || SweepError::Damaged { path: path.clone(), reason: "the trial is not in the plan".to_owned() };
    let (_, trial) = plan.find(id).ok_or_else(missing)?;
    let config = trial.train_config()?;
    let checkpoint = Checkpoint::read(&RunFolder::open(&path)?.best_checkpoint()).map_err(RunFolderError::from)?;
    let network = Network::new(config.network, checkpoint.best_weights)?;
    let part = Part::new(clips.iter().map(Cow::Borrowed), &checkpoint.scaler);
    let mut by_speaker: BTreeMap<String, Confusion> = BTreeMap::new();
    for ((answer, &label), speaker) in predict(&network, &part)?.into_iter().zip(&part.labels).zip(&part.speakers) {
        let answer =
            Probabilities::new(answer).map_err(|error| SweepError::Damaged { path: path.clone(), reason: error.to_string() })?;
        by_speaker.entry(speaker.clone()).or_default().add(Emotion::ALL[label], answer.winner());
    }
    Ok(TestTrial { id: id.to_owned(), seed: trial.seed, report: Report::of(&by_speaker) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::sweep::config::Metric;
    use crate::study::sweep::results::TrialStatus;
    use crate::study::sweep::testing::{plan, record, results};

    #[test]
    fn the_best_mean_wins_and_of_equals_the_smaller() {
        let plan = plan(&[8, 12, 16], &[0, 1]);
        let with = |figures: [[f64; 2]; 3]| {
            let records = plan.configurations.iter().zip(figures).flat_map(|(of, figures)| {
                of.trials.iter().zip(figures).map(|(trial, figure)| record(&trial.id, &of.name, trial.seed, figure))
            });
            results(&plan, &records.collect::<Vec<_>>())
        };
        let name = |results: &SweepResults| best(results).map(|of| of.name.clone());
        assert_eq!(name(&with([[0.9, 0.1], [0.6, 0.6], [0.5, 0.6]])).as_deref(), Some("units 12"));
        let mut equal = with([[0.4, 0.4], [0.6, 0.6], [0.5, 0.7]]);
        assert_eq!(name(&equal).as_deref(), Some("units 12"));
        assert_eq!(
            sentence(&equal, true),
            "best dev UAR as the mean of 2 seeds among 3 configurations; the test split was measured once, after this choice"
        );
        assert!(sentence(&equal, false).ends_with(" configurations; the manifests have no test split"));
        // The records have a loss of 1 - UAR.
        equal.metric = Metric::DevLoss;
        assert_eq!(name(&equal).as_deref(), Some("units 12"));
    }

    #[test]
    fn a_configuration_that_diverged_with_one_seed_cannot_win() {
        let plan = plan(&[8, 12], &[0, 1]);
        let mut records: Vec<_> = plan
            .configurations
            .iter()
            .flat_map(|of| {
                of.trials
                    .iter()
                    .map(|trial| record(&trial.id, &of.name, trial.seed, if of.name == "units 8" { 0.9 } else { 0.3 }))
            })
            .collect();
        records[1].status = TrialStatus::Diverged;
        assert_eq!(best(&results(&plan, &records)).map(|of| of.name.as_str()), Some("units 12"));
        records[2].status = TrialStatus::Diverged;
        assert_eq!(best(&results(&plan, &records)), None);
    }
}
