//! Folds scaler and settings into trained parameters: what training holds becomes what a model file holds.
//!
//! All arithmetic is done in `f64` and rounded to `f32` once.

use ndarray::{Array, Array1, Array2, Axis, Dimension, Slice, concatenate};

use super::{
    ATTENTION, Backbone, CellConfig, Cfc, CfcMode, DENSE_BIAS, DENSE_KERNEL, HEADS, LECUN_RANGE, LECUN_SLOPE, NetworkConfig,
    PaperLtc, Pooling, Reading, Tensor, Tensors, layer_tensor,
};
use crate::normalisation::Normalisation;
use crate::real::Real;

impl PaperLtc {
    /// Largest part of the way to `z` that one unfold may go.
    ///
    /// One Euler step leaves `1 - rate` of the distance to `z`: beyond 1 it overshoots, from 2 on it is unstable. At this bound half
    /// the distance is left, so the state stays within three times the range of `tanh` whatever the recurrent weights are.
    pub const MAX_RATE: f64 = 1.5;

    /// `dt / softplus(tau)`, at most [`PaperLtc::MAX_RATE`]: the part of the way to `z` that one unfold goes.
    #[must_use]
    pub fn unfold_rate(&self, tau: f64) -> f64 {
        at_most(Self::MAX_RATE, self.dt / softplus(tau))
    }

    /// `1 - (1 - rate)^unfolds`: the part of the way to a held `z` that a whole step goes.
    #[must_use]
    pub fn step_rate(&self, tau: f64) -> f64 {
        1.0 - (1.0 - self.unfold_rate(tau)).powi(self.unfolds as i32)
    }

    /// The rate the cell runs with: of one unfold for [`Reading::Recomputed`], of a whole step for [`Reading::Held`].
    #[must_use]
    pub fn rate(&self, tau: f64) -> f64 {
        match self.reading {
            Reading::Held => self.step_rate(tau),
            Reading::Recomputed => self.unfold_rate(tau),
        }
    }

    /// How often a step computes `z`.
    #[must_use]
    pub fn evaluations(&self) -> usize {
        match self.reading {
            Reading::Held => 1,
            Reading::Recomputed => self.unfolds,
        }
    }

    /// `sigmoid(c) / sigmoid(g)`, at most `max_gain`.
    #[must_use]
    pub fn gain(&self, c: f64, g: f64) -> f64 {
        at_most(self.max_gain.unwrap_or(f64::INFINITY), sigmoid(c) / sigmoid(g))
    }
}

impl NetworkConfig {
    /// The weights of a model file that computes, from features as the front end makes them, what `parameters` compute from normalised ones.
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
                0 => Scaler { mean: Array1::from_vec(mean.clone()), scale: Array1::from_vec(scale.clone()) },
                _ => Scaler { mean: Array1::zeros(self.units), scale: Array1::ones(self.units) },
            };
            let trained = Layer { parameters: &parameters, layer };
            weights.extend(match &self.cell {
                CellConfig::Ltc(_) => trained.synapses(&scaler),
                cell => trained.gates(cell, &scaler),
            });
        }
        if self.pooling == Pooling::Attention {
            weights.push(parameters.get(ATTENTION).clone());
        }
        weights.extend([DENSE_KERNEL, DENSE_BIAS].map(|name| parameters.get(name).clone()));
        let weights = Tensors::new(weights);
        assert_eq!(weights.shapes(), self.weight_shapes(n_features), "the tensors are those of a file");
        weights.map(|value| value as f32)
    }
}

/// What makes normalised inputs of those that a layer gets.
struct Scaler {
    mean: Array1<f64>,
    scale: Array1<f64>,
}

/// The trained tensors of one layer.
struct Layer<'a> {
    parameters: &'a Tensors<f64>,
    layer: usize,
}

impl Layer<'_> {
    fn vector(&self, name: &str) -> Array1<f64> {
        self.parameters.vector(&layer_tensor(self.layer, name)).to_owned()
    }

    fn matrix(&self, name: &str) -> Array2<f64> {
        self.parameters.matrix(&layer_tensor(self.layer, name)).to_owned()
    }

    fn tensor<D: Dimension>(&self, name: &str, array: &Array<f64, D>) -> Tensor<f64> {
        Tensor { name: layer_tensor(self.layer, name), shape: array.shape().to_vec(), values: array.iter().copied().collect() }
    }

    /// The weights of a cell with gates.
    fn gates(&self, cell: &CellConfig, scaler: &Scaler) -> Vec<Tensor<f64>> {
        let (mut kernel, mut recurrent_kernel) = (self.matrix("kernel"), self.matrix("recurrent_kernel"));
        let mut bias = self.vector("bias");
        let units = recurrent_kernel.nrows();
        match cell {
            CellConfig::LiquidGate => {
                let mut of_k = bias.slice_axis_mut(Axis(0), Slice::from(units..));
                of_k += &self.vector("tau");
            }
            CellConfig::Cfc(Cfc { backbone: Some(_), .. }) => {
                (kernel, recurrent_kernel, bias) = (kernel * LECUN_SLOPE, recurrent_kernel * LECUN_SLOPE, bias * LECUN_SLOPE);
            }
            CellConfig::Cfc(config) => {
                kernel = config.gates_of_file(kernel, units);
                recurrent_kernel = config.gates_of_file(recurrent_kernel, units);
                bias = config.gates_of_file(bias.insert_axis(Axis(0)), units).row(0).to_owned();
            }
            _ => {}
        }
        let projection = Array2::from_shape_fn(kernel.dim(), |(input, column)| kernel[(input, column)] / scaler.scale[input]);
        let projection_bias = bias - scaler.mean.dot(&projection);
        let mut weights = vec![
            self.tensor("projection", &projection),
            self.tensor("projection_bias", &projection_bias),
            self.tensor("recurrent_kernel", &recurrent_kernel),
        ];
        if let CellConfig::Cfc(config @ Cfc { backbone: Some(backbone), .. }) = cell {
            weights.extend(self.behind_first_layer(backbone, config, units));
        }
        match cell {
            CellConfig::PaperLtc(config) => {
                weights.push(self.tensor("rate", &self.vector("tau").mapv(|tau| config.rate(tau))));
                let (c, g) = (self.vector("c"), self.vector("g"));
                let gain: Array1<f64> = c.iter().zip(&g).map(|(&c, &g)| config.gain(c, g)).collect();
                weights.push(self.tensor("gain", &gain));
            }
            CellConfig::Gru => weights.push(self.tensor("recurrent_bias", &self.vector("recurrent_bias"))),
            CellConfig::Cfc(Cfc { mode: CfcMode::Pure, .. }) => {
                weights.push(self.tensor("w_tau", &self.vector("w_tau").mapv(f64::abs)));
                weights.push(self.tensor("amplitude", &self.vector("amplitude")));
            }
            CellConfig::Cfc(_) | CellConfig::LiquidGate | CellConfig::Lstm | CellConfig::Ltc(_) => {}
        }
        weights
    }

    /// The weights of a backbone after its first layer, and of the gates behind it.
    fn behind_first_layer(&self, backbone: &Backbone, config: &Cfc, units: usize) -> Vec<Tensor<f64>> {
        let mut weights = Vec::new();
        for [kernel, bias] in backbone.further() {
            weights.push(self.tensor(kernel, &(self.matrix(kernel) * (LECUN_RANGE * LECUN_SLOPE))));
            weights.push(self.tensor(bias, &(self.vector(bias) * LECUN_SLOPE)));
        }
        let [kernel, bias] = HEADS;
        weights.push(self.tensor(kernel, &config.gates_of_file(self.matrix(kernel) * LECUN_RANGE, units)));
        weights.push(self.tensor(bias, &config.gates_of_file(self.vector(bias).insert_axis(Axis(0)), units).row(0).to_owned()));
        weights
    }

    /// The weights of a cell with sigmoidal synapses.
    fn synapses(&self, scaler: &Scaler) -> Vec<Tensor<f64>> {
        let prefix = layer_tensor(self.layer, "");
        let trained = self.parameters.iter().filter_map(|tensor| Some((tensor.name.strip_prefix(&prefix)?, tensor)));
        let input_kernel = self.vector("input_kernel") / &scaler.scale;
        let weight = |(name, tensor): (&str, &Tensor<f64>)| match name {
            "input_kernel" => self.tensor(name, &input_kernel),
            "input_bias" => self.tensor(name, &(self.vector(name) - &scaler.mean * &input_kernel)),
            "sensory_w" | "w" | "leak" | "capacity" => {
                Tensor { values: tensor.values.iter().copied().map(softplus).collect(), ..tensor.clone() }
            }
            _ => tensor.clone(),
        };
        trained.map(weight).collect()
    }
}

impl Cfc {
    /// Columns of the gates `f`, `g` and `a elapsed + b` from those of `f`, `g`, `a`, `b`; the one gate of [`CfcMode::Pure`] as it is.
    fn gates_of_file(&self, columns: Array2<f64>, units: usize) -> Array2<f64> {
        if self.mode == CfcMode::Pure {
            return columns;
        }
        let gate = |gate: usize| columns.slice_axis(Axis(1), Slice::from(gate * units..(gate + 1) * units));
        let time = gate(2).mapv(|a| a * self.elapsed) + gate(3);
        // INVARIANT: parts of one matrix have the same number of rows.
        concatenate(Axis(1), &[gate(0), gate(1), time.view()]).expect("as many rows")
    }
}

/// `ln(1 + exp(x))` without overflow.
#[must_use]
pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Logistic function.
#[must_use]
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The smaller of the two; unlike `f64::min`, a NaN stays one.
fn at_most(bound: f64, value: f64) -> f64 {
    if value > bound { bound } else { value }
}

#[cfg(test)]
mod tests;
