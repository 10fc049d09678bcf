//! Reads the trained values of a graph, each checked against the shape in the contract and its checksum.

use super::ModelError;
use super::metadata::{WeightChecksums, sha256};
use crate::mismatch::{Mismatch, check};
use crate::network::{Committee, Tensor, Tensors};
use crate::nodes::messages::{DataType, GraphProto, TensorProto};

/// The weights of these networks over `n_features` features.
pub(super) fn read(
    networks: &Committee,
    n_features: usize,
    checksums: &WeightChecksums,
    graph: &GraphProto,
) -> Result<Tensors<f32>, ModelError> {
    let shapes = networks.weight_shapes(n_features);
    let tensors = shapes.into_iter().map(|(name, shape)| {
        let values = values(checksums, &graph.initializer, &name, &shape)?;
        Ok(Tensor { name, shape, values })
    });
    let weights = Tensors::new(tensors.collect::<Result<_, ModelError>>()?);
    networks.validate_weights(&weights)?;
    Ok(weights)
}

fn values(checksums: &WeightChecksums, tensors: &[TensorProto], name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
    let tensor =
        tensors.iter().find(|tensor| tensor.name == name).ok_or_else(|| Mismatch::new(name, "an initializer", "none"))?;
    check_layout(tensor, name, shape)?;
    let recorded = checksums.get(name).ok_or_else(|| Mismatch::new(name, "a checksum in the metadata", "none"))?;
    let computed = sha256(&tensor.raw_data);
    if *recorded != computed {
        return Err(ModelError::Altered(Mismatch::new(name, recorded, computed)));
    }
    let (values, _) = tensor.raw_data.as_chunks();
    Ok(values.iter().copied().map(f32::from_le_bytes).collect())
}

/// Element type, place and size of the data, before any value is looked at.
fn check_layout(tensor: &TensorProto, name: &str, shape: &[usize]) -> Result<(), Mismatch> {
    let float = i32::from(DataType::Float);
    check(tensor.data_type == float, name, format!("of element type {float} (float)"), format!("type {}", tensor.data_type))?;
    check(tensor.data_location == 0, name, "inside the model file", "a reference to another file")?;
    let same_shape = tensor.dims.iter().copied().eq(shape.iter().map(|&size| size as i64));
    check(same_shape, name, format!("of shape {shape:?}"), format!("{:?}", tensor.dims))?;
    let n_bytes = shape.iter().product::<usize>() * size_of::<f32>();
    check(tensor.raw_data.len() == n_bytes, name, format!("{n_bytes} bytes of data"), format!("{} bytes", tensor.raw_data.len()))
}
