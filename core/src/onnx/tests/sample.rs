//! Small valid models.

use std::collections::BTreeMap;

use prost::Message;

use super::super::{graph, metadata};
use crate::config::FrontEndConfig;
use crate::contract::{CONTRACT_VERSION, Contract, Padding, StatePolicy, TrainingCorpus, TrainingRecord};
use crate::emotion::Emotion;
use crate::network::samples::{SHAPES, Sample, cells};
use crate::network::{Carry, CellConfig, Committee, PaperLtc, Pooling, Reading, Tensors};
use crate::nodes::messages::ModelProto;

/// A contract and its weights.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) contract: Contract,
    pub(super) weights: Tensors<f32>,
}

impl Model {
    fn of(sample: &Sample) -> Self {
        let contract = Contract {
            version: CONTRACT_VERSION,
            id: "sample-3".to_owned(),
            front_end: FrontEndConfig { n_mfcc: 2, ..FrontEndConfig::speech_25_10() },
            normalisation: sample.normalisation(),
            labels: vec![Emotion::Sad, Emotion::Angry, Emotion::Neutral, Emotion::Happy],
            block_seconds: 5.0,
            padding: Padding::None,
            state: StatePolicy::ResetEachBlock,
            networks: sample.config.clone().into(),
            voice: None,
            familiarity: None,
            certainty: None,
            training: TrainingRecord {
                corpora: vec![TrainingCorpus { name: "sample".to_owned(), n_utterances: 7, n_speakers: 2 }],
                protocol: "Speakers of dev and test are in no other split.".to_owned(),
                seed: 1,
                epoch: 3,
                config_sha256: "0".repeat(64),
                further_runs: Vec::new(),
            },
            licence: "CC0-1.0".to_owned(),
            metrics: BTreeMap::from([("dev_uar".to_owned(), 0.5)]),
        };
        Self { contract, weights: sample.weights() }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        super::write(&self.contract, &self.weights)
    }

    /// The file, decoded.
    pub(super) fn file(&self) -> ModelProto {
        ModelProto::decode(self.bytes().as_slice()).unwrap()
    }

    /// The file with the metadata of another contract and correct checksums.
    pub(super) fn with(&self, change: impl FnOnce(&mut Contract)) -> Vec<u8> {
        let mut contract = self.contract.clone();
        change(&mut contract);
        let mut file = self.file();
        file.metadata_props = metadata::write(&contract, &graph::weight_tensors(&self.weights));
        file.encode_to_vec()
    }
}

/// A network with one layer of the paper's cell.
pub(super) fn paper() -> Model {
    let cell =
        PaperLtc { reading: Reading::Recomputed, unfolds: 2, dt: 0.01, clip: 20.0, max_gain: Some(10.0), carry: Carry::Unscaled };
    Model::of(&Sample::new(CellConfig::PaperLtc(cell), 3, (Pooling::Last, 1)))
}

/// A network of this cell with two layers and attention pooling.
pub(super) fn of_cell(cell: CellConfig) -> Model {
    Model::of(&Sample::new(cell, 3, (Pooling::Attention, 2)))
}

/// Two networks of one layer each, with different sizes and poolings.
pub(super) fn committee() -> Model {
    let samples = [(3, Pooling::MeanDeviation), (2, Pooling::Last)]
        .map(|(units, pooling)| Sample::new(CellConfig::LiquidGate, units, (pooling, 1)));
    let Model { mut contract, .. } = Model::of(&samples[0]);
    contract.networks = Committee::new(samples.iter().map(|sample| sample.config.clone()).collect());
    contract.training.further_runs = contract.training.runs().collect();
    let weights = contract.networks.join(samples.iter().map(Sample::weights).collect());
    Model { contract, weights }
}

/// Networks that cover every cell, every pooling and every number of layers.
pub(super) fn every_kind() -> Vec<Model> {
    let mut shapes = SHAPES.into_iter().cycle();
    // INVARIANT: a cycle over a non-empty list never ends.
    cells().into_iter().map(|cell| Model::of(&Sample::new(cell, 2, shapes.next().unwrap()))).collect()
}

/// As [`every_kind`], but with every shape for every cell.
pub(super) fn every_network() -> Vec<Model> {
    let networks = cells().into_iter().flat_map(|cell| SHAPES.map(|shape| Model::of(&Sample::new(cell.clone(), 2, shape))));
    networks.collect()
}
