//! One step of each cell, as nodes.

use super::nodes::Nodes;
use super::solver;
use crate::network::{Backbone, Carry, CellConfig, Cfc, CfcMode, HEADS, PaperLtc};

/// What a layer computes of its inputs, all steps at once, before the states come in.
pub(super) fn hoisted(cell: &CellConfig, inputs: &str, nodes: &mut Nodes) -> String {
    let (kernel, bias, product) = match cell {
        CellConfig::Ltc(_) => ("input_kernel", "input_bias", "Mul"),
        _ => ("projection", "projection_bias", "MatMul"),
    };
    let (kernel, bias) = (nodes.name(kernel), nodes.name(bias));
    let products = nodes.op(product, &[inputs, &kernel], "input_products");
    nodes.op("Add", &[&products, &bias], "inputs")
}

/// Values of [`hoisted`] a step.
pub(super) fn hoisted_size(cell: &CellConfig, n_inputs: usize, units: usize) -> usize {
    match cell {
        CellConfig::Ltc(_) => n_inputs,
        _ => cell.columns(cell.weight_gates(), units),
    }
}

/// What the pooling and the next layer see of the states.
pub(super) fn outputs(cell: &CellConfig, states: String, nodes: &mut Nodes) -> String {
    match cell {
        CellConfig::PaperLtc(PaperLtc { carry: Carry::Unscaled, .. }) => {
            let gain = nodes.name("gain");
            nodes.op("Mul", &[&states, &gain], "outputs")
        }
        CellConfig::Ltc(_) => {
            let (kernel, bias) = (nodes.name("output_kernel"), nodes.name("output_bias"));
            let products = nodes.op("Mul", &[&states, &kernel], "output_products");
            nodes.op("Add", &[&products, &bias], "outputs")
        }
        _ => states,
    }
}

/// One step from `states` with what [`hoisted`] gave for it; the names of the next states.
pub(super) fn step(cell: &CellConfig, states: &[String], step: &str, nodes: &mut Nodes) -> Vec<String> {
    match cell {
        CellConfig::PaperLtc(config) => vec![paper_ltc(config, &states[0], step, nodes)],
        CellConfig::Ltc(config) => vec![solver::ltc(config, &states[0], step, nodes)],
        CellConfig::Cfc(config) => vec![cfc(config, &states[0], step, nodes)],
        CellConfig::LiquidGate => vec![liquid_gate(&states[0], step, nodes)],
        CellConfig::Gru => vec![gru(&states[0], step, nodes)],
        CellConfig::Lstm => lstm(&states[0], &states[1], step, nodes),
    }
}

/// The sums of all gates side by side.
fn gate_sums(state: &str, step: &str, nodes: &mut Nodes) -> String {
    let kernel = nodes.name("recurrent_kernel");
    let recurrent = nodes.op("MatMul", &[state, &kernel], "recurrent");
    nodes.op("Add", &[&recurrent, step], "sums")
}

fn paper_ltc(config: &PaperLtc, state: &str, step: &str, nodes: &mut Nodes) -> String {
    let (kernel, rate, gain) = (nodes.name("recurrent_kernel"), nodes.name("rate"), nodes.name("gain"));
    let mut state = state.to_owned();
    for unfold in 0..config.evaluations() {
        let name = |what: &str| format!("{what}_of_unfold_{unfold}");
        let recurrent = nodes.op("MatMul", &[&state, &kernel], &name("recurrent"));
        let sum = nodes.op("Add", &[&recurrent, step], &name("sum"));
        let z = nodes.op("Tanh", &[&sum], &name("z"));
        state = step_towards(&state, &z, &rate, &name("state"), nodes);
    }
    let (clip_min, clip_max) = (nodes.scalar("clip_min", 0.0), nodes.scalar("clip_max", config.clip));
    let clipped = nodes.op("Clip", &[&state, &clip_min, &clip_max], "clipped");
    match config.carry {
        Carry::Scaled => nodes.op("Mul", &[&clipped, &gain], "scaled"),
        Carry::Unscaled => clipped,
    }
}

/// `from + (to - from) share`.
fn step_towards(from: &str, to: &str, share: &str, output: &str, nodes: &mut Nodes) -> String {
    let distance = nodes.op("Sub", &[to, from], &format!("{output}.distance"));
    let change = nodes.op("Mul", &[&distance, share], &format!("{output}.change"));
    nodes.op("Add", &[from, &change], output)
}

fn liquid_gate(state: &str, step: &str, nodes: &mut Nodes) -> String {
    let sums = gate_sums(state, step, nodes);
    let [z, k] = nodes.split(&sums, ["z_sum", "k_sum"]);
    let z = nodes.op("Tanh", &[&z], "z");
    let share = nodes.op("Sigmoid", &[&k], "share");
    step_towards(state, &z, &share, "next_state", nodes)
}

fn gru(state: &str, step: &str, nodes: &mut Nodes) -> String {
    let (kernel, recurrent_bias) = (nodes.name("recurrent_kernel"), nodes.name("recurrent_bias"));
    let recurrent = nodes.op("MatMul", &[state, &kernel], "recurrent");
    let [r_state, u_state, c_state] = nodes.split(&recurrent, ["r_state", "u_state", "c_state"]);
    let [r_input, u_input, c_input] = nodes.split(step, ["r_input", "u_input", "c_input"]);
    let r = nodes.op("Add", &[&r_state, &r_input], "r_sum");
    let r = nodes.op("Sigmoid", &[&r], "r");
    let u = nodes.op("Add", &[&u_state, &u_input], "u_sum");
    let u = nodes.op("Sigmoid", &[&u], "u");
    let c = nodes.op("Add", &[&c_state, &recurrent_bias], "c_biased");
    let c = nodes.op("Mul", &[&c, &r], "c_reset");
    let c = nodes.op("Add", &[&c, &c_input], "c_sum");
    let c = nodes.op("Tanh", &[&c], "c");
    step_towards(&c, state, &u, "next_state", nodes)
}

fn lstm(hidden: &str, cell: &str, step: &str, nodes: &mut Nodes) -> Vec<String> {
    let sums = gate_sums(hidden, step, nodes);
    let [i, f, g, o] = nodes.split(&sums, ["i_sum", "f_sum", "g_sum", "o_sum"]);
    let i = nodes.op("Sigmoid", &[&i], "i");
    let f = nodes.op("Sigmoid", &[&f], "f");
    let g = nodes.op("Tanh", &[&g], "g");
    let o = nodes.op("Sigmoid", &[&o], "o");
    let kept = nodes.op("Mul", &[&f, cell], "kept");
    let added = nodes.op("Mul", &[&i, &g], "added");
    let cell = nodes.op("Add", &[&kept, &added], "next_cell");
    let squashed = nodes.op("Tanh", &[&cell], "squashed");
    let hidden = nodes.op("Mul", &[&o, &squashed], "next_hidden");
    vec![hidden, cell]
}

fn cfc(config: &Cfc, state: &str, step: &str, nodes: &mut Nodes) -> String {
    let mut sums = gate_sums(state, step, nodes);
    if let Some(backbone) = &config.backbone {
        sums = heads(backbone, &sums, nodes);
    }
    match config.mode {
        CfcMode::Gated => {
            let [f, g, t] = cfc_gates(&sums, nodes);
            step_towards(&f, &g, &t, "next_state", nodes)
        }
        CfcMode::NoGate => {
            let [f, g, t] = cfc_gates(&sums, nodes);
            let change = nodes.op("Mul", &[&g, &t], "change");
            nodes.op("Add", &[&f, &change], "next_state")
        }
        CfcMode::Pure => cfc_pure(config, &sums, nodes),
    }
}

/// The sums of all gates behind a backbone, from those of its first layer.
fn heads(backbone: &Backbone, sums: &str, nodes: &mut Nodes) -> String {
    let mut sums = sums.to_owned();
    for [kernel, bias] in backbone.further().chain([HEADS]) {
        let [values, products, biased] = ["values", "products", "sums"].map(|what| format!("{kernel}.{what}"));
        let [kernel, bias] = [kernel, bias].map(|name| nodes.name(name));
        let values = nodes.op("Tanh", &[&sums], &values);
        let products = nodes.op("MatMul", &[&values, &kernel], &products);
        sums = nodes.op("Add", &[&products, &bias], &biased);
    }
    sums
}

/// `tanh(f)`, `tanh(g)` and `sigmoid` of the time.
fn cfc_gates(sums: &str, nodes: &mut Nodes) -> [String; 3] {
    let [f, g, t] = nodes.split(sums, ["f_sum", "g_sum", "t_sum"]);
    [nodes.op("Tanh", &[&f], "f"), nodes.op("Tanh", &[&g], "g"), nodes.op("Sigmoid", &[&t], "t")]
}

/// `amplitude - amplitude exp(-elapsed (|w_tau| + |f|)) f`.
fn cfc_pure(config: &Cfc, f: &str, nodes: &mut Nodes) -> String {
    let (w_tau, amplitude) = (nodes.name("w_tau"), nodes.name("amplitude"));
    let backwards = nodes.scalar("backwards", -config.elapsed);
    let magnitude = nodes.op("Abs", &[f], "magnitude");
    let speed = nodes.op("Add", &[&magnitude, &w_tau], "speed");
    let exponent = nodes.op("Mul", &[&speed, &backwards], "exponent");
    let decay = nodes.op("Exp", &[&exponent], "decay");
    let left = nodes.op("Mul", &[&decay, f], "left");
    let scaled = nodes.op("Mul", &[&left, &amplitude], "scaled");
    nodes.op("Sub", &[&amplitude, &scaled], "next_state")
}
