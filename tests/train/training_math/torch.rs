//! Forward pass, loss and gradients compared with PyTorch in f64, Adam with Keras' formula: all cases of `golden/ltc`.

use moodline_core::Real;
use moodline_core::network::{Carry, NetworkConfig, PaperLtc, Reading, Tensors};
use moodline_learn::network::{BatchOutcome, Network, Precision};
use moodline_learn::optimiser::{AdamConfig, Optimiser, OptimiserConfig};
use ndarray::{Axis, Ix3, concatenate, s};
use serde_json::Value;
use test_support::golden;

use super::{Examples, network, relative_error, worse};

const CASES: [&str; 8] = [
    "n1_t12",
    "n6_t12",
    "n6_t12_cw",
    "n6_t12_cap20",
    "n6_t12_unscaled_carry",
    "n6_t157_defaultinit",
    "zero_frames_clamp",
    "zero_frames_keras",
];
const N_FEATURES: usize = 39;

/// Above 0 in both precisions, even after multiplication by the rates of a step.
const SMALLEST_STATE: f64 = 1e-30;

struct Case {
    name: &'static str,
    manifest: Value,
    config: NetworkConfig,
    parameters: Tensors<f64>,
    examples: Examples<f64>,
}

impl Case {
    fn load(name: &'static str) -> Self {
        let manifest = golden::json("ltc/manifest.json")["cases"][name].clone();
        let cell = PaperLtc {
            reading: Reading::Recomputed,
            unfolds: usize::try_from(manifest["N"].as_u64().unwrap()).unwrap(),
            dt: manifest["dt"].as_f64().unwrap(),
            clip: 20.0,
            max_gain: None,
            carry: if manifest["carry"] == "scaled" { Carry::Scaled } else { Carry::Unscaled },
        };
        let x = golden::array(&format!("ltc/{name}__x.npy")).into_dimensionality::<Ix3>().unwrap();
        let y = golden::integers(&format!("ltc/{name}__y.npy"));
        let class_weights = match &manifest["class_weights"] {
            Value::Null => [1.0; 4],
            weights => std::array::from_fn(|class| weights[class].as_f64().unwrap()),
        };
        let examples = Examples {
            sequences: x.outer_iter().map(|x| x.to_owned()).collect(),
            labels: y.into_iter().map(|label| usize::try_from(label).unwrap()).collect(),
            class_weights,
        };
        let parameters = golden::ltc_parameters(&format!("{name}__p"));
        Self { name, manifest, config: network(cell, 16), parameters, examples }
    }

    fn network<T: Precision>(&self) -> Network<T> {
        let mut parameters = self.parameters.map(T::of);
        if self.manifest["relu_grad_at_zero"] != "0 (keras relu)" {
            // The two conventions differ only where a state is exactly 0, so these cases avoid that: frames of zeros leave only the bias, and what is added
            // to it is far below every tolerance.
            for bias in &mut parameters.get_mut("layer0.bias").values {
                *bias += T::of(SMALLEST_STATE);
            }
        }
        Network::new(self.config.clone(), parameters).unwrap()
    }

    fn number(&self, key: &str) -> f64 {
        self.manifest[key].as_f64().unwrap()
    }

    fn file(&self, array: &str) -> String {
        format!("ltc/{}__{array}.npy", self.name)
    }

    /// The largest relative error over all recorded values of the case.
    fn error<T: Precision>(&self) -> f64 {
        let network = self.network::<T>();
        let examples = self.examples.rounded::<T>();
        let l2 = self.number("l2");
        let plain = network.loss_and_gradients(&examples.batch(), 0.0).unwrap();
        let with_l2 = network.loss_and_gradients(&examples.batch(), l2).unwrap();
        let mut errors = vec![
            ("loss".to_owned(), relative_error(&[plain.loss], &[self.number("loss_ce")])),
            ("regularisation".to_owned(), relative_error(&[with_l2.regularisation], &[self.number("loss_reg")])),
            ("probabilities".to_owned(), relative_error(plain.probabilities.as_flattened(), &golden::array(&self.file("probs")))),
        ];
        errors.extend(self.trace_errors(&network, &examples));
        errors.extend(self.gradient_errors(&plain, &with_l2));
        errors.push(("input".to_owned(), self.input_gradient_error(&network, &examples)));
        println!("{}: {errors:?}", self.name);
        errors.into_iter().map(|(_, error)| error).fold(0.0, worse)
    }

    fn trace_errors<T: Precision>(&self, network: &Network<T>, examples: &Examples<T>) -> Vec<(String, f64)> {
        let expected = golden::array(&self.file("states")).into_dimensionality::<Ix3>().unwrap();
        let logits = golden::matrix(&self.file("logits"));
        let last = golden::matrix(&self.file("h_last"));
        let stride: isize = if self.manifest["states_saved"] == "all frames" { 1 } else { 13 };
        let mut errors = Vec::new();
        for (index, sequence) in examples.sequences.iter().enumerate() {
            let trace = network.trace(&sequence.view()).unwrap();
            errors.push((
                "states".to_owned(),
                relative_error(trace.outputs.slice(s![..;stride, ..]), expected.index_axis(Axis(0), index)),
            ));
            errors.push(("last state".to_owned(), relative_error(trace.outputs.row(trace.outputs.nrows() - 1), last.row(index))));
            errors.push(("logits".to_owned(), relative_error(&trace.logits, logits.row(index))));
        }
        errors
    }

    fn gradient_errors<T: Precision>(&self, plain: &BatchOutcome<T>, with_l2: &BatchOutcome<T>) -> Vec<(String, f64)> {
        let mut expected = golden::ltc_parameters(&format!("{}__g", self.name));
        let plain_errors = errors_by_name(&plain.gradients, &expected);
        let total = golden::matrix(&self.file("gtot_W"));
        expected.matrix_mut("layer0.kernel").assign(&total.slice(s![..N_FEATURES, ..]));
        expected.matrix_mut("layer0.recurrent_kernel").assign(&total.slice(s![N_FEATURES.., ..]));
        expected.matrix_mut("dense_kernel").assign(&golden::matrix(&self.file("gtot_Wd")));
        [plain_errors, errors_by_name(&with_l2.gradients, &expected)].concat()
    }

    fn input_gradient_error<T: Precision>(&self, network: &Network<T>, examples: &Examples<T>) -> f64 {
        let gradients = network.input_gradients(&examples.batch()).unwrap();
        let views: Vec<_> = gradients.iter().map(|array| array.view()).collect();
        let expected = golden::array(&self.file("g_x"));
        relative_error(&concatenate(Axis(0), &views).unwrap(), &expected)
    }
}

fn errors_by_name<T: Real>(found: &Tensors<T>, expected: &Tensors<f64>) -> Vec<(String, f64)> {
    assert_eq!(found.shapes(), expected.shapes());
    let pairs = found.iter().zip(expected.iter());
    pairs.map(|(found, expected)| (found.name.clone(), relative_error(&found.values, &expected.values))).collect()
}

#[test]
fn every_case_agrees_with_pytorch_in_f64() {
    for name in CASES {
        let error = Case::load(name).error::<f64>();
        assert!(error <= 1e-10, "{name}: {error:e}");
    }
}

#[test]
fn every_case_agrees_with_pytorch_in_f32() {
    for name in CASES {
        let error = Case::load(name).error::<f32>();
        assert!(error <= 1e-4, "{name}: {error:e}");
    }
}

#[test]
fn a_manifest_case_without_a_test_is_noticed() {
    let manifest = golden::json("ltc/manifest.json");
    let mut names: Vec<&str> = manifest["cases"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut tested = CASES.to_vec();
    names.sort_unstable();
    tested.sort_unstable();
    assert_eq!(names, tested);
}

/// Runs the three recorded steps; returns the errors of the losses before each and of the parameters after the first and the last.
fn adam_error<T: Precision>() -> f64 {
    let manifest = &golden::json("ltc/manifest.json")["adam"];
    let number = |key: &str| manifest[key].as_f64().unwrap();
    let case = Case::load("n6_t12");
    let examples = case.examples.rounded::<T>();
    let mut network = case.network::<T>();
    let config = AdamConfig { beta1: number("beta1"), beta2: number("beta2"), epsilon: number("eps") };
    let mut adam = Optimiser::new(OptimiserConfig::Adam, config, &network.parameters);
    let mut errors = Vec::new();
    for step in 1..=3 {
        let outcome = network.loss_and_gradients(&examples.batch(), 1e-3).unwrap();
        let expected = &manifest["losses_before_each_step"][step - 1];
        let found = [outcome.loss, outcome.loss + outcome.regularisation];
        errors.push(("loss".to_owned(), relative_error(&found, &[expected[0].as_f64().unwrap(), expected[1].as_f64().unwrap()])));
        adam.update(&mut network.parameters, &outcome.gradients, number("lr"));
        if step != 2 {
            errors.extend(errors_by_name(&network.parameters, &golden::ltc_parameters(&format!("adam_step{step}__p"))));
        }
    }
    println!("{errors:?}");
    errors.into_iter().map(|(_, error)| error).fold(0.0, worse)
}

#[test]
fn three_steps_of_adam_agree_with_keras_formula() {
    let (double, single) = (adam_error::<f64>(), adam_error::<f32>());
    assert!(double <= 1e-10, "{double:e}");
    assert!(single <= 1e-4, "{single:e}");
}
