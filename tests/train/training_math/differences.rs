//! Gradients compared with central differences of the naive loop's loss: an oracle that shares nothing with the code under test.

use moodline_core::network::{NetworkConfig, PaperLtc, Tensors};
use moodline_learn::network::Network;

use super::{Draw, Examples, cell, naive_loss, network, relative_error, variants};

const N_FEATURES: usize = 5;
const L2: f64 = 1e-3;
/// Half the distance between the two points: small, because the clip has a kink where a state changes its sign.
const DELTA: f64 = 1e-6;
/// Rounding of a loss near 1 over two deltas is 1e-10; the rest allows for gradients that are small relative to the loss.
const TOLERANCE: f64 = 1e-6;

/// All entries of a small array, some of a large one.
fn entries(draw: &mut Draw, len: usize) -> Vec<usize> {
    if len <= 40 { (0..len).collect() } else { (0..40).map(|_| draw.below(len)).collect() }
}

fn difference(config: &NetworkConfig, parameters: &Tensors<f64>, examples: &Examples<f64>, name: &str, index: usize) -> f64 {
    let at = |delta: f64| {
        let mut parameters = parameters.clone();
        parameters.get_mut(name).values[index] += delta;
        naive_loss(config, &parameters, examples, L2)
    };
    (at(DELTA) - at(-DELTA)) / (2.0 * DELTA)
}

fn check(config: &NetworkConfig, parameters: &Tensors<f64>, examples: &Examples<f64>, draw: &mut Draw) {
    let network = Network::new(config.clone(), parameters.clone()).unwrap();
    let outcome = network.loss_and_gradients(&examples.batch(), L2).unwrap();
    let expected = naive_loss(config, parameters, examples, L2);
    assert!((outcome.loss + outcome.regularisation - expected).abs() < 1e-12, "{config:?}");
    for tensor in outcome.gradients.iter() {
        let name = &tensor.name;
        let entries = entries(draw, tensor.values.len());
        let found: Vec<f64> = entries.iter().map(|index| tensor.values[*index]).collect();
        let expected: Vec<f64> = entries.iter().map(|index| difference(config, parameters, examples, name, *index)).collect();
        assert!(expected.iter().any(|value| value.abs() > 1e-4), "{name} has an effect: {expected:?}");
        let error = relative_error(&found, &expected);
        assert!(error <= TOLERANCE, "{config:?} {name}: {error:e}\n{found:?}\n{expected:?}");
    }
}

#[test]
fn every_parameter_group_of_every_variant() {
    // 7 units leave the last tile incomplete, 18 need a second group of lanes; 19 sequences need a second group of sequences.
    for units in [7, 18] {
        for (seed, config) in (1..).zip(variants(units)) {
            let mut draw = Draw::new(seed);
            let lengths: Vec<usize> = (0..19).map(|_| 1 + draw.below(14)).collect();
            let examples = Examples::draw(&mut draw, &lengths, N_FEATURES);
            let parameters = draw.parameters(N_FEATURES, units);
            check(&config, &parameters, &examples, &mut draw);
        }
    }
}

#[test]
fn bounds_of_rate_gain_and_clip_stop_the_gradient() {
    for (seed, config) in (11..).zip(variants(6)) {
        // A low clip that states reach, a gain and a rate above their bounds, and one of each below.
        let config = network(PaperLtc { clip: 0.4, max_gain: Some(1.2), ..*cell(&config) }, 6);
        let mut draw = Draw::new(seed);
        let examples = Examples::draw(&mut draw, &[9, 12, 3], N_FEATURES);
        let mut parameters = draw.parameters(N_FEATURES, 6);
        for (name, unit, value) in [("layer0.tau", 0, -6.0), ("layer0.c", 1, 2.0), ("layer0.g", 1, -2.0)] {
            parameters.get_mut(name).values[unit] = value;
        }
        let outcome =
            Network::new(config.clone(), parameters.clone()).unwrap().loss_and_gradients(&examples.batch(), L2).unwrap();
        for (name, unit) in [("layer0.tau", 0), ("layer0.c", 1), ("layer0.g", 1)] {
            assert_eq!(outcome.gradients.get(name).values[unit], 0.0, "{name}");
        }
        check(&config, &parameters, &examples, &mut draw);
    }
}
