//! The cells, and the only place that distinguishes them.
//!
//! To add one: add a file beside the others, and here its `mod`, its variant of [`CellConfig`] and its line in [`CellConfig::as_cell`].

use serde::{Deserialize, Serialize};

use super::Backbone;
use super::cell::Cell;

mod cfc;
mod gru;
mod liquid_gate;
mod lstm;
mod ltc;
mod paper_ltc;

pub use cfc::{Cfc, CfcMode};
pub use ltc::{LTC_EPSILON, Ltc, Solver};
pub use paper_ltc::{Carry, PaperLtc, Reading};

/// The cell that runs at every step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CellConfig {
    /// The cell of the paper.
    PaperLtc(PaperLtc),
    /// The liquid time-constant cell of Hasani et al. 2021.
    Ltc(Ltc),
    /// The closed-form continuous-time cell of Hasani et al. 2022.
    Cfc(Cfc),
    /// An Euler step towards `z` whose time constant depends on input and state: `z = tanh(W_z [x, h] + b_z)`,
    /// `h' = z + (h - z) exp(-softplus(W_k [x, h] + b_k + tau))`. Gates `z`, `k`.
    LiquidGate,
    /// Cho et al. 2014 as computed by PyTorch: `r = sigmoid(..)`, `u = sigmoid(..)`, `c = tanh(W_c x + b_c + r (U_c h + d))`,
    /// `h' = (1 - u) c + u h`. Gates `r`, `u`, `c`; `recurrent_bias` is `d`.
    Gru,
    /// Hochreiter and Schmidhuber 1997 as PyTorch computes it. Gates `i`, `f`, `g`, `o`; the state is `h`, then `c`.
    Lstm,
}

impl CellConfig {
    /// Everything that differs from cell to cell.
    pub(crate) fn as_cell(&self) -> &dyn Cell {
        match self {
            Self::PaperLtc(config) => config,
            Self::Ltc(config) => config,
            Self::Cfc(config) => config,
            Self::LiquidGate => &liquid_gate::LiquidGate,
            Self::Gru => &gru::Gru,
            Self::Lstm => &lstm::Lstm,
        }
    }

    /// Number of gates side by side as columns of the trained `kernel`, `recurrent_kernel` and `bias`, or of the [`super::HEADS`] if there is a backbone;
    /// 0 for [`CellConfig::Ltc`], which has no such matrices.
    #[must_use]
    pub fn gates(&self) -> usize {
        self.as_cell().gates()
    }

    /// The dense layers between the inputs and the gates, if any.
    #[must_use]
    pub fn backbone(&self) -> Option<Backbone> {
        self.as_cell().backbone()
    }

    /// Name and shape of every trained tensor of a layer.
    #[must_use]
    pub fn parameter_shapes(&self, n_inputs: usize, units: usize) -> Vec<(&'static str, Vec<usize>)> {
        self.as_cell().parameter_shapes(n_inputs, units)
    }

    /// The cell in a few words, for a reader.
    #[must_use]
    pub fn description(&self) -> String {
        self.as_cell().description()
    }

    /// The cell with its settings, for comparing models.
    #[must_use]
    pub fn details(&self) -> String {
        self.as_cell().details()
    }
}

/// Every cell with every setting that changes what it computes.
#[cfg(test)]
pub(crate) fn samples() -> Vec<CellConfig> {
    let mut cells = vec![CellConfig::LiquidGate, CellConfig::Gru, CellConfig::Lstm];
    cells.extend(paper_ltc::samples().map(CellConfig::PaperLtc));
    cells.extend(ltc::samples().map(CellConfig::Ltc));
    cells.extend(cfc::samples().map(CellConfig::Cfc));
    cells
}
