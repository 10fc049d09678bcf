//! Writes a speech detector as an ONNX file and reads it back, with the same checks as for the models of emotions.
//!
//! Its metadata have the same layout, with the entry `moodline.kind` in front, so that neither kind of model can be taken for the other; its graph
//! answers for every step.

use super::graph;
use super::metadata::{self, Entries, KIND, WEIGHTS, WeightChecksums, json};
use super::{ModelError, compare_with, decode, file_of, graph_of, weights};
use crate::contract::{SpeechContract, check_speech_version};
use crate::mismatch::{Mismatch, check};
use crate::network::Tensors;
use crate::nodes::messages::{ModelProto, StringStringEntryProto};
use prost::Message as _;

/// Value of `moodline.kind`.
const SPEECH: &str = "speech";

/// The file of a speech detector that was read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct SpeechFile {
    /// What a program must know to run it.
    pub contract: SpeechContract,
    /// The trained values, ready to run.
    pub weights: Tensors<f32>,
    /// SHA-256 over contract and weights, 64 hexadecimal digits.
    pub fingerprint: String,
}

/// The bytes of a detector's file. As in [`super::write`], nothing is checked here.
#[must_use]
pub fn write(contract: &SpeechContract, weights: &Tensors<f32>) -> Vec<u8> {
    model(contract, weights).encode_to_vec()
}

/// Reads and checks the bytes of a detector's file.
///
/// # Errors
/// As [`super::read`].
pub fn read(bytes: &[u8]) -> Result<SpeechFile, ModelError> {
    let found = decode(bytes)?;
    let (contract, checksums, fingerprint) = read_metadata(&found.metadata_props)?;
    contract.validate()?;
    let weights =
        weights::read(&contract.network.clone().into(), contract.front_end.n_features(), &checksums, graph_of(&found)?)?;
    compare_with(&model(&contract, &weights), &found, bytes)?;
    Ok(SpeechFile { contract, weights, fingerprint })
}

fn model(contract: &SpeechContract, weights: &Tensors<f32>) -> ModelProto {
    let checksums = metadata::weight_checksums(&graph::weight_tensors(weights));
    let graph = graph::step_graph(&contract.network, contract.front_end.n_features(), weights);
    file_of(graph, metadata::write_fields(fields(contract, &checksums)))
}

/// The contract (not yet validated), the checksums of the weights, and the fingerprint.
fn read_metadata(entries: &[StringStringEntryProto]) -> Result<(SpeechContract, WeightChecksums, String), ModelError> {
    let mut entries = Entries::new(entries)?;
    let kind: String = entries.field(KIND).map_err(|error| match error {
        // A model of emotions has no such entry.
        ModelError::Refused(Mismatch { found, .. }) if found == "none" => {
            Mismatch::new(KIND, "a speech detector", "another kind of model").into()
        }
        other => other,
    })?;
    check(kind == SPEECH, KIND, SPEECH, &kind)?;
    let version: u32 = entries.field("version")?;
    check_speech_version(version)?;
    let contract = SpeechContract {
        version,
        id: entries.field("id")?,
        front_end: entries.field("front_end")?,
        normalisation: entries.field("normalisation")?,
        labels: entries.field("labels")?,
        delay_steps: entries.field("delay_steps")?,
        detection: entries.field("detection")?,
        network: entries.field("network")?,
        training: entries.field("training")?,
        licence: entries.field("licence")?,
        metrics: entries.field("metrics")?,
    };
    let checksums = entries.field(WEIGHTS)?;
    let fingerprint = entries.finish(&fields(&contract, &checksums))?;
    Ok((contract, checksums, fingerprint))
}

/// Every field as JSON, in file order.
fn fields(contract: &SpeechContract, weights: &WeightChecksums) -> Vec<(&'static str, String)> {
    let SpeechContract {
        version,
        id,
        front_end,
        normalisation,
        labels,
        delay_steps,
        detection,
        network,
        training,
        licence,
        metrics,
    } = contract;
    vec![
        (KIND, json(&SPEECH)),
        ("version", json(version)),
        ("id", json(id)),
        ("front_end", json(front_end)),
        ("normalisation", json(normalisation)),
        ("labels", json(labels)),
        ("delay_steps", json(delay_steps)),
        ("detection", json(detection)),
        ("network", json(network)),
        ("training", json(training)),
        ("licence", json(licence)),
        ("metrics", json(metrics)),
        (WEIGHTS, json(weights)),
    ]
}
