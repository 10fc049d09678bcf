//! Training and inference agree: trainer, native kernel and, if it is found, ONNX Runtime.

use moodline_core::contract::{CONTRACT_VERSION, Contract, Normalisation};
use moodline_core::frontend::Scaler;
use moodline_core::network::{
    Backbone, Carry, CellConfig, Cfc, CfcMode, Committee, Ltc, NetworkConfig, PaperLtc, Pooling, Reading, Solver,
};
use moodline_core::onnx;
use moodline_engine::Model;
use moodline_learn::network::Network;
use moodline_learn::wiring::{AutoNcp, Masks, WiringConfig};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::{OnnxRuntimeLeg, check_parity};

const POOLINGS: [Pooling; 4] = [Pooling::Last, Pooling::Mean, Pooling::MeanDeviation, Pooling::Attention];

/// Every cell with every mode and solver.
fn cells() -> Vec<CellConfig> {
    let paper = |(reading, carry)| {
        CellConfig::PaperLtc(PaperLtc { reading, unfolds: 3, dt: 0.05, clip: 20.0, max_gain: Some(10.0), carry })
    };
    let cfc = |(mode, backbone)| CellConfig::Cfc(Cfc { mode, elapsed: 0.8, backbone });
    let backbone = |units, layers| Some(Backbone { units, layers });
    let ltc = |solver| CellConfig::Ltc(Ltc { solver, unfolds: 2, elapsed: 0.1 });
    let papers = [Reading::Held, Reading::Recomputed].map(|reading| [(reading, Carry::Scaled), (reading, Carry::Unscaled)]);
    let cfcs = [
        (CfcMode::Gated, None),
        (CfcMode::NoGate, None),
        (CfcMode::Pure, None),
        (CfcMode::Gated, backbone(7, 1)),
        (CfcMode::NoGate, backbone(4, 2)),
        (CfcMode::Pure, backbone(3, 3)),
    ];
    let ltcs = [Solver::SemiImplicit, Solver::Euler, Solver::Rk4];
    let mut cells = vec![CellConfig::LiquidGate, CellConfig::Gru, CellConfig::Lstm];
    cells.extend(papers.into_iter().flatten().map(paper));
    cells.extend(cfcs.map(cfc));
    cells.extend(ltcs.map(ltc));
    cells
}

#[test]
fn every_cell_with_every_pooling_is_exported_as_it_was_trained() {
    let mut largest = 0.0_f32;
    for cell in cells() {
        for (pooling, layers) in POOLINGS.into_iter().zip([1, 2, 1, 2]) {
            let config = NetworkConfig { units: 18, layers, pooling, cell: cell.clone() };
            largest = largest.max(difference(&config, None));
        }
    }
    println!("largest difference of a probability: {largest:.1e}");
}

#[test]
fn wired_networks_are_exported_as_they_were_trained() {
    let wiring = WiringConfig::AutoNcp(AutoNcp { outputs: 5, sparsity: 0.5, seed: 3 });
    let wired = |cell: &CellConfig| cell.backbone().is_none();
    for cell in cells().into_iter().filter(wired) {
        for pooling in POOLINGS {
            difference(&NetworkConfig { units: 18, layers: 2, pooling, cell: cell.clone() }, Some(wiring));
        }
    }
}

#[test]
fn a_committee_is_exported_as_its_networks_were_trained() {
    let embedded = Model::embedded().contract().clone();
    let n_features = embedded.front_end.n_features();
    let scaler = Scaler { mean: vec![-2.0; n_features], scale: vec![1.5; n_features] };
    let normalisation = Normalisation::Standard { mean: scaler.mean.clone(), scale: scaler.scale.clone() };
    let cells = [CellConfig::LiquidGate, CellConfig::Lstm, CellConfig::Gru];
    let configs: Vec<NetworkConfig> = (cells.into_iter().zip(POOLINGS).zip([5, 18, 3]))
        .map(|((cell, pooling), units)| NetworkConfig { units, layers: 1 + units % 2, pooling, cell })
        .collect();
    let init = |config: &NetworkConfig| Network::<f32>::init(config.clone(), n_features, None, &mut ChaCha8Rng::seed_from_u64(3));
    let networks: Vec<Network<f32>> = configs.iter().map(init).collect();
    let folded = configs.iter().zip(&networks).map(|(config, network)| config.fold(&network.parameters, &normalisation));
    let mut contract = Contract {
        version: CONTRACT_VERSION,
        networks: Committee::new(configs.clone()),
        normalisation: normalisation.clone(),
        ..embedded
    };
    contract.training.further_runs = contract.training.runs().cycle().take(configs.len() - 1).collect();
    let model = Model::from_bytes(onnx::write(&contract, &contract.networks.join(folded.collect()))).unwrap();
    let networks: Vec<&Network<f32>> = networks.iter().collect();
    let (difference, _) = check_parity(&model, &networks, &scaler, OnnxRuntimeLeg::IfFound).unwrap();
    println!("largest difference of a probability: {difference:.1e}");
}

/// The largest difference of a probability between a network with initial parameters and its model file.
fn difference(config: &NetworkConfig, wiring: Option<WiringConfig>) -> f32 {
    let embedded = Model::embedded().contract().clone();
    let n_features = embedded.front_end.n_features();
    let values = |centre: f64| (0..n_features).map(|feature| centre + feature as f64 / 10.0).collect::<Vec<_>>();
    let scaler = Scaler { mean: values(-3.0), scale: values(0.5) };
    let normalisation = Normalisation::Standard { mean: scaler.mean.clone(), scale: scaler.scale.clone() };

    let mut network = Network::<f32>::init(config.clone(), n_features, None, &mut ChaCha8Rng::seed_from_u64(7));
    if let Some(wiring) = &wiring {
        Masks::new(wiring, config, n_features).wire(&mut network.parameters);
    }
    let weights = config.fold(&network.parameters, &normalisation);
    let mut contract = Contract { networks: config.clone().into(), normalisation, ..embedded };
    contract.training.further_runs.clear();
    let model = Model::from_bytes(onnx::write(&contract, &weights)).unwrap();
    match check_parity(&model, &[&network], &scaler, OnnxRuntimeLeg::IfFound) {
        Ok((difference, _)) => difference,
        Err(error) => panic!("{config:?}, {wiring:?}: {error}"),
    }
}
