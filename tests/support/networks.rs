//! Networks of every kind with random parameters, and comparison of their answers.

use moodline_core::contract::{Contract, Normalisation};
use moodline_core::network::{
    Backbone, Carry, CellConfig, Cfc, CfcMode, Ltc, NetworkConfig, PaperLtc, Pooling, Reading, Solver, Tensors,
};
use moodline_core::onnx;
use moodline_engine::classifier::Outputs;
use moodline_engine::{BackendChoice, Classifier, ClassifierError, Model};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::skip::skip;

/// Maximum difference between two implementations of a network in f32.
pub const TOLERANCE: f32 = 1e-5;

/// Every pooling.
pub const POOLINGS: [Pooling; 4] = [Pooling::Last, Pooling::Mean, Pooling::MeanDeviation, Pooling::Attention];

/// The paper's cell.
pub const fn paper(reading: Reading, carry: Carry) -> PaperLtc {
    PaperLtc { reading, unfolds: 6, dt: 0.01, clip: 20.0, max_gain: Some(10.0), carry }
}

/// Every reading of the paper's cell with every carry.
pub fn readings_and_carries() -> impl Iterator<Item = (Reading, Carry)> {
    let carries = [Carry::Scaled, Carry::Unscaled];
    [Reading::Held, Reading::Recomputed].into_iter().flat_map(move |reading| carries.map(|carry| (reading, carry)))
}

/// Every cell with every setting that changes its graph.
pub fn cells() -> Vec<CellConfig> {
    let mut cells = vec![CellConfig::LiquidGate, CellConfig::Gru, CellConfig::Lstm];
    let papers = readings_and_carries().map(|(reading, carry)| PaperLtc { dt: 0.05, ..paper(reading, carry) });
    cells.extend(papers.map(CellConfig::PaperLtc));
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

/// One layer of `cell`, with its last step as the output.
pub const fn one_layer(units: usize, cell: CellConfig) -> NetworkConfig {
    NetworkConfig { units, layers: 1, pooling: Pooling::Last, cell }
}

/// The paper's cell and the default model's, each with every pooling and with one and two layers.
pub fn of_published_cells(units: usize) -> Vec<NetworkConfig> {
    let cells = [CellConfig::PaperLtc(paper(Reading::Recomputed, Carry::Unscaled)), CellConfig::LiquidGate];
    let of_cell = |cell: CellConfig| {
        let network = move |layers, pooling| NetworkConfig { layers, pooling, ..one_layer(units, cell.clone()) };
        POOLINGS.iter().flat_map(|&pooling| [1, 2].map(|layers| network(layers, pooling))).collect::<Vec<_>>()
    };
    cells.into_iter().flat_map(of_cell).collect()
}

/// A network with seeded random parameters as large as training produces, for features around -20..20.
pub struct Drawn {
    /// The network.
    pub network: NetworkConfig,
    /// Its unfolded parameters.
    pub parameters: Tensors<f64>,
    /// The scaler of its features.
    pub normalisation: Normalisation,
}

impl Drawn {
    /// With as many features as the embedded model; different seeds give different numbers.
    pub fn new(network: &NetworkConfig, seed: u64) -> Self {
        let n_features = n_features();
        let mut draw = ChaCha8Rng::seed_from_u64(seed);
        let mut uniform = |len: usize, centre: f64, spread: f64| -> Vec<f64> {
            (0..len).map(|_| centre + draw.random_range(-spread..spread)).collect()
        };
        let mut parameters = Tensors::filled(network.parameter_shapes(n_features), &0.0);
        for tensor in parameters.iter_mut() {
            let is_kernel = tensor.name.ends_with("kernel") && tensor.shape.len() == 2;
            let (centre, spread) = match tensor.name.rsplit('.').next() {
                Some("tau") => (0.0, 3.0),
                Some("g") => (0.3, 0.3),
                Some("c") => (0.0, 0.3),
                _ if is_kernel => (0.0, (6.0 / (tensor.shape[0] + network.units) as f64).sqrt()),
                _ => (0.0, 0.8),
            };
            tensor.values = uniform(tensor.values.len(), centre, spread);
        }
        let normalisation =
            Normalisation::Standard { mean: uniform(n_features, 0.0, 5.0), scale: uniform(n_features, 10.0, 4.0) };
        Self { network: network.clone(), parameters, normalisation }
    }

    /// The network as a model, with the embedded model's contract.
    pub fn model(&self) -> Model {
        let weights = self.network.fold(&self.parameters, &self.normalisation);
        let (networks, normalisation) = (self.network.clone().into(), self.normalisation.clone());
        let mut contract =
            Contract { networks, normalisation, familiarity: None, certainty: None, ..Model::embedded().contract().clone() };
        contract.training.further_runs.clear();
        Model::from_bytes(onnx::write(&contract, &weights)).expect("what is written is read")
    }
}

/// [`Drawn::model`] of a network.
pub fn model(network: &NetworkConfig, seed: u64) -> Model {
    Drawn::new(network, seed).model()
}

/// Number of features of the networks here.
pub fn n_features() -> usize {
    Model::embedded().contract().front_end.n_features()
}

/// Features of `n_steps` consecutive steps.
pub fn features(n_steps: usize, seed: u64) -> Vec<f32> {
    let mut draw = ChaCha8Rng::seed_from_u64(seed);
    (0..n_steps * n_features()).map(|_| draw.random_range(-20.0..20.0)).collect()
}

/// The model on ONNX Runtime, or `None` after reporting that the test is skipped because the library is missing.
pub fn onnxruntime(model: &Model) -> Option<Classifier> {
    match Classifier::new(model, BackendChoice::OnnxRuntime) {
        Ok(classifier) => Some(classifier),
        Err(error @ ClassifierError::OnnxRuntimeUnavailable { .. }) => {
            skip("ONNX Runtime", &error.to_string());
            None
        }
        Err(error) => panic!("{:?}: {error}", model.contract().networks),
    }
}

/// The model on the native kernel and, if the library is available, on ONNX Runtime.
pub fn on_every_backend(model: &Model) -> Vec<Classifier> {
    let native = Classifier::new(model, BackendChoice::Native).expect("the native kernel is always there");
    [native].into_iter().chain(onnxruntime(model)).collect()
}

/// The maximum difference of two answers, in units of the value or of 1 if that is smaller, because a state may reach 20, where neighbouring floats are 2e-6
/// apart.
///
/// # Panics
/// It exceeds [`TOLERANCE`], the answers differ in length, or one contains NaN.
#[track_caller]
pub fn assert_agree(what: &str, a: &Outputs, b: &Outputs) -> f32 {
    let pairs = [(&a.probabilities, &b.probabilities), (&a.logits, &b.logits), (&a.final_state, &b.final_state)];
    assert!(pairs.iter().all(|(a, _)| a.iter().all(|value| value.is_finite())), "{what}: {a:?}");
    let differences = pairs.into_iter().flat_map(|(a, b)| {
        assert_eq!(a.len(), b.len(), "{what}");
        a.iter().zip(b).map(|(a, b)| (a - b).abs() / b.abs().max(1.0))
    });
    let largest = differences
        .fold(0.0, |largest: f32, difference| if difference > largest || difference.is_nan() { difference } else { largest });
    assert!(largest <= TOLERANCE, "{what}: {largest:e}");
    largest
}
