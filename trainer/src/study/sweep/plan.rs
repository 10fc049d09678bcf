//! The complete plan of a sweep, down to the last trial, before anything runs: `plan.json`.
//!
//! In: a [`SweepConfig`], its base configuration, and the manifests. Out: a [`Plan`] in which every configuration was checked. The same input gives
//! the same plan, so a sweep that was killed finds its trials again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use toml::Table;

use super::config::{Axis, Domain, MAX_TRIALS, Metric, NamedConfiguration, Strategy, SweepConfig, SweepConfigError};
use crate::base::config::ConfigError;
use crate::data::manifest::ManifestSource;
use crate::train::config::{TrainConfig, value_at};

/// Draws per requested configuration before giving up on finding enough distinct ones.
const DRAWS_EACH: usize = 100;

/// Characters of a trial's id: 48 bits, for at most [`MAX_TRIALS`] trials.
const ID_LEN: usize = 12;

/// A sweep, resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Name of the sweep.
    pub name: String,
    /// File name of the base configuration.
    pub base: String,
    /// How the configurations were generated.
    pub strategy: Strategy,
    /// The metric that decides.
    pub metric: Metric,
    /// Every configuration is trained with each of these seeds.
    pub seeds: Vec<u64>,
    /// The manifests.
    pub manifests: Vec<ManifestSource>,
    /// `section.key` of all settings that differ between configurations.
    pub keys: Vec<String>,
    /// All configurations.
    pub configurations: Vec<Configuration>,
}

/// One configuration of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Name, unique in the plan.
    pub name: String,
    /// Its changes to the base configuration, without the seed.
    pub overrides: Vec<String>,
    /// Its value for every key of the plan.
    pub settings: BTreeMap<String, Value>,
    /// Its published accuracy.
    pub published_accuracy: Option<f64>,
    /// Number of trained values.
    pub n_parameters: usize,
    /// Maximum number of epochs of a complete run.
    pub epochs: usize,
    /// One per seed, in the order of the seeds.
    pub trials: Vec<Trial>,
}

/// One training run of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// Hash of the resolved configuration and the manifests.
    pub id: String,
    /// Seed of all random choices.
    pub seed: u64,
    /// The resolved configuration, TOML.
    pub config: String,
}

/// A halt at which the configurations are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halt {
    /// Maximum number of epochs per trial up to this halt; the last halt has no limit of its own.
    pub epochs: usize,
    /// Number of configurations that get here, the best of those at the previous halt.
    pub n: usize,
}

/// The origin of a plan, besides the sweep itself.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Name of the sweep.
    pub name: &'a str,
    /// File name of the base configuration.
    pub base_file: &'a str,
    /// Its text.
    pub base_text: &'a str,
    /// Overrides of all configurations, after the sweep's own.
    pub overrides: &'a [String],
    /// The manifests.
    pub manifests: &'a [ManifestSource],
}

/// A configuration before it is resolved.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Draft {
    name: String,
    overrides: Vec<String>,
    group: Option<usize>,
}

impl Plan {
    /// Resolves and checks every configuration of a sweep.
    ///
    /// # Errors
    /// [`SweepConfigError`] for the first configuration that cannot be trained, or if there are too many or too few of them.
    pub fn new(sweep: &SweepConfig, source: &Source<'_>) -> Result<Self, SweepConfigError> {
        let drafts = match sweep.strategy {
            Strategy::Grid => grid(sweep)?,
            Strategy::Random { trials, seed } | Strategy::SuccessiveHalving { trials, seed, .. } => draw(sweep, trials, seed)?,
        };
        let n_trials = drafts.len().saturating_mul(sweep.seeds.len());
        if n_trials > MAX_TRIALS {
            return Err(SweepConfigError::TooMany { n: n_trials });
        }
        let keys = keys(sweep);
        let configurations: Vec<Configuration> =
            drafts.into_iter().map(|draft| resolve(sweep, source, &keys, draft)).collect::<Result<_, _>>()?;
        let mut names: HashMap<&str, &str> = HashMap::new();
        for Configuration { name, trials, .. } in &configurations {
            if let Some(first) = names.insert(&trials[0].id, name) {
                return Err(SweepConfigError::Twice { first: first.to_owned(), second: name.clone() });
            }
        }
        Ok(Self {
            name: source.name.to_owned(),
            base: source.base_file.to_owned(),
            strategy: sweep.strategy,
            metric: sweep.metric,
            seeds: sweep.seeds.clone(),
            manifests: source.manifests.to_vec(),
            keys,
            configurations,
        })
    }

    /// Number of training runs.
    #[must_use]
    pub fn n_trials(&self) -> usize {
        self.configurations.iter().map(|configuration| configuration.trials.len()).sum()
    }

    /// A trial and its configuration.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<(&Configuration, &Trial)> {
        let mut trials = self.configurations.iter().flat_map(|of| of.trials.iter().map(move |trial| (of, trial)));
        trials.find(|(_, trial)| trial.id == id)
    }

    /// The halts, in order; a single one with all configurations unless the strategy is successive halving.
    #[must_use]
    pub fn halts(&self) -> Vec<Halt> {
        let mut halts = Vec::new();
        let mut n = self.configurations.len();
        if let Strategy::SuccessiveHalving { min_epochs, factor, .. } = self.strategy {
            let longest = self.configurations.iter().map(|configuration| configuration.epochs).max().unwrap_or(0);
            let mut epochs = min_epochs;
            while epochs < longest && n > 1 {
                halts.push(Halt { epochs, n });
                (n, epochs) = ((n / factor).max(1), epochs.saturating_mul(factor));
            }
        }
        halts.push(Halt { epochs: usize::MAX, n });
        halts
    }
}

impl Trial {
    /// The resolved configuration.
    ///
    /// # Errors
    /// [`ConfigError`] if the plan was edited.
    pub fn train_config(&self) -> Result<TrainConfig, ConfigError> {
        TrainConfig::parse(&format!("trial {}", self.id), &self.config, &[])
    }
}

/// All combinations, starting with the last axis.
fn grid(sweep: &SweepConfig) -> Result<Vec<Draft>, SweepConfigError> {
    let sizes = sweep.axes.iter().map(|axis| if let Domain::Values(values) = &axis.domain { values.len() } else { 0 });
    let n = sizes.chain([sweep.seeds.len()]).fold(sweep.groups.len().max(1), usize::saturating_mul);
    if n > MAX_TRIALS {
        return Err(SweepConfigError::TooMany { n });
    }
    let mut chosen: Vec<Vec<String>> = vec![Vec::new()];
    for Axis { domain, .. } in &sweep.axes {
        let Domain::Values(values) = domain else { continue };
        let with = |head: &Vec<String>, value: &toml::Value| head.iter().cloned().chain([value.to_string()]).collect();
        chosen = chosen.iter().flat_map(|head| values.iter().map(move |value| with(head, value))).collect();
    }
    let groups = group_indices(sweep);
    Ok(groups.iter().flat_map(|&group| chosen.iter().map(move |values| draft(sweep, group, values))).collect())
}

/// Distinct random combinations.
fn draw(sweep: &SweepConfig, n: usize, seed: u64) -> Result<Vec<Draft>, SweepConfigError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let groups = group_indices(sweep);
    let mut drafts = Vec::with_capacity(n);
    let mut seen = BTreeSet::new();
    let draws = n.saturating_mul(DRAWS_EACH);
    for _ in 0..draws {
        let group = groups[rng.random_range(0..groups.len() as u64) as usize];
        let values: Vec<String> = sweep.axes.iter().map(|axis| axis.domain.draw(&mut rng)).collect();
        if seen.insert((group, values.clone())) {
            drafts.push(draft(sweep, group, &values));
        }
        if drafts.len() == n {
            return Ok(drafts);
        }
    }
    Err(SweepConfigError::TooFew { expected: n, found: drafts.len(), draws })
}

impl Domain {
    /// A random value as TOML. Real numbers have three significant digits, which is precise enough.
    fn draw(&self, rng: &mut ChaCha8Rng) -> String {
        match *self {
            Self::Values(ref values) => values[rng.random_range(0..values.len() as u64) as usize].to_string(),
            Self::Range { min, max, log, whole } => {
                let part: f64 = rng.random_range(0.0..1.0);
                // Integers are equally likely, including the limits, if each has an interval of length one.
                let (low, high) = if whole { (min - 0.5, max + 0.5) } else { (min, max) };
                let (low, high) = if log && whole { (low.max(0.5), high) } else { (low, high) };
                let value = if log { (low.ln() + part * (high / low).ln()).exp() } else { low + part * (high - low) };
                if whole {
                    return format!("{}", value.round().clamp(min, max) as i64);
                }
                // INVARIANT: a finite number reads back.
                let rounded: f64 = format!("{value:.2e}").parse().expect("a number");
                toml::Value::Float(rounded.clamp(min, max)).to_string()
            }
        }
    }
}

fn group_indices(sweep: &SweepConfig) -> Vec<Option<usize>> {
    if sweep.groups.is_empty() { vec![None] } else { (0..sweep.groups.len()).map(Some).collect() }
}

/// One value per axis, as TOML.
fn draft(sweep: &SweepConfig, group: Option<usize>, values: &[String]) -> Draft {
    let group_of = group.map(|index| &sweep.groups[index]);
    let on_axes = sweep.axes.iter().zip(values);
    let described: Vec<String> = on_axes
        .clone()
        .map(|(axis, value)| format!("{} {}", short_name(&sweep.axes, &axis.path), value.trim_matches('"')))
        .collect();
    let parts = [group_of.map(|group| group.name.clone()), (!described.is_empty()).then(|| described.join(", "))];
    let overrides = sweep.set.iter().chain(group_of.map_or(&[][..], |group| &group.set)).cloned();
    Draft {
        name: parts.into_iter().flatten().collect::<Vec<_>>().join(": "),
        overrides: overrides.chain(on_axes.map(|(axis, value)| format!("{}={value}", axis.path))).collect(),
        group,
    }
}

/// The last part of a path, or all of it if the last parts of two axes are the same.
fn short_name<'a>(axes: &[Axis], path: &'a str) -> &'a str {
    let last = |path: &'a str| path.rsplit('.').next().unwrap_or(path);
    let alike = axes.iter().filter(|axis| axis.path.rsplit('.').next() == Some(last(path))).count();
    if alike > 1 { path } else { last(path) }
}

/// All keys set by an axis or a group.
fn keys(sweep: &SweepConfig) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    let of_groups =
        sweep.groups.iter().flat_map(|NamedConfiguration { set, .. }| set).filter_map(|setting| setting.split_once('='));
    let paths = of_groups.map(|(path, _)| path.trim()).chain(sweep.axes.iter().map(|axis| axis.path.trim()));
    for path in paths {
        if !keys.iter().any(|key| key == path) {
            keys.push(path.to_owned());
        }
    }
    keys
}

fn resolve(sweep: &SweepConfig, source: &Source<'_>, keys: &[String], draft: Draft) -> Result<Configuration, SweepConfigError> {
    let Draft { name, overrides, group } = draft;
    let overrides = [&overrides, source.overrides].concat();
    let with_seed = |seed: u64| {
        let settings = [&overrides[..], &[format!("training.seed={seed}")]].concat();
        TrainConfig::parse(source.base_file, source.base_text, &settings)
            .map_err(|source| SweepConfigError::Configuration { name: name.clone(), source })
    };
    let configs: Vec<TrainConfig> = sweep.seeds.iter().map(|&seed| with_seed(seed)).collect::<Result<_, _>>()?;
    let first = &configs[0];
    // INVARIANT: a configuration is always written as a table.
    let table: Table = toml::from_str(&first.to_toml()).expect("a table");
    let resolved = |key: &String| serde_json::to_value(value_at(&table, key)?).ok();
    let setting = |key: &String| resolved(key).or_else(|| set_to(&overrides, key)).unwrap_or(Value::Null);
    let settings = keys.iter().map(|key| (key.clone(), setting(key))).collect();
    let trial =
        |config: &TrainConfig| Trial { id: id(config, source.manifests), seed: config.training.seed, config: config.to_toml() };
    Ok(Configuration {
        settings,
        published_accuracy: group.and_then(|index| sweep.groups[index].published_accuracy),
        n_parameters: first.network.n_parameters(first.front_end.n_features()),
        epochs: first.training.epochs,
        trials: configs.iter().map(trial).collect(),
        name,
        overrides,
    })
}

/// The value set by the last override of a path: a resolved configuration does not contain default values.
fn set_to(overrides: &[String], path: &str) -> Option<Value> {
    let values = overrides.iter().rev().filter_map(|setting| setting.split_once('='));
    let (_, text) = values.into_iter().find(|(key, _)| key.trim() == path)?;
    let table: Table = toml::from_str(&format!("value = {text}")).ok()?;
    serde_json::to_value(table.get("value")?).ok()
}

fn id(config: &TrainConfig, manifests: &[ManifestSource]) -> String {
    let mut hash = Sha256::new();
    hash.update(config.to_toml());
    manifests.iter().for_each(|source| hash.update(format!("{}\n", source.sha256)));
    moodline_core::digest::hex(&hash.finalize())[..ID_LEN].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = include_str!("../../../configs/paper.toml");

    fn plan_with(sweep: &str, overrides: &[String]) -> Result<Plan, SweepConfigError> {
        let sweep = SweepConfig::parse("s.toml", &format!("[sweep]\nbase = \"paper.toml\"\n{sweep}")).unwrap();
        let manifests = [ManifestSource { name: "a.csv".to_owned(), sha256: "a".repeat(64) }];
        let source = Source { name: "s", base_file: "paper.toml", base_text: BASE, overrides, manifests: &manifests };
        Plan::new(&sweep, &source)
    }

    fn plan(sweep: &str) -> Result<Plan, SweepConfigError> {
        plan_with(sweep, &[])
    }

    const GRID: &str = "strategy = { kind = \"grid\" }\nseeds = [0, 1]\n[sweep.axes]\n\"network.units\" = [12, 16]\n\"training.l2\" = [0, 0.001, 0.01]\n";

    #[test]
    fn a_grid_is_every_combination_of_every_group_and_value() {
        let two = plan(GRID).unwrap();
        assert_eq!((two.configurations.len(), two.n_trials()), (6, 12));
        assert_eq!(two.configurations[1].name, "units 12, l2 0.001");
        assert_eq!(two.configurations[1].settings["network.units"], Value::from(12));
        assert_eq!(two.configurations[1].n_parameters, 712);
        let config = two.configurations[5].trials[1].train_config().unwrap();
        assert_eq!((config.network.units, config.training.l2, config.training.seed), (16, 0.01, 1));
        let ids: BTreeSet<&str> = two.configurations.iter().flat_map(|of| &of.trials).map(|trial| trial.id.as_str()).collect();
        assert_eq!(ids.len(), 12);
        assert_eq!(two, plan(GRID).unwrap(), "the same file gives the same plan");

        let groups = "[[sweep.group]]\nname = \"a\"\n[[sweep.group]]\nname = \"b\"\nset = [\"training.patience=\"]\npublished_accuracy = 0.5\n";
        let four = plan(&format!("{GRID}{groups}")).unwrap();
        assert_eq!(four.configurations.len(), 12);
        let last = &four.configurations[11];
        assert_eq!((last.name.as_str(), last.published_accuracy), ("b: units 16, l2 0.01", Some(0.5)));
        assert_eq!(
            (&last.settings["training.patience"], &four.configurations[0].settings["training.patience"]),
            (&Value::Null, &Value::from(5))
        );
        assert_eq!(four.keys, ["training.patience", "network.units", "training.l2"]);
    }

    #[test]
    fn random_draws_are_different_within_their_ranges_and_the_same_again() {
        let text = "strategy = { kind = \"random\", trials = 40, seed = 3 }\nseeds = [0]\n[sweep.axes]\n\
                    \"network.units\" = { min = 2, max = 5 }\n\"training.l2\" = { min = 1e-5, max = 1e-2, scale = \"log\" }\n";
        let drawn = plan(text).unwrap();
        assert_eq!(drawn, plan(text).unwrap());
        let of = |path: &str| -> Vec<f64> { drawn.configurations.iter().map(|of| of.settings[path].as_f64().unwrap()).collect() };
        let (units, l2) = (of("network.units"), of("training.l2"));
        assert!([2.0, 3.0, 4.0, 5.0].iter().all(|n| units.contains(n)) && units.iter().all(|n| (2.0..=5.0).contains(n)));
        assert!(l2.iter().all(|value| (1e-5..=1e-2).contains(value)));
        let small = l2.iter().filter(|&&value| value < 10_f64.powf(-3.5)).count();
        assert!((10..30).contains(&small), "half of them lie below the middle of the logarithms, found {small}");

        let few = text.replace("trials = 40", "trials = 5").replace("{ min = 1e-5, max = 1e-2, scale = \"log\" }", "[0]");
        assert!(matches!(plan(&few), Err(SweepConfigError::TooFew { expected: 5, found: 4, .. })));
    }

    #[test]
    fn every_configuration_is_checked_before_anything_runs() {
        let message = plan(&GRID.replace("0.01]", "-1.0]")).unwrap_err().to_string();
        assert_eq!(message, "configuration 'units 12, l2 -1.0': training.l2 must be 0 or a positive number, found -1");
        let message = plan(&GRID.replace("training.l2", "training.l3")).unwrap_err().to_string();
        assert!(message.contains("unknown field `l3`"), "{message}");
        let many = GRID.replace("[12, 16]", &format!("{:?}", (1..=2000).collect::<Vec<_>>()));
        assert!(matches!(plan(&many), Err(SweepConfigError::TooMany { n: 12_000 })));
        let twins = "strategy = { kind = \"grid\" }\nseeds = [0]\n[[sweep.group]]\nname = \"a\"\n[[sweep.group]]\nname = \"b\"\nset = [\"network.units=16\"]\n";
        assert!(matches!(plan(twins), Err(SweepConfigError::Twice { first, second }) if first == "a" && second == "b"));
    }

    #[test]
    fn an_override_of_the_command_line_acts_on_all_configurations() {
        let short = plan_with(GRID, &["training.epochs=3".to_owned()]).unwrap();
        assert!(short.configurations.iter().all(|configuration| configuration.epochs == 3));
        assert_ne!(short.configurations[0].trials[0].id, plan(GRID).unwrap().configurations[0].trials[0].id);
    }

    #[test]
    fn halving_goes_on_with_the_best_until_one_is_left_or_the_epochs_are_over() {
        let halving = |trials: usize, min_epochs: usize, factor: usize| {
            let strategy =
                format!("{{ kind = \"successive_halving\", trials = {trials}, min_epochs = {min_epochs}, factor = {factor} }}");
            let axes = "[sweep.axes]\n\"network.units\" = { min = 2, max = 99 }\n";
            let halts = plan(&format!("strategy = {strategy}\nseeds = [0]\n{axes}")).unwrap().halts();
            halts.into_iter().map(|Halt { epochs, n }| (epochs, n)).collect::<Vec<_>>()
        };
        // The paper's configuration has 50 epochs.
        assert_eq!(halving(9, 5, 3), [(5, 9), (15, 3), (usize::MAX, 1)]);
        assert_eq!(halving(27, 10, 2), [(10, 27), (20, 13), (40, 6), (usize::MAX, 3)]);
        assert_eq!(halving(4, 50, 2), [(usize::MAX, 4)]);
        assert_eq!(plan(GRID).unwrap().halts(), [Halt { epochs: usize::MAX, n: 6 }]);
    }

    #[test]
    fn the_committed_sweeps_can_be_planned() {
        let table = plan_file(include_str!("../../../configs/table-1.toml"), BASE);
        assert_eq!((table.configurations.len(), table.n_trials()), (9, 27));
        assert!(table.configurations.iter().all(|configuration| configuration.published_accuracy.is_some()));
        let units: Vec<u64> = table.configurations.iter().map(|of| of.settings["network.units"].as_u64().unwrap()).collect();
        assert_eq!(units, [16, 16, 16, 8, 32, 12, 24, 24, 12]);
        assert_eq!(table.configurations[0].settings["training.oversample"], Value::from(false), "also what is as by default");

        let ablations = plan_file(include_str!("../../../configs/table-1-ablations.toml"), BASE);
        let of = |name: &str| {
            let configuration = ablations.configurations.iter().find(|configuration| configuration.name == name).unwrap();
            configuration.trials[0].train_config().unwrap()
        };
        assert_eq!((of("128 units").network.units, of("128 units, no L2").training.l2), (128, 0.0));
        let stack = of("two cells, dropout");
        assert_eq!((stack.network.layers, stack.training.dropout, stack.training.l2), (2, 0.2, 0.0005));

        let recipe = include_str!("../../../configs/paper-ltc-16.toml");
        assert_eq!(plan_file(include_str!("../../../configs/paper-ltc-16-units.toml"), recipe).n_trials(), 15);
    }

    fn plan_file(text: &str, base: &str) -> Plan {
        let sweep = SweepConfig::parse("s.toml", text).unwrap();
        let source = Source { name: "s", base_file: &sweep.base, base_text: base, overrides: &[], manifests: &[] };
        Plan::new(&sweep, &source).unwrap()
    }
}
