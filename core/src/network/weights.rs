//! The weights of a model file: what each cell has there, and which values can be.

use super::{
    ATTENTION, CellConfig, Cfc, CfcMode, DENSE_BIAS, DENSE_KERNEL, NetworkConfig, PaperLtc, Pooling, Tensor, Tensors,
    layer_tensor,
};
use crate::emotion::Emotion;
use crate::mismatch::Mismatch;

impl NetworkConfig {
    /// Name and shape of every tensor of a model file, in the order of the file: the layers from the first, then the readout.
    #[must_use]
    pub fn weight_shapes(&self, n_features: usize) -> Vec<(String, Vec<usize>)> {
        self.shapes(n_features, CellConfig::weight_shapes)
    }

    /// The tensors that `cell` has in each layer, then those of the readout, which are the same in training and in a file.
    pub(super) fn shapes(
        &self,
        n_features: usize,
        cell: impl Fn(&CellConfig, usize, usize) -> Vec<(&'static str, Vec<usize>)>,
    ) -> Vec<(String, Vec<usize>)> {
        let mut shapes = Vec::new();
        for layer in 0..self.layers {
            let n_inputs = if layer == 0 { n_features } else { self.units };
            let named = |(name, shape): (&str, Vec<usize>)| (layer_tensor(layer, name), shape);
            shapes.extend(cell(&self.cell, n_inputs, self.units).into_iter().map(named));
        }
        if self.pooling == Pooling::Attention {
            shapes.push((ATTENTION.to_owned(), vec![self.units]));
        }
        shapes.push((DENSE_KERNEL.to_owned(), vec![self.readout_size(), Emotion::COUNT]));
        shapes.push((DENSE_BIAS.to_owned(), vec![Emotion::COUNT]));
        shapes
    }

    /// Checks that every value is finite and one that [`NetworkConfig::fold`] can give.
    ///
    /// # Errors
    /// The first tensor with a value that cannot be, with the value and its place.
    pub fn validate_weights(&self, weights: &Tensors<f32>) -> Result<(), Mismatch> {
        for tensor in weights.iter() {
            all(tensor, "finite numbers", |value| value.is_finite())?;
        }
        for layer in 0..self.layers {
            let tensor = |name| weights.get(&layer_tensor(layer, name));
            match &self.cell {
                CellConfig::PaperLtc(config) => {
                    let max_rate = PaperLtc::MAX_RATE as f32;
                    all(tensor("rate"), format!("numbers in 0..={max_rate}"), |rate| (0.0..=max_rate).contains(&rate))?;
                    let max_gain = config.max_gain.map_or(f32::MAX, |gain| gain as f32);
                    all(tensor("gain"), format!("numbers in 0..={max_gain}"), |gain| (0.0..=max_gain).contains(&gain))?;
                }
                CellConfig::Ltc(_) => {
                    for name in ["sensory_w", "w", "leak"] {
                        all(tensor(name), "numbers from 0 on", |value| value >= 0.0)?;
                    }
                    all(tensor("capacity"), "numbers above 0", |value| value > 0.0)?;
                }
                CellConfig::Cfc(Cfc { mode: CfcMode::Pure, .. }) => {
                    all(tensor("w_tau"), "numbers from 0 on", |value| value >= 0.0)?;
                }
                CellConfig::Cfc(_) | CellConfig::LiquidGate | CellConfig::Gru | CellConfig::Lstm => {}
            }
        }
        Ok(())
    }
}

impl CellConfig {
    /// Gates that lie side by side as columns of `projection`, `recurrent_kernel` and `projection_bias`, or of the [`super::HEADS`] where there is a
    /// backbone; none for [`CellConfig::Ltc`], which has no such matrices.
    #[must_use]
    pub fn weight_gates(&self) -> usize {
        match self {
            // The two gates of the time hang on nothing that changes from step to step, and are one.
            Self::Cfc(Cfc { mode: CfcMode::Gated | CfcMode::NoGate, .. }) => 3,
            _ => self.gates(),
        }
    }

    /// Name and shape of every tensor of a layer in a model file; `n` units, `m` inputs.
    ///
    /// Cells with gates: `projection` `[m, gates n]` and `projection_bias` `[gates n]`, which take features as the front end makes them, and
    /// `recurrent_kernel` `[n, gates n]`. Then what the cell has besides:
    /// - `PaperLtc`: `rate` (see [`PaperLtc::rate`]) and `gain` (see [`PaperLtc::gain`]);
    /// - `LiquidGate`: nothing; `tau` is in the bias of `k`, because `exp(-softplus(x)) = sigmoid(-x)`;
    /// - `Gru`: `recurrent_bias`;
    /// - `Lstm`, and `Cfc` but [`CfcMode::Pure`]: nothing; the third gate of the latter is `a elapsed + b`;
    /// - `Cfc` with [`CfcMode::Pure`]: the absolute value of `w_tau`, and `amplitude`.
    ///
    /// Behind a backbone the gates are columns of `heads.kernel` and `heads.bias`. All that comes before them has the columns of a layer of the backbone, and
    /// the two factors of its activation in it, so that a layer is `tanh` of its sums.
    ///
    /// `Ltc`: the trained tensors, with the scaler in `input_kernel` and `input_bias`, and the softplus of `sensory_w`, `w`, `leak`
    /// and `capacity`.
    #[must_use]
    pub fn weight_shapes(&self, n_inputs: usize, units: usize) -> Vec<(&'static str, Vec<usize>)> {
        let (m, n) = (n_inputs, units);
        let columns = self.columns(self.weight_gates(), n);
        let mut shapes =
            vec![("projection", vec![m, columns]), ("projection_bias", vec![columns]), ("recurrent_kernel", vec![n, columns])];
        shapes.extend(self.backbone().into_iter().flat_map(|backbone| backbone.shapes(self.weight_gates() * n)));
        shapes.extend(match self {
            Self::Ltc(_) => return self.parameter_shapes(m, n),
            Self::PaperLtc(_) => vec![("rate", vec![n]), ("gain", vec![n])],
            Self::Gru => vec![("recurrent_bias", vec![n])],
            Self::Cfc(Cfc { mode: CfcMode::Pure, .. }) => vec![("w_tau", vec![n]), ("amplitude", vec![n])],
            Self::Cfc(_) | Self::LiquidGate | Self::Lstm => Vec::new(),
        });
        shapes
    }
}

fn all(tensor: &Tensor<f32>, expected: impl ToString, ok: impl Fn(f32) -> bool) -> Result<(), Mismatch> {
    match tensor.values.iter().enumerate().find(|&(_, &value)| !ok(value)) {
        None => Ok(()),
        Some((at, value)) => Err(Mismatch::new(tensor.name.as_str(), expected, format!("{value} at {at}"))),
    }
}
