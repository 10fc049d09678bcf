//! Networks for the tests of this crate: every cell, and parameters that look trained.

pub(crate) use super::cells::samples as cells;
use super::{CellConfig, NetworkConfig, Pooling, Tensors};
use crate::normalisation::Normalisation;

/// Number of features of the samples.
pub(crate) const N_FEATURES: usize = 6;

/// Numbers in -1..1 from a linear congruential generator.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1u64 << 23) as f64 - 1.0
    }

    pub(crate) fn many(&mut self, len: usize, scale: f64) -> Vec<f64> {
        (0..len).map(|_| self.next() * scale).collect()
    }
}

/// Every pooling, and every number of layers.
pub(crate) const SHAPES: [(Pooling, usize); 6] = [
    (Pooling::Last, 1),
    (Pooling::Last, 2),
    (Pooling::Mean, 3),
    (Pooling::MeanDeviation, 1),
    (Pooling::Attention, 2),
    (Pooling::Attention, 1),
];

/// A network, its trained parameters, and the scaler in front of it.
pub(crate) struct Sample {
    pub(crate) config: NetworkConfig,
    pub(crate) parameters: Tensors<f64>,
    mean: Vec<f64>,
    scale: Vec<f64>,
}

impl Sample {
    pub(crate) fn new(cell: CellConfig, units: usize, (pooling, layers): (Pooling, usize)) -> Self {
        let config = NetworkConfig { units, layers, pooling, cell };
        config.validate(N_FEATURES).unwrap();
        let mut numbers = Numbers(units as u64 + 1);
        let mut parameters = Tensors::filled(config.parameter_shapes(N_FEATURES), &0.0);
        for tensor in parameters.iter_mut() {
            let is_product = tensor.shape.len() == 2 && !tensor.name.contains("sigma") && !tensor.name.contains("mu");
            let scale = if is_product { 1.5 / (tensor.shape[0] as f64).sqrt() } else { 1.0 };
            tensor.values = numbers.many(tensor.values.len(), scale);
        }
        let scale = numbers.many(N_FEATURES, 1.0).into_iter().map(|value| value.abs() + 0.5).collect();
        Self { config, parameters, mean: numbers.many(N_FEATURES, 3.0), scale }
    }

    pub(crate) fn normalisation(&self) -> Normalisation {
        Normalisation::Standard { mean: self.mean.clone(), scale: self.scale.clone() }
    }

    /// The weights in a file of this network.
    pub(crate) fn weights(&self) -> Tensors<f32> {
        let weights = self.config.fold(&self.parameters, &self.normalisation());
        self.config.validate_weights(&weights).unwrap();
        weights
    }

    /// Unnormalised features as the front end outputs them, and the normalised ones.
    pub(crate) fn features(&self, n_steps: usize) -> (Vec<f32>, Vec<Vec<f64>>) {
        let raw: Vec<f32> =
            Numbers(n_steps as u64).many(n_steps * N_FEATURES, 4.0).into_iter().map(|value| value as f32).collect();
        let normalise = |step: &[f32]| (0..N_FEATURES).map(|i| (f64::from(step[i]) - self.mean[i]) / self.scale[i]).collect();
        let normalised = raw.chunks(N_FEATURES).map(normalise).collect();
        (raw, normalised)
    }
}
