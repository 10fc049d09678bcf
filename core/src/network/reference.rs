//! A second implementation of the networks, directly from their equations: trained parameters, normalised features, `f64`, the standard library's functions,
//! all steps kept. The equation of each cell is in its file.

use ndarray::ArrayView2;

use super::{Backbone, NetworkConfig, Pooling, Tensors, layer_tensor};

/// Logits and the state after the last step.
pub(super) fn run(config: &NetworkConfig, parameters: &Tensors<f64>, steps: &[Vec<f64>], state: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut state = state.to_vec();
    let mut outputs = steps.to_vec();
    let cell = config.cell.as_cell();
    let n_states = cell.states() * config.units;
    for layer in 0..config.layers {
        let of_layer = Layer { parameters, layer, units: config.units };
        let state = &mut state[layer * n_states..(layer + 1) * n_states];
        outputs = outputs.iter().map(|input| cell.reference(&of_layer, input, state)).collect();
    }
    let pooled = pool(config, parameters, &outputs);
    let dense = parameters.matrix("dense_kernel");
    let logits = (0..4).map(|label| {
        let products = pooled.iter().enumerate().map(|(unit, value)| value * dense[(unit, label)]);
        products.sum::<f64>() + parameters.vector("dense_bias")[label]
    });
    (logits.collect(), state)
}

fn pool(config: &NetworkConfig, parameters: &Tensors<f64>, outputs: &[Vec<f64>]) -> Vec<f64> {
    let weighted = |weights: &[f64]| -> Vec<f64> {
        let total: f64 = weights.iter().sum();
        (0..config.units).map(|unit| outputs.iter().zip(weights).map(|(h, w)| h[unit] * w / total).sum()).collect()
    };
    let mean = weighted(&vec![1.0; outputs.len()]);
    match config.pooling {
        Pooling::Last => outputs[outputs.len() - 1].clone(),
        Pooling::Mean => mean,
        Pooling::MeanDeviation => {
            let deviation = |unit: usize| {
                let squares: f64 = outputs.iter().map(|h| (h[unit] - mean[unit]).powi(2)).sum();
                (squares / outputs.len() as f64 + 1e-6).sqrt()
            };
            mean.iter().copied().chain((0..config.units).map(deviation)).collect()
        }
        Pooling::Attention => {
            let query = parameters.vector("attention");
            let score = |h: &Vec<f64>| h.iter().zip(query).map(|(h, q)| h * q).sum::<f64>().exp();
            weighted(&outputs.iter().map(score).collect::<Vec<_>>())
        }
    }
}

/// The trained parameters of one layer.
pub(crate) struct Layer<'a> {
    parameters: &'a Tensors<f64>,
    layer: usize,
    pub(super) units: usize,
}

impl Layer<'_> {
    pub(super) fn matrix(&self, name: &str) -> ArrayView2<'_, f64> {
        self.parameters.matrix(&layer_tensor(self.layer, name))
    }

    /// The value of one unit in a vector.
    pub(super) fn value(&self, name: &str, unit: usize) -> f64 {
        self.parameters.vector(&layer_tensor(self.layer, name))[unit]
    }

    /// `W [x, h] + b` of one unit of one gate.
    pub(super) fn sum(&self, gate: usize, unit: usize, input: &[f64], state: &[f64]) -> f64 {
        let column = gate * self.units + unit;
        self.product("kernel", input, column) + self.product("recurrent_kernel", state, column) + self.value("bias", column)
    }

    /// `W y + b` of one column of a dense layer.
    pub(super) fn dense(&self, name: &str, column: usize, values: &[f64]) -> f64 {
        self.product(&format!("{name}.kernel"), values, column) + self.value(&format!("{name}.bias"), column)
    }

    /// The outputs of the backbone, from which the gates are computed.
    pub(super) fn backbone(&self, backbone: &Backbone, x: &[f64], h: &[f64]) -> Vec<f64> {
        let lecun_tanh = |sum: f64| 1.7159 * (0.666 * sum).tanh();
        let mut values: Vec<f64> = (0..backbone.units)
            .map(|unit| self.product("kernel", x, unit) + self.product("recurrent_kernel", h, unit) + self.value("bias", unit))
            .map(lecun_tanh)
            .collect();
        for layer in 1..backbone.layers {
            let sums = (0..backbone.units).map(|unit| self.dense(&format!("backbone{layer}"), unit, &values));
            values = sums.map(lecun_tanh).collect();
        }
        values
    }

    /// The product of values and one column of a matrix.
    pub(super) fn product(&self, kernel: &str, values: &[f64], column: usize) -> f64 {
        let kernel = self.matrix(kernel);
        values.iter().enumerate().map(|(row, value)| value * kernel[(row, column)]).sum()
    }
}
