//! A consistent file with correct checksums that this version of Moodline cannot or must not run.

use super::super::metadata::sha256;
use super::*;
use crate::emotion::Emotion;
use crate::network::{Backbone, Cfc, CfcMode, Committee, Tensors};
use crate::nodes::messages::StringStringEntryProto;
use sample::of_cell;

/// The refusal of a contract that was modified before it was written.
fn refused(change: impl FnOnce(&mut Contract)) -> Mismatch {
    mismatch(read(&paper().with(change)).expect_err("the contract must be refused"))
}

fn mismatch(error: ModelError) -> Mismatch {
    match error {
        ModelError::Refused(mismatch) => mismatch,
        other => panic!("expected a refused field, found: {other}"),
    }
}

/// The refusal of a file whose metadata text was modified together with its checksum.
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

/// The single network of a contract.
fn only(contract: &mut Contract) -> &mut NetworkConfig {
    &mut contract.networks.members_mut()[0]
}

fn cell(contract: &mut Contract) -> &mut PaperLtc {
    match &mut only(contract).cell {
        CellConfig::PaperLtc(config) => config,
        other => panic!("expected the cell of the paper, found {other:?}"),
    }
}

fn scaler(contract: &mut Contract) -> (&mut Vec<f64>, &mut Vec<f64>) {
    let Normalisation::Standard { mean, scale } = &mut contract.normalisation;
    (mean, scale)
}

#[test]
fn a_contract_this_version_cannot_run_is_refused_by_field() {
    type Change = fn(&mut Contract);
    let cases: [(&str, Change); 54] = [
        ("version", |contract| contract.version = 1),
        ("version", |contract| contract.version = 0),
        ("id", |contract| contract.id = String::new()),
        ("id", |contract| contract.id = "../../etc".to_owned()),
        ("id", |contract| contract.id = "x".repeat(65)),
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
        ("normalisation.scale", |contract| scaler(contract).1[2] = 0.0),
        ("normalisation.scale", |contract| scaler(contract).1[5] = -1.0),
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
        ("network.units", |contract| only(contract).units = 0),
        ("network.units", |contract| only(contract).units = 513),
        ("network.units", |contract| only(contract).units = usize::MAX),
        ("network.cell.unfolds", |contract| cell(contract).unfolds = 0),
        ("network.cell.unfolds", |contract| cell(contract).unfolds = 65),
        ("network.cell.dt", |contract| cell(contract).dt = 0.0),
        ("network.cell.dt", |contract| cell(contract).dt = 2.0),
        ("network.cell.clip", |contract| cell(contract).clip = 0.0),
        ("network.cell.clip", |contract| cell(contract).clip = -20.0),
        ("network.cell.max_gain", |contract| cell(contract).max_gain = Some(0.0)),
        ("network.layers", |contract| only(contract).layers = 0),
        ("network.layers", |contract| only(contract).layers = 4),
        ("network.layers", |contract| only(contract).layers = usize::MAX),
        ("network.cell.unfolds", |contract| cell(contract).unfolds = usize::MAX),
        ("networks", |contract| cell(contract).dt = f64::NAN),
        ("networks", |contract| cell(contract).clip = f64::INFINITY),
        ("networks", |contract| contract.networks = Committee::new(vec![])),
        ("networks", |contract| contract.networks = Committee::new(vec![only(contract).clone(); 9])),
        ("training.further_runs", |contract| {
            let run = contract.training.runs().next().unwrap();
            contract.training.further_runs.push(run);
        }),
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
        ("version", "3", "4", "in 2..=3 (a newer Moodline reads this model)"),
        ("version", "3", "1", "in 2..=3 (export the model again with this version)"),
        ("front_end", r#""delta2""#, r#""jitter""#, "one of `mfcc`, `delta`, `delta2`, `prosody`"),
        ("normalisation", r#""standard""#, r#""quantile""#, "`standard`"),
        ("networks", r#""paper_ltc""#, r#""transformer""#, "one of `paper_ltc`, `ltc`, `cfc`, `liquid_gate`, `gru`, `lstm`"),
        ("networks", r#""last""#, r#""median""#, "one of `last`, `mean`, `mean_deviation`, `attention`"),
        ("networks", r#""recomputed""#, r#""exact""#, "`held` or `recomputed`"),
        ("labels", r#""happy""#, r#""bored""#, "one of `angry`, `happy`, `sad`, `neutral`"),
        ("padding", r#""none""#, r#""zeros""#, "`none`"),
        ("state", r#""reset_each_block""#, r#""streaming""#, "`reset_each_block`"),
        ("front_end", r#""window""#, r#""colour""#, "one of `sample_rate`, `n_fft`"),
        ("front_end", r#""n_mfcc""#, r#""top_db":80.0,"n_mfcc""#, "one of `sample_rate`, `n_fft`"),
        ("networks", r#""units":3"#, r#""units":"3""#, "usize"),
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
        ("networks", r#""units":3"#, r#""units":-3"#),
        ("networks", r#""units":3"#, r#""units":3e99"#),
        ("networks", r#""units":3"#, r#""units":3,"units":3"#),
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
fn settings_of_the_other_cells_are_refused_by_field() {
    let ltc = |solver, unfolds, elapsed| CellConfig::Ltc(Ltc { solver, unfolds, elapsed });
    let cfc = |elapsed| CellConfig::Cfc(Cfc { mode: CfcMode::Pure, elapsed, backbone: None });
    let with_backbone =
        |units, layers| CellConfig::Cfc(Cfc { mode: CfcMode::Pure, elapsed: 1.0, backbone: Some(Backbone { units, layers }) });
    let good = [ltc(Solver::Rk4, 3, 1.0), cfc(1.0)];
    let bad = [
        ("network.cell.unfolds", ltc(Solver::SemiImplicit, 0, 1.0)),
        ("network.cell.unfolds", ltc(Solver::SemiImplicit, 65, 1.0)),
        ("network.cell.unfolds", ltc(Solver::Rk4, 17, 1.0)),
        ("network.cell.unfolds", ltc(Solver::Euler, usize::MAX, 1.0)),
        ("network.cell.elapsed", ltc(Solver::Euler, 3, 0.0)),
        ("network.cell.elapsed", ltc(Solver::Euler, 3, -1.0)),
        ("network.cell.elapsed", ltc(Solver::Rk4, 3, 1e7)),
        ("networks", ltc(Solver::Rk4, 3, f64::NAN)),
        ("network.cell.elapsed", cfc(0.0)),
        ("networks", cfc(f64::INFINITY)),
        ("network.cell.backbone.units", with_backbone(0, 1)),
        ("network.cell.backbone.units", with_backbone(513, 1)),
        ("network.cell.backbone.units", with_backbone(usize::MAX, usize::MAX)),
        ("network.cell.backbone.layers", with_backbone(3, 0)),
        ("network.cell.backbone.layers", with_backbone(3, 4)),
        ("network.cell.backbone.layers", with_backbone(3, usize::MAX)),
    ];
    for (field, cell) in bad {
        let model = of_cell(if matches!(cell, CellConfig::Ltc(_)) { good[0].clone() } else { good[1].clone() });
        read(&model.bytes()).unwrap();
        let mismatch = mismatch(read(&model.with(|contract| only(contract).cell = cell.clone())).unwrap_err());
        assert_eq!(mismatch.field, field, "{cell:?}: {mismatch}");
    }
}

#[test]
fn weights_of_another_network_are_refused_by_tensor() {
    for model in every_network() {
        for (change, missing) in [
            (NetworkConfig { units: 3, ..model.contract.networks.members()[0].clone() }, None),
            (
                NetworkConfig { layers: 3, ..model.contract.networks.members()[0].clone() },
                (model.contract.networks.members()[0].layers < 3).then_some("layer"),
            ),
            (NetworkConfig { pooling: Pooling::Attention, ..model.contract.networks.members()[0].clone() }, Some("attention")),
        ] {
            if change == model.contract.networks.members()[0] {
                continue;
            }
            let bytes = model.with(|contract| contract.networks = change.clone().into());
            match read(&bytes) {
                Err(ModelError::Refused(mismatch)) => {
                    assert!(
                        missing.is_none_or(|missing| mismatch.field.starts_with(missing) || mismatch.field == "dense_kernel"),
                        "{mismatch}"
                    );
                }
                other => panic!("{change:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_backbone_that_the_weights_do_not_have_is_refused_and_so_is_a_missing_one() {
    let cell = |backbone| CellConfig::Cfc(Cfc { mode: CfcMode::Gated, elapsed: 1.0, backbone });
    let (narrow, wide) = (Some(Backbone { units: 4, layers: 2 }), Some(Backbone { units: 9, layers: 2 }));
    let (shallow, deep) = (Some(Backbone { units: 4, layers: 1 }), Some(Backbone { units: 4, layers: 3 }));
    let places = [
        (None, narrow, "layer0.projection"),
        (narrow, None, "layer0.projection"),
        (narrow, wide, "layer0.projection"),
        (narrow, deep, "layer0.backbone2.kernel"),
        // It has all the tensors; the graph has additional ones.
        (narrow, shallow, "graph.node[3].body.node"),
    ];
    for (written, promised, place) in places {
        let bytes = of_cell(cell(written)).with(|contract| only(contract).cell = cell(promised));
        let mismatch = mismatch(read(&bytes).unwrap_err());
        assert_eq!(mismatch.field, place, "{written:?} for {promised:?}: {mismatch}");
    }
}

/// The refusal of weights with one modified tensor.
fn refused_weights(model: &Model, name: &str, change: impl FnOnce(&mut Vec<f32>)) -> Mismatch {
    let mut model = model.clone();
    change(&mut model.weights.get_mut(name).values);
    mismatch(read(&model.bytes()).expect_err("the weights must be refused"))
}

#[test]
fn weights_that_are_not_finite_are_refused_by_tensor() {
    for model in every_network() {
        for (name, _) in model.weights.shapes() {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mismatch = refused_weights(&model, &name, |values| *values.last_mut().unwrap() = bad);
                assert_eq!((&mismatch.field, mismatch.expected.as_str()), (&name, "finite numbers"), "{mismatch}");
            }
        }
    }
}

#[test]
fn weights_of_another_shape_are_refused_by_tensor() {
    for model in every_network() {
        for (index, (name, shape)) in model.weights.shapes().into_iter().enumerate() {
            for axis in 0..shape.len() {
                let mut shapes = model.weights.shapes();
                shapes[index].1[axis] += 1;
                let weights = Tensors::filled(shapes, &0.5);
                let mismatch = mismatch(read(&write(&model.contract, &weights)).unwrap_err());
                assert_eq!(mismatch.field, name, "{mismatch}");
            }
        }
    }
}

#[test]
fn weights_that_no_network_can_have_are_refused_by_tensor() {
    for (name, bad) in [("layer0.rate", -0.1), ("layer0.rate", 1.6), ("layer0.gain", -1.0), ("layer0.gain", 11.0)] {
        let mismatch = refused_weights(&paper(), name, |values| values[2] = bad);
        assert_eq!(mismatch.field, name, "{mismatch}");
    }
    let ltc = of_cell(CellConfig::Ltc(Ltc { solver: Solver::Euler, unfolds: 3, elapsed: 0.05 }));
    for (name, bad) in [("sensory_w", -0.1), ("w", -0.1), ("leak", -1e-9), ("capacity", 0.0), ("capacity", -1.0)] {
        let name = format!("layer1.{name}");
        assert_eq!(refused_weights(&ltc, &name, |values| values[1] = bad).field, name);
    }
    let cfc = of_cell(CellConfig::Cfc(Cfc { mode: CfcMode::Pure, elapsed: 1.0, backbone: None }));
    assert_eq!(refused_weights(&cfc, "layer1.w_tau", |values| values[0] = -0.1).field, "layer1.w_tau");
}
