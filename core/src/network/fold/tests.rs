use approx::assert_relative_eq;

use super::*;
use crate::network::samples::{SHAPES, Sample, cells};
use crate::network::{Carry, samples};

fn paper(reading: Reading) -> PaperLtc {
    PaperLtc { reading, unfolds: 6, dt: 0.01, clip: 20.0, max_gain: Some(10.0), carry: Carry::Scaled }
}

fn identity(n_features: usize) -> Normalisation {
    Normalisation::Standard { mean: vec![0.0; n_features], scale: vec![1.0; n_features] }
}

#[test]
fn every_network_folds_into_the_tensors_of_its_file() {
    for cell in cells() {
        for shape in SHAPES {
            let sample = Sample::new(cell.clone(), 5, shape);
            let weights = sample.weights();
            assert_eq!(weights.shapes(), sample.config.weight_shapes(samples::N_FEATURES));
            assert_eq!(weights, sample.config.fold(&sample.parameters, &sample.normalisation()), "{:?}", sample.config);
        }
    }
}

#[test]
fn the_folded_projection_of_raw_features_is_that_of_normalised_ones() {
    let (mean, scale) = (vec![-300.0, 5.0, 0.01], vec![110.0, 0.5, 3.0]);
    let config = NetworkConfig { units: 2, layers: 1, pooling: Pooling::Last, cell: CellConfig::Gru };
    let mut parameters = Tensors::filled(config.parameter_shapes(3), &0.25);
    let values = (0..18).map(|i| f64::from(i) - 7.0).collect();
    parameters.get_mut("layer0.kernel").values = values;
    let raw = [-250.0, 6.5, -2.0];
    let weights = config.fold(&parameters, &Normalisation::Standard { mean: mean.clone(), scale: scale.clone() });
    for column in 0..6 {
        let normalised =
            (0..3).map(|i| (raw[i] - mean[i]) / scale[i] * parameters.matrix("layer0.kernel")[(i, column)]).sum::<f64>();
        let folded = (0..3).map(|i| raw[i] * f64::from(weights.matrix("layer0.projection")[(i, column)])).sum::<f64>();
        let bias = f64::from(weights.vector("layer0.projection_bias")[column]);
        assert_relative_eq!(folded + bias, normalised + 0.25, epsilon = 1e-4);
    }
    assert_eq!(weights.get("layer0.recurrent_kernel").values, [0.25; 12]);
}

#[test]
fn the_held_rate_covers_all_unfolds() {
    let rates = |reading| {
        let config = NetworkConfig { units: 2, layers: 1, pooling: Pooling::Last, cell: CellConfig::PaperLtc(paper(reading)) };
        let mut parameters = Tensors::filled(config.parameter_shapes(3), &0.5);
        parameters.get_mut("layer0.tau").values = vec![1.0, -2.0];
        config.fold(&parameters, &identity(3)).get("layer0.rate").values.clone()
    };
    let (held, recomputed) = (rates(Reading::Held), rates(Reading::Recomputed));
    for (unit, tau) in [1.0f64, -2.0].into_iter().enumerate() {
        let rate = 0.01 / (1.0 + tau.exp()).ln();
        assert_relative_eq!(f64::from(recomputed[unit]), rate, max_relative = 1e-6);
        let mut h = 0.0;
        for _ in 0..6 {
            h += (1.0 - h) * rate;
        }
        assert_relative_eq!(f64::from(held[unit]), h, max_relative = 1e-6);
    }
}

#[test]
fn rates_and_gains_stay_in_bounds_for_any_parameter() {
    let config = paper(Reading::Held);
    for tau in [-1e300, -700.0, -4.6, 0.0, 700.0, 1e300] {
        assert!((0.0..=PaperLtc::MAX_RATE).contains(&config.unfold_rate(tau)), "tau {tau}");
        assert!((0.0..=1.0).contains(&config.step_rate(tau)), "tau {tau}");
    }
    assert_relative_eq!(config.gain(1.0, 0.5), (1.0 + (-0.5f64).exp()) / (1.0 + (-1.0f64).exp()));
    assert_relative_eq!(config.gain(40.0, -40.0), 10.0);
    assert_relative_eq!(PaperLtc { max_gain: None, ..config }.gain(0.0, -5.0), 0.5 * (1.0 + 5.0f64.exp()), max_relative = 1e-12);
}

#[test]
#[should_panic(expected = "the parameters are those of the network")]
fn parameters_of_another_network_are_a_bug_of_the_caller() {
    let sample = Sample::new(CellConfig::Gru, 5, SHAPES[0]);
    let _ = NetworkConfig { cell: CellConfig::Lstm, ..sample.config.clone() }.fold(&sample.parameters, &sample.normalisation());
}
