//! Conditions that must not affect the result: neighbours in the batch, threads, precision.

use moodline_core::Real as _;
use moodline_learn::loss::softmax;
use moodline_learn::network::initial_parameters;
use moodline_learn::optimiser::{AdamConfig, Optimiser, OptimiserConfig};
use rayon::ThreadPoolBuilder;

use super::*;

/// 40 sequences: three groups, the last one incomplete.
fn lengths() -> Vec<usize> {
    (0..40).map(|index| 1 + index * 13 % 29).collect()
}

/// Two layers of each cell, each with a different pooling.
fn networks() -> impl Iterator<Item = NetworkConfig> {
    cells().into_iter().zip(POOLINGS.into_iter().cycle()).map(|(cell, pooling)| NetworkConfig {
        units: 18,
        layers: 2,
        pooling,
        cell,
    })
}

#[test]
fn a_sequence_gets_the_same_answer_alone_to_the_last_bit() {
    for config in networks() {
        let examples = Examples::draw(&config, 7, &lengths());
        let together = examples.network.predict(&examples.views()).unwrap();
        for (sequence, together) in examples.views().into_iter().zip(together) {
            assert_eq!(examples.network.predict(&[sequence]).unwrap(), [together], "{config:?}");
            assert_eq!(softmax(examples.network.trace(&sequence).unwrap().logits), together);
        }
    }
}

#[test]
fn nothing_after_the_end_of_a_sequence_counts() {
    // The batch's gradient is the mean of those of its sequences, although the short ones keep computing beside the long ones.
    for config in networks() {
        let examples = Examples::draw(&config, 7, &[9, 2, 5]);
        println!("{config:?}");
        let gradients = |batch: &Batch<'_, f64>| examples.network.loss_and_gradients(batch, 0.0).unwrap().gradients;
        assert_gradients_are_means(&examples.batch(Dropout::default()), gradients);
    }
}

/// A batch in single precision.
fn single_batch<'a>(sequences: &'a [Array2<f32>], labels: &'a [usize]) -> Batch<'a, f32> {
    Batch {
        sequences: sequences.iter().map(|sequence| sequence.view()).collect(),
        labels,
        mixed: &[],
        class_weights: [0.5, 1.5, 2.0, 0.8],
        loss: LossConfig::CrossEntropy,
        dropout: Dropout::default(),
    }
}

/// The network and its sequences in single precision.
fn in_single_precision(examples: &Examples) -> (Network<f32>, Vec<Array2<f32>>) {
    let parameters = examples.network.parameters.map(f32::of);
    let sequences = examples.sequences.iter().map(|sequence| sequence.mapv(f32::of)).collect();
    (Network::new(examples.network.config().clone(), parameters).unwrap(), sequences)
}

/// Parameters after some updates on a pool of this size.
fn trained(config: &NetworkConfig, n_threads: usize) -> Tensors<f32> {
    let examples = Examples::draw(config, 7, &lengths());
    let sequences: Vec<Array2<f32>> = examples.sequences.iter().map(|sequence| sequence.mapv(|value| value as f32)).collect();
    let parameters = initial_parameters(config, 7, None, &mut ChaCha8Rng::seed_from_u64(3));
    let mut network = Network::<f32>::new(config.clone(), parameters).unwrap();
    let mut adam = Optimiser::new(OptimiserConfig::Adam, AdamConfig::default(), &network.parameters);
    ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap().install(|| {
        for seed in 0..4 {
            let dropout = Dropout { inputs: 0.1, between: 0.3, seed };
            let batch = Batch { dropout, class_weights: [1.0; 4], ..single_batch(&sequences, &examples.labels) };
            let outcome = network.loss_and_gradients(&batch, 5e-4).unwrap();
            adam.update(&mut network.parameters, &outcome.gradients, 1e-2);
        }
    });
    network.parameters
}

#[test]
fn the_same_seed_gives_the_same_weights_for_any_number_of_threads() {
    for config in networks() {
        let one = trained(&config, 1);
        for n_threads in [2, 3] {
            assert_eq!(one, trained(&config, n_threads), "{config:?} with {n_threads} threads");
        }
    }
}

#[test]
fn single_precision_learns_the_same_as_double() {
    for config in networks() {
        let examples = Examples::draw(&config, 7, &lengths());
        let double = examples.network.loss_and_gradients(&examples.batch(Dropout::default()), 1e-3).unwrap().gradients;
        let (single, sequences) = in_single_precision(&examples);
        let single = single.loss_and_gradients(&single_batch(&sequences, &examples.labels), 1e-3).unwrap().gradients;
        for (single, double) in single.iter().zip(double.iter()) {
            let scale = double.values.iter().fold(0.0, |scale: f64, value| scale.max(value.abs()));
            for (single, double) in single.values.iter().zip(&double.values) {
                assert!((single.widen() - double).abs() <= 1e-4 * scale, "{config:?}: {single} {double}");
            }
        }
    }
}

#[test]
fn a_gradient_that_vanishes_over_many_steps_ends_in_zeros_and_not_in_subnormal_numbers() {
    let cfc = CellConfig::Cfc(Cfc { mode: CfcMode::Gated, elapsed: 1.0, backbone: None });
    for cell in [CellConfig::Gru, CellConfig::Lstm, cfc] {
        let config = NetworkConfig { units: 18, layers: 1, pooling: Pooling::Last, cell };
        let examples = Examples::draw(&config, 7, &[900]);
        let (network, sequences) = in_single_precision(&examples);
        let of_features = network.input_gradients(&single_batch(&sequences, &examples.labels)).unwrap().remove(0);
        assert!(of_features.row(899).iter().all(|gradient| gradient.is_normal()), "{config:?}: {}", of_features.row(899));
        assert!(of_features.row(0).iter().all(|gradient| *gradient == 0.0), "{config:?}: {}", of_features.row(0));
        assert!(!of_features.iter().any(|gradient| gradient.is_subnormal()), "{config:?}");
    }
}

#[test]
fn a_parameter_that_is_not_finite_is_named() {
    for config in networks() {
        let examples = Examples::draw(&config, 7, &[9, 5]);
        for name in examples.network.parameters.iter().map(|tensor| tensor.name.clone()) {
            let mut broken = examples.network.clone();
            broken.parameters.get_mut(&name).values[0] = f64::NAN;
            let error = broken.loss_and_gradients(&examples.batch(Dropout::default()), 1e-3).unwrap_err();
            assert!(error.to_string().contains(&format!("the value of parameter '{name}'")), "{error}");
        }
        let mut broken = Examples::draw(&config, 7, &[9, 5]);
        broken.sequences[1][(2, 3)] = f64::NAN;
        let error = broken.network.loss_and_gradients(&broken.batch(Dropout::default()), 0.0).unwrap_err();
        assert!(error.to_string().contains("features of sequence 1"), "{error}");
    }
}
