//! The networks once more, word for word from their equations: trained parameters, normalised features, `f64`, the standard library's functions, all
//! steps kept.

use crate::network::{
    Backbone, Carry, CellConfig, Cfc, CfcMode, Ltc, NetworkConfig, PaperLtc, Pooling, Reading, Solver, Tensors, layer_tensor,
    sigmoid, softplus,
};

/// Logits and the state after the last step.
pub(super) fn run(config: &NetworkConfig, parameters: &Tensors<f64>, steps: &[Vec<f64>], state: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut state = state.to_vec();
    let mut outputs = steps.to_vec();
    let n_states = config.cell.states() * config.units;
    for layer in 0..config.layers {
        let of_layer = Layer { parameters, layer, units: config.units };
        let state = &mut state[layer * n_states..(layer + 1) * n_states];
        outputs = outputs.iter().map(|input| of_layer.step(&config.cell, input, state)).collect();
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

struct Layer<'a> {
    parameters: &'a Tensors<f64>,
    layer: usize,
    units: usize,
}

impl Layer<'_> {
    fn value(&self, name: &str, unit: usize) -> f64 {
        self.parameters.vector(&layer_tensor(self.layer, name))[unit]
    }

    /// `W [x, h] + b` of one unit of one gate.
    fn sum(&self, gate: usize, unit: usize, input: &[f64], state: &[f64]) -> f64 {
        let column = gate * self.units + unit;
        self.product("kernel", input, column) + self.product("recurrent_kernel", state, column) + self.value("bias", column)
    }

    /// `W y + b` of one column of a dense layer.
    fn dense(&self, name: &str, column: usize, values: &[f64]) -> f64 {
        self.product(&format!("{name}.kernel"), values, column) + self.value(&format!("{name}.bias"), column)
    }

    fn backbone(&self, backbone: &Backbone, x: &[f64], h: &[f64]) -> Vec<f64> {
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

    fn product(&self, kernel: &str, values: &[f64], column: usize) -> f64 {
        let kernel = self.parameters.matrix(&layer_tensor(self.layer, kernel));
        values.iter().enumerate().map(|(row, value)| value * kernel[(row, column)]).sum()
    }

    /// Changes `state`; what the next layer sees.
    fn step(&self, cell: &CellConfig, x: &[f64], state: &mut [f64]) -> Vec<f64> {
        let old = state.to_vec();
        let h = &old[..self.units];
        match cell {
            CellConfig::PaperLtc(config) => return self.paper(config, x, state),
            CellConfig::Ltc(config) => return self.ltc(config, x, state),
            CellConfig::LiquidGate => {
                for unit in 0..self.units {
                    let (z, k) = (self.sum(0, unit, x, h).tanh(), self.sum(1, unit, x, h));
                    state[unit] = z + (h[unit] - z) * (-softplus(k + self.value("tau", unit))).exp();
                }
            }
            CellConfig::Gru => {
                for unit in 0..self.units {
                    let (r, u) = (sigmoid(self.sum(0, unit, x, h)), sigmoid(self.sum(1, unit, x, h)));
                    let column = 2 * self.units + unit;
                    let recurrent = self.product("recurrent_kernel", h, column) + self.value("recurrent_bias", unit);
                    let c = (self.product("kernel", x, column) + self.value("bias", column) + r * recurrent).tanh();
                    state[unit] = (1.0 - u) * c + u * h[unit];
                }
            }
            CellConfig::Lstm => {
                for unit in 0..self.units {
                    let [i, f, o] = [0, 1, 3].map(|gate| sigmoid(self.sum(gate, unit, x, h)));
                    let c = f * old[self.units + unit] + i * self.sum(2, unit, x, h).tanh();
                    (state[unit], state[self.units + unit]) = (o * c.tanh(), c);
                }
            }
            CellConfig::Cfc(Cfc { mode, elapsed, backbone }) => {
                let seen = backbone.map(|backbone| self.backbone(&backbone, x, h));
                for (unit, state) in state.iter_mut().enumerate() {
                    let gate = |gate| match &seen {
                        Some(seen) => self.dense("heads", gate * self.units + unit, seen),
                        None => self.sum(gate, unit, x, h),
                    };
                    *state = match mode {
                        CfcMode::Gated => {
                            let t = sigmoid(gate(2) * elapsed + gate(3));
                            gate(0).tanh() * (1.0 - t) + gate(1).tanh() * t
                        }
                        CfcMode::NoGate => gate(0).tanh() + gate(1).tanh() * sigmoid(gate(2) * elapsed + gate(3)),
                        CfcMode::Pure => {
                            let (f, amplitude) = (gate(0), self.value("amplitude", unit));
                            amplitude - amplitude * (-elapsed * (self.value("w_tau", unit).abs() + f.abs())).exp() * f
                        }
                    };
                }
            }
        }
        state[..self.units].to_vec()
    }

    fn paper(&self, config: &PaperLtc, x: &[f64], h: &mut [f64]) -> Vec<f64> {
        let held: Vec<f64> = (0..self.units).map(|unit| self.sum(0, unit, x, h).tanh()).collect();
        for _ in 0..config.unfolds {
            let z: Vec<f64> = match config.reading {
                Reading::Held => held.clone(),
                Reading::Recomputed => (0..self.units).map(|unit| self.sum(0, unit, x, h).tanh()).collect(),
            };
            for unit in 0..self.units {
                h[unit] += (z[unit] - h[unit]) * config.dt / softplus(self.value("tau", unit));
            }
        }
        let gain = |unit| sigmoid(self.value("c", unit)) / sigmoid(self.value("g", unit));
        h.iter_mut().for_each(|h| *h = h.clamp(0.0, config.clip));
        let outputs: Vec<f64> = h.iter().enumerate().map(|(unit, h)| h * gain(unit)).collect();
        if config.carry == Carry::Scaled {
            h.copy_from_slice(&outputs);
        }
        outputs
    }

    fn ltc(&self, config: &Ltc, x: &[f64], v: &mut [f64]) -> Vec<f64> {
        let x: Vec<f64> =
            x.iter().enumerate().map(|(i, x)| x * self.value("input_kernel", i) + self.value("input_bias", i)).collect();
        let dt = config.elapsed / config.unfolds as f64;
        for _ in 0..config.unfolds {
            let slope = |v: &[f64]| -> Vec<f64> { (0..self.units).map(|unit| self.slope(unit, &x, v)).collect() };
            let ahead = |slope: &[f64], dt: f64| -> Vec<f64> { v.iter().zip(slope).map(|(v, slope)| v + dt * slope).collect() };
            let next: Vec<f64> = match config.solver {
                Solver::SemiImplicit => (0..self.units).map(|unit| self.fused(unit, &x, v, dt)).collect(),
                Solver::Euler => ahead(&slope(v), dt),
                Solver::Rk4 => {
                    let k1 = slope(v);
                    let k2 = slope(&ahead(&k1, dt / 2.0));
                    let k3 = slope(&ahead(&k2, dt / 2.0));
                    let k4 = slope(&ahead(&k3, dt));
                    let mean = |unit: usize| (k1[unit] + 2.0 * k2[unit] + 2.0 * k3[unit] + k4[unit]) / 6.0;
                    ahead(&(0..self.units).map(mean).collect::<Vec<_>>(), dt)
                }
            };
            v.copy_from_slice(&next);
        }
        v.iter().enumerate().map(|(unit, v)| v * self.value("output_kernel", unit) + self.value("output_bias", unit)).collect()
    }

    /// Every synapse to `unit` as `(w sigmoid(sigma (value - mu)), erev)`.
    fn synapses(&self, kind: &str, values: &[f64], unit: usize) -> Vec<(f64, f64)> {
        let [w, sigma, mu, erev] =
            ["w", "sigma", "mu", "erev"].map(|name| self.parameters.matrix(&layer_tensor(self.layer, &format!("{kind}{name}"))));
        let synapse = |(from, value): (usize, &f64)| {
            let at = (from, unit);
            (softplus(w[at]) * sigmoid(sigma[at] * (value - mu[at])), erev[at])
        };
        values.iter().enumerate().map(synapse).collect()
    }

    fn slope(&self, unit: usize, x: &[f64], v: &[f64]) -> f64 {
        let synapses = [self.synapses("sensory_", x, unit), self.synapses("", v, unit)].concat();
        let leak = softplus(self.value("leak", unit)) * (self.value("v_leak", unit) - v[unit]);
        let current: f64 = synapses.iter().map(|(open, erev)| open * (erev - v[unit])).sum();
        (leak + current) / softplus(self.value("capacity", unit))
    }

    /// `ncps.torch.LTCCell._ode_solver`.
    fn fused(&self, unit: usize, x: &[f64], v: &[f64], dt: f64) -> f64 {
        let synapses = [self.synapses("sensory_", x, unit), self.synapses("", v, unit)].concat();
        let (cm_t, gleak) = (softplus(self.value("capacity", unit)) / dt, softplus(self.value("leak", unit)));
        let numerator =
            cm_t * v[unit] + gleak * self.value("v_leak", unit) + synapses.iter().map(|(open, erev)| open * erev).sum::<f64>();
        numerator / (cm_t + gleak + synapses.iter().map(|(open, _)| open).sum::<f64>() + 1e-8)
    }
}
