//! The configuration file of a sweep: the configurations, the seeds, and the deciding metric.
//!
//! In: TOML. Out: a validated [`SweepConfig`]. What varies is applied through the same `section.key=value` overrides as `--set`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::base::config::ConfigError;
use crate::base::files::FileError;

/// Maximum number of training runs in one sweep: a larger number is most likely an unintended product of axes.
pub const MAX_TRIALS: usize = 10_000;

/// A sweep as defined by its file.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepConfig {
    /// The base training configuration; a path relative to the sweep's file.
    pub base: String,
    /// How the configurations are generated.
    pub strategy: Strategy,
    /// Every configuration is trained with each of these seeds.
    pub seeds: Vec<u64>,
    /// The metric that decides.
    pub metric: Metric,
    /// Overrides of all configurations.
    pub set: Vec<String>,
    /// The settings that vary, in alphabetical order.
    pub axes: Vec<Axis>,
    /// Configurations outside the product of the axes; each is combined with all axes.
    pub groups: Vec<NamedConfiguration>,
}

/// How the configurations are generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Strategy {
    /// All combinations.
    Grid,
    /// Distinct combinations, drawn at random.
    Random {
        /// Number of configurations.
        trials: usize,
        /// Seed of the draws.
        #[serde(default)]
        seed: u64,
    },
    /// As [`Strategy::Random`], but only the best continue: all are trained for `min_epochs`, the best `1/factor` of them for `factor` times as many,
    /// and so on.
    ///
    /// # Source
    /// Jamieson and Talwalkar 2016, "Non-stochastic best arm identification and hyperparameter optimization", algorithm 1.
    SuccessiveHalving {
        /// Number of initial configurations.
        trials: usize,
        /// Epochs before the first selection.
        min_epochs: usize,
        /// Inverse of the fraction that continues, and factor of the epochs; at least 2.
        factor: usize,
        /// Seed of the draws.
        #[serde(default)]
        seed: u64,
    },
}

/// The dev metric that decides between configurations, as the mean over the seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Unweighted average recall; higher is better.
    #[default]
    DevUar,
    /// Accuracy; higher is better.
    DevAccuracy,
    /// Macro-F1; higher is better.
    DevMacroF1,
    /// Mean unweighted cross-entropy; lower is better.
    DevLoss,
}

impl Metric {
    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DevUar => "dev_uar",
            Self::DevAccuracy => "dev_accuracy",
            Self::DevMacroF1 => "dev_macro_f1",
            Self::DevLoss => "dev_loss",
        }
    }

    /// The name in tables and figures.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::DevUar => "dev UAR",
            Self::DevAccuracy => "dev accuracy",
            Self::DevMacroF1 => "dev macro-F1",
            Self::DevLoss => "dev loss",
        }
    }

    /// Compares two values of the metric, better first.
    #[must_use]
    pub fn better_first(self, a: f64, b: f64) -> std::cmp::Ordering {
        if self == Self::DevLoss { a.total_cmp(&b) } else { b.total_cmp(&a) }
    }
}

/// A setting that varies.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// `section.key`
    pub path: String,
    /// Its possible values.
    pub domain: Domain,
}

/// Possible values of an axis.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// These values.
    Values(Vec<Value>),
    /// All numbers between two limits, both included.
    Range {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
        /// Uniform on a logarithmic scale instead of a linear one.
        log: bool,
        /// Integers only: both limits were written as integers.
        whole: bool,
    },
}

/// A named configuration.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedConfiguration {
    /// Its name.
    pub name: String,
    /// Its overrides, in the form used for `--set`.
    #[serde(default)]
    pub set: Vec<String>,
    /// Published accuracy, 0..=1, for comparison with ours.
    #[serde(default)]
    pub published_accuracy: Option<f64>,
}

/// Why a sweep cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepConfigError {
    /// The file, or its base configuration, cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The text is not a sweep configuration.
    #[error("{file}: {reason}")]
    Toml {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A value is out of range.
    #[error("{file}: {field} must be {expected}, found {found}")]
    Range {
        /// The file.
        file: String,
        /// The name of the value.
        field: String,
        /// The permitted range.
        expected: String,
        /// The value found.
        found: String,
    },
    /// One of the configurations cannot be trained.
    #[error("configuration '{name}': {source}")]
    Configuration {
        /// The configuration.
        name: String,
        /// What is wrong with it.
        source: ConfigError,
    },
    /// Two configurations are identical.
    #[error("the configurations '{first}' and '{second}' are the same: take one of them out")]
    Twice {
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// Too many training runs.
    #[error("{n} trainings are more than one sweep takes: expected at most {MAX_TRIALS}; take values out, or draw at random")]
    TooMany {
        /// Number of training runs.
        n: usize,
    },
    /// Fewer distinct configurations than should be drawn.
    #[error(
        "expected {expected} different configurations, but the axes gave only {found} in {draws} draws; ask for fewer, or vary more"
    )]
    TooFew {
        /// Requested number.
        expected: usize,
        /// Number found.
        found: usize,
        /// Number of draws.
        draws: usize,
    },
}

/// The file as it is in TOML.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    sweep: Section,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    base: String,
    strategy: Strategy,
    seeds: Vec<u64>,
    #[serde(default)]
    metric: Metric,
    #[serde(default)]
    set: Vec<String>,
    #[serde(default)]
    axes: Table,
    #[serde(default)]
    group: Vec<NamedConfiguration>,
}

impl SweepConfig {
    /// Parses the text of a sweep. `file` is only used in error messages.
    ///
    /// # Errors
    /// [`SweepConfigError`]: text that is not a sweep (with its line), unknown keys, values out of range, or nothing that varies.
    pub fn parse(file: &str, text: &str) -> Result<Self, SweepConfigError> {
        let parsed: Result<File, _> = toml::from_str(text);
        let Section { base, strategy, seeds, metric, set, axes, group: groups } =
            parsed.map_err(|error| SweepConfigError::Toml { file: file.to_owned(), reason: error.to_string() })?.sweep;
        let axes = axes.into_iter().map(|(path, value)| Axis::of(path, value)).collect();
        let check = |axes| {
            let sweep = Self { base, strategy, seeds, metric, set, axes, groups };
            sweep.validate().map(|()| sweep)
        };
        let in_file =
            |Problem { field, expected, found }| SweepConfigError::Range { file: file.to_owned(), field, expected, found };
        Result::and_then(axes, check).map_err(in_file)
    }

    fn validate(&self) -> Result<(), Problem> {
        check(!self.seeds.is_empty(), "sweep.seeds", "at least one seed", "none")?;
        let seeds: BTreeSet<u64> = self.seeds.iter().copied().collect();
        check(seeds.len() == self.seeds.len(), "sweep.seeds", "different numbers", format!("{:?}", self.seeds))?;
        let varies = !self.axes.is_empty() || !self.groups.is_empty();
        check(varies, "sweep.axes", "what is to vary (or [[sweep.group]] what is to be compared)", "neither")?;
        let (trials, halving) = match self.strategy {
            Strategy::Grid => (1, (1, 2)),
            Strategy::Random { trials, .. } => (trials, (1, 2)),
            Strategy::SuccessiveHalving { trials, min_epochs, factor, .. } => (trials, (min_epochs, factor)),
        };
        check((1..=MAX_TRIALS).contains(&trials), "sweep.strategy.trials", format!("1..={MAX_TRIALS}"), trials)?;
        check(halving.0 >= 1, "sweep.strategy.min_epochs", "at least 1", halving.0)?;
        check(halving.1 >= 2, "sweep.strategy.factor", "at least 2", halving.1)?;
        for Axis { path, domain } in &self.axes {
            let drawn = self.strategy != Strategy::Grid || matches!(domain, Domain::Values(_));
            check(drawn, path, "a list of values, because a grid has no end otherwise", "a range")?;
            let taken = path == "training.seed";
            check(!taken, "sweep.axes", "other keys than training.seed, which sweep.seeds varies", path)?;
        }
        let mut names = BTreeSet::new();
        for NamedConfiguration { name, published_accuracy, .. } in &self.groups {
            check(!name.trim().is_empty(), "sweep.group.name", "a name", "none")?;
            check(names.insert(name), "sweep.group.name", "a different one in every group", format!("'{name}' twice"))?;
            let published = published_accuracy.unwrap_or_default();
            check((0.0..=1.0).contains(&published), "sweep.group.published_accuracy", "0..=1", published)?;
        }
        Ok(())
    }
}

impl Axis {
    fn of(path: String, value: Value) -> Result<Self, Problem> {
        let expected = "a list of values or { min, max, scale }";
        let domain = match value {
            Value::Array(values) => {
                check(!values.is_empty(), &path, "at least one value", "none")?;
                let distinct = values.iter().enumerate().all(|(index, value)| !values[..index].contains(value));
                check(distinct, &path, "different values", Value::Array(values.clone()))?;
                Domain::Values(values)
            }
            Value::Table(table) if table.contains_key("min") || table.contains_key("max") => range(&path, table)?,
            Value::Table(table) => {
                let keys: Vec<&str> = table.keys().map(String::as_str).collect();
                let hint = format!("{expected}; write a path in quotes, such as \"training.l2\" = [..]");
                return Err(Problem { field: path, expected: hint, found: format!("a table of {}", keys.join(", ")) });
            }
            value => return Err(Problem { field: path, expected: expected.to_owned(), found: value.to_string() }),
        };
        Ok(Self { path, domain })
    }
}

fn range(path: &str, mut table: Table) -> Result<Domain, Problem> {
    let mut end = |name: &str| match table.remove(name) {
        Some(Value::Integer(whole)) => Ok((whole as f64, true)),
        Some(Value::Float(real)) if real.is_finite() => Ok((real, false)),
        other => {
            let found = other.map_or_else(|| "nothing".to_owned(), |value| value.to_string());
            Err(Problem { field: format!("{path}.{name}"), expected: "a number".to_owned(), found })
        }
    };
    let ((min, min_whole), (max, max_whole)) = (end("min")?, end("max")?);
    let log = match table.remove("scale") {
        None => false,
        Some(Value::String(scale)) if scale == "linear" => false,
        Some(Value::String(scale)) if scale == "log" => true,
        Some(other) => {
            let (field, expected) = (format!("{path}.scale"), "\"linear\" or \"log\"".to_owned());
            return Err(Problem { field, expected, found: other.to_string() });
        }
    };
    let unknown: Vec<&str> = table.keys().map(String::as_str).collect();
    check(unknown.is_empty(), path, "{ min, max, scale }", format!("also {}", unknown.join(", ")))?;
    check(min < max, &format!("{path}.max"), format!("more than {min}"), max)?;
    check(!log || min > 0.0, &format!("{path}.min"), "more than 0 on a logarithmic scale", min)?;
    Ok(Domain::Range { min, max, log, whole: min_whole && max_whole })
}

/// A value out of range.
struct Problem {
    field: String,
    expected: String,
    found: String,
}

fn check(ok: bool, field: &str, expected: impl Into<String>, found: impl ToString) -> Result<(), Problem> {
    if ok { Ok(()) } else { Err(Problem { field: field.to_owned(), expected: expected.into(), found: found.to_string() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SWEEP: &str = "[sweep]\nbase = \"paper.toml\"\nstrategy = { kind = \"random\", trials = 8 }\nseeds = [0, 1]\n\
                         [sweep.axes]\n\"network.units\" = [12, 16]\n\"training.l2\" = { min = 1e-5, max = 1e-2, scale = \"log\" }\n\
                         \"training.batch_size\" = { min = 16, max = 64 }\n\
                         [[sweep.group]]\nname = \"plain\"\n[[sweep.group]]\nname = \"balanced\"\nset = [\"training.oversample=true\"]\n";

    #[test]
    fn a_sweep_is_read_as_it_is_documented() {
        let sweep = SweepConfig::parse("s.toml", SWEEP).unwrap();
        assert_eq!((sweep.metric, sweep.strategy), (Metric::DevUar, Strategy::Random { trials: 8, seed: 0 }));
        let domain = |path: &str| &sweep.axes.iter().find(|axis| axis.path == path).unwrap().domain;
        assert_eq!(*domain("network.units"), Domain::Values(vec![Value::Integer(12), Value::Integer(16)]));
        assert_eq!(*domain("training.l2"), Domain::Range { min: 1e-5, max: 1e-2, log: true, whole: false });
        assert_eq!(*domain("training.batch_size"), Domain::Range { min: 16.0, max: 64.0, log: false, whole: true });
        assert_eq!(sweep.groups[1].set, ["training.oversample=true"]);
    }

    #[test]
    fn whatever_is_wrong_is_one_clear_sentence() {
        for (from, to, expected) in [
            ("base =", "bass =", "unknown field `bass`"),
            ("trials = 8", "trials = 0", "s.toml: sweep.strategy.trials must be 1..=10000, found 0"),
            ("\"random\", trials = 8", "\"luck\"", "unknown variant `luck`"),
            (
                "\"random\", trials = 8",
                "\"grid\"",
                "training.batch_size must be a list of values, because a grid has no end otherwise, found a range",
            ),
            (
                "\"random\", trials = 8",
                "\"successive_halving\", trials = 8, min_epochs = 2, factor = 1",
                "factor must be at least 2, found 1",
            ),
            ("[0, 1]", "[]", "sweep.seeds must be at least one seed, found none"),
            ("[0, 1]", "[1, 1]", "sweep.seeds must be different numbers, found [1, 1]"),
            ("[12, 16]", "[]", "network.units must be at least one value, found none"),
            ("[12, 16]", "[12, 12]", "network.units must be different values, found [12, 12]"),
            ("[12, 16]", "12", "network.units must be a list of values or { min, max, scale }, found 12"),
            (
                "\"network.units\"",
                "network.units",
                "network must be a list of values or { min, max, scale }; write a path in quotes",
            ),
            ("\"network.units\"", "\"training.seed\"", "sweep.axes must be other keys than training.seed"),
            ("min = 1e-5", "min = 0", "training.l2.min must be more than 0 on a logarithmic scale, found 0"),
            ("max = 1e-2", "max = 1e-9", "training.l2.max must be more than 0.00001, found 0.000000001"),
            ("max = 64", "top = 64", "training.batch_size.max must be a number, found nothing"),
            ("\"log\"", "\"cubic\"", "training.l2.scale must be \"linear\" or \"log\", found \"cubic\""),
            ("scale = \"log\"", "step = 3", "training.l2 must be { min, max, scale }, found also step"),
            ("\"balanced\"", "\"plain\"", "sweep.group.name must be a different one in every group, found 'plain' twice"),
        ] {
            let message = SweepConfig::parse("s.toml", &SWEEP.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(message.contains(expected), "{to}: {message}");
        }
        let nothing = "[sweep]\nbase = \"paper.toml\"\nstrategy = { kind = \"grid\" }\nseeds = [0]\n";
        let message = SweepConfig::parse("s.toml", nothing).unwrap_err().to_string();
        assert!(message.starts_with("s.toml: sweep.axes must be what is to vary"), "{message}");
    }
}
