//! The liquid time-constant cell of Hasani et al. 2021; see [`Ltc`] for the equation.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::mismatch::{Mismatch, check};
use crate::network::activation::softplus;
use crate::network::cell::{Cell, check_elapsed, check_values};
use crate::network::layers::{self, LayerWeights, Layers};
#[cfg(test)]
use crate::network::reference;
use crate::network::tensors::{Shapes, Tensor};
use crate::network::trained::{InputScaler, TrainedLayer};
use crate::nodes::Nodes;

mod graph;
mod kernel;

/// Added to the denominator of [`Solver::SemiImplicit`].
pub const LTC_EPSILON: f64 = 1e-8;

/// How the equation of [`Ltc`] is integrated over a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Solver {
    /// Hasani's fused semi-implicit Euler step, stable for any parameters; the one used by ncps.
    SemiImplicit,
    /// Explicit Euler steps.
    Euler,
    /// Fourth-order Runge-Kutta steps.
    Rk4,
}

/// Settings of the cell of Hasani et al. 2021.
///
/// `C dv/dt = leak (v_leak - v) + Σ_j w_j sigmoid(sigma_j (x_j - mu_j)) (erev_j - v)`, summed over inputs (`sensory_*`) and units; inputs first pass
/// through `x input_kernel + input_bias` element by element, outputs through `v output_kernel + output_bias`. `leak`, `C` (`capacity`), `w` and `sensory_w` are
/// the softplus of the trained values; a file has them precomputed, and the scaler of the inputs folded into `input_kernel` and `input_bias`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ltc {
    /// How the equation is integrated.
    pub solver: Solver,
    /// Solver steps per feature step.
    pub unfolds: usize,
    /// Time between two feature steps, in the unit of the capacity.
    pub elapsed: f64,
}

impl Ltc {
    /// Supported numbers of solver steps per feature step.
    #[must_use]
    pub fn unfolds_range(&self) -> RangeInclusive<usize> {
        match self.solver {
            Solver::SemiImplicit | Solver::Euler => 1..=64,
            // Four evaluations per step.
            Solver::Rk4 => 1..=16,
        }
    }
}

impl Cell for Ltc {
    fn gates(&self) -> usize {
        0
    }

    fn parameter_shapes(&self, n_inputs: usize, units: usize) -> Shapes {
        let (m, n) = (n_inputs, units);
        vec![
            ("input_kernel", vec![m]),
            ("input_bias", vec![m]),
            ("sensory_w", vec![m, n]),
            ("sensory_sigma", vec![m, n]),
            ("sensory_mu", vec![m, n]),
            ("sensory_erev", vec![m, n]),
            ("w", vec![n, n]),
            ("sigma", vec![n, n]),
            ("mu", vec![n, n]),
            ("erev", vec![n, n]),
            ("leak", vec![n]),
            ("v_leak", vec![n]),
            ("capacity", vec![n]),
            ("output_kernel", vec![n]),
            ("output_bias", vec![n]),
        ]
    }

    fn weight_shapes(&self, n_inputs: usize, units: usize) -> Shapes {
        self.parameter_shapes(n_inputs, units)
    }

    fn check_settings(&self) -> Result<(), Mismatch> {
        let range = self.unfolds_range();
        check(range.contains(&self.unfolds), "network.cell.unfolds", format!("in {range:?} for this solver"), self.unfolds)?;
        check_elapsed(self.elapsed)
    }

    fn fold(&self, trained: &TrainedLayer<'_>, scaler: &InputScaler) -> Vec<Tensor<f64>> {
        let input_kernel = trained.vector("input_kernel") / &scaler.scale;
        let weight = |(name, tensor): (&str, &Tensor<f64>)| match name {
            "input_kernel" => trained.tensor(name, &input_kernel),
            "input_bias" => trained.tensor(name, &(trained.vector(name) - &scaler.mean * &input_kernel)),
            "sensory_w" | "w" | "leak" | "capacity" => {
                Tensor { values: tensor.values.iter().copied().map(softplus).collect(), ..tensor.clone() }
            }
            _ => tensor.clone(),
        };
        trained.iter().map(weight).collect()
    }

    fn check_weights(&self, weights: &LayerWeights<'_>) -> Result<(), Mismatch> {
        for name in ["sensory_w", "w", "leak"] {
            check_values(weights.tensor(name), "numbers from 0 on", |value| value >= 0.0)?;
        }
        check_values(weights.tensor("capacity"), "numbers above 0", |value| value > 0.0)
    }

    fn kernel(&self, weights: &[LayerWeights<'_>]) -> Box<dyn Layers> {
        layers::layers(weights, |layer| kernel::LtcKernel::new(self, layer))
    }

    fn hoisted(&self, inputs: &str, nodes: &mut Nodes) -> String {
        let (kernel, bias) = (nodes.name("input_kernel"), nodes.name("input_bias"));
        let products = nodes.op("Mul", &[inputs, &kernel], "input_products");
        nodes.op("Add", &[&products, &bias], "inputs")
    }

    fn step_nodes(&self, states: &[String], hoisted: &str, nodes: &mut Nodes) -> Vec<String> {
        vec![graph::step(self, &states[0], hoisted, nodes)]
    }

    fn output_nodes(&self, states: String, nodes: &mut Nodes) -> String {
        let (kernel, bias) = (nodes.name("output_kernel"), nodes.name("output_bias"));
        let products = nodes.op("Mul", &[&states, &kernel], "output_products");
        nodes.op("Add", &[&products, &bias], "outputs")
    }

    fn description(&self) -> String {
        let solver = match self.solver {
            Solver::SemiImplicit => "semi-implicit Euler",
            Solver::Euler => "Euler",
            Solver::Rk4 => "Runge-Kutta",
        };
        format!("LTC cell of Hasani et al., {} {solver} steps", self.unfolds)
    }

    fn details(&self) -> String {
        let Self { solver, unfolds, elapsed } = self;
        format!("LTC of Hasani et al., {unfolds} unfolds ({solver:?}), elapsed {elapsed}")
    }

    #[cfg(test)]
    fn reference(&self, layer: &reference::Layer<'_>, x: &[f64], v: &mut [f64]) -> Vec<f64> {
        let x: Vec<f64> =
            x.iter().enumerate().map(|(i, x)| x * layer.value("input_kernel", i) + layer.value("input_bias", i)).collect();
        let dt = self.elapsed / self.unfolds as f64;
        let units = layer.units;
        for _ in 0..self.unfolds {
            let slope = |v: &[f64]| -> Vec<f64> { (0..units).map(|unit| equation::slope(layer, unit, &x, v)).collect() };
            let ahead = |slope: &[f64], dt: f64| -> Vec<f64> { v.iter().zip(slope).map(|(v, slope)| v + dt * slope).collect() };
            let next: Vec<f64> = match self.solver {
                Solver::SemiImplicit => (0..units).map(|unit| equation::fused(layer, unit, &x, v, dt)).collect(),
                Solver::Euler => ahead(&slope(v), dt),
                Solver::Rk4 => {
                    let k1 = slope(v);
                    let k2 = slope(&ahead(&k1, dt / 2.0));
                    let k3 = slope(&ahead(&k2, dt / 2.0));
                    let k4 = slope(&ahead(&k3, dt));
                    let mean = |unit: usize| (k1[unit] + 2.0 * k2[unit] + 2.0 * k3[unit] + k4[unit]) / 6.0;
                    ahead(&(0..units).map(mean).collect::<Vec<_>>(), dt)
                }
            };
            v.copy_from_slice(&next);
        }
        v.iter().enumerate().map(|(unit, v)| v * layer.value("output_kernel", unit) + layer.value("output_bias", unit)).collect()
    }
}

/// Every setting that changes what is computed, for tests.
#[cfg(test)]
pub(super) fn samples() -> impl Iterator<Item = Ltc> {
    let settings = [(Solver::SemiImplicit, 1.0), (Solver::Euler, 0.05), (Solver::Rk4, 0.05)];
    settings.into_iter().map(|(solver, elapsed)| Ltc { solver, unfolds: 2, elapsed })
}

/// Direct implementation of the equation.
#[cfg(test)]
mod equation {
    use super::reference::Layer;
    use super::softplus;
    use crate::network::sigmoid;

    /// Every synapse to `unit` as `(w sigmoid(sigma (value - mu)), erev)`.
    fn synapses(layer: &Layer<'_>, kind: &str, values: &[f64], unit: usize) -> Vec<(f64, f64)> {
        let [w, sigma, mu, erev] = ["w", "sigma", "mu", "erev"].map(|name| layer.matrix(&format!("{kind}{name}")));
        let synapse = |(from, value): (usize, &f64)| {
            let at = (from, unit);
            (softplus(w[at]) * sigmoid(sigma[at] * (value - mu[at])), erev[at])
        };
        values.iter().enumerate().map(synapse).collect()
    }

    pub(super) fn slope(layer: &Layer<'_>, unit: usize, x: &[f64], v: &[f64]) -> f64 {
        let synapses = [synapses(layer, "sensory_", x, unit), synapses(layer, "", v, unit)].concat();
        let leak = softplus(layer.value("leak", unit)) * (layer.value("v_leak", unit) - v[unit]);
        let current: f64 = synapses.iter().map(|(open, erev)| open * (erev - v[unit])).sum();
        (leak + current) / softplus(layer.value("capacity", unit))
    }

    /// `ncps.torch.LTCCell._ode_solver`.
    pub(super) fn fused(layer: &Layer<'_>, unit: usize, x: &[f64], v: &[f64], dt: f64) -> f64 {
        let synapses = [synapses(layer, "sensory_", x, unit), synapses(layer, "", v, unit)].concat();
        let (cm_t, gleak) = (softplus(layer.value("capacity", unit)) / dt, softplus(layer.value("leak", unit)));
        let numerator =
            cm_t * v[unit] + gleak * layer.value("v_leak", unit) + synapses.iter().map(|(open, erev)| open * erev).sum::<f64>();
        numerator / (cm_t + gleak + synapses.iter().map(|(open, _)| open).sum::<f64>() + 1e-8)
    }
}
