//! Builds the graph of a network: one `Scan` over the steps with the unfolds unrolled in its body.
//!
//! The input projection is hoisted out of the `Scan`: one matrix product for a whole block.

use super::messages::{
    AttributeProto, AttributeType, DataType, DimensionProto, DimensionValue, GraphProto, NodeProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use super::names;
use crate::emotion::Emotion;
use crate::ltc::{Carry, LtcConfig, LtcWeights, Reading};

/// Initializers that hold settings of the contract instead of trained values.
const CLIP_MIN: &str = "clip_min";
const CLIP_MAX: &str = "clip_max";

/// The graph that computes what [`crate::ltc::LtcKernel`] computes.
pub(super) fn ltc_graph(config: &LtcConfig, weights: &LtcWeights) -> GraphProto {
    let batch_of = |size: usize| [named("batch"), fixed(size)];
    let n_features = weights.projection.nrows();
    let mut initializer = weight_tensors(weights);
    initializer.push(scalar(CLIP_MIN, 0.0));
    initializer.push(scalar(CLIP_MAX, config.clip as f32));
    GraphProto {
        name: "ltc".into(),
        node: outer_nodes(config),
        initializer,
        input: vec![
            value_info(names::FEATURES, &[named("batch"), named("frames"), fixed(n_features)]),
            value_info(names::INITIAL_STATE, &batch_of(config.units)),
        ],
        output: vec![
            value_info(names::PROBABILITIES, &batch_of(Emotion::COUNT)),
            value_info(names::LOGITS, &batch_of(Emotion::COUNT)),
            value_info(names::FINAL_STATE, &batch_of(config.units)),
        ],
    }
}

/// The trained values as tensors, in the order of the file.
pub(super) fn weight_tensors(weights: &LtcWeights) -> Vec<TensorProto> {
    weights.tensors().into_iter().map(|(name, shape, values)| tensor(name, &shape, values)).collect()
}

fn outer_nodes(config: &LtcConfig) -> Vec<NodeProto> {
    let mut nodes = vec![
        node("MatMul", &[names::FEATURES, "projection"], "projected_features"),
        node("Add", &["projected_features", "projection_bias"], "projected"),
    ];
    let mut scan = node("Scan", &[names::INITIAL_STATE, "projected"], names::FINAL_STATE);
    scan.attribute = vec![graph_attribute("body", cell(config)), int("num_scan_inputs", 1), ints("scan_input_axes", &[1])];
    nodes.push(scan);
    let readout = match config.carry {
        Carry::Scaled => names::FINAL_STATE,
        Carry::Unscaled => {
            nodes.push(node("Mul", &[names::FINAL_STATE, "gain"], "scaled_state"));
            "scaled_state"
        }
    };
    nodes.push(node("Gemm", &[readout, "dense_kernel", "dense_bias"], names::LOGITS));
    let mut softmax = node("Softmax", &[names::LOGITS], names::PROBABILITIES);
    softmax.attribute = vec![int("axis", -1)];
    nodes.push(softmax);
    nodes
}

/// The body of the `Scan`: one step of the cell.
fn cell(config: &LtcConfig) -> GraphProto {
    let unfolds = match config.reading {
        // The rate of a held z covers the whole step.
        Reading::Held => 1,
        Reading::Recomputed => config.unfolds,
    };
    let mut nodes = Vec::new();
    let mut state = "state".to_owned();
    for unfold in 0..unfolds {
        let name = |what: &str| format!("{what}_{unfold}");
        nodes.push(node("MatMul", &[&state, "recurrent_kernel"], &name("recurrent")));
        nodes.push(node("Add", &[&name("recurrent"), "projected_step"], &name("sum")));
        nodes.push(node("Tanh", &[&name("sum")], &name("z")));
        nodes.push(node("Sub", &[&name("z"), &state], &name("distance")));
        nodes.push(node("Mul", &[&name("distance"), "rate"], &name("change")));
        nodes.push(node("Add", &[&state, &name("change")], &name("state")));
        state = name("state");
    }
    match config.carry {
        Carry::Scaled => {
            nodes.push(node("Clip", &[&state, CLIP_MIN, CLIP_MAX], "clipped"));
            nodes.push(node("Mul", &["clipped", "gain"], "next_state"));
        }
        Carry::Unscaled => nodes.push(node("Clip", &[&state, CLIP_MIN, CLIP_MAX], "next_state")),
    }
    let shape = [named("batch"), fixed(config.units)];
    GraphProto {
        name: "ltc_cell".into(),
        node: nodes,
        initializer: Vec::new(),
        input: vec![value_info("state", &shape), value_info("projected_step", &shape)],
        output: vec![value_info("next_state", &shape)],
    }
}

fn node(op_type: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        input: inputs.iter().map(|&input| input.to_owned()).collect(),
        output: vec![output.to_owned()],
        name: format!("{op_type}_{output}"),
        op_type: op_type.to_owned(),
        ..NodeProto::default()
    }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i: Some(value), r#type: AttributeType::Int.into(), ..AttributeProto::default() }
}

fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        ints: values.to_vec(),
        r#type: AttributeType::Ints.into(),
        ..AttributeProto::default()
    }
}

fn graph_attribute(name: &str, graph: GraphProto) -> AttributeProto {
    AttributeProto { name: name.to_owned(), g: Some(graph), r#type: AttributeType::Graph.into(), ..AttributeProto::default() }
}

fn tensor<'a>(name: &str, shape: &[usize], values: impl IntoIterator<Item = &'a f32>) -> TensorProto {
    TensorProto {
        // INVARIANT: every size is that of an array in memory, far below 2^63.
        dims: shape.iter().map(|&size| size as i64).collect(),
        data_type: DataType::Float.into(),
        name: name.to_owned(),
        raw_data: values.into_iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

fn scalar(name: &str, value: f32) -> TensorProto {
    tensor(name, &[], &[value])
}

fn named(name: &str) -> DimensionProto {
    DimensionProto { value: Some(DimensionValue::DimParam(name.to_owned())) }
}

fn fixed(size: usize) -> DimensionProto {
    DimensionProto { value: Some(DimensionValue::DimValue(size as i64)) }
}

fn value_info(name: &str, shape: &[DimensionProto]) -> ValueInfoProto {
    let tensor_type =
        TensorTypeProto { elem_type: DataType::Float.into(), shape: Some(TensorShapeProto { dim: shape.to_vec() }) };
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}
