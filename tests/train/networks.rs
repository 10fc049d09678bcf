//! The trainer's network and the native kernel agree.

use moodline_core::contract::Normalisation;
use moodline_engine::{BackendChoice, Classifier};
use moodline_learn::network::Network;
use ndarray::Array2;
use test_support::networks::{Drawn, TOLERANCE, features, n_features, of_published_cells};

#[test]
fn the_trainer_computes_what_the_native_kernel_computes() {
    for config in of_published_cells(19) {
        let drawn = Drawn::new(&config, 12);
        let Normalisation::Standard { mean, scale } = &drawn.normalisation;
        let network = Network::new(config.clone(), drawn.parameters.map(|value| value as f32)).unwrap();
        let mut native = Classifier::new(&drawn.model(), BackendChoice::Native).unwrap();
        for n_steps in [1, 2, 31, 157] {
            let features = features(n_steps, 8);
            let standardised = Array2::from_shape_fn((n_steps, n_features()), |(step, feature)| {
                ((f64::from(features[step * n_features() + feature]) - mean[feature]) / scale[feature]) as f32
            });
            let trainer = network.predict(&[standardised.view()]).unwrap()[0];
            let native = native.classify(&features, n_steps).unwrap();
            for (a, b) in trainer.iter().zip(native.as_array()) {
                assert!((a - b).abs() <= TOLERANCE, "{config:?}, {n_steps} steps: {a} {b}");
            }
        }
    }
}
