//! Checks the settings of a network before anything runs them.

use std::ops::RangeInclusive;

use super::{CellConfig, Cfc, Ltc, NetworkConfig, PaperLtc, Solver};
use crate::mismatch::{Mismatch, check};

impl NetworkConfig {
    /// Sizes of a layer that can be run.
    pub const UNITS: RangeInclusive<usize> = 1..=512;

    /// Numbers of layers that can be run.
    pub const LAYERS: RangeInclusive<usize> = 1..=3;

    /// Most values over all tensors of a model file.
    ///
    /// It holds the largest network of one layer of the paper's cell, and bounds the size of a file ([`crate::onnx::MAX_FILE_BYTES`]).
    pub const MAX_WEIGHTS: usize = 1_500_000;

    /// Checks every setting against its range.
    ///
    /// # Errors
    /// The first setting out of range, as `network.SETTING` or `network.cell.SETTING`, with what was expected and found.
    pub fn validate(&self, n_features: usize) -> Result<(), Mismatch> {
        check(Self::UNITS.contains(&self.units), "network.units", format!("in {:?}", Self::UNITS), self.units)?;
        check(Self::LAYERS.contains(&self.layers), "network.layers", format!("in {:?}", Self::LAYERS), self.layers)?;
        match &self.cell {
            CellConfig::PaperLtc(config) => config.validate()?,
            CellConfig::Ltc(config) => config.validate()?,
            CellConfig::Cfc(Cfc { elapsed, backbone, mode: _ }) => {
                check_elapsed(*elapsed)?;
                backbone.map_or(Ok(()), |backbone| backbone.validate())?;
            }
            CellConfig::LiquidGate | CellConfig::Gru | CellConfig::Lstm => {}
        }
        let n_weights = self.weight_shapes(n_features).iter().map(|(_, shape)| shape.iter().product::<usize>()).sum::<usize>();
        check(
            n_weights <= Self::MAX_WEIGHTS,
            "network.units",
            format!("so few that the network has at most {} weights", Self::MAX_WEIGHTS),
            format!("{} units and {n_weights} weights", self.units),
        )
    }
}

impl PaperLtc {
    /// Numbers of Euler steps a feature step that can be run.
    pub const UNFOLDS: RangeInclusive<usize> = 1..=64;

    fn validate(&self) -> Result<(), Mismatch> {
        check(Self::UNFOLDS.contains(&self.unfolds), "network.cell.unfolds", format!("in {:?}", Self::UNFOLDS), self.unfolds)?;
        check(self.dt > 0.0 && self.dt <= 1.0, "network.cell.dt", "above 0 and at most 1", self.dt)?;
        check(self.clip > 0.0 && self.clip <= 1e6, "network.cell.clip", "above 0 and at most 1e6", self.clip)?;
        match self.max_gain {
            Some(gain) => check(gain > 0.0 && gain <= 1e6, "network.cell.max_gain", "above 0 and at most 1e6, or absent", gain),
            None => Ok(()),
        }
    }
}

impl Ltc {
    /// Numbers of solver steps a feature step that can be run.
    #[must_use]
    pub fn unfolds_range(&self) -> RangeInclusive<usize> {
        match self.solver {
            Solver::SemiImplicit | Solver::Euler => 1..=64,
            // Four evaluations each.
            Solver::Rk4 => 1..=16,
        }
    }

    fn validate(&self) -> Result<(), Mismatch> {
        let range = self.unfolds_range();
        check(range.contains(&self.unfolds), "network.cell.unfolds", format!("in {range:?} for this solver"), self.unfolds)?;
        check_elapsed(self.elapsed)
    }
}

fn check_elapsed(elapsed: f64) -> Result<(), Mismatch> {
    check((1e-6..=1e6).contains(&elapsed), "network.cell.elapsed", "in 1e-6..=1e6", elapsed)
}
