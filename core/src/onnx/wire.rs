//! Counts the parts of an encoded model before it is decoded.
//!
//! An empty message takes two bytes in a file and some hundred in memory, so a small hostile file could allocate a gigabyte. A file that passes
//! this check decodes into little more memory than its own size.

use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::ModelError;

/// Largest number of fields and list elements in a file, over all messages. The deepest network a contract can describe needs about
/// 23,000.
pub const MAX_FIELDS: usize = 32_768;

/// Largest nesting depth of messages; Moodline's graphs have 10.
const MAX_DEPTH: usize = 16;

/// Content of a length-delimited field, as far as it takes memory of its own.
#[derive(Clone, Copy)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    ValueInfo,
    Type,
    TensorType,
    Shape,
    /// A message without nested messages.
    Leaf,
    /// Packed integers.
    Packed,
}

impl Kind {
    /// Content of the field of this number; the numbers are those of [`crate::nodes::messages`].
    const fn inner(self, field: u32) -> Option<Self> {
        match (self, field) {
            (Self::Model, 7) | (Self::Attribute, 6) => Some(Self::Graph),
            (Self::Model, 8 | 14) | (Self::Shape, 1) => Some(Self::Leaf),
            (Self::Graph, 1) => Some(Self::Node),
            (Self::Graph, 5) => Some(Self::Tensor),
            (Self::Graph, 11 | 12) => Some(Self::ValueInfo),
            (Self::Node, 5) => Some(Self::Attribute),
            (Self::Attribute, 8) | (Self::Tensor, 1) => Some(Self::Packed),
            (Self::ValueInfo, 2) => Some(Self::Type),
            (Self::Type, 1) => Some(Self::TensorType),
            (Self::TensorType, 2) => Some(Self::Shape),
            _ => None,
        }
    }
}

/// Refuses bytes that are not a protobuf message, or one with more than [`MAX_FIELDS`] fields.
pub(super) fn check(model: &[u8]) -> Result<(), ModelError> {
    let mut n_left = MAX_FIELDS;
    count(model, Kind::Model, 0, &mut n_left)
}

fn count(mut message: &[u8], kind: Kind, depth: usize, n_left: &mut usize) -> Result<(), ModelError> {
    if depth > MAX_DEPTH {
        return Err(not_onnx("messages inside each other too deeply"));
    }
    while !message.is_empty() {
        spend(1, n_left)?;
        let (field, wire_type) = decode_key(&mut message).map_err(|error| undecodable(&error))?;
        match (wire_type, kind.inner(field)) {
            (WireType::LengthDelimited, Some(inner)) => {
                let length = decode_varint(&mut message).map_err(|error| undecodable(&error))?;
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                let content = message.split_off(..length).ok_or_else(|| not_onnx("a field is longer than the file"))?;
                match inner {
                    Kind::Packed => spend(length, n_left)?,
                    _ => count(content, inner, depth + 1, n_left)?,
                }
            }
            _ => skip_field(wire_type, field, &mut message, DecodeContext::default()).map_err(|error| undecodable(&error))?,
        }
    }
    Ok(())
}

fn spend(n: usize, n_left: &mut usize) -> Result<(), ModelError> {
    *n_left = n_left.checked_sub(n).ok_or(ModelError::TooComplex { expected: MAX_FIELDS })?;
    Ok(())
}

fn undecodable(error: &DecodeError) -> ModelError {
    not_onnx(&error.to_string())
}

fn not_onnx(reason: &str) -> ModelError {
    ModelError::NotOnnx { reason: reason.to_owned() }
}
