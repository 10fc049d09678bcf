//! Optimisers compared with Keras and losses with PyTorch: `golden/training_choices.json`.

use moodline_core::Real;
use moodline_core::network::{Tensor, Tensors};
use moodline_learn::loss::LossConfig;
use moodline_learn::optimiser::{AdamConfig, Optimiser, OptimiserConfig};
use serde_json::Value;
use test_support::golden;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// Maximum difference of the parameters after the recorded gradients.
fn optimiser_error<T: Real>(name: &str, config: OptimiserConfig) -> f64 {
    let golden = &golden::json("training_choices.json")["optimisers"];
    let start = numbers(&golden["start"]);
    // A kernel, because only kernels decay.
    let kernel = |values: &[f64]| {
        let values: Vec<T> = values.iter().map(|value| T::of(*value)).collect();
        Tensors::new(vec![Tensor { name: "layer0.kernel".to_owned(), shape: vec![1, values.len()], values }])
    };
    let mut parameters = kernel(&start);
    let mut optimiser = Optimiser::new(config, AdamConfig::default(), &parameters);
    for gradient in golden["gradients"].as_array().unwrap() {
        let gradients = kernel(&numbers(gradient));
        optimiser.update(&mut parameters, &gradients, golden["learning_rate"].as_f64().unwrap());
    }
    let found = &parameters.get("layer0.kernel").values;
    let differences = found.iter().zip(numbers(&golden["ends"][name])).map(|(found, end)| (found.widen() - end).abs());
    differences.fold(0.0, f64::max)
}

#[test]
fn five_steps_of_every_optimiser_agree_with_keras() {
    for (name, config) in [
        ("adamw", OptimiserConfig::AdamW { weight_decay: 0.05 }),
        ("sgd", OptimiserConfig::Sgd { momentum: 0.0, nesterov: false }),
        ("momentum", OptimiserConfig::Sgd { momentum: 0.9, nesterov: false }),
        ("nesterov", OptimiserConfig::Sgd { momentum: 0.9, nesterov: true }),
    ] {
        let (double, single) = (optimiser_error::<f64>(name, config), optimiser_error::<f32>(name, config));
        assert!(double <= 1e-12, "{name}: {double:e}");
        assert!(single <= 1e-6, "{name}: {single:e}");
    }
}

#[test]
fn label_smoothing_and_focal_loss_agree_with_pytorch() {
    let golden = &golden::json("training_choices.json")["losses"];
    let (epsilon, gamma) = (golden["epsilon"].as_f64().unwrap(), golden["gamma"].as_f64().unwrap());
    for (name, config) in [("label_smoothing", LossConfig::LabelSmoothing { epsilon }), ("focal", LossConfig::Focal { gamma })] {
        let answers = &golden["answers"][name];
        for (index, logits) in golden["logits"].as_array().unwrap().iter().enumerate() {
            let logits: [f64; 4] = numbers(logits).try_into().unwrap();
            let label = golden["labels"][index].as_u64().unwrap() as usize;
            let found = config.of(logits, label);
            assert!((found.loss - answers["loss"][index].as_f64().unwrap()).abs() <= 1e-12, "{name} {index}");
            for (found, expected) in found.gradient.into_iter().zip(numbers(&answers["gradient"][index])) {
                assert!((found - expected).abs() <= 1e-12, "{name} {index}: {found} {expected}");
            }
        }
    }
}
