//! What is trained is what runs: trainer, native kernel and, where it is found, ONNX Runtime.

use moodline_core::contract::{Contract, Normalisation};
use moodline_core::frontend::Scaler;
use moodline_core::onnx;
use moodline_engine::Model;

use super::*;
use crate::export::{OnnxRuntimeLeg, check_parity};

#[test]
fn every_cell_with_every_pooling_is_exported_as_it_was_trained() {
    let embedded = Model::embedded().contract().clone();
    let n_features = embedded.front_end.n_features();
    let values = |centre: f64| (0..n_features).map(|feature| centre + feature as f64 / 10.0).collect::<Vec<_>>();
    let scaler = Scaler { mean: values(-3.0), scale: values(0.5) };
    let normalisation = Normalisation::Standard { mean: scaler.mean.clone(), scale: scaler.scale.clone() };
    let mut largest = 0.0_f32;
    for cell in cells() {
        for (pooling, layers) in POOLINGS.into_iter().zip([1, 2, 1, 2]) {
            let config = NetworkConfig { units: 18, layers, pooling, cell: cell.clone() };
            let network = Network::<f32>::init(config.clone(), n_features, None, &mut ChaCha8Rng::seed_from_u64(7));
            let weights = config.fold(&network.parameters, &normalisation);
            let contract = Contract { network: config, normalisation: normalisation.clone(), ..embedded.clone() };
            let model = Model::from_bytes(onnx::write(&contract, &weights)).unwrap();
            match check_parity(&model, &network, &scaler, OnnxRuntimeLeg::IfFound) {
                Ok((difference, _)) => largest = largest.max(difference),
                Err(error) => panic!("{cell:?}, {pooling:?}, {layers} layers: {error}"),
            }
        }
    }
    println!("largest difference of a probability: {largest:.1e}");
}
