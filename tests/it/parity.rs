//! One network, one answer: PyTorch's golden data, the native kernel, and the exported file in ONNX Runtime.

use moodline_core::contract::{Contract, Normalisation};
use moodline_core::network::{Carry, CellConfig, NetworkConfig, NetworkKernel, PaperLtc, Pooling, Reading, Tensors};
use moodline_core::onnx;
use moodline_engine::classifier::Outputs;
use moodline_engine::{Backend, BackendChoice, Classifier, ClassifierError, Model};
use moodline_learn::network::Network;
use ndarray::{Array2, Ix3};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::corpora::shipped;
use crate::golden;
use crate::skip::skip;

const N_FEATURES: usize = 39;

/// Largest difference between two implementations of a network in f32.
const TOLERANCE: f32 = 1e-5;

fn paper(reading: Reading, carry: Carry) -> PaperLtc {
    PaperLtc { reading, unfolds: 6, dt: 0.01, clip: 20.0, max_gain: Some(10.0), carry }
}

fn config(units: usize, reading: Reading, carry: Carry) -> NetworkConfig {
    network(units, CellConfig::PaperLtc(paper(reading, carry)))
}

fn network(units: usize, cell: CellConfig) -> NetworkConfig {
    NetworkConfig { units, layers: 1, pooling: Pooling::Last, cell }
}

/// Every cell with every pooling, one layer and two.
fn networks(units: usize) -> Vec<NetworkConfig> {
    let cells = [CellConfig::PaperLtc(paper(Reading::Recomputed, Carry::Unscaled)), CellConfig::LiquidGate];
    let poolings = [Pooling::Last, Pooling::Mean, Pooling::MeanDeviation, Pooling::Attention];
    let of_cell = |cell: CellConfig| {
        poolings
            .iter()
            .flat_map(move |&pooling| [1, 2].map(|layers| NetworkConfig { layers, pooling, ..network(units, cell.clone()) }))
            .collect::<Vec<_>>()
    };
    cells.into_iter().flat_map(of_cell).collect()
}

fn uniform(draw: &mut ChaCha8Rng, n: usize, centre: f64, spread: f64) -> Vec<f64> {
    (0..n).map(|_| centre + draw.random_range(-spread..spread)).collect()
}

/// Seeded random parameters of the size that training gives them.
fn parameters(config: &NetworkConfig, draw: &mut ChaCha8Rng) -> Tensors<f64> {
    let mut parameters = Tensors::filled(config.parameter_shapes(N_FEATURES), &0.0);
    for tensor in parameters.iter_mut() {
        let name = tensor.name.rsplit('.').next().unwrap();
        let (centre, spread) = match name {
            "tau" => (0.0, 3.0),
            "g" => (0.3, 0.3),
            "c" => (0.0, 0.3),
            _ if tensor.shape.len() == 2 => (0.0, (6.0 / (N_FEATURES + 2 * config.units) as f64).sqrt()),
            _ => (0.0, 0.2),
        };
        tensor.values = uniform(draw, tensor.values.len(), centre, spread);
    }
    parameters
}

/// A scaler for features around -20..20.
fn scaler(draw: &mut ChaCha8Rng) -> Normalisation {
    Normalisation::Standard { mean: uniform(draw, N_FEATURES, 0.0, 5.0), scale: uniform(draw, N_FEATURES, 10.0, 4.0) }
}

fn model_of(config: &NetworkConfig, parameters: &Tensors<f64>, normalisation: Normalisation) -> Model {
    let weights = config.fold(parameters, &normalisation);
    let embedded = shipped("paper-ltc-16");
    let contract = Contract { network: config.clone(), normalisation, ..embedded.contract().clone() };
    Model::from_bytes(onnx::write(&contract, &weights)).unwrap()
}

fn model(config: &NetworkConfig, seed: u64) -> Model {
    let mut draw = ChaCha8Rng::seed_from_u64(seed);
    let parameters = parameters(config, &mut draw);
    let normalisation = scaler(&mut draw);
    model_of(config, &parameters, normalisation)
}

fn features(n_steps: usize, seed: u64) -> Vec<f32> {
    let mut draw = ChaCha8Rng::seed_from_u64(seed);
    (0..n_steps * N_FEATURES).map(|_| draw.random_range(-20.0..20.0)).collect()
}

/// The model on ONNX Runtime, or nothing and a report where there is no library.
fn onnxruntime(model: &Model) -> Option<Classifier> {
    match Classifier::new(model, BackendChoice::OnnxRuntime) {
        Ok(classifier) => Some(classifier),
        Err(error @ ClassifierError::OnnxRuntimeUnavailable { .. }) => {
            skip("ONNX Runtime", &error.to_string());
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// The largest difference of two answers: of probabilities as it is, of logits and states in units of the value or of 1 where that is
/// smaller, because a state may reach 20, where neighbouring floats are 2e-6 apart.
fn largest_difference(a: &Outputs, b: &Outputs) -> f32 {
    let pairs = [(&a.probabilities, &b.probabilities), (&a.logits, &b.logits), (&a.final_state, &b.final_state)];
    let differences = pairs.into_iter().flat_map(|(a, b)| {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).map(|(a, b)| (a - b).abs() / b.abs().max(1.0))
    });
    differences
        .fold(0.0, |largest: f32, difference| if difference > largest || difference.is_nan() { difference } else { largest })
}

/// Runs both backends of a model over blocks of several lengths; the largest difference.
fn compare_backends(config: &NetworkConfig) -> Option<f32> {
    let model = model(config, config.units as u64);
    let mut runtime = onnxruntime(&model)?;
    let mut native = Classifier::new(&model, BackendChoice::Native).unwrap();
    assert_eq!((runtime.backend(), native.backend()), (Backend::OnnxRuntime, Backend::Native));
    let mut largest = 0.0f32;
    for n_steps in [1, 2, 3, 31, 157, 500] {
        let features = features(n_steps, 7);
        let start = vec![0.0; config.state_size()];
        let answers = [&mut runtime, &mut native].map(|backend| backend.run(1, &features, &start).unwrap());
        let difference = largest_difference(&answers[0], &answers[1]);
        assert!(difference <= TOLERANCE, "{config:?}, {n_steps} steps: {difference:e}");
        largest = largest.max(difference);
        let classes = [&mut runtime, &mut native].map(|backend| backend.classify(&features, n_steps).unwrap());
        for (a, b) in classes[0].as_array().iter().zip(classes[1].as_array()) {
            assert!((a - b).abs() <= TOLERANCE);
        }
    }
    Some(largest)
}

#[test]
fn native_kernel_and_onnx_runtime_agree() {
    let mut largest = 0.0f32;
    for units in [1, 12, 16, 17, 32, 128] {
        for reading in [Reading::Held, Reading::Recomputed] {
            for carry in [Carry::Scaled, Carry::Unscaled] {
                let Some(difference) = compare_backends(&config(units, reading, carry)) else { return };
                largest = largest.max(difference);
            }
        }
    }
    for config in networks(19) {
        let Some(difference) = compare_backends(&config) else { return };
        largest = largest.max(difference);
    }
    println!("largest difference between native kernel and ONNX Runtime: {largest:.1e}");
}

#[test]
fn the_trainer_computes_what_the_native_kernel_computes() {
    for config in networks(19) {
        let mut draw = ChaCha8Rng::seed_from_u64(12);
        let parameters = parameters(&config, &mut draw);
        let normalisation = scaler(&mut draw);
        let Normalisation::Standard { mean, scale } = &normalisation;
        let network = Network::new(config.clone(), parameters.map(|value| value as f32)).unwrap();
        let mut native = Classifier::new(&model_of(&config, &parameters, normalisation.clone()), BackendChoice::Native).unwrap();
        for n_steps in [1, 2, 31, 157] {
            let features = features(n_steps, 8);
            let standardised = Array2::from_shape_fn((n_steps, N_FEATURES), |(step, feature)| {
                ((f64::from(features[step * N_FEATURES + feature]) - mean[feature]) / scale[feature]) as f32
            });
            let trainer = network.predict(&[standardised.view()]).unwrap()[0];
            let native = native.classify(&features, n_steps).unwrap();
            for (a, b) in trainer.iter().zip(native.as_array()) {
                assert!((a - b).abs() <= TOLERANCE, "{config:?}, {n_steps} steps: {a} {b}");
            }
        }
    }
}

#[test]
fn a_batch_is_its_sequences_one_by_one() {
    let (n_sequences, n_steps, units) = (3, 20, 17);
    let model = model(&config(units, Reading::Recomputed, Carry::Scaled), 3);
    let mut backends = vec![Classifier::new(&model, BackendChoice::Native).unwrap()];
    backends.extend(onnxruntime(&model));
    let features = features(n_sequences * n_steps, 4);
    let start: Vec<f32> = (0..n_sequences * units).map(|i| i as f32 / 100.0).collect();
    for backend in &mut backends {
        let together = backend.run(n_sequences, &features, &start).unwrap();
        let mut apart = Outputs { probabilities: vec![], logits: vec![], final_state: vec![] };
        for (features, start) in features.chunks(n_steps * N_FEATURES).zip(start.chunks(units)) {
            let one = backend.run(1, features, start).unwrap();
            apart.probabilities.extend(one.probabilities);
            apart.logits.extend(one.logits);
            apart.final_state.extend(one.final_state);
        }
        let difference = largest_difference(&together, &apart);
        assert!(difference <= TOLERANCE, "{}: {difference:e}", backend.backend());
    }
}

#[test]
fn a_block_in_chunks_that_hand_the_state_on_is_the_whole_block() {
    for (reading, carry) in [(Reading::Held, Carry::Scaled), (Reading::Recomputed, Carry::Unscaled)] {
        let model = model(&config(16, reading, carry), 8);
        let mut backends = vec![Classifier::new(&model, BackendChoice::Native).unwrap()];
        backends.extend(onnxruntime(&model));
        let features = features(157, 9);
        for backend in &mut backends {
            let whole = backend.run(1, &features, &[0.0; 16]).unwrap();
            let mut last = Outputs { probabilities: vec![], logits: vec![], final_state: vec![0.0; 16] };
            for chunk in features.chunks(50 * N_FEATURES) {
                last = backend.run(1, chunk, &last.final_state).unwrap();
            }
            let difference = largest_difference(&whole, &last);
            assert!(difference <= TOLERANCE, "{}: {difference:e}", backend.backend());
        }
    }
}

#[test]
fn probabilities_come_in_the_order_of_emotions_whatever_the_labels_of_the_contract() {
    let model = model(&config(12, Reading::Held, Carry::Scaled), 5);
    let mut contract = model.contract().clone();
    contract.labels.rotate_left(1);
    let rotated = Model::from_bytes(onnx::write(&contract, model.weights())).unwrap();
    let features = features(40, 6);
    for choice in [BackendChoice::Native, BackendChoice::Auto] {
        let mut classifier = Classifier::new(&rotated, choice).unwrap();
        let raw = classifier.run(1, &features, &[0.0; 12]).unwrap().probabilities;
        let answer = classifier.classify(&features, 40).unwrap();
        for (label, probability) in contract.labels.iter().zip(raw) {
            assert_eq!(answer.of(*label), probability, "{label}");
        }
    }
}

#[test]
fn what_cannot_be_classified_is_refused_on_every_backend() {
    let model = shipped("paper-ltc-16");
    for choice in [BackendChoice::Native, BackendChoice::Auto] {
        let mut classifier = Classifier::new(&model, choice).unwrap();
        assert_eq!(classifier.classify(&[], 0), Err(ClassifierError::NoSteps));
        for (length, n_steps) in [(N_FEATURES - 1, 1), (N_FEATURES, 2), (N_FEATURES, 0), (0, 1), (N_FEATURES, usize::MAX)] {
            let refused = classifier.classify(&vec![0.0; length], n_steps);
            assert!(matches!(refused, Err(ClassifierError::Length { .. })), "{length}, {n_steps}: {refused:?}");
        }
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut features = features(3, 1);
            features[N_FEATURES + 7] = bad;
            let refused = classifier.classify(&features, 3).unwrap_err();
            assert!(matches!(refused, ClassifierError::NonFiniteFeature { step: 1, feature: 7, .. }), "{refused}");
        }
        let overflowing: Vec<f32> = (0..N_FEATURES * 2).map(|i| if i % 2 == 0 { f32::MAX } else { f32::MIN }).collect();
        match classifier.classify(&overflowing, 2) {
            Ok(answer) => assert!(answer.as_array().iter().all(|p| p.is_finite())),
            Err(refused) => assert!(matches!(refused, ClassifierError::InvalidOutput(_)), "{refused}"),
        }
        assert!(classifier.classify(&features(3, 1), 3).is_ok(), "a refusal leaves the classifier usable");
    }
}

/// A case of `golden/ltc`, folded.
fn golden_network(name: &str) -> (NetworkConfig, Tensors<f32>) {
    let case = &golden::json("ltc/manifest.json")["cases"][name];
    let carry = if case["carry"] == "scaled" { Carry::Scaled } else { Carry::Unscaled };
    let cell = PaperLtc {
        unfolds: usize::try_from(case["N"].as_u64().unwrap()).unwrap(),
        dt: case["dt"].as_f64().unwrap(),
        max_gain: None,
        ..paper(Reading::Recomputed, carry)
    };
    let config = network(16, CellConfig::PaperLtc(cell));
    let identity = Normalisation::Standard { mean: vec![0.0; N_FEATURES], scale: vec![1.0; N_FEATURES] };
    let weights = config.fold(&golden::ltc_parameters(&format!("{name}__p")), &identity);
    (config, weights)
}

/// Distance in units of the expected value, or of 1 where that is smaller.
fn error(found: f32, expected: f64) -> f64 {
    (f64::from(found) - expected).abs() / expected.abs().max(1.0)
}

#[test]
fn folded_weights_in_the_native_kernel_give_pytorchs_states_logits_and_probabilities() {
    let cases = golden::json("ltc/manifest.json")["cases"].clone();
    assert_eq!(cases.as_object().unwrap().len(), 8);
    for name in cases.as_object().unwrap().keys() {
        let (config, weights) = golden_network(name);
        let mut kernel = NetworkKernel::new(&config, &weights);
        let scaled = matches!(config.cell, CellConfig::PaperLtc(PaperLtc { carry: Carry::Scaled, .. }));
        let x = golden::array(&format!("ltc/{name}__x.npy")).into_dimensionality::<Ix3>().unwrap();
        let states = golden::array(&format!("ltc/{name}__states.npy")).into_dimensionality::<Ix3>().unwrap();
        let logits = golden::matrix(&format!("ltc/{name}__logits.npy"));
        let probabilities = golden::matrix(&format!("ltc/{name}__probs.npy"));
        let mut largest = 0.0f64;
        for (index, sequence) in x.outer_iter().enumerate() {
            let sequence: Array2<f32> = sequence.mapv(|value| value as f32);
            let stride = sequence.nrows() / states.shape()[1];
            let mut state = [0.0; 16];
            let mut found = [0.0; 4];
            for (t, step) in sequence.rows().into_iter().enumerate() {
                found = kernel.run(step.as_slice().unwrap(), &mut state);
                if t % stride != 0 {
                    continue;
                }
                for unit in 0..16 {
                    // The golden states are those the readout sees: after the gain.
                    let gain = if scaled { 1.0 } else { weights.get("layer0.gain").values[unit] };
                    let seen = state[unit] * gain;
                    largest = largest.max(error(seen, states[(index, t / stride, unit)]));
                }
            }
            let softmax = moodline_core::Probabilities::softmax(found).unwrap();
            for class in 0..4 {
                largest = largest.max(error(found[class], logits[(index, class)]));
                largest = largest.max(error(softmax.as_array()[class], probabilities[(index, class)]));
            }
        }
        println!("{name}: largest error {largest:.1e}");
        assert!(largest <= 1e-4, "{name}: {largest:e}");
    }
}
