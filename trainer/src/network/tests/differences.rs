//! Exact gradients against central differences of the loss in f64, for every cell, pooling and number of layers.

use super::*;

const L2: f64 = 1e-3;
/// Half the distance of the two points: small, because the clip of the paper's cell has a kink wherever a state changes its sign.
const DELTA: f64 = 1e-6;
/// Of the largest gradient of a parameter.
const TOLERANCE: f64 = 1e-6;
/// Rounding of a loss near 1 over two deltas.
const ROUNDING: f64 = 5e-10;

/// Compares every `stride`th entry of every parameter.
fn check(config: &NetworkConfig, n_features: usize, lengths: &[usize], dropout: Dropout, stride: usize) {
    let examples = Examples::draw(config, n_features, lengths);
    let batch = examples.batch(dropout);
    let gradients = examples.network.loss_and_gradients(&batch, L2).unwrap().gradients;
    let mut network = examples.network.clone();
    for tensor in gradients.iter() {
        let name = &tensor.name;
        let mut loss_at = |index: usize, delta: f64| {
            let before = network.parameters.get(name).values[index];
            network.parameters.get_mut(name).values[index] = before + delta;
            let outcome = network.loss_and_gradients(&batch, L2).unwrap();
            network.parameters.get_mut(name).values[index] = before;
            outcome.loss + outcome.regularisation
        };
        let entries = (0..tensor.values.len()).step_by(stride);
        let pairs: Vec<(f64, f64)> = entries
            .map(|index| (tensor.values[index], (loss_at(index, DELTA) - loss_at(index, -DELTA)) / (2.0 * DELTA)))
            .collect();
        let scale = pairs.iter().fold(0.0, |scale: f64, (_, expected)| scale.max(expected.abs()));
        assert!(scale > 1e-6, "{config:?} {name} has an effect: {pairs:?}");
        let error = pairs.iter().map(|(found, expected)| (found - expected).abs()).fold(0.0, f64::max);
        assert!(error <= TOLERANCE * scale + ROUNDING, "{config:?} {dropout:?} {name}: {error:e}\n{pairs:?}");
    }
}

#[test]
fn every_parameter_of_every_cell_with_every_pooling() {
    for cell in cells() {
        for pooling in POOLINGS {
            for layers in [1, 2] {
                let config = NetworkConfig { units: 5, layers, pooling, cell: cell.clone() };
                for dropout in [Dropout::default(), Dropout { inputs: 0.2, between: 0.3, seed: 9 }] {
                    check(&config, 3, &[4, 7, 1], dropout, 1);
                }
            }
        }
    }
}

#[test]
fn many_sequences_and_units() {
    // 19 sequences are two groups, 18 units two groups of lanes with an incomplete tile, three layers one in the middle.
    let lengths: Vec<usize> = (0..19).map(|index| 1 + index * 5 % 11).collect();
    for cell in cells() {
        let config = NetworkConfig { units: 18, layers: 3, pooling: Pooling::MeanDeviation, cell };
        check(&config, 21, &lengths, Dropout { inputs: 0.1, between: 0.1, seed: 2 }, 17);
    }
}
