//! A small valid model.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2};
use prost::Message;

use super::super::messages::ModelProto;
use crate::config::FrontEndConfig;
use crate::contract::{CONTRACT_VERSION, Contract, Network, Normalisation, Padding, StatePolicy, TrainingCorpus, TrainingRecord};
use crate::emotion::Emotion;
use crate::ltc::{Carry, LtcConfig, LtcWeights, Reading};

pub(super) fn contract() -> Contract {
    Contract {
        version: CONTRACT_VERSION,
        id: "sample-3".to_owned(),
        front_end: FrontEndConfig::speech_25_10(),
        normalisation: Normalisation::Standard { mean: vec![0.1; 39], scale: vec![2.5; 39] },
        labels: vec![Emotion::Sad, Emotion::Angry, Emotion::Neutral, Emotion::Happy],
        block_seconds: 5.0,
        padding: Padding::None,
        state: StatePolicy::ResetEachBlock,
        network: Network::Ltc(LtcConfig {
            units: 3,
            reading: Reading::Recomputed,
            unfolds: 2,
            dt: 0.01,
            clip: 20.0,
            max_gain: Some(10.0),
            carry: Carry::Unscaled,
        }),
        training: TrainingRecord {
            corpora: vec![TrainingCorpus { name: "sample".to_owned(), n_utterances: 7, n_speakers: 2 }],
            protocol: "Speakers of dev and test are in no other split.".to_owned(),
            seed: 1,
            epoch: 3,
            config_sha256: "0".repeat(64),
        },
        licence: "CC0-1.0".to_owned(),
        metrics: BTreeMap::from([("dev_uar".to_owned(), 0.5)]),
    }
}

pub(super) fn weights() -> LtcWeights {
    weights_of(39, 3)
}

pub(super) fn weights_of(n_features: usize, units: usize) -> LtcWeights {
    let value = |row: usize, column: usize| ((row * 31 + column * 17) % 101) as f32 / 101.0 - 0.5;
    let vector = |len: usize, row: usize| Array1::from_shape_fn(len, |i| value(row, i));
    LtcWeights {
        projection: Array2::from_shape_fn((n_features, units), |(row, column)| value(row, column)),
        projection_bias: vector(units, 1),
        recurrent_kernel: Array2::from_shape_fn((units, units), |(row, column)| value(column, row)),
        rate: vector(units, 2).mapv(f32::abs) / 100.0,
        gain: vector(units, 3) + 1.0,
        dense_kernel: Array2::from_shape_fn((units, 4), |(row, column)| value(row + 5, column)),
        dense_bias: vector(4, 4),
    }
}

/// The model's file, decoded.
pub(super) fn file() -> ModelProto {
    ModelProto::decode(super::write(&contract(), &weights()).as_slice()).unwrap()
}
