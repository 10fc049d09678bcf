//! The steps of the solvers of [`Ltc`], as nodes.
//!
//! With `Σ w sigmoid(..)` and `Σ w sigmoid(..) erev` over inputs and units, and leak and `leak v_leak` added, the equation is
//! `C dv/dt = drive - conductance v`.

use super::{LTC_EPSILON, Ltc, Solver};
use crate::nodes::Nodes;

/// Name that [`semi_implicit`] uses for the capacity divided by the time of a solver step.
const INERTIA: &str = "inertia";

/// One step; returns the name of the next state.
pub(super) fn step(config: &Ltc, state: &str, hoisted: &str, nodes: &mut Nodes) -> String {
    let (leak, v_leak) = (nodes.name("leak"), nodes.name("v_leak"));
    let sensory = synapses("sensory_", hoisted, "", nodes);
    let leaking = nodes.op("Mul", &[&leak, &v_leak], "leaking");
    let still = Flow {
        drive: nodes.op("Add", &[&sensory.drive, &leaking], "still.drive"),
        conductance: nodes.op("Add", &[&sensory.conductance, &leak], "still.conductance"),
    };
    let seconds = config.elapsed / config.unfolds as f64;
    if config.solver == Solver::SemiImplicit {
        let (capacity, rate) = (nodes.name("capacity"), nodes.scalar("solver_rate", 1.0 / seconds));
        nodes.op("Mul", &[&capacity, &rate], INERTIA);
    }
    let mut state = state.to_owned();
    for unfold in 0..config.unfolds {
        let name = format!(".{unfold}");
        state = match config.solver {
            Solver::SemiImplicit => semi_implicit(&state, &still, &name, nodes),
            Solver::Euler => {
                let slope = slope(&state, &still, &name, nodes);
                let whole = nodes.scalar("solver_step", seconds);
                go(&state, &slope, &whole, &format!("state{name}"), nodes)
            }
            Solver::Rk4 => rk4(seconds, &state, &still, &name, nodes),
        };
    }
    state
}

/// Names of the drive of the units and of the conductance that multiplies their state, `[batch, units]`.
struct Flow {
    drive: String,
    conductance: String,
}

/// The flow through the synapses from `values`, `[batch, senders]`.
fn synapses(kind: &str, values: &str, name: &str, nodes: &mut Nodes) -> Flow {
    let [w, sigma, mu, erev] = ["w", "sigma", "mu", "erev"].map(|what| nodes.name(&format!("{kind}{what}")));
    let (senders, after) = (nodes.axis(1), nodes.axis(2));
    let named = |what: &str| format!("{kind}{what}{name}");
    let column = nodes.op("Unsqueeze", &[values, &after], &named("column"));
    let distance = nodes.op("Sub", &[&column, &mu], &named("distance"));
    let scaled = nodes.op("Mul", &[&distance, &sigma], &named("scaled"));
    let open = nodes.op("Sigmoid", &[&scaled], &named("open"));
    let weighted = nodes.op("Mul", &[&open, &w], &named("weighted"));
    let driven = nodes.op("Mul", &[&weighted, &erev], &named("driven"));
    Flow {
        drive: nodes.sum_over(&senders, &driven, &named("drive")),
        conductance: nodes.sum_over(&senders, &weighted, &named("conductance")),
    }
}

/// The total flow of units in state `state`.
fn flow(state: &str, still: &Flow, name: &str, nodes: &mut Nodes) -> Flow {
    let synapses = synapses("", state, name, nodes);
    Flow {
        drive: nodes.op("Add", &[&synapses.drive, &still.drive], &format!("all.drive{name}")),
        conductance: nodes.op("Add", &[&synapses.conductance, &still.conductance], &format!("all.conductance{name}")),
    }
}

/// `v' = (C / step v + drive) / (C / step + conductance + epsilon)`; [`INERTIA`] is `C / step`.
fn semi_implicit(state: &str, still: &Flow, name: &str, nodes: &mut Nodes) -> String {
    let named = |what: &str| format!("{what}{name}");
    let (inertia, epsilon) = (nodes.name(INERTIA), nodes.scalar("solver_epsilon", LTC_EPSILON));
    let flow = flow(state, still, name, nodes);
    let kept = nodes.op("Mul", &[&inertia, state], &named("kept"));
    let drive = nodes.op("Add", &[&kept, &flow.drive], &named("numerator"));
    let conductance = nodes.op("Add", &[&inertia, &flow.conductance], &named("denominator"));
    let positive = nodes.op("Add", &[&conductance, &epsilon], &named("positive"));
    nodes.op("Div", &[&drive, &positive], &named("state"))
}

/// `dv/dt`.
fn slope(state: &str, still: &Flow, name: &str, nodes: &mut Nodes) -> String {
    let capacity = nodes.name("capacity");
    let flow = flow(state, still, name, nodes);
    let lost = nodes.op("Mul", &[&flow.conductance, state], &format!("lost{name}"));
    let gained = nodes.op("Sub", &[&flow.drive, &lost], &format!("gained{name}"));
    nodes.op("Div", &[&gained, &capacity], &format!("slope{name}"))
}

/// `state + slope step`.
fn go(state: &str, slope: &str, step: &str, output: &str, nodes: &mut Nodes) -> String {
    let change = nodes.op("Mul", &[slope, step], &format!("{output}.change"));
    nodes.op("Add", &[state, &change], output)
}

fn rk4(seconds: f64, state: &str, still: &Flow, name: &str, nodes: &mut Nodes) -> String {
    let (whole, half) = (nodes.scalar("solver_step", seconds), nodes.scalar("solver_half_step", seconds / 2.0));
    let (sixth, third) = (nodes.scalar("solver_sixth_step", seconds / 6.0), nodes.scalar("solver_third_step", seconds / 3.0));
    let named = |what: &str| format!("{what}{name}");
    let first = slope(state, still, &named(".first"), nodes);
    let at = go(state, &first, &half, &named("second_state"), nodes);
    let second = slope(&at, still, &named(".second"), nodes);
    let at = go(state, &second, &half, &named("third_state"), nodes);
    let third_slope = slope(&at, still, &named(".third"), nodes);
    let at = go(state, &third_slope, &whole, &named("fourth_state"), nodes);
    let fourth = slope(&at, still, &named(".fourth"), nodes);
    let ends = nodes.op("Add", &[&first, &fourth], &named("ends"));
    let middles = nodes.op("Add", &[&second, &third_slope], &named("middles"));
    let state = go(state, &ends, &sixth, &named("state_of_ends"), nodes);
    go(&state, &middles, &third, &named("state"), nodes)
}
