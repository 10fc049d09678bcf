//! Pooling of the outputs of all steps into one vector.

use crate::network::{ATTENTION, DEVIATION_EPSILON, Pooling};
use crate::nodes::{Nodes, int, ints};

/// Adds the nodes of the pooling; returns the name of the result, `[batch, readout_size]`.
pub(super) fn pool(pooling: Pooling, outputs: &str, nodes: &mut Nodes) -> String {
    match pooling {
        Pooling::Last => outputs.to_owned(),
        Pooling::Mean => mean_of_steps(outputs, 0, "mean", nodes),
        Pooling::MeanDeviation => {
            let mean = mean_of_steps(outputs, 0, "mean", nodes);
            let mean_of_each = mean_of_steps(outputs, 1, "mean_of_each_step", nodes);
            let distance = nodes.op("Sub", &[outputs, &mean_of_each], "distance");
            let square = nodes.op("Mul", &[&distance, &distance], "square");
            let variance = mean_of_steps(&square, 0, "variance", nodes);
            let epsilon = nodes.scalar("deviation_epsilon", DEVIATION_EPSILON);
            let positive = nodes.op("Add", &[&variance, &epsilon], "positive_variance");
            let deviation = nodes.op("Sqrt", &[&positive], "deviation");
            nodes.op_with(int("axis", 1), "Concat", &[&mean, &deviation], "pooled")
        }
        Pooling::Attention => {
            let (steps, units) = (nodes.axis(1), nodes.axis(2));
            let products = nodes.op("Mul", &[outputs, ATTENTION], "attention_products");
            let scores = nodes.op("ReduceSum", &[&products, &units], "attention_scores");
            let shares = nodes.op_with(int("axis", 1), "Softmax", &[&scores], "attention_shares");
            let weighted = nodes.op("Mul", &[outputs, &shares], "attended");
            nodes.sum_over(&steps, &weighted, "pooled")
        }
    }
}

fn mean_of_steps(values: &str, keepdims: i64, name: &str, nodes: &mut Nodes) -> String {
    let mean = nodes.name(name);
    nodes.node("ReduceMean", &[values], vec![mean.clone()]).attribute = vec![ints("axes", &[1]), int("keepdims", keepdims)];
    mean
}
