//! The liquid time-constant cell of the paper, Faldu et al., in both of its definitions.
//!
//! One unfold moves `h` a fraction of the way to `z`: `h += (z - h) dt / softplus(tau)`. After all of them `h` is clipped to 0..=`clip` and multiplied by the
//! gain `sigmoid(c) / sigmoid(g)`. A file has this fraction as `rate` ([`PaperLtc::rate`]), and `gain` ([`PaperLtc::gain`]).

use std::ops::RangeInclusive;

use ndarray::Array1;
use pulp::Simd;
use serde::{Deserialize, Serialize};

use crate::mismatch::{Mismatch, check};
use crate::network::activation::{sigmoid, softplus};
use crate::network::cell::{Cell, check_values};
use crate::network::gates::{self, Gates, TrainedGates};
use crate::network::layers::{self, CellKernel, LayerWeights, Layers};
#[cfg(test)]
use crate::network::reference;
use crate::network::simd::{at_least, at_most, panels, panels_mut, product, step_towards, tanh};
use crate::network::tensors::{Shapes, Tensor};
use crate::network::trained::{InputScaler, TrainedLayer};
use crate::nodes::Nodes;

/// Which of the paper's two definitions of the cell is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// `z = tanh(W [x, h] + b)` is computed once per step and held over the unfolds, as in the published code. The unfolds then have the
    /// closed form `h' = z + (h - z) (1 - dt / softplus(tau))^unfolds`.
    Held,
    /// `z` is recomputed at every unfold from the current state, as in the paper's formula.
    Recomputed,
}

/// The state from which the next step starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carry {
    /// The state after clip and gain, as in the published code.
    Scaled,
    /// The state after the clip; the gain acts only on the output.
    Unscaled,
}

/// Settings of the paper's cell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperLtc {
    /// Which definition of the cell.
    pub reading: Reading,
    /// Euler steps per feature step, the paper's N; 6 in the published code.
    pub unfolds: usize,
    /// Size of the Euler step, the paper's delta t: 0.01.
    pub dt: f64,
    /// Upper bound of the clipped ReLU: 20.
    pub clip: f64,
    /// Upper bound of the gain `sigmoid(C) / sigmoid(G)`: 10. If absent, the gain is unbounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_gain: Option<f64>,
    /// The state from which the next step starts.
    pub carry: Carry,
}

impl PaperLtc {
    /// Supported numbers of Euler steps per feature step.
    pub const UNFOLDS: RangeInclusive<usize> = 1..=64;

    /// Largest fraction of the way to `z` covered by one unfold.
    ///
    /// One Euler step leaves `1 - rate` of the distance to `z`: above 1 it overshoots, from 2 on it is unstable. At this bound the remaining
    /// distance is halved, so the state stays within three times the range of `tanh` whatever the recurrent weights are.
    pub const MAX_RATE: f64 = 1.5;

    /// `dt / softplus(tau)`, at most [`PaperLtc::MAX_RATE`]: the fraction of the way to `z` covered by one unfold.
    #[must_use]
    pub fn unfold_rate(&self, tau: f64) -> f64 {
        bounded(Self::MAX_RATE, self.dt / softplus(tau))
    }

    /// `1 - (1 - rate)^unfolds`: the fraction of the way to a held `z` covered by a whole step.
    #[must_use]
    pub fn step_rate(&self, tau: f64) -> f64 {
        1.0 - (1.0 - self.unfold_rate(tau)).powi(self.unfolds as i32)
    }

    /// The rate the cell runs with: that of one unfold for [`Reading::Recomputed`], that of a whole step for [`Reading::Held`].
    #[must_use]
    pub fn rate(&self, tau: f64) -> f64 {
        match self.reading {
            Reading::Held => self.step_rate(tau),
            Reading::Recomputed => self.unfold_rate(tau),
        }
    }

    /// Number of times a step computes `z`.
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
        bounded(self.max_gain.unwrap_or(f64::INFINITY), sigmoid(c) / sigmoid(g))
    }
}

/// The smaller of the two; unlike with `f64::min`, a NaN remains NaN.
fn bounded(bound: f64, value: f64) -> f64 {
    if value > bound { bound } else { value }
}

impl Cell for PaperLtc {
    fn gates(&self) -> usize {
        1
    }

    fn parameter_shapes(&self, n_inputs: usize, units: usize) -> Shapes {
        let mut shapes = gates::parameter_shapes(n_inputs, units, units);
        shapes.extend(["tau", "c", "g"].map(|name| (name, vec![units])));
        shapes
    }

    fn weight_shapes(&self, n_inputs: usize, units: usize) -> Shapes {
        let mut shapes = gates::weight_shapes(n_inputs, units, units);
        shapes.extend(["rate", "gain"].map(|name| (name, vec![units])));
        shapes
    }

    fn check_settings(&self) -> Result<(), Mismatch> {
        check(Self::UNFOLDS.contains(&self.unfolds), "network.cell.unfolds", format!("in {:?}", Self::UNFOLDS), self.unfolds)?;
        check(self.dt > 0.0 && self.dt <= 1.0, "network.cell.dt", "above 0 and at most 1", self.dt)?;
        check(self.clip > 0.0 && self.clip <= 1e6, "network.cell.clip", "above 0 and at most 1e6", self.clip)?;
        match self.max_gain {
            Some(gain) => check(gain > 0.0 && gain <= 1e6, "network.cell.max_gain", "above 0 and at most 1e6, or absent", gain),
            None => Ok(()),
        }
    }

    fn fold(&self, trained: &TrainedLayer<'_>, scaler: &InputScaler) -> Vec<Tensor<f64>> {
        let mut weights = TrainedGates::of(trained).fold(trained, scaler);
        weights.push(trained.tensor("rate", &trained.vector("tau").mapv(|tau| self.rate(tau))));
        let (c, g) = (trained.vector("c"), trained.vector("g"));
        let gain: Array1<f64> = c.iter().zip(&g).map(|(&c, &g)| self.gain(c, g)).collect();
        weights.push(trained.tensor("gain", &gain));
        weights
    }

    fn check_weights(&self, weights: &LayerWeights<'_>) -> Result<(), Mismatch> {
        let max_rate = Self::MAX_RATE as f32;
        let is_rate = |rate| (0.0..=max_rate).contains(&rate);
        check_values(weights.tensor("rate"), format!("numbers in 0..={max_rate}"), is_rate)?;
        let max_gain = self.max_gain.map_or(f32::MAX, |gain| gain as f32);
        let is_gain = |gain| (0.0..=max_gain).contains(&gain);
        check_values(weights.tensor("gain"), format!("numbers in 0..={max_gain}"), is_gain)
    }

    fn kernel(&self, weights: &[LayerWeights<'_>]) -> Box<dyn Layers> {
        layers::layers(weights, |layer| PaperLtcKernel::new(self, layer))
    }

    fn step_nodes(&self, states: &[String], hoisted: &str, nodes: &mut Nodes) -> Vec<String> {
        let (kernel, rate, gain) = (nodes.name("recurrent_kernel"), nodes.name("rate"), nodes.name("gain"));
        let mut state = states[0].clone();
        for unfold in 0..self.evaluations() {
            let name = |what: &str| format!("{what}_of_unfold_{unfold}");
            let recurrent = nodes.op("MatMul", &[&state, &kernel], &name("recurrent"));
            let sum = nodes.op("Add", &[&recurrent, hoisted], &name("sum"));
            let z = nodes.op("Tanh", &[&sum], &name("z"));
            state = nodes.step_towards(&state, &z, &rate, &name("state"));
        }
        let (clip_min, clip_max) = (nodes.scalar("clip_min", 0.0), nodes.scalar("clip_max", self.clip));
        let clipped = nodes.op("Clip", &[&state, &clip_min, &clip_max], "clipped");
        vec![match self.carry {
            Carry::Scaled => nodes.op("Mul", &[&clipped, &gain], "scaled"),
            Carry::Unscaled => clipped,
        }]
    }

    fn output_nodes(&self, states: String, nodes: &mut Nodes) -> String {
        match self.carry {
            Carry::Scaled => states,
            Carry::Unscaled => {
                let gain = nodes.name("gain");
                nodes.op("Mul", &[&states, &gain], "outputs")
            }
        }
    }

    fn description(&self) -> String {
        match self.reading {
            Reading::Held => format!("LTC cell, z held over {} unfolds", self.unfolds),
            Reading::Recomputed => format!("LTC cell, z recomputed at {} unfolds", self.unfolds),
        }
    }

    fn details(&self) -> String {
        let Self { reading, unfolds, dt, .. } = self;
        format!("LTC of Faldu et al., {unfolds} unfolds ({reading:?}), dt {dt}")
    }

    #[cfg(test)]
    fn reference(&self, layer: &reference::Layer<'_>, x: &[f64], h: &mut [f64]) -> Vec<f64> {
        let targets = |h: &[f64]| -> Vec<f64> { (0..h.len()).map(|unit| layer.sum(0, unit, x, h).tanh()).collect() };
        let held = targets(h);
        for _ in 0..self.unfolds {
            let z = match self.reading {
                Reading::Held => held.clone(),
                Reading::Recomputed => targets(h),
            };
            for (unit, h) in h.iter_mut().enumerate() {
                *h += (z[unit] - *h) * self.dt / softplus(layer.value("tau", unit));
            }
        }
        let gain = |unit| sigmoid(layer.value("c", unit)) / sigmoid(layer.value("g", unit));
        h.iter_mut().for_each(|h| *h = h.clamp(0.0, self.clip));
        let outputs: Vec<f64> = h.iter().enumerate().map(|(unit, h)| h * gain(unit)).collect();
        if self.carry == Carry::Scaled {
            h.copy_from_slice(&outputs);
        }
        outputs
    }
}

/// Every setting that changes what is computed, for tests.
#[cfg(test)]
pub(super) fn samples() -> impl Iterator<Item = PaperLtc> {
    let readings = |carry| [Reading::Held, Reading::Recomputed].map(|reading| (reading, carry));
    let settings = [Carry::Scaled, Carry::Unscaled].into_iter().flat_map(readings);
    settings.map(|(reading, carry)| PaperLtc { reading, unfolds: 6, dt: 0.05, clip: 0.4, max_gain: Some(10.0), carry })
}

/// The kernel of one layer.
#[derive(Clone, Debug)]
struct PaperLtcKernel {
    gates: Gates,
    evaluations: usize,
    carry: Carry,
    clip: f32,
    rate: Vec<f32>,
    gain: Vec<f32>,
    /// The state multiplied by the gain, for [`Carry::Unscaled`].
    scaled: Vec<f32>,
}

impl PaperLtcKernel {
    fn new(config: &PaperLtc, layer: &LayerWeights<'_>) -> Self {
        Self {
            gates: Gates::new(layer),
            evaluations: config.evaluations(),
            carry: config.carry,
            clip: config.clip as f32,
            rate: layer.vector("rate"),
            gain: layer.vector("gain"),
            scaled: layer.scratch(),
        }
    }
}

impl CellKernel for PaperLtcKernel {
    #[inline(always)]
    fn state(&self) -> &[f32] {
        self.gates.state()
    }

    fn state_mut(&mut self) -> &mut [f32] {
        self.gates.state_mut()
    }

    #[inline(always)]
    fn step<S: Simd, const K: usize>(&mut self, simd: S, input: &[f32]) {
        self.gates.project::<S, K>(simd, input);
        for _ in 0..self.evaluations {
            let Gates { recurrent_kernel, projected, state, next_state, units, .. } = &mut self.gates;
            let sums = recurrent_kernel.panels::<S, K>().zip(panels::<S, K>(projected)).zip(panels::<S, K>(&self.rate));
            let states = panels::<S, K>(state).iter().zip(panels_mut::<S, K>(next_state));
            // Without indexing, because the latency of this chain from unfold to unfold limits the speed.
            for (((rows, projected), rate), (old, new)) in sums.zip(states) {
                let sum = product(simd, rows, &state[..*units], *projected);
                for k in 0..K {
                    new[k] = step_towards(simd, old[k], tanh(simd, sum[k]), rate[k]);
                }
            }
            self.gates.advance();
        }
        let (zero, clip) = (simd.splat_f32s(0.0), simd.splat_f32s(self.clip));
        let (states, gains) = (S::as_mut_simd_f32s(&mut self.gates.state).0, S::as_simd_f32s(&self.gain).0);
        let scaled = S::as_mut_simd_f32s(&mut self.scaled).0;
        for ((state, gain), scaled) in states.iter_mut().zip(gains).zip(scaled) {
            let clipped = at_most(simd, clip, at_least(simd, zero, *state));
            match self.carry {
                Carry::Scaled => *state = simd.mul_f32s(clipped, *gain),
                Carry::Unscaled => (*state, *scaled) = (clipped, simd.mul_f32s(clipped, *gain)),
            }
        }
    }

    #[inline(always)]
    fn output(&self) -> &[f32] {
        match self.carry {
            Carry::Scaled => self.gates.state(),
            Carry::Unscaled => &self.scaled[..self.gates.units],
        }
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::network::{CellConfig, NetworkConfig, Pooling, Tensors};
    use crate::normalisation::Normalisation;

    fn paper(reading: Reading) -> PaperLtc {
        PaperLtc { reading, unfolds: 6, dt: 0.01, clip: 20.0, max_gain: Some(10.0), carry: Carry::Scaled }
    }

    fn identity(n_features: usize) -> Normalisation {
        Normalisation::Standard { mean: vec![0.0; n_features], scale: vec![1.0; n_features] }
    }

    #[test]
    fn the_held_rate_covers_all_unfolds() {
        let rates = |reading| {
            let config =
                NetworkConfig { units: 2, layers: 1, pooling: Pooling::Last, cell: CellConfig::PaperLtc(paper(reading)) };
            let mut parameters = Tensors::filled(config.parameter_shapes(3), &0.5);
            parameters.get_mut("layer0.tau").values = vec![1.0, -2.0];
            config.fold(&parameters, &identity(3)).get("layer0.rate").values.clone()
        };
        let (held, recomputed) = (rates(Reading::Held), rates(Reading::Recomputed));
        for (unit, tau) in [1.0f64, -2.0].into_iter().enumerate() {
            let rate = 0.01 / (1.0 + tau.exp()).ln();
            assert_relative_eq!(f64::from(recomputed[unit]), rate, max_relative = 1e-6);
            let mut h = 0.0;
            for _ in 0..6 {
                h += (1.0 - h) * rate;
            }
            assert_relative_eq!(f64::from(held[unit]), h, max_relative = 1e-6);
        }
    }

    #[test]
    fn rates_and_gains_stay_in_bounds_for_any_parameter() {
        let config = paper(Reading::Held);
        for tau in [-1e300, -700.0, -4.6, 0.0, 700.0, 1e300] {
            assert!((0.0..=PaperLtc::MAX_RATE).contains(&config.unfold_rate(tau)), "tau {tau}");
            assert!((0.0..=1.0).contains(&config.step_rate(tau)), "tau {tau}");
        }
        assert_relative_eq!(config.gain(1.0, 0.5), (1.0 + (-0.5f64).exp()) / (1.0 + (-1.0f64).exp()));
        assert_relative_eq!(config.gain(40.0, -40.0), 10.0);
        assert_relative_eq!(
            PaperLtc { max_gain: None, ..config }.gain(0.0, -5.0),
            0.5 * (1.0 + 5.0f64.exp()),
            max_relative = 1e-12
        );
    }
}
