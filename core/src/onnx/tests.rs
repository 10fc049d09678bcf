//! Every part of a model file is altered separately and must be refused, by name and with what was expected and found.

mod altered;
mod sample;
mod semantic;
mod speech;

use super::*;
use crate::certainty::Certainty;
use crate::contract::{Normalisation, OLDEST_CONTRACT_VERSION};
use crate::familiarity::Familiarity;
use crate::network::{Backbone, Carry, CellConfig, Cfc, CfcMode, Ltc, NetworkConfig, PaperLtc, Pooling, Reading, Solver};
use sample::{Model, committee, every_network, paper};

#[test]
fn what_was_written_is_read_back() {
    for Model { contract, weights } in every_network().into_iter().chain([committee()]) {
        let bytes = write(&contract, &weights);
        let model = read(&bytes).unwrap();
        assert_eq!(model.contract, contract);
        assert_eq!(model.weights, weights);
        assert_eq!(model.fingerprint.len(), 64);
        assert_eq!(write(&model.contract, &model.weights), bytes, "one model has one encoding");
    }
}

#[test]
fn a_file_of_the_version_before_has_one_network() {
    let mut before = paper();
    before.contract.version = OLDEST_CONTRACT_VERSION;
    let bytes = before.bytes();
    assert!(before.file().metadata_props.iter().any(|entry| entry.key == "moodline.network"));
    assert_eq!(read(&bytes).unwrap().contract, before.contract);
    assert_eq!(write(&before.contract, &before.weights), bytes);

    let mut committee = committee();
    committee.contract.version = OLDEST_CONTRACT_VERSION;
    let error = read(&committee.bytes()).unwrap_err();
    assert_eq!(field(&error), "moodline.network", "{error}");
}

#[test]
fn what_blocks_are_like_is_read_back_and_refused_by_name() {
    let mut model = paper();
    let n = 2 * model.contract.front_end.n_features();
    let familiarity = Familiarity { mean: vec![0.5; n], between: vec![1.0; n], within: vec![0.0; n], limit: 2.0 };
    model.contract.familiarity = Some(familiarity);
    assert_eq!(read(&model.bytes()).unwrap().contract, model.contract);
    assert_eq!(write(&model.contract, &model.weights), model.bytes());

    let error = read(&model.with(|contract| contract.familiarity.as_mut().unwrap().limit = -1.0)).unwrap_err();
    assert_eq!(error.to_string(), "the model file is refused: familiarity.limit must be a positive number, found -1");
    let mut file = model.file();
    file.metadata_props.retain(|entry| !entry.key.contains("familiarity"));
    let error = read(&file.encode_to_vec()).unwrap_err();
    assert_eq!(field(&error), "fingerprint", "what a model has cannot be taken out: {error}");
}

#[test]
fn from_where_on_answers_are_certain_is_read_back_and_refused_by_name() {
    let mut model = paper();
    model.contract.certainty = Some(Certainty { least_probability: 0.53, risk: 0.4 });
    assert_eq!(read(&model.bytes()).unwrap().contract, model.contract);
    assert_eq!(write(&model.contract, &model.weights), model.bytes());
    let error = read(&model.with(|contract| contract.certainty.as_mut().unwrap().risk = 0.0)).unwrap_err();
    assert_eq!(error.to_string(), "the model file is refused: certainty.risk must be between 0 and 1, found 0");
}

#[test]
fn the_names_of_a_graph_with_several_networks_are_each_given_once() {
    let graph = committee().file().graph.unwrap();
    let mut names: Vec<String> = graph.node.iter().flat_map(|node| node.output.clone()).collect();
    names.extend(graph.initializer.iter().map(|tensor| tensor.name.clone()));
    names.extend(graph.input.iter().map(|input| input.name.clone()));
    let n_names = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), n_names);
    let known = |name: &String| name.is_empty() || names.contains(name);
    assert!(graph.node.iter().flat_map(|node| &node.input).all(known), "everything that is used is there");
}

#[test]
fn the_checksum_of_the_front_end_is_its_fingerprint() {
    let key = "moodline.front_end.sha256";
    let entry = paper().file().metadata_props.into_iter().find(|entry| entry.key == key).unwrap();
    assert_eq!(entry.value, paper().contract.front_end.fingerprint());
}

#[test]
fn the_fingerprint_names_contract_and_weights() {
    let fingerprint = |model: &Model| read(&model.bytes()).unwrap().fingerprint;
    let original = fingerprint(&paper());
    assert_eq!(fingerprint(&paper()), original);
    let mut other = paper();
    other.contract.licence = "another licence".to_owned();
    assert_ne!(fingerprint(&other), original);
    let mut other = paper();
    other.weights.get_mut("dense_bias").values[3] += 1e-6;
    assert_ne!(fingerprint(&other), original);
}

/// The file of this network with the largest front end and constant weights.
fn largest(network: &NetworkConfig) -> (Contract, Tensors<f32>) {
    let n_features = 1536;
    let mut contract = paper().contract;
    (contract.front_end.n_mels, contract.front_end.n_mfcc) = (512, 512);
    contract.normalisation = Normalisation::Standard { mean: vec![-1.0 / 3.0; n_features], scale: vec![1.0 / 3.0; n_features] };
    contract.networks = network.clone().into();
    (contract, Tensors::filled(network.weight_shapes(n_features), &0.1))
}

#[test]
fn the_largest_networks_of_a_contract_fit_the_limits() {
    let paper =
        PaperLtc { reading: Reading::Recomputed, unfolds: 64, dt: 0.01, clip: 20.0, max_gain: None, carry: Carry::Unscaled };
    let ltc = |solver, unfolds| CellConfig::Ltc(Ltc { solver, unfolds, elapsed: 1.0 });
    let behind_layers =
        |units| CellConfig::Cfc(Cfc { mode: CfcMode::Gated, elapsed: 1.0, backbone: Some(Backbone { units, layers: 3 }) });
    // The most values; then the most nodes.
    for (units, layers, cell) in [
        (512, 1, CellConfig::PaperLtc(paper)),
        (155, 3, CellConfig::Lstm),
        (155, 3, ltc(Solver::SemiImplicit, 64)),
        (128, 3, behind_layers(290)),
        (8, 3, CellConfig::PaperLtc(paper)),
        (8, 3, ltc(Solver::SemiImplicit, 64)),
        (8, 3, ltc(Solver::Euler, 64)),
        (8, 3, ltc(Solver::Rk4, 16)),
    ] {
        let (contract, weights) = largest(&NetworkConfig { units, layers, pooling: Pooling::Attention, cell });
        let bytes = write(&contract, &weights);
        assert!(bytes.len() < MAX_FILE_BYTES * 4 / 5, "{} bytes", bytes.len());
        assert_eq!(read(&bytes).unwrap().weights, weights);
    }
    let (contract, weights) = largest(&NetworkConfig { units: 165, layers: 3, pooling: Pooling::Last, cell: CellConfig::Lstm });
    let error = read(&write(&contract, &weights)).unwrap_err();
    assert_eq!(field(&error), "network.units", "{error}");
    let (contract, weights) = largest(&NetworkConfig { units: 128, layers: 3, pooling: Pooling::Last, cell: behind_layers(300) });
    let error = read(&write(&contract, &weights)).unwrap_err();
    assert_eq!(field(&error), "network.units", "{error}");
}

/// Reads a modified file of `model` and returns why it was refused.
fn refusal_of(model: &Model, change: impl FnOnce(&mut ModelProto)) -> ModelError {
    let mut file = model.file();
    change(&mut file);
    read(&file.encode_to_vec()).expect_err("the change must be refused")
}

/// Reads a modified file and returns why it was refused.
fn refusal(change: impl FnOnce(&mut ModelProto)) -> ModelError {
    refusal_of(&paper(), change)
}

/// The field that the refusal names.
fn field(error: &ModelError) -> &str {
    match error {
        ModelError::Altered(mismatch) | ModelError::Refused(mismatch) => &mismatch.field,
        other => panic!("expected a named field, found: {other}"),
    }
}
