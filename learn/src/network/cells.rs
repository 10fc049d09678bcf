//! The cells: the computation of every step of a layer, forward and backward.
//!
//! To add one: add a file with a type that implements [`Cell`] and a function for its initial values, and one line each in [`layer`] and [`initial`].

use moodline_core::Real;
use moodline_core::network::{CellConfig, Cfc, CfcMode};
use rand::Rng;

use super::cell::{BLOCK_STEPS, BackwardStep, Block, Cell, ForwardStep, LayerGradients, LayerTensors, Sizes};
use super::draws::TauInit;
use super::layer::Layer;

mod cfc;
mod cfc_pure;
mod cfc_sums;
pub(super) mod gates;
mod gru;
pub(super) mod liquid_gate;
mod lstm;
mod ltc;
pub(super) mod paper_ltc;

/// The cell of a layer with these parameters.
pub(super) fn layer<T: Real>(cell: &CellConfig, parameters: LayerTensors<'_, T>) -> Box<dyn Layer<T>> {
    match cell {
        CellConfig::PaperLtc(config) => Box::new(paper_ltc::PaperLtcCell::new(*config, parameters)),
        CellConfig::LiquidGate => Box::new(liquid_gate::LiquidGateCell::new(parameters)),
        CellConfig::Ltc(config) => Box::new(ltc::LtcCell::new(*config, parameters)),
        CellConfig::Cfc(config) if config.mode == CfcMode::Pure => Box::new(cfc_pure::PureCfcCell::new(*config, parameters)),
        CellConfig::Cfc(config) => Box::new(cfc::CfcCell::new(*config, parameters)),
        CellConfig::Gru => Box::new(gru::GruCell::new(parameters)),
        CellConfig::Lstm => Box::new(lstm::LstmCell::new(parameters)),
    }
}

/// Initial parameters of a layer, by their names within it.
pub(super) fn initial(cell: &CellConfig, start: &mut Start<'_>) -> Vec<(&'static str, Vec<f64>)> {
    match cell {
        CellConfig::PaperLtc(config) => paper_ltc::initial(config, start),
        CellConfig::LiquidGate => liquid_gate::initial(start),
        CellConfig::Ltc(_) => ltc::initial(start),
        CellConfig::Cfc(Cfc { mode: CfcMode::Pure, backbone, .. }) => cfc_pure::initial(*backbone, start),
        CellConfig::Cfc(config) => cfc::initial(config.backbone, start),
        CellConfig::Gru => gru::initial(start),
        CellConfig::Lstm => lstm::initial(start),
    }
}

/// Sizes, settings and random numbers for the initial values.
pub(super) struct Start<'a> {
    pub(super) inputs: usize,
    pub(super) units: usize,
    /// Present if configured.
    pub(super) tau: Option<TauInit>,
    pub(super) rng: &'a mut dyn Rng,
}

/// Backpropagation through `y = tanh(x)`.
#[inline(always)]
fn tanh_backward<T: Real>(gradient: T, y: T) -> T {
    gradient * (-y).mul_add(y, T::one())
}

/// Backpropagation through `y = sigmoid(x)`.
#[inline(always)]
fn sigmoid_backward<T: Real>(gradient: T, y: T) -> T {
    gradient * y * (T::one() - y)
}
