//! The file is altered and the checksums are left unchanged.

use super::*;
use crate::nodes::messages::{
    AttributeProto, DimensionValue, GraphProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
};
use sample::every_kind;

/// The part of a metadata key that a refusal names.
fn named_by(key: &str) -> String {
    key.trim_start_matches("moodline.").trim_end_matches(".sha256").to_owned()
}

#[test]
fn every_altered_metadata_entry_is_refused_by_name() {
    let n_entries = paper().file().metadata_props.len();
    assert_eq!(n_entries, 2 * 14 + 1, "13 fields and the weights with their checksums, and the fingerprint");
    for model in every_kind() {
        for i in 0..n_entries {
            let key = model.file().metadata_props[i].key.clone();
            for alter in [
                (|value| value.push(' ')) as fn(&mut String),
                |value| value.clear(),
                |value| {
                    // INVARIANT: keys and values of the sample are ASCII.
                    let last = value.pop().unwrap();
                    value.push(if last == '1' { '2' } else { '1' });
                },
            ] {
                let error = refusal_of(&model, |file| alter(&mut file.metadata_props[i].value));
                assert_eq!(field(&error), named_by(&key), "{error}");
                let ModelError::Altered(mismatch) = &error else { panic!("{key}: {error}") };
                assert_ne!(mismatch.expected, mismatch.found, "{key}");
            }
        }
    }
}

#[test]
fn every_missing_doubled_or_renamed_entry_is_refused_by_name() {
    for i in 0..paper().file().metadata_props.len() {
        let key = paper().file().metadata_props[i].key.clone();
        let missing = refusal(|model| {
            model.metadata_props.remove(i);
        });
        assert_eq!((field(&missing), found(&missing)), (key.as_str(), "none"));
        let doubled = refusal(|model| model.metadata_props.push(model.metadata_props[i].clone()));
        assert_eq!((field(&doubled), found(&doubled)), (key.as_str(), "two entries of this name"));
        let renamed = refusal(|model| model.metadata_props[i].key.push('x'));
        assert_eq!(field(&renamed), key);
    }
    let unknown = refusal(|model| {
        model.metadata_props.push(StringStringEntryProto { key: "moodline.colour".to_owned(), value: "blue".to_owned() });
    });
    assert_eq!(field(&unknown), "moodline.colour");
    let reordered = refusal(|model| model.metadata_props.swap(0, 2));
    assert_eq!(field(&reordered), "metadata_props[0]");
}

fn found(error: &ModelError) -> &str {
    match error {
        ModelError::Altered(mismatch) | ModelError::Refused(mismatch) => &mismatch.found,
        other => panic!("expected a named field, found: {other}"),
    }
}

fn graph(model: &mut ModelProto) -> &mut GraphProto {
    model.graph.as_mut().unwrap()
}

/// The initializers of a model's file.
fn initializers(model: &Model) -> Vec<TensorProto> {
    graph(&mut model.file()).initializer.clone()
}

#[test]
fn every_altered_byte_of_every_initializer_is_refused_by_name() {
    assert_eq!(initializers(&paper()).len(), 9, "the trained tensors and the two bounds of the clip");
    for model in every_kind() {
        for (i, tensor) in initializers(&model).into_iter().enumerate() {
            let is_trained = model.weights.iter().any(|weight| weight.name == tensor.name);
            let expected = if is_trained { tensor.name } else { format!("graph.initializer[{i}]") };
            for byte in 0..tensor.raw_data.len() {
                let error = refusal_of(&model, |file| graph(file).initializer[i].raw_data[byte] ^= 1);
                assert_eq!(field(&error), expected, "byte {byte}: {error}");
            }
        }
    }
}

#[test]
fn every_altered_layout_of_an_initializer_is_refused() {
    for model in every_kind() {
        for (i, tensor) in initializers(&model).into_iter().enumerate() {
            let mut changes: Vec<fn(&mut TensorProto)> = vec![
                |tensor| tensor.dims.push(1),
                |tensor| tensor.dims = vec![i64::MAX, i64::MAX],
                |tensor| tensor.dims = vec![-1],
                |tensor| tensor.data_type = 11,
                |tensor| tensor.data_type = 0,
                |tensor| tensor.data_location = 1,
                |tensor| tensor.name.push('x'),
                |tensor| tensor.raw_data.clear(),
                |tensor| tensor.raw_data.push(0),
            ];
            if !tensor.dims.is_empty() {
                changes.push(|tensor| tensor.dims[0] += 1);
                changes.push(|tensor| {
                    tensor.dims.pop();
                });
            }
            for (n, change) in changes.into_iter().enumerate() {
                let error = refusal_of(&model, |file| change(&mut graph(file).initializer[i]));
                assert!(matches!(error, ModelError::Refused(_)), "{}, change {n}: {error}", tensor.name);
            }
            refusal_of(&model, |file| {
                graph(file).initializer.remove(i);
            });
            refusal_of(&model, |file| graph(file).initializer.push(tensor));
        }
    }
}

/// The end of the place that a refusal must name, and a change.
type Change<T> = (&'static str, fn(&mut T));

/// Changes that invalidate any node.
const NODE_CHANGES: [Change<NodeProto>; 8] = [
    ("op_type", |node| node.op_type = "Relu".to_owned()),
    ("domain", |node| node.domain = "com.evil".to_owned()),
    ("name", |node| node.name.push('x')),
    ("input", |node| node.input.reverse()),
    ("input", |node| node.input[0] = "elsewhere".to_owned()),
    ("input", |node| node.input.push("more".to_owned())),
    ("output", |node| node.output[0].push('x')),
    ("", |node| node.attribute.push(AttributeProto { name: "axis".to_owned(), i: Some(7), r#type: 2, ..Default::default() })),
];

#[test]
fn every_altered_node_is_refused_with_its_place() {
    let mut n_cases = 0;
    for model in every_kind() {
        let nodes = graph(&mut model.file()).node.clone();
        for (i, node) in nodes.iter().enumerate() {
            for (what, change) in NODE_CHANGES {
                if what == "input" && has_the_same_inputs_reversed(node) {
                    continue;
                }
                let error = refusal_of(&model, |file| change(&mut graph(file).node[i]));
                assert!(field(&error).starts_with("graph.node["), "{error}");
                assert!(field(&error).ends_with(what), "{error}");
                n_cases += 1;
            }
            let body = node.attribute.first().and_then(|attribute| attribute.g.as_ref());
            for (j, node) in body.into_iter().flat_map(|body| &body.node).enumerate() {
                for (what, change) in NODE_CHANGES {
                    if what == "input" && has_the_same_inputs_reversed(node) {
                        continue;
                    }
                    let error =
                        refusal_of(&model, |file| change(&mut graph(file).node[i].attribute[0].g.as_mut().unwrap().node[j]));
                    assert!(field(&error).starts_with(&format!("graph.node[{i}].body.node[")), "{error}");
                    n_cases += 1;
                }
            }
        }
    }
    println!("{n_cases} altered nodes");
}

fn has_the_same_inputs_reversed(node: &NodeProto) -> bool {
    node.input.iter().eq(node.input.iter().rev())
}

#[test]
fn every_altered_attribute_is_refused_with_its_place() {
    for model in every_kind() {
        for (i, node) in graph(&mut model.file()).node.iter().enumerate() {
            for j in 0..node.attribute.len() {
                let changes: [fn(&mut AttributeProto); 6] = [
                    |attribute| attribute.name.push('x'),
                    |attribute| attribute.r#type = 1,
                    |attribute| attribute.i = Some(attribute.i.map_or(3, |i| i + 1)),
                    |attribute| attribute.ints.push(0),
                    |attribute| attribute.g = if attribute.g.is_some() { None } else { Some(Default::default()) },
                    |attribute| attribute.ints = vec![0; 7],
                ];
                for change in changes {
                    let error = refusal_of(&model, |file| change(&mut graph(file).node[i].attribute[j]));
                    assert!(field(&error).starts_with(&format!("graph.node[{i}].")), "{error}");
                }
            }
        }
    }
}

#[test]
fn altered_inputs_outputs_versions_and_names_are_refused() {
    let changes: [Change<ModelProto>; 14] = [
        ("ir_version", |model| model.ir_version = 9),
        ("producer_name", |model| model.producer_name = "pytorch".to_owned()),
        ("opset_import", |model| model.opset_import[0].version = 18),
        ("opset_import", |model| model.opset_import[0].domain = "com.evil".to_owned()),
        ("opset_import", |model| {
            model.opset_import.push(OperatorSetIdProto { domain: "com.evil".to_owned(), version: 1 });
        }),
        ("opset_import", |model| model.opset_import.clear()),
        ("graph", |model| model.graph = None),
        ("graph.name", |model| graph(model).name.push('x')),
        ("graph.input[0]", |model| graph(model).input[0].name.push('x')),
        ("graph.input[1]", |model| {
            graph(model).input.pop();
        }),
        ("graph.output[0]", |model| graph(model).output.swap(0, 1)),
        ("graph.input[0]", |model| {
            let tensor = graph(model).input[0].r#type.as_mut().unwrap().tensor_type.as_mut().unwrap();
            tensor.shape.as_mut().unwrap().dim[2].value = Some(DimensionValue::DimValue(7));
        }),
        ("graph.input[0]", |model| {
            graph(model).input[0].r#type.as_mut().unwrap().tensor_type.as_mut().unwrap().elem_type = 11;
        }),
        ("graph.node", |model| graph(model).node.clear()),
    ];
    for (place, change) in changes {
        assert_eq!(field(&refusal(change)), place);
    }
}

#[test]
fn fields_that_moodline_never_writes_are_refused() {
    let bytes = paper().bytes();
    // Model-local functions, training information and a documentation string: fields 25, 20 and 6 of `ModelProto`.
    for unknown in [&[0xca, 0x01, 0x00][..], &[0xa2, 0x01, 0x00], &[0x32, 0x01, b'x']] {
        let error = read(&[&bytes[..], unknown].concat()).unwrap_err();
        assert_eq!(field(&error), "encoding", "{error}");
    }
}

#[test]
fn what_a_file_says_cannot_steer_a_terminal_or_fill_it() {
    let error = refusal(|model| graph(model).node[0].op_type = format!("\u{1b}[2J\n{}", "x".repeat(10_000)));
    let text = error.to_string();
    assert!(!text.contains(char::is_control) && text.len() < 1000, "{text}");
}
