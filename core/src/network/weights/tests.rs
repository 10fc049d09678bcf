use approx::assert_relative_eq;

use super::*;
use crate::network::samples::{SHAPES, Sample, cells};
use crate::network::{CellConfig, samples};

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
#[should_panic(expected = "the parameters are those of the network")]
fn parameters_of_another_network_are_a_bug_of_the_caller() {
    let sample = Sample::new(CellConfig::Gru, 5, SHAPES[0]);
    let _ = NetworkConfig { cell: CellConfig::Lstm, ..sample.config.clone() }.fold(&sample.parameters, &sample.normalisation());
}
