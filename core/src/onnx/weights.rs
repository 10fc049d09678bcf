//! Reads the trained values out of a graph, each against the shape that the contract asks for and its checksum.

use ndarray::{Array1, Array2};

use super::ModelError;
use super::messages::{DataType, GraphProto, TensorProto};
use super::metadata::{Metadata, WeightChecksums, sha256};
use crate::contract::{Mismatch, Network, check};
use crate::emotion::Emotion;
use crate::ltc::LtcWeights;

/// The weights of the network that `metadata` describe.
pub(super) fn read(metadata: &Metadata, graph: &GraphProto) -> Result<LtcWeights, ModelError> {
    let Network::Ltc(config) = &metadata.contract.network;
    let n_features = metadata.contract.front_end.n_features();
    let source = Source { checksums: &metadata.weights, tensors: &graph.initializer };
    let weights = LtcWeights {
        projection: source.matrix("projection", [n_features, config.units])?,
        projection_bias: source.vector("projection_bias", config.units)?,
        recurrent_kernel: source.matrix("recurrent_kernel", [config.units; 2])?,
        rate: source.vector("rate", config.units)?,
        gain: source.vector("gain", config.units)?,
        dense_kernel: source.matrix("dense_kernel", [config.units, Emotion::COUNT])?,
        dense_bias: source.vector("dense_bias", Emotion::COUNT)?,
    };
    weights.validate(config)?;
    Ok(weights)
}

struct Source<'a> {
    checksums: &'a WeightChecksums,
    tensors: &'a [TensorProto],
}

impl Source<'_> {
    fn matrix(&self, name: &'static str, shape: [usize; 2]) -> Result<Array2<f32>, ModelError> {
        let values = self.values(name, &shape)?;
        // INVARIANT: `values` returns as many values as the shape has.
        Ok(Array2::from_shape_vec(shape, values).expect("the shape was checked"))
    }

    fn vector(&self, name: &'static str, len: usize) -> Result<Array1<f32>, ModelError> {
        self.values(name, &[len]).map(Array1::from_vec)
    }

    fn values(&self, name: &'static str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let tensor = self
            .tensors
            .iter()
            .find(|tensor| tensor.name == name)
            .ok_or_else(|| Mismatch::new(name, "an initializer", "none"))?;
        check_layout(tensor, name, shape)?;
        let recorded = self.checksums.get(name).ok_or_else(|| Mismatch::new(name, "a checksum in the metadata", "none"))?;
        let computed = sha256(&tensor.raw_data);
        if *recorded != computed {
            return Err(ModelError::Altered(Mismatch::new(name, recorded, computed)));
        }
        let (values, _) = tensor.raw_data.as_chunks();
        Ok(values.iter().copied().map(f32::from_le_bytes).collect())
    }
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
