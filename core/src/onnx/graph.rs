//! Builds the graph of a network: one `Scan` over the steps for each layer, then the pooling and the readout.
//!
//! Everything that does not depend on a state is hoisted out of the `Scan`: the input projection is one matrix product for a whole block.

use super::names;
use crate::emotion::Emotion;
use crate::network::{Committee, DENSE_BIAS, DENSE_KERNEL, NetworkConfig, Pooling, Tensors, layer_tensor};
use crate::nodes::messages::{DimensionProto, GraphProto, TensorProto};
use crate::nodes::{self, Nodes, fixed, int, ints, named, tensor, value_info};

mod pooling;

/// What a graph answers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    /// One answer for all steps, from their pooled outputs.
    OfBlock,
    /// One answer for each step, from its own outputs.
    OfSteps,
}

/// The graph that computes what [`crate::network::CommitteeKernel`] computes.
pub(super) fn block_graph(networks: &Committee, n_features: usize, weights: &Tensors<f32>) -> GraphProto {
    graph(committee(networks, n_features), n_features, networks.state_size(), &[named("batch")], weights)
}

/// The graph that computes what [`crate::network::NetworkKernel::run_each`] computes.
pub(super) fn step_graph(config: &NetworkConfig, n_features: usize, weights: &Tensors<f32>) -> GraphProto {
    let mut nodes = network(config, Answers::OfSteps, n_features);
    nodes.op_with(int("axis", -1), "Softmax", &[names::LOGITS], names::PROBABILITIES);
    graph(nodes, n_features, config.state_size(), &[named("batch"), named("frames")], weights)
}

/// The file's graph around `nodes`, whose answers have the dimensions `answers` before that of the labels.
fn graph(nodes: Nodes, n_features: usize, state_size: usize, answers: &[DimensionProto], weights: &Tensors<f32>) -> GraphProto {
    let (node, constants) = nodes.into_parts();
    let mut initializer = weight_tensors(weights);
    initializer.extend(constants);
    let state = [named("batch"), fixed(state_size)];
    let answers = [answers, &[fixed(Emotion::COUNT)]].concat();
    GraphProto {
        name: "network".into(),
        node,
        initializer,
        input: vec![
            value_info(names::FEATURES, &[named("batch"), named("frames"), fixed(n_features)]),
            value_info(names::INITIAL_STATE, &state),
        ],
        output: vec![
            value_info(names::PROBABILITIES, &answers),
            value_info(names::LOGITS, &answers),
            value_info(names::FINAL_STATE, &state),
        ],
    }
}

/// The trained values as tensors, in the order of the file.
pub(super) fn weight_tensors(weights: &Tensors<f32>) -> Vec<TensorProto> {
    weights.iter().map(|weight| tensor(&weight.name, &weight.shape, &weight.values)).collect()
}

fn committee(networks: &Committee, n_features: usize) -> Nodes {
    let mut nodes = match networks.members() {
        [alone] => network(alone, Answers::OfBlock, n_features),
        members => several(networks, members, n_features),
    };
    nodes.op_with(int("axis", -1), "Softmax", &[names::LOGITS], names::PROBABILITIES);
    nodes
}

/// Networks in parallel: each gets its part of the state, and the logarithms of their probabilities are averaged.
fn several(networks: &Committee, members: &[NetworkConfig], n_features: usize) -> Nodes {
    let mut nodes = Nodes::default();
    let of_members = |name: &str| (0..members.len()).map(|member| networks.prefix(member) + name).collect::<Vec<_>>();
    let sizes: Vec<usize> = members.iter().map(NetworkConfig::state_size).collect();
    let sizes = nodes.sizes("state_sizes", &sizes);
    nodes.node("Split", &[names::INITIAL_STATE, &sizes], of_members(names::INITIAL_STATE)).attribute.push(int("axis", 1));
    let mut logarithms = Vec::new();
    for (index, member) in members.iter().enumerate() {
        let prefix = networks.prefix(index);
        nodes.append(network(member, Answers::OfBlock, n_features).under(&prefix, &[names::FEATURES]));
        let logits = prefix.clone() + names::LOGITS;
        logarithms.push(nodes.op_with(int("axis", -1), "LogSoftmax", &[&logits], &(prefix + "log_probabilities")));
    }
    nodes.op_with(int("axis", 1), "Concat", &texts(&of_members(names::FINAL_STATE)), names::FINAL_STATE);
    nodes.op("Mean", &texts(&logarithms), names::LOGITS);
    nodes
}

/// One network up to its logits.
fn network(config: &NetworkConfig, answers: Answers, n_features: usize) -> Nodes {
    let mut nodes = Nodes::default();
    let n_states = config.cell.as_cell().states();
    let (initial_states, final_states) = match config.layers * n_states {
        1 => (vec![names::INITIAL_STATE.to_owned()], vec![names::FINAL_STATE.to_owned()]),
        several => {
            let numbered = |kind: &str| (0..several).map(|state| format!("{kind}_{state}")).collect::<Vec<_>>();
            (numbered(names::INITIAL_STATE), numbered(names::FINAL_STATE))
        }
    };
    if initial_states.len() > 1 {
        nodes.node("Split", &[names::INITIAL_STATE], initial_states.clone()).attribute.push(int("axis", 1));
    }
    let mut outputs = names::FEATURES.to_owned();
    for index in 0..config.layers {
        let layer = Layer {
            config,
            index,
            n_inputs: if index == 0 { n_features } else { config.units },
            // The final state already contains the last step.
            all_steps: index + 1 < config.layers || answers == Answers::OfSteps || config.pooling != Pooling::Last,
        };
        let states = index * n_states..(index + 1) * n_states;
        outputs = layer.scan(&outputs, &initial_states[states.clone()], &final_states[states], &mut nodes);
    }
    if final_states.len() > 1 {
        nodes.op_with(int("axis", 1), "Concat", &texts(&final_states), names::FINAL_STATE);
    }
    match answers {
        Answers::OfBlock => {
            let pooled = pooling::pool(config.pooling, &outputs, &mut nodes);
            nodes.op("Gemm", &[&pooled, DENSE_KERNEL, DENSE_BIAS], names::LOGITS);
        }
        Answers::OfSteps => {
            let products = nodes.op("MatMul", &[&outputs, DENSE_KERNEL], "readout");
            nodes.op("Add", &[&products, DENSE_BIAS], names::LOGITS);
        }
    }
    nodes
}

fn texts(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// One layer of a network.
struct Layer<'a> {
    config: &'a NetworkConfig,
    index: usize,
    n_inputs: usize,
    /// Whether the outputs of all steps are needed instead of only the last.
    all_steps: bool,
}

impl Layer<'_> {
    fn nodes(&self) -> Nodes {
        Nodes::with_prefix(layer_tensor(self.index, ""))
    }

    /// The layer over a block; returns the name of its outputs, `[batch, frames, units]`, or `[batch, units]` for the last step only.
    fn scan(&self, inputs: &str, initial_states: &[String], final_states: &[String], outer: &mut Nodes) -> String {
        let cell = self.config.cell.as_cell();
        let mut nodes = self.nodes();
        let hoisted = cell.hoisted(inputs, &mut nodes);
        let (body, mut constants) = self.body();
        nodes.append_constants(&mut constants);

        let mut scan_inputs: Vec<&str> = initial_states.iter().map(String::as_str).collect();
        scan_inputs.push(&hoisted);
        let mut scan_outputs = final_states.to_vec();
        let mut attributes = vec![nodes::graph("body", body), int("num_scan_inputs", 1), ints("scan_input_axes", &[1])];
        let mut states = final_states[0].clone();
        if self.all_steps {
            states = nodes.name("states");
            scan_outputs.push(states.clone());
            attributes.push(ints("scan_output_axes", &[1]));
        }
        nodes.node("Scan", &scan_inputs, scan_outputs).attribute = attributes;
        let outputs = cell.output_nodes(states, &mut nodes);
        outer.append(nodes);
        outputs
    }

    /// One step of the cell, and the constants it needs from the enclosing graph.
    fn body(&self) -> (GraphProto, Nodes) {
        let cell = self.config.cell.as_cell();
        let mut nodes = self.nodes();
        let states: Vec<String> = (0..cell.states()).map(|state| nodes.name(&format!("state_{state}"))).collect();
        let step = nodes.name("step");
        let mut outputs = cell.step_nodes(&states, &step, &mut nodes);
        if self.all_steps {
            // A body cannot output the same value twice.
            outputs.push(nodes.op("Identity", &[&outputs[0]], "state_of_step"));
        }
        let state = |name: &String| value_info(name, &[named("batch"), fixed(self.config.units)]);
        let mut input: Vec<_> = states.iter().map(state).collect();
        input.push(value_info(&step, &[named("batch"), fixed(cell.hoisted_size(self.n_inputs, self.config.units))]));
        let body = GraphProto {
            name: nodes.name("cell"),
            node: nodes.take_nodes(),
            initializer: Vec::new(),
            input,
            output: outputs.iter().map(state).collect(),
        };
        (body, nodes)
    }
}
