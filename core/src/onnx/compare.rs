//! Finds the first difference between the expected model and the one in a file.
//!
//! Both are converted to lists of places and values, so that one traversal of a model serves every kind of difference.

use super::metadata::sha256;
use crate::mismatch::Mismatch;
use crate::nodes::messages::{AttributeProto, DimensionValue, GraphProto, ModelProto, TensorProto, ValueInfoProto};

/// The first place where `found` differs from `expected`; none when no declared field differs.
pub(super) fn first_difference(expected: &ModelProto, found: &ModelProto) -> Option<Mismatch> {
    let (expected, found) = (places(expected), places(found));
    let n = expected.len().max(found.len());
    let at = (0..n).find(|&i| expected.get(i) != found.get(i))?;
    Some(match (expected.get(at), found.get(at)) {
        (Some((place, expected)), Some((found_place, found))) if place == found_place => Mismatch::new(place, expected, found),
        (Some((place, expected)), other) => {
            let found = other.map_or_else(|| "nothing".to_owned(), |(place, value)| format!("{place} = {value}"));
            Mismatch::new(place, expected, found)
        }
        (None, other) => {
            let (place, found) = other.cloned().unwrap_or_default();
            Mismatch::new(place, "absent", found)
        }
    })
}

type Places = Vec<(String, String)>;

fn places(model: &ModelProto) -> Places {
    let mut places =
        vec![("ir_version".to_owned(), model.ir_version.to_string()), ("producer_name".to_owned(), model.producer_name.clone())];
    let opsets: Vec<String> =
        model.opset_import.iter().map(|opset| format!("{:?} version {}", opset.domain, opset.version)).collect();
    places.push(("opset_import".to_owned(), opsets.join(", ")));
    if let Some(graph) = &model.graph {
        graph_places("graph", graph, &mut places);
    }
    for (i, entry) in model.metadata_props.iter().enumerate() {
        places.push((format!("metadata_props[{i}]"), format!("{} = {}", entry.key, entry.value)));
    }
    places
}

fn graph_places(path: &str, graph: &GraphProto, places: &mut Places) {
    places.push((format!("{path}.name"), graph.name.clone()));
    places.push((format!("{path}.node"), format!("{} nodes", graph.node.len())));
    for (i, node) in graph.node.iter().enumerate() {
        let path = format!("{path}.node[{i}]");
        places.push((format!("{path}.op_type"), node.op_type.clone()));
        places.push((format!("{path}.domain"), node.domain.clone()));
        places.push((format!("{path}.name"), node.name.clone()));
        places.push((format!("{path}.input"), node.input.join(", ")));
        places.push((format!("{path}.output"), node.output.join(", ")));
        let names: Vec<&str> = node.attribute.iter().map(|attribute| attribute.name.as_str()).collect();
        places.push((format!("{path}.attribute"), names.join(", ")));
        for attribute in &node.attribute {
            let path = format!("{path}.{}", attribute.name);
            let AttributeProto { name: _, i, g, ints, r#type: kind } = attribute;
            places.push((path.clone(), format!("type {kind}, i {i:?}, ints {ints:?}, with a graph: {}", g.is_some())));
            if let Some(graph) = g {
                graph_places(&path, graph, places);
            }
        }
    }
    for (i, tensor) in graph.initializer.iter().enumerate() {
        places.push((format!("{path}.initializer[{i}]"), tensor_text(tensor)));
    }
    for (kind, values) in [("input", &graph.input), ("output", &graph.output)] {
        for (i, value) in values.iter().enumerate() {
            places.push((format!("{path}.{kind}[{i}]"), value_info_text(value)));
        }
    }
}

fn tensor_text(tensor: &TensorProto) -> String {
    let TensorProto { dims, data_type, name, raw_data, data_location } = tensor;
    let sha256 = sha256(raw_data);
    format!("{name} {dims:?} of type {data_type}, {} bytes at location {data_location} with SHA-256 {sha256}", raw_data.len())
}

fn value_info_text(value: &ValueInfoProto) -> String {
    let tensor = value.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
    let dims = tensor.and_then(|tensor| tensor.shape.as_ref()).map_or(&[][..], |shape| &shape.dim);
    let dims: Vec<String> = dims
        .iter()
        .map(|dim| match &dim.value {
            Some(DimensionValue::DimValue(size)) => size.to_string(),
            Some(DimensionValue::DimParam(name)) => name.clone(),
            None => "?".to_owned(),
        })
        .collect();
    let elem_type = tensor.map_or_else(|| "none".to_owned(), |tensor| tensor.elem_type.to_string());
    format!("{} [{}] of type {elem_type}", value.name, dims.join(", "))
}
