//! One step of the cell with sigmoidal synapses.
//!
//! With `Σ w sigmoid(..)` and `Σ w sigmoid(..) erev` over inputs and units, and leak and `leak v_leak` added, its equation is
//! `C dv/dt = drive - conductance v`.

use pulp::Simd;

use super::{LTC_EPSILON, Ltc, Solver};
use crate::network::layers::{CellKernel, LayerWeights};
use crate::network::simd::{Matrix, PANEL, Panel, padded, panels, panels_mut, sigmoid};

/// The kernel of one layer.
#[derive(Clone, Debug)]
pub(super) struct LtcKernel {
    units: usize,
    solver: Solver,
    unfolds: usize,
    /// Duration of one solver step.
    seconds: f32,
    input_kernel: Vec<f32>,
    input_bias: Vec<f32>,
    sensory: Synapses,
    recurrent: Synapses,
    leak: Vec<f32>,
    v_leak: Vec<f32>,
    capacity: Vec<f32>,
    output_kernel: Vec<f32>,
    output_bias: Vec<f32>,
    inputs: Vec<f32>,
    /// The part of the flow that does not depend on the state.
    still: Flow,
    state: Vec<f32>,
    next_state: Vec<f32>,
    outputs: Vec<f32>,
    slopes: Slopes,
}

/// Drive of the units, and the conductance that multiplies their state.
#[derive(Clone, Debug)]
struct Flow {
    drive: Vec<f32>,
    conductance: Vec<f32>,
}

/// Scratch memory of the explicit solvers.
#[derive(Clone, Debug)]
struct Slopes {
    /// State at which the next slope is computed.
    at: Vec<f32>,
    slope: Vec<f32>,
    /// Weighted sum of the slopes of a step.
    sum: Vec<f32>,
}

/// Synapses from some senders to all units.
#[derive(Clone, Debug)]
struct Synapses {
    w: Matrix,
    sigma: Matrix,
    mu: Matrix,
    erev: Matrix,
}

impl Synapses {
    fn new(layer: &LayerWeights<'_>, kind: &str) -> Self {
        let [w, sigma, mu, erev] = ["w", "sigma", "mu", "erev"].map(|name| layer.matrix(&format!("{kind}{name}")));
        Self { w, sigma, mu, erev }
    }

    /// Adds the contribution of `values` to `[drive, conductance]` of one panel.
    #[inline(always)]
    fn add_to<S: Simd, const K: usize>(&self, simd: S, panel: usize, values: &[f32], flow: &mut [Panel<S, K>; 2]) {
        let (w, sigma) = (self.w.panel::<S, K>(panel), self.sigma.panel::<S, K>(panel));
        let (mu, erev) = (self.mu.panel::<S, K>(panel), self.erev.panel::<S, K>(panel));
        let [drive, conductance] = flow;
        for ((((&value, w), sigma), mu), erev) in values.iter().zip(w).zip(sigma).zip(mu).zip(erev) {
            let value = simd.splat_f32s(value);
            for k in 0..K {
                let open = sigmoid(simd, simd.mul_f32s(simd.sub_f32s(value, mu[k]), sigma[k]));
                let weighted = simd.mul_f32s(open, w[k]);
                conductance[k] = simd.add_f32s(conductance[k], weighted);
                drive[k] = simd.mul_add_e_f32s(weighted, erev[k], drive[k]);
            }
        }
    }
}

impl LtcKernel {
    pub(super) fn new(config: &Ltc, layer: &LayerWeights<'_>) -> Self {
        let scratch = layer.scratch();
        Self {
            units: layer.units,
            solver: config.solver,
            unfolds: config.unfolds,
            seconds: (config.elapsed / config.unfolds as f64) as f32,
            input_kernel: layer.values("input_kernel").to_vec(),
            input_bias: layer.values("input_bias").to_vec(),
            inputs: layer.values("input_bias").to_vec(),
            sensory: Synapses::new(layer, "sensory_"),
            recurrent: Synapses::new(layer, ""),
            leak: layer.vector("leak"),
            v_leak: layer.vector("v_leak"),
            // The padding units must not divide by zero either.
            capacity: padded(layer.values("capacity"), layer.units, 1.0),
            output_kernel: layer.vector("output_kernel"),
            output_bias: layer.vector("output_bias"),
            still: Flow { drive: scratch.clone(), conductance: scratch.clone() },
            state: scratch.clone(),
            next_state: scratch.clone(),
            outputs: scratch.clone(),
            slopes: Slopes { at: scratch.clone(), slope: scratch.clone(), sum: scratch },
        }
    }

    fn n_panels(&self) -> usize {
        self.state.len() / PANEL
    }

    /// Computes the flow from inputs and leak, once per step.
    #[inline(always)]
    fn sense<S: Simd, const K: usize>(&mut self, simd: S, input: &[f32]) {
        for (((sensed, input), kernel), bias) in self.inputs.iter_mut().zip(input).zip(&self.input_kernel).zip(&self.input_bias) {
            *sensed = input * kernel + bias;
        }
        for panel in 0..self.n_panels() {
            let leak = panels::<S, K>(&self.leak)[panel];
            let mut flow = [leak; 2];
            let [drive, _] = &mut flow;
            for (drive, v_leak) in drive.iter_mut().zip(&panels::<S, K>(&self.v_leak)[panel]) {
                *drive = simd.mul_f32s(*drive, *v_leak);
            }
            self.sensory.add_to(simd, panel, &self.inputs, &mut flow);
            let [drive, conductance] = flow;
            panels_mut::<S, K>(&mut self.still.drive)[panel] = drive;
            panels_mut::<S, K>(&mut self.still.conductance)[panel] = conductance;
        }
    }

    /// `[drive, conductance]` of one panel for units in state `values`.
    #[inline(always)]
    fn flow<S: Simd, const K: usize>(&self, simd: S, panel: usize, values: &[f32]) -> [Panel<S, K>; 2] {
        let mut flow = [panels::<S, K>(&self.still.drive)[panel], panels::<S, K>(&self.still.conductance)[panel]];
        self.recurrent.add_to(simd, panel, &values[..self.units], &mut flow);
        flow
    }

    /// `v' = (C / step v + drive) / (C / step + conductance + epsilon)`.
    #[inline(always)]
    fn semi_implicit<S: Simd, const K: usize>(&mut self, simd: S) {
        let (rate, epsilon) = (simd.splat_f32s(self.seconds.recip()), simd.splat_f32s(LTC_EPSILON as f32));
        for panel in 0..self.n_panels() {
            let [mut next, conductance] = self.flow::<S, K>(simd, panel, &self.state);
            let (capacity, state) = (&panels::<S, K>(&self.capacity)[panel], &panels::<S, K>(&self.state)[panel]);
            for k in 0..K {
                let inertia = simd.mul_f32s(capacity[k], rate);
                let numerator = simd.mul_add_e_f32s(inertia, state[k], next[k]);
                let denominator = simd.add_f32s(simd.add_f32s(inertia, conductance[k]), epsilon);
                next[k] = simd.div_f32s(numerator, denominator);
            }
            panels_mut::<S, K>(&mut self.next_state)[panel] = next;
        }
        std::mem::swap(&mut self.state, &mut self.next_state);
    }

    /// `slopes.slope = dv/dt` at `slopes.at`.
    #[inline(always)]
    fn take_slope<S: Simd, const K: usize>(&mut self, simd: S) {
        for panel in 0..self.n_panels() {
            let [mut slope, conductance] = self.flow::<S, K>(simd, panel, &self.slopes.at);
            let (capacity, at) = (&panels::<S, K>(&self.capacity)[panel], &panels::<S, K>(&self.slopes.at)[panel]);
            for k in 0..K {
                let gained = simd.sub_f32s(slope[k], simd.mul_f32s(conductance[k], at[k]));
                slope[k] = simd.div_f32s(gained, capacity[k]);
            }
            panels_mut::<S, K>(&mut self.slopes.slope)[panel] = slope;
        }
    }

    #[inline(always)]
    fn euler<S: Simd, const K: usize>(&mut self, simd: S) {
        self.slopes.at.copy_from_slice(&self.state);
        self.take_slope::<S, K>(simd);
        add_scaled(&mut self.state, &self.slopes.slope, self.seconds);
    }

    #[inline(always)]
    fn rk4<S: Simd, const K: usize>(&mut self, simd: S) {
        self.slopes.at.copy_from_slice(&self.state);
        self.slopes.sum.fill(0.0);
        // How far to go along each slope before the next one is computed, and its weight in the step.
        for (ahead, weight) in [(0.5, 1.0 / 6.0), (0.5, 1.0 / 3.0), (1.0, 1.0 / 3.0), (0.0, 1.0 / 6.0)] {
            self.take_slope::<S, K>(simd);
            add_scaled(&mut self.slopes.sum, &self.slopes.slope, weight);
            self.slopes.at.copy_from_slice(&self.state);
            add_scaled(&mut self.slopes.at, &self.slopes.slope, ahead * self.seconds);
        }
        add_scaled(&mut self.state, &self.slopes.sum, self.seconds);
    }
}

/// `values += changes scale`.
#[inline(always)]
fn add_scaled(values: &mut [f32], changes: &[f32], scale: f32) {
    for (value, change) in values.iter_mut().zip(changes) {
        *value += change * scale;
    }
}

impl CellKernel for LtcKernel {
    fn state(&self) -> &[f32] {
        &self.state[..self.units]
    }

    fn state_mut(&mut self) -> &mut [f32] {
        &mut self.state[..self.units]
    }

    #[inline(always)]
    fn step<S: Simd, const K: usize>(&mut self, simd: S, input: &[f32]) {
        self.sense::<S, K>(simd, input);
        for _ in 0..self.unfolds {
            match self.solver {
                Solver::SemiImplicit => self.semi_implicit::<S, K>(simd),
                Solver::Euler => self.euler::<S, K>(simd),
                Solver::Rk4 => self.rk4::<S, K>(simd),
            }
        }
        for (((output, state), kernel), bias) in
            self.outputs.iter_mut().zip(&self.state).zip(&self.output_kernel).zip(&self.output_bias)
        {
            *output = state * kernel + bias;
        }
    }

    #[inline(always)]
    fn output(&self) -> &[f32] {
        &self.outputs[..self.units]
    }
}
