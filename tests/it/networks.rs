//! Every cell, pooling and number of layers: the native kernel and the exported file in ONNX Runtime give one answer.

use moodline_core::contract::{Contract, Normalisation};
use moodline_core::network::{
    Backbone, Carry, CellConfig, Cfc, CfcMode, Ltc, NetworkConfig, NetworkKernel, PaperLtc, Pooling, Reading, Solver, Tensors,
};
use moodline_core::onnx;
use moodline_engine::classifier::Outputs;
use moodline_engine::{BackendChoice, Classifier, ClassifierError, Model};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::allocation::without_allocation;
use crate::skip::skip;

/// Largest difference between two implementations of a network in f32.
const TOLERANCE: f32 = 1e-5;

const UNITS: usize = 17;

/// Every cell with every setting that changes its graph.
pub(crate) fn cells() -> Vec<CellConfig> {
    let mut cells = vec![CellConfig::LiquidGate, CellConfig::Gru, CellConfig::Lstm];
    for reading in [Reading::Held, Reading::Recomputed] {
        for carry in [Carry::Scaled, Carry::Unscaled] {
            let paper = PaperLtc { reading, unfolds: 6, dt: 0.05, clip: 20.0, max_gain: Some(10.0), carry };
            cells.push(CellConfig::PaperLtc(paper));
        }
    }
    for (solver, elapsed) in [(Solver::SemiImplicit, 1.0), (Solver::Euler, 0.05), (Solver::Rk4, 0.05)] {
        cells.push(CellConfig::Ltc(Ltc { solver, unfolds: 3, elapsed }));
    }
    let cfc = |mode, backbone| CellConfig::Cfc(Cfc { mode, elapsed: 0.7, backbone });
    cells.extend([CfcMode::Gated, CfcMode::NoGate, CfcMode::Pure].map(|mode| cfc(mode, None)));
    for (mode, units, layers) in [(CfcMode::Gated, 40, 1), (CfcMode::NoGate, 16, 2), (CfcMode::Pure, 5, 3)] {
        cells.push(cfc(mode, Some(Backbone { units, layers })));
    }
    cells
}

const POOLINGS: [Pooling; 4] = [Pooling::Last, Pooling::Mean, Pooling::MeanDeviation, Pooling::Attention];

/// A model with seeded random parameters of the size that training gives them, for features around -20..20.
pub(crate) fn model(cell: &CellConfig, pooling: Pooling, layers: usize) -> Model {
    let embedded = Model::embedded();
    let n_features = embedded.contract().front_end.n_features();
    let network = NetworkConfig { units: UNITS, layers, pooling, cell: cell.clone() };
    let mut draw = ChaCha8Rng::seed_from_u64(layers as u64);
    let mut uniform = |len: usize, scale: f64| -> Vec<f64> { (0..len).map(|_| draw.random_range(-scale..scale)).collect() };
    let mut parameters = Tensors::<f64>::filled(network.parameter_shapes(n_features), &0.0);
    for tensor in parameters.iter_mut() {
        let is_kernel = tensor.name.ends_with("kernel") && tensor.shape.len() == 2;
        let scale = if is_kernel { (6.0 / (tensor.shape[0] + UNITS) as f64).sqrt() } else { 0.8 };
        tensor.values = uniform(tensor.values.len(), scale);
    }
    let scale = uniform(n_features, 4.0).into_iter().map(|value| value + 10.0).collect();
    let normalisation = Normalisation::Standard { mean: uniform(n_features, 5.0), scale };
    let weights = network.fold(&parameters, &normalisation);
    let contract = Contract { network, normalisation, ..embedded.contract().clone() };
    Model::from_bytes(onnx::write(&contract, &weights)).unwrap()
}

fn features(n_values: usize) -> Vec<f32> {
    let mut draw = ChaCha8Rng::seed_from_u64(7);
    (0..n_values).map(|_| draw.random_range(-20.0..20.0)).collect()
}

/// In units of the value or of 1 where that is smaller.
fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs() / b.abs().max(1.0));
    differences
        .fold(0.0, |largest: f32, difference| if difference > largest || difference.is_nan() { difference } else { largest })
}

fn assert_agree(what: &str, a: &Outputs, b: &Outputs) -> f32 {
    let pairs = [(&a.probabilities, &b.probabilities), (&a.logits, &b.logits), (&a.final_state, &b.final_state)];
    let difference = pairs.map(|(a, b)| largest_difference(a, b)).into_iter().fold(0.0, f32::max);
    assert!(pairs.iter().all(|(a, _)| a.iter().all(|value| value.is_finite())), "{what}: {a:?}");
    assert!(difference <= TOLERANCE, "{what}: {difference:e}");
    difference
}

#[test]
fn native_kernel_and_onnx_runtime_agree_on_every_network() {
    let mut largest = 0.0f32;
    let mut n_networks = 0;
    for cell in cells() {
        for pooling in POOLINGS {
            for layers in [1, 2, 3] {
                let model = model(&cell, pooling, layers);
                let mut runtime = match Classifier::new(&model, BackendChoice::OnnxRuntime) {
                    Ok(classifier) => classifier,
                    Err(error @ ClassifierError::OnnxRuntimeUnavailable { .. }) => {
                        return skip("ONNX Runtime", &error.to_string());
                    }
                    Err(error) => panic!("{cell:?} {pooling:?} {layers}: {error}"),
                };
                let mut native = Classifier::new(&model, BackendChoice::Native).unwrap();
                let (n_features, state_size) = (model.contract().front_end.n_features(), model.contract().network.state_size());
                for (n_sequences, n_steps) in [(1, 1), (2, 31), (1, 157)] {
                    let features = features(n_sequences * n_steps * n_features);
                    let start: Vec<f32> = (0..n_sequences * state_size).map(|i| (i % 7) as f32 / 20.0).collect();
                    let [a, b] = [&mut runtime, &mut native].map(|backend| backend.run(n_sequences, &features, &start).unwrap());
                    let what = format!("{cell:?}, {pooling:?}, {layers} layers, {n_sequences} x {n_steps} steps");
                    largest = largest.max(assert_agree(&what, &a, &b));
                }
                n_networks += 1;
            }
        }
    }
    println!("largest difference between native kernel and ONNX Runtime over {n_networks} networks: {largest:.1e}");
}

#[test]
fn the_kernel_of_every_network_runs_without_allocating() {
    for cell in cells() {
        for pooling in POOLINGS {
            let model = model(&cell, pooling, 2);
            let network = &model.contract().network;
            let features = features(20 * model.contract().front_end.n_features());
            let mut state = vec![0.0; network.state_size()];
            let mut kernel = NetworkKernel::new(network, model.weights());
            let logits = without_allocation(|| kernel.run(&features, &mut state));
            assert!(logits.iter().all(|logit| logit.is_finite()), "{network:?}: {logits:?}");
        }
    }
}

#[test]
fn the_state_handed_on_from_chunk_to_chunk_is_that_of_the_whole_block() {
    for cell in cells() {
        let model = model(&cell, Pooling::Last, 2);
        let (n_features, state_size) = (model.contract().front_end.n_features(), model.contract().network.state_size());
        let features = features(60 * n_features);
        for choice in [BackendChoice::Native, BackendChoice::Auto] {
            let mut backend = Classifier::new(&model, choice).unwrap();
            let whole = backend.run(1, &features, &vec![0.0; state_size]).unwrap();
            let mut last = Outputs { probabilities: vec![], logits: vec![], final_state: vec![0.0; state_size] };
            for chunk in features.chunks(25 * n_features) {
                last = backend.run(1, chunk, &last.final_state).unwrap();
            }
            assert_agree(&format!("{cell:?} on {}", backend.backend()), &last, &whole);
        }
    }
}
