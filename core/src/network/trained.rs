//! The trained tensors of one layer, to be folded into those of a model file.

use ndarray::{Array, Array1, Array2, Dimension};

use super::{Tensor, Tensors, layer_tensor};

/// Normalisation of the inputs of a layer: `(x - mean) / scale`.
pub(crate) struct InputScaler {
    /// `[n_inputs]`
    pub(super) mean: Array1<f64>,
    /// `[n_inputs]`
    pub(super) scale: Array1<f64>,
}

/// The trained tensors of one layer.
pub(crate) struct TrainedLayer<'a> {
    /// Tensors of the whole network.
    pub(super) parameters: &'a Tensors<f64>,
    /// Counted from 0.
    pub(super) layer: usize,
}

impl TrainedLayer<'_> {
    /// The vector of this name in the layer.
    pub(super) fn vector(&self, name: &str) -> Array1<f64> {
        self.parameters.vector(&layer_tensor(self.layer, name)).to_owned()
    }

    /// The matrix of this name in the layer.
    pub(super) fn matrix(&self, name: &str) -> Array2<f64> {
        self.parameters.matrix(&layer_tensor(self.layer, name)).to_owned()
    }

    /// All tensors of the layer with their names within it.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Tensor<f64>)> {
        let prefix = layer_tensor(self.layer, "");
        self.parameters.iter().filter_map(move |tensor| Some((tensor.name.strip_prefix(&prefix)?, tensor)))
    }

    /// Creates a tensor of the layer for a model file.
    pub(super) fn tensor<D: Dimension>(&self, name: &str, array: &Array<f64, D>) -> Tensor<f64> {
        Tensor { name: layer_tensor(self.layer, name), shape: array.shape().to_vec(), values: array.iter().copied().collect() }
    }
}
