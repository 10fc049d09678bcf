//! Small plans, records and results for the tests of this module.

use super::config::SweepConfig;
use super::plan::{Plan, Source};
use super::results::{DevFigures, Rung, SweepResults, TrialRecord, TrialStatus};
use super::tables;
use crate::data::manifest::ManifestSource;

/// A plan of the shipped recipe with these numbers of units and seeds.
pub(crate) fn plan(units: &[usize], seeds: &[u64]) -> Plan {
    plan_of(&format!("strategy = {{ kind = \"grid\" }}\nseeds = {seeds:?}\n[sweep.axes]\n\"network.units\" = {units:?}\n"))
}

/// A plan of the shipped recipe with this sweep.
pub(crate) fn plan_of(sweep: &str) -> Plan {
    let sweep = SweepConfig::parse("s.toml", &format!("[sweep]\nbase = \"b.toml\"\n{sweep}")).unwrap();
    let manifests = [ManifestSource { name: "a.csv".to_owned(), sha256: "a".repeat(64) }];
    let base_text = include_str!("../../../configs/paper-ltc-16.toml");
    Plan::new(&sweep, &Source { name: "s", base_file: "b.toml", base_text, overrides: &[], manifests: &manifests }).unwrap()
}

/// A finished trial with this UAR on dev.
pub(crate) fn record(id: &str, configuration: &str, seed: u64, uar: f64) -> TrialRecord {
    TrialRecord {
        id: id.to_owned(),
        configuration: configuration.to_owned(),
        seed,
        status: TrialStatus::Finished,
        reason: None,
        epochs: 3,
        seconds: 1.25,
        data_sha256: "d".repeat(64),
        n_left_out: 0,
        rungs: vec![Rung { epochs: 3, best: DevFigures { epoch: 3, uar, accuracy: uar, macro_f1: uar, loss: 1.0 - uar } }],
    }
}

/// The results of a sweep with these records in its folder.
pub(crate) fn results(plan: &Plan, records: &[TrialRecord]) -> SweepResults {
    tables::results(plan, |id| records.iter().find(|record| record.id == id).cloned())
}
