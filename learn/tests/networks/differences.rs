//! Exact gradients against central differences of the loss in f64, for every cell, pooling and number of layers.

use moodline_learn::loss::l2_penalty;
use moodline_learn::network::BatchOutcome;
use rayon::prelude::*;

use super::*;

const L2: f64 = 1e-3;
/// Half the distance of the two points: small, because the clip of the paper's cell has a kink wherever a state changes sign.
const DELTA: f64 = 1e-6;
/// Relative to the largest gradient of a parameter.
const TOLERANCE: f64 = 1e-6;
/// Rounding error of a loss near 1, divided by two deltas.
const ROUNDING: f64 = 5e-10;

/// Compares the derivatives of the loss along directions of every parameter.
fn check(
    config: &NetworkConfig,
    n_features: usize,
    lengths: &[usize],
    dropout: Dropout,
    directions: impl Fn(usize) -> Vec<Vec<f64>>,
) {
    let examples = Examples::draw(config, n_features, lengths);
    let batch = examples.batch(dropout);
    let BatchOutcome { loss, regularisation, gradients, .. } = examples.network.loss_and_gradients(&batch, L2).unwrap();
    let mut network = examples.network.clone();
    let expected = loss + regularisation;
    assert!((loss_alone(&network, &batch) - expected).abs() <= 1e-14 * expected.abs());
    for tensor in gradients.iter() {
        let name = &tensor.name;
        let mut loss_at = |direction: &[f64], delta: f64| {
            let before = network.parameters.get(name).values.clone();
            let moved = before.iter().zip(direction).map(|(value, step)| value + delta * step);
            network.parameters.get_mut(name).values = moved.collect();
            let loss = loss_alone(&network, &batch);
            network.parameters.get_mut(name).values = before;
            loss
        };
        let slope = |direction: &[f64]| tensor.values.iter().zip(direction).map(|(value, step)| value * step).sum();
        let pairs: Vec<(f64, f64)> = directions(tensor.values.len())
            .iter()
            .map(|direction| (slope(direction), (loss_at(direction, DELTA) - loss_at(direction, -DELTA)) / (2.0 * DELTA)))
            .collect();
        let scale = pairs.iter().fold(0.0, |scale: f64, (_, expected)| scale.max(expected.abs()));
        assert!(scale > 1e-6, "{config:?} {name} has an effect: {pairs:?}");
        let error = pairs.iter().map(|(found, expected)| (found - expected).abs()).fold(0.0, f64::max);
        assert!(error <= TOLERANCE * scale + ROUNDING, "{config:?} {dropout:?} {name}: {error:e}\n{pairs:?}");
    }
}

/// The loss without the backward pass, which takes most of the time.
fn loss_alone(network: &Network<f64>, batch: &Batch<'_, f64>) -> f64 {
    network.loss(batch).unwrap() + l2_penalty(&network.parameters, L2)
}

/// Each entry separately.
fn every_entry(n: usize) -> Vec<Vec<f64>> {
    (0..n).map(|entry| (0..n).map(|index| f64::from(u8::from(index == entry))).collect()).collect()
}

/// All entries at once, each up or down, in two sign patterns: a wrong entry is wrong in both.
fn all_entries(n: usize) -> Vec<Vec<f64>> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    (0..2).map(|_| (0..n).map(|_| if rng.next_u64() & 1 == 0 { 1.0 } else { -1.0 }).collect()).collect()
}

#[test]
fn every_parameter_of_every_cell_with_every_pooling() {
    cells().into_par_iter().for_each(|cell| {
        for pooling in POOLINGS {
            for layers in [1, 2] {
                let config = NetworkConfig { units: 3, layers, pooling, cell: cell.clone() };
                for dropout in [Dropout::default(), Dropout { inputs: 0.2, between: 0.3, seed: 9 }] {
                    check(&config, 2, &[3, 5, 1], dropout, every_entry);
                }
            }
        }
    });
}

#[test]
fn many_sequences_and_units() {
    // 19 sequences are two groups; 37 steps are three blocks of 16; 18 units are two groups of lanes with an incomplete tile; three layers include a middle one.
    let lengths: Vec<usize> = (0..19).map(|index| 1 + index * 13 % 37).collect();
    assert!(lengths.contains(&37) && lengths.iter().any(|length| (17..=32).contains(length)));
    cells().into_par_iter().for_each(|cell| {
        let config = NetworkConfig { units: 18, layers: 3, pooling: Pooling::MeanDeviation, cell };
        check(&config, 21, &lengths, Dropout { inputs: 0.1, between: 0.1, seed: 2 }, all_entries);
    });
}

#[test]
fn every_feature_of_every_cell() {
    cells().into_par_iter().for_each(|cell| {
        let config = NetworkConfig { units: 3, layers: 2, pooling: Pooling::MeanDeviation, cell };
        let mut examples = Examples::draw(&config, 2, &[3, 5, 1]);
        let gradients = examples.network.input_gradients(&examples.batch(Dropout::default())).unwrap();
        let scale = gradients.iter().flatten().fold(0.0, |scale: f64, gradient| scale.max(gradient.abs()));
        assert!(scale > 1e-6, "{config:?}: features have an effect");
        for (sequence, gradients) in gradients.iter().enumerate() {
            for (at, found) in gradients.indexed_iter() {
                let mut loss_at = |delta: f64| {
                    let before = examples.sequences[sequence][at];
                    examples.sequences[sequence][at] = before + delta;
                    let loss = examples.network.loss(&examples.batch(Dropout::default())).unwrap();
                    examples.sequences[sequence][at] = before;
                    loss
                };
                let expected = (loss_at(DELTA) - loss_at(-DELTA)) / (2.0 * DELTA);
                let error = (found - expected).abs();
                assert!(error <= TOLERANCE * scale + ROUNDING, "{config:?} sequence {sequence} {at:?}: {found} {expected}");
            }
        }
    });
}
