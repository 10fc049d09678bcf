//! The nodes of which an ONNX graph is composed.
//!
//! In: the computation of a step of a cell or of a pooling. Out: nodes, and the numbers they need, as the messages of an ONNX file. Independent of networks and
//! model files: cells use it to define their computation, and [`crate::onnx`] to make a file of it.

pub(crate) mod messages;

use messages::{
    AttributeProto, AttributeType, DataType, DimensionProto, DimensionValue, GraphProto, NodeProto, TensorProto,
    TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};

/// Nodes of a graph in execution order, and the settings of the contract that they need as initializers.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    prefix: String,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
}

impl Nodes {
    /// Creates an empty list; the names of computed values begin with `prefix`.
    pub(crate) fn with_prefix(prefix: String) -> Self {
        Self { prefix, ..Self::default() }
    }

    /// A name with the prefix.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A node with one output, which gets a name with the prefix; returns that name.
    pub(crate) fn op(&mut self, op_type: &str, inputs: &[&str], output: &str) -> String {
        let output = self.name(output);
        self.node(op_type, inputs, vec![output.clone()]);
        output
    }

    /// [`Nodes::op`] with one attribute.
    pub(crate) fn op_with(&mut self, attribute: AttributeProto, op_type: &str, inputs: &[&str], output: &str) -> String {
        let output = self.name(output);
        self.node(op_type, inputs, vec![output.clone()]).attribute.push(attribute);
        output
    }

    /// `N` equal parts of the columns of `input`; returns their names.
    pub(crate) fn split<const N: usize>(&mut self, input: &str, outputs: [&str; N]) -> [String; N] {
        let outputs = outputs.map(|output| self.name(output));
        self.node("Split", &[input], outputs.to_vec()).attribute.push(int("axis", 1));
        outputs
    }

    /// `from + (to - from) share`; the parts are named after `output`.
    pub(crate) fn step_towards(&mut self, from: &str, to: &str, share: &str, output: &str) -> String {
        let distance = self.op("Sub", &[to, from], &format!("{output}.distance"));
        let change = self.op("Mul", &[&distance, share], &format!("{output}.change"));
        self.op("Add", &[from, &change], output)
    }

    /// The sum over an axis of [`Nodes::axis`], which is removed.
    pub(crate) fn sum_over(&mut self, axis: &str, values: &str, output: &str) -> String {
        self.op_with(int("keepdims", 0), "ReduceSum", &[values, axis], output)
    }

    /// Adds a node whose outputs have exactly these names.
    pub(crate) fn node(&mut self, op_type: &str, inputs: &[&str], outputs: Vec<String>) -> &mut NodeProto {
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            name: format!("{op_type}_{}", outputs[0]),
            output: outputs,
            op_type: op_type.to_owned(),
            ..NodeProto::default()
        });
        // INVARIANT: one was pushed just now.
        self.nodes.last_mut().expect("a node")
    }

    /// A number as an initializer; returns its name.
    pub(crate) fn scalar(&mut self, name: &str, value: f64) -> String {
        self.add_constant(tensor(name, &[], &[value as f32]));
        name.to_owned()
    }

    /// Whole numbers as an initializer; returns its name.
    pub(crate) fn sizes(&mut self, name: &str, values: &[usize]) -> String {
        self.add_constant(TensorProto {
            dims: vec![values.len() as i64],
            data_type: DataType::Int64.into(),
            name: name.to_owned(),
            raw_data: values.iter().flat_map(|value| (*value as i64).to_le_bytes()).collect(),
            ..TensorProto::default()
        });
        name.to_owned()
    }

    /// An axis as the initializer that reduction and shape operators take it from; returns its name.
    pub(crate) fn axis(&mut self, axis: i64) -> String {
        let name = format!("axis_{axis}");
        self.add_constant(TensorProto {
            dims: vec![1],
            data_type: DataType::Int64.into(),
            name: name.clone(),
            raw_data: axis.to_le_bytes().to_vec(),
            ..TensorProto::default()
        });
        name
    }

    /// Renames everything to begin with `prefix`, so that several such lists fit into one graph; `shared` names remain unchanged.
    pub(crate) fn under(mut self, prefix: &str, shared: &[&str]) -> Self {
        let rename = |name: &mut String| {
            // An empty name is an omitted optional input.
            if !name.is_empty() && !shared.contains(&name.as_str()) {
                name.insert_str(0, prefix);
            }
        };
        rename_nodes(&mut self.nodes, &rename);
        self.constants.iter_mut().for_each(|constant| rename(&mut constant.name));
        self
    }

    /// Moves the nodes and constants of `other` here.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.nodes.append(&mut other.nodes);
        self.append_constants(&mut other);
    }

    /// Moves the constants of `other` here, for the body of a `Scan`, which can access the initializers of the enclosing graph.
    pub(crate) fn append_constants(&mut self, other: &mut Self) {
        for constant in other.constants.drain(..) {
            self.add_constant(constant);
        }
    }

    /// Takes the nodes so far; the constants remain.
    pub(crate) fn take_nodes(&mut self) -> Vec<NodeProto> {
        std::mem::take(&mut self.nodes)
    }

    /// Nodes and constants.
    pub(crate) fn into_parts(self) -> (Vec<NodeProto>, Vec<TensorProto>) {
        (self.nodes, self.constants)
    }

    fn add_constant(&mut self, constant: TensorProto) {
        if !self.constants.contains(&constant) {
            self.constants.push(constant);
        }
    }
}

fn rename_nodes(nodes: &mut [NodeProto], rename: &impl Fn(&mut String)) {
    for node in nodes {
        node.input.iter_mut().chain(&mut node.output).for_each(rename);
        rename(&mut node.name);
        for graph in node.attribute.iter_mut().filter_map(|attribute| attribute.g.as_mut()) {
            rename(&mut graph.name);
            rename_nodes(&mut graph.node, rename);
            graph.input.iter_mut().chain(&mut graph.output).for_each(|value| rename(&mut value.name));
        }
    }
}

pub(crate) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i: Some(value), r#type: AttributeType::Int.into(), ..AttributeProto::default() }
}

pub(crate) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        ints: values.to_vec(),
        r#type: AttributeType::Ints.into(),
        ..AttributeProto::default()
    }
}

pub(crate) fn graph(name: &str, graph: GraphProto) -> AttributeProto {
    AttributeProto { name: name.to_owned(), g: Some(graph), r#type: AttributeType::Graph.into(), ..AttributeProto::default() }
}

pub(crate) fn tensor(name: &str, shape: &[usize], values: &[f32]) -> TensorProto {
    TensorProto {
        // INVARIANT: every size is that of an array in memory, far below 2^63.
        dims: shape.iter().map(|&size| size as i64).collect(),
        data_type: DataType::Float.into(),
        name: name.to_owned(),
        raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

pub(crate) fn named(name: &str) -> DimensionProto {
    DimensionProto { value: Some(DimensionValue::DimParam(name.to_owned())) }
}

pub(crate) fn fixed(size: usize) -> DimensionProto {
    DimensionProto { value: Some(DimensionValue::DimValue(size as i64)) }
}

pub(crate) fn value_info(name: &str, shape: &[DimensionProto]) -> ValueInfoProto {
    let tensor_type =
        TensorTypeProto { elem_type: DataType::Float.into(), shape: Some(TensorShapeProto { dim: shape.to_vec() }) };
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}
