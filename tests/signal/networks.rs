//! Every cell, pooling and number of layers: PyTorch's golden data, the native kernel, and the exported file in ONNX Runtime agree.

use moodline_core::contract::Normalisation;
use moodline_core::network::{Carry, CellConfig, NetworkConfig, NetworkKernel, PaperLtc, Reading, Tensors};
use moodline_core::onnx;
use moodline_engine::classifier::Outputs;
use moodline_engine::{Backend, BackendChoice, Classifier, ClassifierError, Model};
use ndarray::{Array2, Ix3};
use test_support::allocation::without_allocation;
use test_support::networks::{
    POOLINGS, TOLERANCE, assert_agree, cells, features, model, n_features, of_published_cells, on_every_backend, one_layer,
    onnxruntime, paper, readings_and_carries,
};
use test_support::{golden, shipped};

const UNITS: usize = 17;

/// The paper's network.
fn of_paper(units: usize, reading: Reading, carry: Carry) -> NetworkConfig {
    one_layer(units, CellConfig::PaperLtc(paper(reading, carry)))
}

/// Every cell with every pooling and each of these numbers of layers.
fn every_network(layers: &[usize]) -> Vec<NetworkConfig> {
    let of_cell = |cell: CellConfig| {
        let network = move |pooling, layers| NetworkConfig { layers, pooling, ..one_layer(UNITS, cell.clone()) };
        POOLINGS
            .iter()
            .flat_map(|&pooling| layers.iter().map(move |&n| (pooling, n)))
            .map(|(pooling, n)| network(pooling, n))
            .collect::<Vec<_>>()
    };
    cells().into_iter().flat_map(of_cell).collect()
}

/// Compares both backends of a network over batches of `(sequences, steps)`, starting from an arbitrary state; returns the maximum difference. `None` after
/// reporting that the test is skipped.
fn compare_backends(config: &NetworkConfig, batches: &[(usize, usize)], start: impl Fn(usize) -> f32) -> Option<f32> {
    let model = model(config, (config.units + config.layers) as u64);
    let mut runtime = onnxruntime(&model)?;
    let mut native = Classifier::new(&model, BackendChoice::Native).unwrap();
    assert_eq!((runtime.backend(), native.backend()), (Backend::OnnxRuntime, Backend::Native));
    let mut largest = 0.0f32;
    for &(n_sequences, n_steps) in batches {
        let what = format!("{config:?}, {n_sequences} x {n_steps} steps");
        let features = features(n_sequences * n_steps, 7);
        let start: Vec<f32> = (0..n_sequences * config.state_size()).map(&start).collect();
        let [a, b] = [&mut runtime, &mut native].map(|backend| backend.run(n_sequences, &features, &start).unwrap());
        largest = largest.max(assert_agree(&what, &a, &b));
        let [a, b] = [&mut runtime, &mut native].map(|backend| backend.classify(&features, n_sequences * n_steps).unwrap());
        for (a, b) in a.as_array().iter().zip(b.as_array()) {
            assert!((a - b).abs() <= TOLERANCE, "{what}: {a} {b}");
        }
    }
    Some(largest)
}

#[test]
fn native_kernel_and_onnx_runtime_agree_on_every_network() {
    let mut largest = 0.0f32;
    let networks = every_network(&[1, 2, 3]);
    for config in &networks {
        let Some(difference) = compare_backends(config, &[(1, 1), (2, 31), (1, 157)], |i| (i % 7) as f32 / 20.0) else { return };
        largest = largest.max(difference);
    }
    println!("largest difference between native kernel and ONNX Runtime over {} networks: {largest:.1e}", networks.len());
}

#[test]
fn native_kernel_and_onnx_runtime_agree_on_blocks_of_every_length_and_any_number_of_units() {
    let sizes = [1, 12, 16, 17, 32, 128].into_iter();
    let of_every_size =
        sizes.flat_map(|units| readings_and_carries().map(move |(reading, carry)| of_paper(units, reading, carry)));
    let mut largest = 0.0f32;
    for config in of_every_size.chain(of_published_cells(19)) {
        let lengths = [1, 2, 3, 31, 157, 500].map(|n_steps| (1, n_steps));
        let Some(difference) = compare_backends(&config, &lengths, |_| 0.0) else { return };
        largest = largest.max(difference);
    }
    println!("largest difference between native kernel and ONNX Runtime: {largest:.1e}");
}

#[test]
fn the_kernel_of_every_network_runs_without_allocating() {
    for config in every_network(&[2]) {
        let model = model(&config, 2);
        let features = features(20, 7);
        let mut state = vec![0.0; config.state_size()];
        let mut kernel = NetworkKernel::new(&config, model.weights());
        let logits = without_allocation(|| kernel.run(&features, &mut state));
        assert!(logits.iter().all(|logit| logit.is_finite()), "{config:?}: {logits:?}");
    }
}

#[test]
fn a_batch_is_its_sequences_one_by_one() {
    let (n_sequences, n_steps, units) = (3, 20, 17);
    let model = model(&of_paper(units, Reading::Recomputed, Carry::Scaled), 3);
    let features = features(n_sequences * n_steps, 4);
    let start: Vec<f32> = (0..n_sequences * units).map(|i| i as f32 / 100.0).collect();
    for mut backend in on_every_backend(&model) {
        let together = backend.run(n_sequences, &features, &start).unwrap();
        let mut apart = Outputs { probabilities: vec![], logits: vec![], final_state: vec![] };
        for (features, start) in features.chunks(n_steps * n_features()).zip(start.chunks(units)) {
            let one = backend.run(1, features, start).unwrap();
            apart.probabilities.extend(one.probabilities);
            apart.logits.extend(one.logits);
            apart.final_state.extend(one.final_state);
        }
        assert_agree(&backend.backend().to_string(), &together, &apart);
    }
}

#[test]
fn a_block_in_chunks_that_hand_the_state_on_is_the_whole_block() {
    let of_two_layers = cells().into_iter().map(|cell| NetworkConfig { layers: 2, ..one_layer(UNITS, cell) });
    let of_paper = [(Reading::Held, Carry::Scaled), (Reading::Recomputed, Carry::Unscaled)].map(|(r, c)| of_paper(16, r, c));
    let features = features(157, 9);
    for config in of_two_layers.chain(of_paper) {
        for mut backend in on_every_backend(&model(&config, 8)) {
            let start = vec![0.0; config.state_size()];
            let whole = backend.run(1, &features, &start).unwrap();
            for n_steps in [25, 50] {
                let mut last = Outputs { probabilities: vec![], logits: vec![], final_state: start.clone() };
                for chunk in features.chunks(n_steps * n_features()) {
                    last = backend.run(1, chunk, &last.final_state).unwrap();
                }
                assert_agree(&format!("{config:?} on {}", backend.backend()), &last, &whole);
            }
        }
    }
}

#[test]
fn probabilities_come_in_the_order_of_emotions_whatever_the_labels_of_the_contract() {
    let model = model(&of_paper(12, Reading::Held, Carry::Scaled), 5);
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
    let n_features = model.contract().front_end.n_features();
    let finite: Vec<f32> = (0..3 * n_features).map(|i| (i % 41) as f32 - 20.0).collect();
    for choice in [BackendChoice::Native, BackendChoice::Auto] {
        let mut classifier = Classifier::new(&model, choice).unwrap();
        assert_eq!(classifier.classify(&[], 0), Err(ClassifierError::NoSteps));
        for (length, n_steps) in [(n_features - 1, 1), (n_features, 2), (n_features, 0), (0, 1), (n_features, usize::MAX)] {
            let refused = classifier.classify(&vec![0.0; length], n_steps);
            assert!(matches!(refused, Err(ClassifierError::Length { .. })), "{length}, {n_steps}: {refused:?}");
        }
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut features = finite.clone();
            features[n_features + 7] = bad;
            let refused = classifier.classify(&features, 3).unwrap_err();
            assert!(matches!(refused, ClassifierError::NonFiniteFeature { step: 1, feature: 7, .. }), "{refused}");
        }
        let overflowing: Vec<f32> = (0..n_features * 2).map(|i| if i % 2 == 0 { f32::MAX } else { f32::MIN }).collect();
        match classifier.classify(&overflowing, 2) {
            Ok(answer) => assert!(answer.as_array().iter().all(|p| p.is_finite())),
            Err(refused) => assert!(matches!(refused, ClassifierError::InvalidOutput(_)), "{refused}"),
        }
        assert!(classifier.classify(&finite, 3).is_ok(), "a refusal leaves the classifier usable");
    }
}

/// Number of features per step in `golden/ltc`.
const GOLDEN_FEATURES: usize = 39;

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
    let config = one_layer(16, CellConfig::PaperLtc(cell));
    let identity = Normalisation::Standard { mean: vec![0.0; GOLDEN_FEATURES], scale: vec![1.0; GOLDEN_FEATURES] };
    let weights = config.fold(&golden::ltc_parameters(&format!("{name}__p")), &identity);
    (config, weights)
}

/// Difference in units of the expected value, or of 1 if that is smaller.
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
                    // The golden states are those the readout receives: after the gain.
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
