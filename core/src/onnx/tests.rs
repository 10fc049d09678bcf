//! Every part of a model file is altered in turn and must be refused, by name and with what was expected and found.

mod altered;
mod sample;
mod semantic;

use super::*;
use sample::{contract, file, weights};

#[test]
fn what_was_written_is_read_back() {
    let (contract, weights) = (contract(), weights());
    let bytes = write(&contract, &weights);
    let model = read(&bytes).unwrap();
    assert_eq!(model.contract, contract);
    assert_eq!(model.weights, weights);
    assert_eq!(model.fingerprint.len(), 64);
    assert_eq!(write(&model.contract, &model.weights), bytes, "one model has one encoding");
}

#[test]
fn the_checksum_of_the_front_end_is_its_fingerprint() {
    let key = "moodline.front_end.sha256";
    let entry = file().metadata_props.into_iter().find(|entry| entry.key == key).unwrap();
    assert_eq!(entry.value, contract().front_end.fingerprint());
}

#[test]
fn the_fingerprint_names_contract_and_weights() {
    let fingerprint = |contract: &Contract, weights: &LtcWeights| read(&write(contract, weights)).unwrap().fingerprint;
    let original = fingerprint(&contract(), &weights());
    assert_eq!(fingerprint(&contract(), &weights()), original);
    let other = Contract { licence: "another licence".to_owned(), ..contract() };
    assert_ne!(fingerprint(&other, &weights()), original);
    let mut changed = weights();
    changed.dense_bias[3] += 1e-6;
    assert_ne!(fingerprint(&contract(), &changed), original);
}

#[test]
fn the_largest_network_of_a_contract_fits_the_limits() {
    use crate::ltc::{Carry, Reading};
    let n_features = 1536;
    let mut contract = contract();
    contract.front_end.n_mels = 512;
    contract.front_end.n_mfcc = 512;
    contract.normalisation =
        crate::contract::Normalisation::Standard { mean: vec![-1.0 / 3.0; n_features], scale: vec![1.0 / 3.0; n_features] };
    let Network::Ltc(config) = &mut contract.network;
    (config.units, config.unfolds) = (512, 64);
    (config.reading, config.carry) = (Reading::Recomputed, Carry::Scaled);
    let weights = sample::weights_of(n_features, 512);
    let bytes = write(&contract, &weights);
    assert!(bytes.len() < MAX_FILE_BYTES * 3 / 4, "{} bytes", bytes.len());
    assert_eq!(read(&bytes).unwrap().weights, weights);
}

/// Reads a changed file and returns why it was refused.
fn refusal(change: impl FnOnce(&mut ModelProto)) -> ModelError {
    let mut model = file();
    change(&mut model);
    read(&model.encode_to_vec()).expect_err("the change must be refused")
}

/// The field that the refusal names.
fn field(error: &ModelError) -> &str {
    match error {
        ModelError::Altered(mismatch) | ModelError::Refused(mismatch) => &mismatch.field,
        other => panic!("expected a named field, found: {other}"),
    }
}
