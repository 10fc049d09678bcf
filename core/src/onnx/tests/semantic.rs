//! Somebody wrote a consistent file, all checksums right, that this version of Moodline cannot or must not run.

use super::super::messages::StringStringEntryProto;
use super::super::metadata::sha256;
use super::*;
use crate::contract::Normalisation;
use crate::emotion::Emotion;
use crate::ltc::LtcConfig;

/// The refusal of a contract that was changed before it was written.
fn refused(change: impl FnOnce(&mut Contract)) -> Mismatch {
    let mut contract = contract();
    change(&mut contract);
    mismatch(read(&write(&contract, &weights())).expect_err("the contract must be refused"))
}

fn mismatch(error: ModelError) -> Mismatch {
    match error {
        ModelError::Refused(mismatch) => mismatch,
        other => panic!("expected a refused field, found: {other}"),
    }
}

/// The refusal of a file whose metadata text was changed, with its checksum.
fn refused_text(name: &str, from: &str, to: &str) -> Mismatch {
    let error = refusal(|model| {
        let key = format!("moodline.{name}");
        let at = model.metadata_props.iter().position(|entry| entry.key == key).unwrap();
        let StringStringEntryProto { value, .. } = &mut model.metadata_props[at];
        assert!(value.contains(from), "{value} has no {from}");
        *value = value.replace(from, to);
        model.metadata_props[at + 1].value = sha256(model.metadata_props[at].value.as_bytes());
    });
    mismatch(error)
}

fn network(contract: &mut Contract) -> &mut LtcConfig {
    let Network::Ltc(config) = &mut contract.network;
    config
}

fn scaler(contract: &mut Contract) -> (&mut Vec<f64>, &mut Vec<f64>) {
    let Normalisation::Standard { mean, scale } = &mut contract.normalisation;
    (mean, scale)
}

#[test]
fn a_contract_this_version_cannot_run_is_refused_by_field() {
    type Change = fn(&mut Contract);
    let cases: [(&str, Change); 48] = [
        ("version", |contract| contract.version = 2),
        ("version", |contract| contract.version = 0),
        ("id", |contract| contract.id = String::new()),
        ("id", |contract| contract.id = "../../etc".to_owned()),
        ("id", |contract| contract.id = "x".repeat(65)),
        ("front_end.top_db", |contract| contract.front_end.top_db = Some(80.0)),
        ("front_end.sample_rate", |contract| contract.front_end.sample_rate = 0),
        ("front_end.n_fft", |contract| contract.front_end.n_fft = usize::MAX),
        ("front_end.hop_length", |contract| contract.front_end.hop_length = 0),
        ("front_end.fmax", |contract| contract.front_end.fmax = 9000.0),
        ("front_end.fmin", |contract| contract.front_end.fmin = -1.0),
        ("front_end.average_frames", |contract| contract.front_end.average_frames = 0),
        ("front_end.groups", |contract| contract.front_end.groups.clear()),
        ("front_end.n_mels", |contract| contract.front_end.n_mels = 1 << 40),
        ("normalisation.mean", |contract| {
            scaler(contract).0.pop();
        }),
        ("normalisation.scale", |contract| scaler(contract).1.push(1.0)),
        ("normalisation.scale", |contract| scaler(contract).1[7] = 0.0),
        ("normalisation.scale", |contract| scaler(contract).1[38] = -1.0),
        ("normalisation", |contract| scaler(contract).0[0] = f64::NAN),
        ("normalisation", |contract| scaler(contract).1[0] = f64::INFINITY),
        ("labels", |contract| contract.labels[1] = Emotion::Sad),
        ("labels", |contract| {
            contract.labels.pop();
        }),
        ("labels", |contract| contract.labels.push(Emotion::Happy)),
        ("labels", |contract| contract.labels.clear()),
        ("block_seconds", |contract| contract.block_seconds = 0.2),
        ("block_seconds", |contract| contract.block_seconds = 60.1),
        ("block_seconds", |contract| contract.block_seconds = -5.0),
        ("block_seconds", |contract| contract.block_seconds = f64::NAN),
        ("network.units", |contract| network(contract).units = 0),
        ("network.units", |contract| network(contract).units = 513),
        ("network.units", |contract| network(contract).units = usize::MAX),
        ("network.unfolds", |contract| network(contract).unfolds = 0),
        ("network.unfolds", |contract| network(contract).unfolds = 65),
        ("network.dt", |contract| network(contract).dt = 0.0),
        ("network.dt", |contract| network(contract).dt = 2.0),
        ("network.clip", |contract| network(contract).clip = 0.0),
        ("network.clip", |contract| network(contract).clip = -20.0),
        ("network.max_gain", |contract| network(contract).max_gain = Some(0.0)),
        ("network", |contract| network(contract).dt = f64::NAN),
        ("network", |contract| network(contract).clip = f64::INFINITY),
        ("training.corpora", |contract| contract.training.corpora.clear()),
        ("training.corpora", |contract| contract.training.corpora[0].name.clear()),
        ("training.protocol", |contract| contract.training.protocol.clear()),
        ("training.epoch", |contract| contract.training.epoch = 0),
        ("training.config_sha256", |contract| contract.training.config_sha256 = "F".repeat(64)),
        ("training.config_sha256", |contract| contract.training.config_sha256.clear()),
        ("licence", |contract| contract.licence = " ".to_owned()),
        ("metrics", |contract| {
            contract.metrics.insert("dev_uar".to_owned(), f64::NAN);
        }),
    ];
    for (i, (field, change)) in cases.into_iter().enumerate() {
        let mismatch = refused(change);
        assert_eq!(mismatch.field, field, "case {i}: {mismatch}");
        assert!(!mismatch.expected.is_empty() && !mismatch.found.is_empty(), "case {i}: {mismatch}");
    }
}

#[test]
fn what_only_a_later_version_knows_is_refused_with_what_is_known() {
    for (name, from, to, expected) in [
        ("version", "1", "2", "1"),
        ("front_end", r#""delta2""#, r#""prosody""#, "one of `mfcc`, `delta`, `delta2`"),
        ("normalisation", r#""standard""#, r#""quantile""#, "`standard`"),
        ("network", r#""ltc""#, r#""lstm""#, "`ltc`"),
        ("network", r#""recomputed""#, r#""exact""#, "`held` or `recomputed`"),
        ("labels", r#""happy""#, r#""bored""#, "one of `angry`, `happy`, `sad`, `neutral`"),
        ("padding", r#""none""#, r#""zeros""#, "`none`"),
        ("state", r#""reset_each_block""#, r#""streaming""#, "`reset_each_block`"),
        ("front_end", r#""window""#, r#""colour""#, "one of `sample_rate`, `n_fft`"),
        ("network", r#""units":3"#, r#""units":"3""#, "usize"),
        ("block_seconds", "5.0", "null", "f64"),
    ] {
        let mismatch = refused_text(name, from, to);
        assert_eq!(mismatch.field, name, "{mismatch}");
        assert!(mismatch.expected.contains(expected), "{name}: expected {expected} in: {mismatch}");
        assert!(mismatch.found.contains(to.trim_matches('"').split('"').next().unwrap()) || to.contains(':'), "{mismatch}");
    }
}

#[test]
fn broken_or_unusual_json_is_refused() {
    for (name, from, to) in [
        ("id", "\"", ""),
        ("id", "\"sample-3\"", "[[[[[[[["),
        ("labels", "[", ""),
        ("training", "}", "},"),
        ("network", r#""units":3"#, r#""units":-3"#),
        ("network", r#""units":3"#, r#""units":3e99"#),
        ("network", r#""units":3"#, r#""units":3,"units":3"#),
    ] {
        assert_eq!(refused_text(name, from, to).field, name, "{name}: {to}");
    }
    // The same values in another spelling: the fingerprint is that of the spelling Moodline writes.
    let error = refusal(|model| {
        model.metadata_props[2].value.push(' ');
        model.metadata_props[3].value = sha256(model.metadata_props[2].value.as_bytes());
    });
    assert_eq!(field(&error), "metadata_props[2]");
}

#[test]
fn weights_that_no_network_can_have_are_refused_by_tensor() {
    type Change = fn(&mut LtcWeights);
    let cases: [(&str, Change); 12] = [
        ("projection", |weights| weights.projection[(38, 2)] = f32::NAN),
        ("projection_bias", |weights| weights.projection_bias[0] = f32::INFINITY),
        ("recurrent_kernel", |weights| weights.recurrent_kernel[(1, 1)] = f32::NEG_INFINITY),
        ("rate", |weights| weights.rate[2] = f32::NAN),
        ("rate", |weights| weights.rate[2] = -0.1),
        ("rate", |weights| weights.rate[2] = 1.6),
        ("gain", |weights| weights.gain[0] = -1.0),
        ("gain", |weights| weights.gain[0] = 11.0),
        ("dense_kernel", |weights| weights.dense_kernel[(0, 3)] = f32::NAN),
        ("dense_bias", |weights| weights.dense_bias[3] = f32::NAN),
        ("projection", |weights| weights.projection = ndarray::Array2::zeros((39, 4))),
        ("dense_bias", |weights| weights.dense_bias = ndarray::Array1::zeros(5)),
    ];
    for (tensor, change) in cases {
        let mut weights = weights();
        change(&mut weights);
        let mismatch = mismatch(read(&write(&contract(), &weights)).unwrap_err());
        assert_eq!(mismatch.field, tensor, "{mismatch}");
    }
}
