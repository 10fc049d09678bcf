//! The cells match those of PyTorch and ncps: `tests/golden/cells.json`, made by `tests/golden/scripts/cells.py`.

use std::collections::BTreeMap;

use moodline_core::network::Tensor;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Golden {
    inputs: Vec<Vec<Vec<f64>>>,
    labels: Vec<usize>,
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    network: NetworkConfig,
    parameters: BTreeMap<String, Vec<f64>>,
    outputs: Vec<Vec<f64>>,
    logits: Vec<Vec<f64>>,
    loss: f64,
    gradients: BTreeMap<String, Vec<f64>>,
}

fn golden() -> Golden {
    ::golden::table("cells.json")
}

/// The largest error of outputs, logits, loss and gradients.
fn error<T: Precision>(golden: &Golden, case: &Case) -> f64 {
    let n_features = golden.inputs[0][0].len();
    let shapes = case.network.parameter_shapes(n_features);
    assert_eq!(shapes.len(), case.parameters.len());
    let tensors = shapes.into_iter().map(|(name, shape)| {
        let values = case.parameters[&name].iter().map(|value| T::of(*value)).collect();
        Tensor { name, shape, values }
    });
    let network = Network::new(case.network.clone(), Tensors::new(tensors.collect())).unwrap();
    let sequence = |steps: &Vec<Vec<f64>>| Array2::from_shape_fn((steps.len(), n_features), |(t, i)| T::of(steps[t][i]));
    let sequences: Vec<Array2<T>> = golden.inputs.iter().map(sequence).collect();
    let views: Vec<ArrayView2<'_, T>> = sequences.iter().map(|sequence| sequence.view()).collect();

    let mut errors = Vec::new();
    for ((sequence, outputs), logits) in views.iter().zip(&case.outputs).zip(&case.logits) {
        let trace = network.trace(sequence).unwrap();
        errors.push(relative_error(trace.outputs.as_slice().unwrap(), outputs));
        errors.push(relative_error(&trace.logits, logits));
    }
    let batch = Batch {
        sequences: views,
        labels: &golden.labels,
        class_weights: [T::one(); 4],
        loss: LossConfig::CrossEntropy,
        dropout: Dropout::default(),
        mixed: &[],
    };
    let outcome = network.loss_and_gradients(&batch, 0.0).unwrap();
    errors.push((outcome.loss - case.loss).abs() / case.loss);
    for gradient in outcome.gradients.iter() {
        errors.push(relative_error(&gradient.values, &case.gradients[&gradient.name]));
    }
    errors.into_iter().fold(0.0, f64::max)
}

#[test]
fn outputs_loss_and_gradients_are_those_of_pytorch_and_ncps() {
    let golden = golden();
    assert_eq!(
        golden.cases.len(),
        22,
        "GRU and LSTM with 1 and 2 layers, three modes of CfC without and with backbone, five of LTC, liquid gate, three of the paper, three poolings"
    );
    for (name, case) in &golden.cases {
        let (double, single) = (error::<f64>(&golden, case), error::<f32>(&golden, case));
        println!("{name}: largest error {double:.1e} in f64, {single:.1e} in f32");
        assert!(double <= 1e-12, "{name}: {double:e}");
        assert!(single <= 1e-4, "{name}: {single:e}");
    }
}
