//! The results as tables: one line per trial or per configuration.

use std::fmt::Write as _;

use serde_json::Value;

use super::folder::SweepFolder;
use super::plan::{Configuration, Plan, Trial};
use super::results::{ConfigurationResult, DevSpread, Spread, SweepResults, TrialRecord, TrialStatus, VERSION};
use crate::base::PROGRAM;
use crate::base::table::Table;

/// The results in the folder of a sweep, without a choice.
pub(super) fn collect(folder: &SweepFolder, plan: &Plan) -> SweepResults {
    results(plan, |id| folder.record(id))
}

/// The results from the existing records of trials.
pub(super) fn results(plan: &Plan, record: impl Fn(&str) -> Option<TrialRecord>) -> SweepResults {
    let trial = |of: &Configuration, trial: &Trial| record(&trial.id).unwrap_or_else(|| pending(of, trial));
    let result = |of: &Configuration| {
        let trials: Vec<TrialRecord> = of.trials.iter().map(|one| trial(of, one)).collect();
        let ends: Option<Vec<_>> = trials.iter().map(TrialRecord::result).collect();
        ConfigurationResult {
            name: of.name.clone(),
            settings: of.settings.clone(),
            published_accuracy: of.published_accuracy,
            n_parameters: of.n_parameters,
            dev: ends.and_then(|ends| DevSpread::of(&ends)),
            trials,
        }
    };
    SweepResults {
        version: VERSION,
        program: PROGRAM.to_owned(),
        name: plan.name.clone(),
        strategy: plan.strategy,
        metric: plan.metric,
        seeds: plan.seeds.clone(),
        manifests: plan.manifests.clone(),
        keys: plan.keys.clone(),
        complete: false,
        configurations: plan.configurations.iter().map(result).collect(),
        chosen: None,
    }
}

fn pending(of: &Configuration, trial: &Trial) -> TrialRecord {
    TrialRecord {
        id: trial.id.clone(),
        configuration: of.name.clone(),
        seed: trial.seed,
        status: TrialStatus::Pending,
        reason: None,
        epochs: 0,
        seconds: 0.0,
        data_sha256: String::new(),
        n_left_out: 0,
        rungs: Vec::new(),
    }
}

/// One line per trial.
pub(super) fn trials(results: &SweepResults) -> Table {
    let mut columns: Vec<&str> = vec!["configuration", "seed", "id", "status"];
    columns.extend(results.keys.iter().map(String::as_str));
    columns.extend([
        "n_parameters",
        "epochs",
        "best_epoch",
        "dev_uar",
        "dev_accuracy",
        "dev_macro_f1",
        "dev_loss",
        "seconds",
        "reason",
    ]);
    let mut table = Table::new(columns);
    for (of, trial) in results.configurations.iter().flat_map(|of| of.trials.iter().map(move |trial| (of, trial))) {
        let mut row = vec![of.name.clone(), trial.seed.to_string(), trial.id.clone(), status(trial.status).to_owned()];
        row.extend(settings(results, of));
        let best = trial.rungs.last().map(|rung| rung.best);
        let figure = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.6}"));
        row.extend([of.n_parameters.to_string(), trial.epochs.to_string()]);
        row.push(best.map_or_else(String::new, |best| best.epoch.to_string()));
        row.extend(
            [
                best.map(|best| best.uar),
                best.map(|best| best.accuracy),
                best.map(|best| best.macro_f1),
                best.map(|best| best.loss),
            ]
            .map(figure),
        );
        row.extend([format!("{:.3}", trial.seconds), trial.reason.clone().unwrap_or_default()]);
        table.push(row);
    }
    table
}

/// One line per configuration.
pub(super) fn summary(results: &SweepResults) -> Table {
    let mut columns: Vec<String> = vec!["configuration".to_owned()];
    columns.extend(results.keys.iter().cloned());
    columns.extend(["n_parameters", "n_seeds", "n_finished"].map(str::to_owned));
    for figure in ["dev_uar", "dev_accuracy", "dev_macro_f1", "dev_loss"] {
        columns.extend([format!("{figure}_mean"), format!("{figure}_deviation")]);
    }
    columns.extend(["published_accuracy", "chosen"].map(str::to_owned));
    let mut table = Table::new(columns);
    for of in &results.configurations {
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.6}"));
        let n_finished = of.trials.iter().filter(|trial| trial.result().is_some()).count();
        let mut row = vec![of.name.clone()];
        row.extend(settings(results, of));
        row.extend([of.n_parameters, of.trials.len(), n_finished].map(|n| n.to_string()));
        let spreads = of.dev.map_or([None; 4], |dev| [dev.uar, dev.accuracy, dev.macro_f1, dev.loss].map(Some));
        row.extend(spreads.iter().flat_map(|spread: &Option<Spread>| {
            [number(spread.map(|spread| spread.mean)), number(spread.and_then(|spread| spread.deviation))]
        }));
        row.extend([number(of.published_accuracy), is_chosen(results, of).to_string()]);
        table.push(row);
    }
    table
}

impl SweepResults {
    /// A readable table, best configuration first, and the test metrics of the chosen configuration.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let results = self;
        let with_published = results.configurations.iter().any(|of| of.published_accuracy.is_some());
        let mut columns: Vec<&str> = vec!["configuration"];
        columns.extend(short_keys(&results.keys));
        columns.extend(["parameters", "seeds", "dev UAR", "dev accuracy", "dev macro-F1"]);
        columns.extend(with_published.then_some("published accuracy"));
        let mut text = format!("| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
        let mut ranked: Vec<&ConfigurationResult> = results.configurations.iter().collect();
        ranked.sort_by(|a, b| match (a.dev, b.dev) {
            (Some(a), Some(b)) => results.metric.better_first(a.get(results.metric).mean, b.get(results.metric).mean),
            (a, b) => b.is_some().cmp(&a.is_some()),
        });
        for of in ranked {
            let name = if is_chosen(results, of) { format!("**{}**", of.name) } else { of.name.clone() };
            let mut row = vec![name];
            row.extend(results.keys.iter().map(|key| label(of.settings.get(key).unwrap_or(&Value::Null))));
            row.extend([of.n_parameters, of.trials.len()].map(|n| n.to_string()));
            row.extend(match of.dev {
                Some(dev) => [dev.uar, dev.accuracy, dev.macro_f1].map(|spread| spread.to_string()),
                None => [unfinished(of), String::new(), String::new()],
            });
            row.extend(
                with_published.then(|| of.published_accuracy.map_or_else(String::new, |accuracy| format!("{accuracy:.3}"))),
            );
            let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
            // INVARIANT: writing to a String cannot fail.
            writeln!(text, "| {} |", cells.join(" | ")).expect("a String takes any text");
        }
        if let Some(chosen) = &results.chosen {
            // INVARIANT: writing to a String cannot fail.
            writeln!(text, "\nChosen: **{}**, {}.", chosen.configuration, chosen.by).expect("a String takes any text");
            if let Some(test) = &chosen.test {
                let [uar, accuracy, macro_f1] = [test.uar, test.accuracy, test.macro_f1].map(|spread| spread.to_string());
                writeln!(text, "On test: UAR {uar}, accuracy {accuracy}, macro-F1 {macro_f1}.").expect("a String takes any text");
            }
        }
        text
    }
}

/// Why a configuration has no metrics.
fn unfinished(of: &ConfigurationResult) -> String {
    let n = |status| of.trials.iter().filter(|trial| trial.status == status).count();
    match (n(TrialStatus::Diverged), n(TrialStatus::Paused)) {
        (0, 0) => "not done".to_owned(),
        (0, _) => format!("stopped after {} epochs", of.trials.iter().map(|trial| trial.epochs).max().unwrap_or(0)),
        (diverged, _) => format!("{diverged} of {} diverged", of.trials.len()),
    }
}

pub(super) fn is_chosen(results: &SweepResults, of: &ConfigurationResult) -> bool {
    results.chosen.as_ref().is_some_and(|chosen| chosen.configuration == of.name)
}

fn settings(results: &SweepResults, of: &ConfigurationResult) -> Vec<String> {
    results.keys.iter().map(|key| value_text(of.settings.get(key).unwrap_or(&Value::Null))).collect()
}

/// A setting in human-readable form; a dash for none.
pub(super) fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// A setting in short form: a table by its kind, or else by its content; results.csv has all of it.
pub(super) fn label(value: &Value) -> String {
    match value {
        Value::Array(values) => values.iter().map(label).collect::<Vec<_>>().join(", "),
        Value::Object(table) => {
            let keys = || table.keys().cloned().collect::<Vec<_>>().join(", ");
            table.get("kind").and_then(Value::as_str).map_or_else(keys, str::to_owned)
        }
        value => value_text(value),
    }
}

/// Keys, shortened to as many of their last parts as are needed to tell them apart.
pub(super) fn short_keys(keys: &[String]) -> Vec<&str> {
    let suffixes = |key: &'_ String| -> Vec<usize> { key.rmatch_indices('.').map(|(at, _)| at + 1).chain([0]).collect() };
    let ends_so = |key: &String, suffix: &str| *key == suffix || key.ends_with(&format!(".{suffix}"));
    let is_only = |suffix: &str| keys.iter().filter(|other| ends_so(other, suffix)).count() == 1;
    keys.iter().map(|key| suffixes(key).into_iter().map(|at| &key[at..]).find(|suffix| is_only(suffix)).unwrap_or(key)).collect()
}

const fn status(status: TrialStatus) -> &'static str {
    match status {
        TrialStatus::Pending => "pending",
        TrialStatus::Paused => "paused",
        TrialStatus::Finished => "finished",
        TrialStatus::Diverged => "diverged",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::sweep::results::{Chosen, TestResult};
    use crate::study::sweep::testing::{plan, plan_of, record};

    #[test]
    fn tables_have_a_line_for_each_trial_and_each_configuration() {
        let plan = plan(&[8, 12, 16], &[0, 1]);
        let mut records: Vec<TrialRecord> = Vec::new();
        for (of, uar) in plan.configurations.iter().zip([0.4, 0.6]) {
            records.extend(of.trials.iter().map(|trial| record(&trial.id, &of.name, trial.seed, uar + 0.1 * trial.seed as f64)));
        }
        records.truncate(3);
        let mut results = results(&plan, |id| records.iter().find(|record| record.id == id).cloned());
        let csv = trials(&results).to_csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines.len(), 7);
        assert_eq!(
            lines[0],
            "configuration,seed,id,status,network.units,n_parameters,epochs,best_epoch,dev_uar,dev_accuracy,dev_macro_f1,dev_loss,seconds,reason"
        );
        assert_eq!(
            lines[2],
            format!("units 8,1,{},finished,8,444,3,3,0.500000,0.500000,0.500000,0.500000,1.250,", records[1].id)
        );
        assert!(lines[4].starts_with("units 12,1,") && lines[4].ends_with(",pending,12,712,0,,,,,,0.000,"), "{}", lines[4]);

        let spread = Spread::of(&[0.5, 0.52]);
        let test = TestResult { uar: spread, accuracy: spread, macro_f1: spread, n_left_out: 0, trials: Vec::new() };
        results.chosen = Some(Chosen { configuration: "units 8".to_owned(), by: "by lot".to_owned(), test: Some(test) });
        let csv = summary(&results).to_csv();
        let lines: Vec<&str> = csv.lines().collect();
        assert!(lines[1].starts_with("units 8,8,444,2,2,0.450000,0.070711,") && lines[1].ends_with(",,true"), "{}", lines[1]);
        assert!(lines[2].starts_with("units 12,12,712,2,1,,,") && lines[2].ends_with(",,false"), "{}", lines[2]);
        let markdown = results.to_markdown();
        assert!(
            markdown.contains("| **units 8** | 8 | 444 | 2 | 0.450 ± 0.071 | 0.450 ± 0.071 | 0.450 ± 0.071 |\n"),
            "{markdown}"
        );
        assert!(markdown.contains("| units 12 | 12 | 712 | 2 | not done |  |  |\n"), "{markdown}");
        assert!(
            markdown.ends_with(
                "Chosen: **units 8**, by lot.\nOn test: UAR 0.510 ± 0.014, accuracy 0.510 ± 0.014, macro-F1 0.510 ± 0.014.\n"
            ),
            "{markdown}"
        );
    }

    #[test]
    fn keys_are_short_where_that_tells_them_apart_and_values_are_quoted_where_they_must_be() {
        let plan = plan_of(
            "strategy = { kind = \"grid\" }\nseeds = [0]\n[sweep.axes]\n\"training.patience\" = [3]\n\"network.units\" = [8]\n\
             \"training.schedule\" = [{ kind = \"plateau\", learning_rate = 0.1 }]\n[[sweep.group]]\nname = \"a\"\nset = [\"training.schedule.patience=4\"]\n",
        );
        assert_eq!(short_keys(&plan.keys), ["schedule.patience", "units", "training.patience", "schedule"]);
        let csv = trials(&results(&plan, |_| None)).to_csv();
        assert!(csv.contains("\"{\"\"factor\"\":0.5,"), "{csv}");
        assert_eq!((value_text(&Value::Null), value_text(&Value::from(0.5))), ("-".to_owned(), "0.5".to_owned()));
        let of = |text: &str| label(&serde_json::from_str(text).unwrap());
        assert_eq!(of(r#"[{"kind":"gru","bias":true},{"mixup":0.3,"masks":{"n":1}},null]"#), "gru, masks, mixup, -");
    }
}
