//! One step of each cell with gates.

use pulp::Simd;

use super::backbone::Backbone;
use super::gates::{Gates, LayerWeights};
use super::simd::{Panel, at_least, at_most, decay, panels, panels_mut, product, sigmoid, step_towards, tanh};
use crate::network::{Carry, Cfc, CfcMode, PaperLtc};

/// One layer of a network: its weights, its state, and how a step changes it.
pub(super) trait Cell {
    /// Where the units stand, `[units]`.
    fn state(&self) -> &[f32];

    /// [`Cell::state`], to be written.
    fn state_mut(&mut self) -> &mut [f32];

    /// Takes over what the next step starts from, `[states * units]`.
    fn load(&mut self, state: &[f32]) {
        self.state_mut().copy_from_slice(state);
    }

    /// Writes down what the next step would start from, `[states * units]`.
    fn store(&self, state: &mut [f32]) {
        state.copy_from_slice(self.state());
    }

    /// One step, with `K` vectors of the instruction set `S` to a panel.
    fn step<S: Simd, const K: usize>(&mut self, simd: S, input: &[f32]);

    /// What the next layer and the pooling see of the last step, `[units]`.
    #[inline(always)]
    fn output(&self) -> &[f32] {
        self.state()
    }
}

/// [`crate::network::CellConfig::PaperLtc`].
#[derive(Clone, Debug)]
pub(super) struct PaperLtcCell {
    gates: Gates,
    evaluations: usize,
    carry: Carry,
    clip: f32,
    rate: Vec<f32>,
    gain: Vec<f32>,
    /// The state times the gain, for [`Carry::Unscaled`].
    scaled: Vec<f32>,
}

impl PaperLtcCell {
    pub(super) fn new(config: &PaperLtc, layer: &LayerWeights<'_>) -> Self {
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

impl Cell for PaperLtcCell {
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
            // Without an index in the chain from unfold to unfold, which is as long as its latency.
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

/// [`crate::network::CellConfig::LiquidGate`].
#[derive(Clone, Debug)]
pub(super) struct LiquidGateCell(Gates);

impl LiquidGateCell {
    pub(super) fn new(layer: &LayerWeights<'_>) -> Self {
        Self(Gates::new(layer))
    }
}

impl Cell for LiquidGateCell {
    #[inline(always)]
    fn state(&self) -> &[f32] {
        self.0.state()
    }

    fn state_mut(&mut self) -> &mut [f32] {
        self.0.state_mut()
    }

    #[inline(always)]
    fn step<S: Simd, const K: usize>(&mut self, simd: S, input: &[f32]) {
        self.0.project::<S, K>(simd, input);
        for panel in 0..self.0.n_panels {
            let z = self.0.sum::<S, K>(simd, 0, panel);
            let share = self.0.sum::<S, K>(simd, 1, panel);
            let mut state = self.0.old::<S, K>(panel);
            for k in 0..K {
                state[k] = step_towards(simd, state[k], tanh(simd, z[k]), sigmoid(simd, share[k]));
            }
            self.0.set_next::<S, K>(panel, state);
        }
        self.0.advance();
    }
}

/// [`crate::network::CellConfig::Gru`].
#[derive(Clone, Debug)]
pub(super) struct GruCell {
    gates: Gates,
    recurrent_bias: Vec<f32>,
}

impl GruCell {
    pub(super) fn new(layer: &LayerWeights<'_>) -> Self {
        Self { gates: Gates::new(layer), recurrent_bias: layer.vector("recurrent_bias") }
    }
}

impl Cell for GruCell {
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
        for panel in 0..self.gates.n_panels {
            let r = self.gates.sum::<S, K>(simd, 0, panel);
            let u = self.gates.sum::<S, K>(simd, 1, panel);
            let c_input = self.gates.projected::<S, K>(2, panel);
            let c_state = self.gates.recurrent(simd, 2, panel, panels::<S, K>(&self.recurrent_bias)[panel]);
            let mut state = self.gates.old::<S, K>(panel);
            for k in 0..K {
                let c = tanh(simd, simd.mul_add_e_f32s(sigmoid(simd, r[k]), c_state[k], c_input[k]));
                state[k] = step_towards(simd, c, state[k], sigmoid(simd, u[k]));
            }
            self.gates.set_next::<S, K>(panel, state);
        }
        self.gates.advance();
    }
}

/// [`crate::network::CellConfig::Lstm`]; the state of the gates is the hidden state.
#[derive(Clone, Debug)]
pub(super) struct LstmCell {
    gates: Gates,
    cell: Vec<f32>,
}

impl LstmCell {
    pub(super) fn new(layer: &LayerWeights<'_>) -> Self {
        Self { gates: Gates::new(layer), cell: layer.scratch() }
    }
}

impl Cell for LstmCell {
    #[inline(always)]
    fn state(&self) -> &[f32] {
        self.gates.state()
    }

    fn state_mut(&mut self) -> &mut [f32] {
        self.gates.state_mut()
    }

    fn load(&mut self, state: &[f32]) {
        let (hidden, cell) = state.split_at(self.gates.units);
        self.gates.state_mut().copy_from_slice(hidden);
        self.cell[..cell.len()].copy_from_slice(cell);
    }

    fn store(&self, state: &mut [f32]) {
        let (hidden, cell) = state.split_at_mut(self.gates.units);
        hidden.copy_from_slice(self.gates.state());
        cell.copy_from_slice(&self.cell[..self.gates.units]);
    }

    #[inline(always)]
    fn step<S: Simd, const K: usize>(&mut self, simd: S, input: &[f32]) {
        self.gates.project::<S, K>(simd, input);
        for panel in 0..self.gates.n_panels {
            let i = self.gates.sum::<S, K>(simd, 0, panel);
            let f = self.gates.sum::<S, K>(simd, 1, panel);
            let g = self.gates.sum::<S, K>(simd, 2, panel);
            let o = self.gates.sum::<S, K>(simd, 3, panel);
            let cell = &mut panels_mut::<S, K>(&mut self.cell)[panel];
            let mut hidden = o;
            for k in 0..K {
                let added = simd.mul_f32s(sigmoid(simd, i[k]), tanh(simd, g[k]));
                cell[k] = simd.mul_add_e_f32s(sigmoid(simd, f[k]), cell[k], added);
                hidden[k] = simd.mul_f32s(sigmoid(simd, o[k]), tanh(simd, cell[k]));
            }
            self.gates.set_next::<S, K>(panel, hidden);
        }
        self.gates.advance();
    }
}

/// [`crate::network::CellConfig::Cfc`].
#[derive(Clone, Debug)]
pub(super) struct CfcCell {
    backbone: Option<Backbone>,
    gates: Gates,
    mode: CfcMode,
    elapsed: f32,
    /// For [`CfcMode::Pure`].
    w_tau: Vec<f32>,
    amplitude: Vec<f32>,
}

impl CfcCell {
    pub(super) fn new(config: &Cfc, layer: &LayerWeights<'_>) -> Self {
        let [w_tau, amplitude] = match config.mode {
            CfcMode::Pure => ["w_tau", "amplitude"].map(|name| layer.vector(name)),
            CfcMode::Gated | CfcMode::NoGate => [Vec::new(), Vec::new()],
        };
        let backbone = config.backbone.map(|backbone| Backbone::new(&backbone, layer));
        let gates = if backbone.is_some() { Gates::heads(layer) } else { Gates::new(layer) };
        Self { backbone, gates, mode: config.mode, elapsed: config.elapsed as f32, w_tau, amplitude }
    }

    /// `tanh(f)`, `tanh(g)` and `sigmoid` of the time, of one panel.
    #[inline(always)]
    fn gated<S: Simd, const K: usize>(&self, simd: S, panel: usize) -> [Panel<S, K>; 3] {
        let mut f = self.gates.sum::<S, K>(simd, 0, panel);
        let mut g = self.gates.sum::<S, K>(simd, 1, panel);
        let mut t = self.gates.sum::<S, K>(simd, 2, panel);
        for k in 0..K {
            (f[k], g[k], t[k]) = (tanh(simd, f[k]), tanh(simd, g[k]), sigmoid(simd, t[k]));
        }
        [f, g, t]
    }

    #[inline(always)]
    fn pure<S: Simd, const K: usize>(&self, simd: S, panel: usize) -> Panel<S, K> {
        let mut f = self.gates.sum::<S, K>(simd, 0, panel);
        let (w_tau, amplitude) = (&panels::<S, K>(&self.w_tau)[panel], &panels::<S, K>(&self.amplitude)[panel]);
        for k in 0..K {
            let speed = simd.add_f32s(w_tau[k], simd.abs_f32s(f[k]));
            let left = simd.mul_f32s(decay(simd, simd.mul_f32s(simd.splat_f32s(self.elapsed), speed)), f[k]);
            f[k] = simd.sub_f32s(amplitude[k], simd.mul_f32s(amplitude[k], left));
        }
        f
    }
}

impl Cell for CfcCell {
    #[inline(always)]
    fn state(&self) -> &[f32] {
        self.gates.state()
    }

    fn state_mut(&mut self) -> &mut [f32] {
        self.gates.state_mut()
    }

    #[inline(always)]
    fn step<S: Simd, const K: usize>(&mut self, simd: S, input: &[f32]) {
        let seen = match &mut self.backbone {
            Some(backbone) => backbone.run::<S, K>(simd, input, self.gates.state()),
            None => input,
        };
        self.gates.project::<S, K>(simd, seen);
        for panel in 0..self.gates.n_panels {
            let next = match self.mode {
                CfcMode::Gated => {
                    let [mut next, g, t] = self.gated::<S, K>(simd, panel);
                    for k in 0..K {
                        next[k] = step_towards(simd, next[k], g[k], t[k]);
                    }
                    next
                }
                CfcMode::NoGate => {
                    let [mut next, g, t] = self.gated::<S, K>(simd, panel);
                    for k in 0..K {
                        next[k] = simd.mul_add_e_f32s(g[k], t[k], next[k]);
                    }
                    next
                }
                CfcMode::Pure => self.pure::<S, K>(simd, panel),
            };
            self.gates.set_next::<S, K>(panel, next);
        }
        self.gates.advance();
    }
}
