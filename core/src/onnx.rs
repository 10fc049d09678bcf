//! Writes a model as an ONNX file and reads it back without trusting anything in it.
//!
//! In: a contract and folded weights, or the bytes of a file. Out: the bytes of a file, or a checked [`ModelFile`]. ONNX Runtime
//! runs the file; the native kernel runs the weights found in the same bytes.
//!
//! The checks of a file follow this order: its size, the number of its protobuf fields, the metadata with their checksums, the contract, the
//! weights. Then the file is generated again from contract and weights and compared with the one read, so that the graph
//! can contain only what the contract specifies.

use prost::Message;

use crate::contract::Contract;
use crate::mismatch::Mismatch;
use crate::network::Tensors;

mod compare;
mod graph;
mod metadata;
pub mod speech;
mod weights;
mod wire;

pub use wire::MAX_FIELDS;

use crate::nodes::messages::{GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto};

/// Largest file that is accepted. The largest network a contract can describe ([`crate::network::NetworkConfig::MAX_WEIGHTS`]) needs 6 MB.
pub const MAX_FILE_BYTES: usize = 8 << 20;

/// Names of the graph's inputs and outputs.
pub mod names {
    /// Input, `[batch, frames, n_features]`: features as output by the front end, not normalised.
    pub const FEATURES: &str = "features";
    /// Input, `[batch, state_size]`: zeros at the start of a block; the layers from the first, each with its states.
    pub const INITIAL_STATE: &str = "initial_state";
    /// Output, `[batch, 4]`, or `[batch, frames, 4]` of a speech detector, in the order of the contract's labels.
    pub const PROBABILITIES: &str = "probabilities";
    /// Output, as [`PROBABILITIES`].
    pub const LOGITS: &str = "logits";
    /// Output, `[batch, state_size]`: the initial state of the next chunk.
    pub const FINAL_STATE: &str = "final_state";
}

const IR_VERSION: i64 = 8;
const OPSET_VERSION: i64 = 17;

/// A model file that was read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFile {
    /// What a program must know to run it.
    pub contract: Contract,
    /// The trained values, ready to run.
    pub weights: Tensors<f32>,
    /// SHA-256 over contract and weights, 64 hexadecimal digits.
    pub fingerprint: String,
}

/// Why a model file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The file is larger than any model.
    #[error("the model file has {found} bytes, expected at most {expected}")]
    TooLarge {
        /// [`MAX_FILE_BYTES`]
        expected: usize,
        /// Size of the file.
        found: usize,
    },
    /// The file has more fields than any model.
    #[error("the model file has more than {expected} protobuf fields")]
    TooComplex {
        /// [`MAX_FIELDS`]
        expected: usize,
    },
    /// The bytes are not an ONNX file.
    #[error("expected an ONNX model file, found bytes that cannot be decoded as one: {reason}")]
    NotOnnx {
        /// The decoder's message.
        reason: String,
    },
    /// A value does not match its recorded checksum.
    #[error("the model file was altered after its export: {0} (SHA-256); export the model again or fetch the original file")]
    Altered(Mismatch),
    /// A value is unknown to this version of Moodline or not accepted by it.
    #[error("the model file is refused: {0}")]
    Refused(#[from] Mismatch),
}

/// The bytes of a model file.
///
/// Nothing is checked here: [`read`] alone decides what is a valid model, and an exporter reads back what it wrote.
#[must_use]
pub fn write(contract: &Contract, weights: &Tensors<f32>) -> Vec<u8> {
    model(contract, weights).encode_to_vec()
}

/// Reads and checks the bytes of a model file.
///
/// # Errors
/// Anything that is not exactly as [`write()`] would have written it is refused, with the name of the field and what was expected and found.
pub fn read(bytes: &[u8]) -> Result<ModelFile, ModelError> {
    let found = decode(bytes)?;
    let metadata = metadata::read(&found.metadata_props)?;
    let contract = metadata.contract;
    contract.validate()?;
    let weights = weights::read(&contract.networks, contract.front_end.n_features(), &metadata.weights, graph_of(&found)?)?;
    compare_with(&model(&contract, &weights), &found, bytes)?;
    Ok(ModelFile { contract, weights, fingerprint: metadata.fingerprint })
}

/// The decoded file; none of its values is trusted yet.
fn decode(bytes: &[u8]) -> Result<ModelProto, ModelError> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(ModelError::TooLarge { expected: MAX_FILE_BYTES, found: bytes.len() });
    }
    wire::check(bytes)?;
    ModelProto::decode(bytes).map_err(|error| ModelError::NotOnnx { reason: error.to_string() })
}

fn graph_of(found: &ModelProto) -> Result<&GraphProto, Mismatch> {
    found.graph.as_ref().ok_or_else(|| Mismatch::new("graph", "present", "none"))
}

/// Refuses a file that differs from the one Moodline writes for its contract and weights.
fn compare_with(expected: &ModelProto, found: &ModelProto, bytes: &[u8]) -> Result<(), Mismatch> {
    let encoded = expected.encode_to_vec();
    if encoded == bytes {
        return Ok(());
    }
    Err(compare::first_difference(expected, found).unwrap_or_else(|| undeclared(&encoded, bytes)))
}

/// The refusal of a file with a field Moodline never writes, or with the same fields in another encoding: a runtime may read what Moodline does
/// not.
fn undeclared(expected: &[u8], found: &[u8]) -> Mismatch {
    let at = expected.iter().zip(found).take_while(|(a, b)| a == b).count();
    Mismatch::new(
        "encoding",
        format!("the {} bytes that Moodline writes for this model", expected.len()),
        format!("{} bytes, different from byte {at} on", found.len()),
    )
}

fn model(contract: &Contract, weights: &Tensors<f32>) -> ModelProto {
    let graph = graph::block_graph(&contract.networks, contract.front_end.n_features(), weights);
    file_of(graph, metadata::write(contract, &graph::weight_tensors(weights)))
}

fn file_of(graph: GraphProto, metadata_props: Vec<StringStringEntryProto>) -> ModelProto {
    ModelProto {
        ir_version: IR_VERSION,
        producer_name: "moodline".to_owned(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET_VERSION }],
        metadata_props,
    }
}

#[cfg(test)]
mod tests;
