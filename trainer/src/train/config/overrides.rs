//! `section.key=value` from the command line or a sweep, applied to the table of a configuration.
//!
//! In: the table of the file, and overrides in order. Out: a [`TrainConfig`] whose ranges are not yet checked.
//!
//! A section with a `kind` has several variants. When an override changes the variant, keys of the file that the new kind also has are kept (such as
//! the learning rate, which every schedule has) and the others are dropped. An override of a key that the kind does not have is refused.

use toml::{Table, Value};

use super::{ConfigError, TrainConfig};

/// The key that selects the variant of a section.
const KIND: &str = "kind";

/// The configuration of a file, with overrides applied.
///
/// # Errors
/// [`ConfigError`] for something that is not an override, or that results in an invalid configuration.
pub(super) fn overlaid(file: &Table, overrides: &[String]) -> Result<TrainConfig, ConfigError> {
    let mut table = file.clone();
    let given = overrides.iter().map(|setting| apply(&mut table, setting)).collect::<Result<Vec<String>, _>>()?;
    let mut leftovers = Vec::new();
    find_leftovers("", file, &table, &given, &mut leftovers);
    let config = loop {
        let error = match table.clone().try_into::<TrainConfig>() {
            Ok(config) => break config,
            Err(error) => error,
        };
        let unknown = unknown_key(&error).and_then(|key| leftovers.iter().position(|path| parts(path).1 == key));
        let Some(index) = unknown else {
            let reason = error.to_string().trim_end().replace('\n', " ");
            return Err(ConfigError::AfterOverrides { overrides: overrides.join(" --set "), reason });
        };
        let path = leftovers.swap_remove(index);
        if let Some(section) = section_mut(&mut table, parts(&path).0) {
            section.remove(parts(&path).1);
        }
    };
    refuse_unknown(&table, &config, &given)?;
    Ok(config)
}

/// Paths of the keys that a section still has from the file although an override changed its kind.
fn find_leftovers(section: &str, file: &Table, table: &Table, given: &[String], found: &mut Vec<String>) {
    let is_other = file.contains_key(KIND) && file.get(KIND) != table.get(KIND);
    for (key, value) in table {
        let path = if section.is_empty() { key.clone() } else { format!("{section}.{key}") };
        match (file.get(key), value) {
            _ if given.contains(&path) => {}
            (Some(Value::Table(file)), Value::Table(table)) => find_leftovers(&path, file, table, given, found),
            (Some(_), _) if is_other => found.push(path),
            _ => {}
        }
    }
}

/// The unknown key in an error message of serde.
fn unknown_key(error: &toml::de::Error) -> Option<&str> {
    error.message().split_once("unknown field `")?.1.split('`').next()
}

/// Kinds without keys of their own accept any key: one that is missing from the resolved configuration was not recognised.
fn refuse_unknown(table: &Table, config: &TrainConfig, given: &[String]) -> Result<(), ConfigError> {
    // INVARIANT: a configuration is always written as a table.
    let resolved: Table = toml::from_str(&config.to_toml()).expect("a table");
    for path in given {
        let Some(kind) = value_at(table, &format!("{}.{KIND}", parts(path).0)) else { continue };
        if let (Some(found), None) = (value_at(table, path), value_at(&resolved, path))
            && parts(path).1 != KIND
        {
            let expected = format!("absent: kind = {kind} has no such key");
            return Err(ConfigError::Range { field: path.clone(), expected, found: found.to_string() });
        }
    }
    Ok(())
}

/// The value under a path such as `network.cell.kind`.
pub(crate) fn value_at<'t>(table: &'t Table, path: &str) -> Option<&'t Value> {
    let (section, key) = parts(path);
    let mut sections = section.split('.').filter(|section| !section.is_empty());
    sections.try_fold(table, |table, section| table.get(section)?.as_table())?.get(key)
}

fn section_mut<'t>(table: &'t mut Table, path: &str) -> Option<&'t mut Table> {
    path.split('.').filter(|section| !section.is_empty()).try_fold(table, |table, section| table.get_mut(section)?.as_table_mut())
}

/// Section and last component of a path.
fn parts(path: &str) -> (&str, &str) {
    path.rsplit_once('.').unwrap_or(("", path))
}

/// Applies one override to the table and returns its path.
fn apply(table: &mut Table, setting: &str) -> Result<String, ConfigError> {
    let malformed = || ConfigError::Override { found: setting.to_owned() };
    let (path, text) = setting.split_once('=').ok_or_else(malformed)?;
    let mut keys: Vec<&str> = path.trim().split('.').collect();
    let has_section = keys.len() > 1 && keys.iter().all(|key| !key.is_empty());
    let last = keys.pop().filter(|_| has_section).ok_or_else(malformed)?;
    let mut section = table;
    for key in keys {
        let value = section.entry(key).or_insert_with(|| Value::Table(Table::new()));
        section = value.as_table_mut().ok_or_else(malformed)?;
    }
    match text.trim() {
        "" => section.remove(last),
        text => section.insert(last.to_owned(), value_of(text, section.get(last))),
    };
    Ok(path.trim().to_owned())
}

/// A TOML value, or the text itself if it is not TOML; an integer becomes a float if the previous value was one.
fn value_of(text: &str, before: Option<&Value>) -> Value {
    let parsed = toml::from_str::<Table>(&format!("value = {text}")).ok().and_then(|mut table| table.remove("value"));
    match (parsed, before) {
        (Some(Value::Integer(whole)), Some(Value::Float(_))) => Value::Float(whole as f64),
        (Some(value), _) => value,
        (None, _) => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use moodline_core::network::CellConfig;
    use moodline_learn::optimiser::OptimiserConfig;
    use moodline_learn::schedule::ScheduleConfig;

    use super::*;
    use crate::data::augment::config::tests::EVERY_KIND;

    fn parse(overrides: &[&str]) -> Result<TrainConfig, String> {
        let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
        let text = include_str!("../../../configs/paper-ltc-16.toml");
        TrainConfig::parse("c.toml", text, &overrides).map_err(|error| error.to_string())
    }

    #[test]
    fn an_override_is_toml_or_text_and_an_empty_one_removes() {
        let mut table: Table = toml::from_str("[a]\nreal = 1.5\nword = \"x\"\ngone = 1").unwrap();
        for setting in ["a.real=2", "a.word=plain", "a.gone=", "a.b.list=[1, 2]", "new.flag=true"] {
            apply(&mut table, setting).unwrap();
        }
        let expected: Table =
            toml::from_str("[a]\nreal = 2.0\nword = \"plain\"\n[a.b]\nlist = [1, 2]\n[new]\nflag = true").unwrap();
        assert_eq!(table, expected);
        for bad in ["a", "a=1", ".x=1", "a.=1", "a.real.deeper=1"] {
            assert!(matches!(apply(&mut table, bad), Err(ConfigError::Override { .. })), "{bad}");
        }
    }

    #[test]
    fn another_kind_drops_what_it_does_not_know_and_keeps_the_rest() {
        for (kind, cell) in [("gru", CellConfig::Gru), ("lstm", CellConfig::Lstm), ("liquid_gate", CellConfig::LiquidGate)] {
            let config = parse(&["initialisation.tau=", &format!("network.cell.kind={kind}")]).unwrap();
            assert_eq!(config.network.cell, cell);
            assert!(!config.to_toml().contains("unfolds"));
        }
        // Regardless of the position of the override of the kind.
        let settings = ["network.cell.mode=pure", "initialisation.tau=", "network.cell.kind=cfc", "network.cell.elapsed=0.5"];
        let CellConfig::Cfc(cell) = parse(&settings).unwrap().network.cell else { panic!("a cfc") };
        assert_eq!(cell.elapsed, 0.5);
        let settings = ["training.schedule.kind=cosine", "training.schedule.learning_rate=0.01", "training.optimiser.kind=sgd"];
        let config = parse(&[&settings[..], &["training.optimiser.momentum=0.9"]].concat()).unwrap();
        let cosine = ScheduleConfig::Cosine { learning_rate: 0.01, warm_up: 0.3, final_learning_rate: 0.0 };
        assert_eq!(config.training.schedule, cosine, "the warm-up is known to both");
        assert_eq!(config.training.optimiser, OptimiserConfig::Sgd { momentum: 0.9, nesterov: false });
        assert_eq!(parse(&["network.cell.kind=gru", "network.cell.kind=paper_ltc"]).unwrap(), parse(&[]).unwrap());
    }

    #[test]
    fn what_a_kind_lacks_or_does_not_know_is_said_in_one_sentence() {
        let lacks = parse(&["initialisation.tau=", "network.cell.kind=cfc"]).unwrap_err();
        assert!(lacks.contains("--set network.cell.kind=cfc: missing field `mode` in `network.cell`"), "{lacks}");
        let unknown = parse(&["initialisation.tau=", "network.cell.kind=gru", "network.cell.unfolds=3"]).unwrap_err();
        assert_eq!(unknown, "network.cell.unfolds must be absent: kind = \"gru\" has no such key, found 3");
        let unknown = parse(&["network.cell.mode=pure"]).unwrap_err();
        assert!(unknown.contains("unknown field `mode`"), "{unknown}");
        let tau = parse(&["initialisation.tau.kind=ones", "network.cell.kind=gru"]).unwrap_err();
        assert_eq!(tau, "initialisation.tau must be absent: the cell has no tau, found one");
        for weights in ["half", "{ angry = 1.0 }", "{ angry = 1.0, happy = 1.0, sad = 1.0, neutral = 1.0, bored = 1.0 }"] {
            let error = parse(&[&format!("training.class_weights={weights}")]).unwrap_err();
            assert!(error.contains("expected balanced, none or { angry = 1.0, "), "{error}");
        }
        let negative = parse(&["training.class_weights={ angry = 1.0, happy = -1.0, sad = 1.0, neutral = 1.0 }"]).unwrap_err();
        assert_eq!(negative, "training.class_weights.happy must be a positive number, found -1");
    }

    #[test]
    fn a_training_without_augmentation_keeps_its_text_and_one_with_it_comes_back() {
        let text = include_str!("../../../configs/paper-ltc-16.toml");
        let plain = TrainConfig::parse("c.toml", text, &[]).unwrap();
        assert!(plain.augmentation.is_none() && !plain.to_toml().contains("augmentation"));
        let varied = format!("{text}\n[augmentation]\n{}", EVERY_KIND.replace("[batch]", "[augmentation.batch]"));
        let varied = TrainConfig::parse("c.toml", &varied, &["augmentation.copies=3".to_owned()]).unwrap();
        assert_eq!(varied.augmentation.as_ref().unwrap().copies, 3);
        assert_eq!(TrainConfig::parse("c.toml", &varied.to_toml(), &[]).unwrap(), varied);
        let wrong = TrainConfig::parse("c.toml", &varied.to_toml(), &["augmentation.copies=65".to_owned()]).unwrap_err();
        assert_eq!(wrong.to_string(), "augmentation.copies must be 0..=64, found 65");
    }
}
