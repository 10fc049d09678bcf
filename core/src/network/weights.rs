//! The weights of a model file: scaler and settings folded into the trained parameters, and the check of their values.
//!
//! All arithmetic is done in `f64` and rounded once to `f32`.

use ndarray::Array1;

use super::cell::check_values;
use super::layers::LayerWeights;
use super::trained::{InputScaler, TrainedLayer};
use super::{ATTENTION, DENSE_BIAS, DENSE_KERNEL, NetworkConfig, Pooling, Tensors};
use crate::mismatch::Mismatch;
use crate::normalisation::Normalisation;
use crate::real::Real;

impl NetworkConfig {
    /// The weights of a model file, which compute from unnormalised features of the front end what `parameters` compute from normalised ones.
    ///
    /// # Shapes
    /// From [`NetworkConfig::parameter_shapes`] to [`NetworkConfig::weight_shapes`].
    ///
    /// # Panics
    /// When the parameters or the normalisation do not have the shapes of this network.
    #[must_use]
    pub fn fold<T: Real>(&self, parameters: &Tensors<T>, normalisation: &Normalisation) -> Tensors<f32> {
        let Normalisation::Standard { mean, scale } = normalisation;
        let n_features = mean.len();
        assert_eq!(scale.len(), n_features, "the scale has one value for each feature");
        assert_eq!(parameters.shapes(), self.parameter_shapes(n_features), "the parameters are those of the network");
        let parameters = parameters.map(Real::widen);
        let mut weights = Vec::new();
        for layer in 0..self.layers {
            let scaler = match layer {
                0 => InputScaler { mean: Array1::from_vec(mean.clone()), scale: Array1::from_vec(scale.clone()) },
                _ => InputScaler { mean: Array1::zeros(self.units), scale: Array1::ones(self.units) },
            };
            weights.extend(self.cell.as_cell().fold(&TrainedLayer { parameters: &parameters, layer }, &scaler));
        }
        if self.pooling == Pooling::Attention {
            weights.push(parameters.get(ATTENTION).clone());
        }
        weights.extend([DENSE_KERNEL, DENSE_BIAS].map(|name| parameters.get(name).clone()));
        let weights = Tensors::new(weights);
        assert_eq!(weights.shapes(), self.weight_shapes(n_features), "the tensors are those of a file");
        weights.map(|value| value as f32)
    }

    /// Checks that every value is finite and possible as a result of [`NetworkConfig::fold`].
    ///
    /// # Errors
    /// The first tensor with an impossible value, with the value and its place.
    pub fn validate_weights(&self, weights: &Tensors<f32>) -> Result<(), Mismatch> {
        for tensor in weights.iter() {
            check_values(tensor, "finite numbers", f32::is_finite)?;
        }
        self.layer_weights(weights).iter().try_for_each(|layer| self.cell.as_cell().check_weights(layer))
    }

    /// The weights of every layer.
    pub(super) fn layer_weights<'a>(&self, weights: &'a Tensors<f32>) -> Vec<LayerWeights<'a>> {
        (0..self.layers).map(|layer| LayerWeights { weights, layer, units: self.units }).collect()
    }
}

#[cfg(test)]
mod tests;
