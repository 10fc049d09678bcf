//! The reference of convolutions and a bidirectional LSTM: gradients, batches, and PyTorch's values.

use std::collections::BTreeMap;

use moodline_core::network::{Tensor, Tensors};
use moodline_learn::loss::LossConfig;
use moodline_learn::network::{Batch, CnnBilstm, CnnBilstmConfig, Convolution, Dropout, LANES, NetworkError, Precision};
use ndarray::{Array2, ArrayView2};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rayon::ThreadPoolBuilder;
use serde::Deserialize;

use super::{assert_gradients_are_means, between_minus_one_and_one, relative_error};

const N_FEATURES: usize = 3;

fn small() -> CnnBilstmConfig {
    let convolution = |channels, pool| Convolution { channels, pool };
    CnnBilstmConfig { width: 5, convolutions: vec![convolution(6, 2), convolution(4, 1), convolution(5, 3)], units: 5 }
}

/// Sequences of these lengths with labels, and a network.
struct Examples {
    network: CnnBilstm<f64>,
    sequences: Vec<Array2<f64>>,
    labels: Vec<usize>,
}

impl Examples {
    fn draw(lengths: &[usize]) -> Self {
        let rng = &mut ChaCha8Rng::seed_from_u64(5);
        let mut network = CnnBilstm::init(small(), N_FEATURES, rng);
        for bias in network.parameters.iter_mut().filter(|tensor| tensor.name.ends_with("bias")) {
            bias.values.fill_with(|| 0.3 * between_minus_one_and_one(rng));
        }
        let mut draw = || 2.0 * between_minus_one_and_one(rng);
        let sequence = |steps: &usize| Array2::from_shape_simple_fn((*steps, N_FEATURES), &mut draw);
        let sequences = lengths.iter().map(sequence).collect();
        Self { network, sequences, labels: (0..lengths.len()).map(|index| index * 7 % 4).collect() }
    }

    fn views(&self) -> Vec<ArrayView2<'_, f64>> {
        self.sequences.iter().map(|sequence| sequence.view()).collect()
    }

    fn batch(&self, dropout: Dropout) -> Batch<'_, f64> {
        let class_weights = [0.5, 1.5, 2.0, 0.8];
        let (sequences, loss) = (self.views(), LossConfig::CrossEntropy);
        Batch { sequences, labels: &self.labels, mixed: &[], class_weights, loss, dropout }
    }
}

/// Lengths from one step on, for two whole groups and an incomplete one.
fn many_lengths() -> Vec<usize> {
    (0..2 * LANES + 3).map(|index| 1 + index * 13 % 29).collect()
}

#[test]
fn every_gradient_agrees_with_differences() {
    const L2: f64 = 1e-3;
    // Small, because ReLU and max pooling have kinks.
    const DELTA: f64 = 1e-6;
    let examples = Examples::draw(&[13, 3, 8, 1]);
    for dropout in [Dropout::default(), Dropout { inputs: 0.2, between: 0.3, seed: 9 }] {
        let batch = examples.batch(dropout);
        let gradients = examples.network.loss_and_gradients(&batch, L2).unwrap().gradients;
        let mut network = examples.network.clone();
        let mut loss_at = |name: &str, index: usize, delta: f64| {
            let before = network.parameters.get(name).values[index];
            network.parameters.get_mut(name).values[index] = before + delta;
            let outcome = network.loss_and_gradients(&batch, L2).unwrap();
            network.parameters.get_mut(name).values[index] = before;
            outcome.loss + outcome.regularisation
        };
        for Tensor { name, values, .. } in gradients.iter() {
            let difference = |index| (loss_at(name, index, DELTA) - loss_at(name, index, -DELTA)) / (2.0 * DELTA);
            let expected: Vec<f64> = (0..values.len()).map(difference).collect();
            let scale = expected.iter().fold(0.0, |scale: f64, value| scale.max(value.abs()));
            assert!(scale > 1e-6, "{name} has an effect: {expected:?}");
            for (found, expected) in values.iter().zip(&expected) {
                // The second term is the rounding of a loss near 1 over two deltas.
                assert!((found - expected).abs() <= 1e-6 * scale + 5e-10, "{dropout:?} {name}: {found} {expected}");
            }
        }
    }
}

/// `tests/golden/scripts/cnn_bilstm.py`
#[derive(Deserialize)]
struct Golden {
    width: usize,
    convolutions: Vec<(usize, usize)>,
    units: usize,
    inputs: Vec<Vec<Vec<f64>>>,
    labels: Vec<usize>,
    class_weights: [f64; 4],
    parameters: BTreeMap<String, Vec<f64>>,
    probabilities: Vec<[f64; 4]>,
    loss: f64,
    gradients: BTreeMap<String, Vec<f64>>,
}

/// The largest error relative to the largest expected value of the same array.
fn error<T: Precision>(golden: &Golden) -> f64 {
    let convolutions = golden.convolutions.iter().map(|(channels, pool)| Convolution { channels: *channels, pool: *pool });
    let config = CnnBilstmConfig { width: golden.width, convolutions: convolutions.collect(), units: golden.units };
    let n_features = golden.inputs[0][0].len();
    let tensors = config.parameter_shapes(n_features).into_iter().map(|(name, shape)| {
        let values = golden.parameters[&name].iter().map(|value| T::of(*value)).collect();
        Tensor { name, shape, values }
    });
    let network = CnnBilstm::new(config.clone(), n_features, Tensors::new(tensors.collect())).unwrap();
    let sequence = |steps: &Vec<Vec<f64>>| Array2::from_shape_fn((steps.len(), n_features), |(t, i)| T::of(steps[t][i]));
    let sequences: Vec<Array2<T>> = golden.inputs.iter().map(sequence).collect();
    let views: Vec<ArrayView2<'_, T>> = sequences.iter().map(|sequence| sequence.view()).collect();
    let batch = Batch {
        sequences: views.clone(),
        labels: &golden.labels,
        mixed: &[],
        class_weights: golden.class_weights.map(T::of),
        loss: LossConfig::CrossEntropy,
        dropout: Dropout::default(),
    };
    let outcome = network.loss_and_gradients(&batch, 0.0).unwrap();
    assert_eq!(outcome.probabilities, network.predict(&views).unwrap());
    let mut errors = vec![relative_error(&[T::of(outcome.loss)], &[golden.loss])];
    errors
        .extend(outcome.probabilities.iter().zip(&golden.probabilities).map(|(found, expected)| relative_error(found, expected)));
    assert_eq!(golden.gradients.len(), outcome.gradients.iter().count());
    errors.extend(outcome.gradients.iter().map(|tensor| relative_error(&tensor.values, &golden.gradients[&tensor.name])));
    errors.into_iter().fold(0.0, f64::max)
}

#[test]
fn answers_loss_and_gradients_are_those_of_pytorch() {
    let golden: Golden = ::golden::table("cnn_bilstm.json");
    let (double, single) = (error::<f64>(&golden), error::<f32>(&golden));
    println!("largest error {double:.1e} in f64, {single:.1e} in f32");
    assert!(double <= 1e-12, "{double:e}");
    assert!(single <= 1e-4, "{single:e}");
}

#[test]
fn a_sequence_gets_the_same_answer_alone_to_the_last_bit() {
    let examples = Examples::draw(&many_lengths());
    let together = examples.network.predict(&examples.views()).unwrap();
    for (sequence, together) in examples.views().into_iter().zip(together) {
        assert_eq!(examples.network.predict(&[sequence]).unwrap(), [together]);
    }
}

#[test]
fn the_gradient_of_a_batch_is_the_mean_of_those_of_its_sequences() {
    let examples = Examples::draw(&[9, 2, 5]);
    let gradients = |batch: &Batch<'_, f64>| examples.network.loss_and_gradients(batch, 0.0).unwrap().gradients;
    assert_gradients_are_means(&examples.batch(Dropout::default()), gradients);
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let examples = Examples::draw(&many_lengths());
    let with_threads = |n: usize| {
        let pool = ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        let dropout = Dropout { inputs: 0.2, between: 0.3, seed: 9 };
        pool.install(|| examples.network.loss_and_gradients(&examples.batch(dropout), 1e-3).unwrap())
    };
    assert_eq!(with_threads(1), with_threads(3));
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let examples = Examples::draw(&[4, 2]);
    let error = |sequence: Array2<f64>| examples.network.predict(&[sequence.view()]).unwrap_err().to_string();
    assert!(error(Array2::zeros((4, 2))).contains("must have the shape [4, 3], found [4, 2]"));
    assert!(error(Array2::zeros((0, 3))).contains("must have at least 1 step"));
    let other = CnnBilstm::<f64>::init(small(), 4, &mut ChaCha8Rng::seed_from_u64(0)).parameters;
    let error = examples.network.with_parameters(other).unwrap_err().to_string();
    assert!(error.contains("'conv0.kernel' must have the shape [15, 6], found [20, 6]"), "{error}");
    let mut broken = Examples::draw(&[4, 2]);
    broken.sequences[1][(1, 2)] = f64::NAN;
    let error = broken.network.loss_and_gradients(&broken.batch(Dropout::default()), 0.0).unwrap_err();
    assert_eq!(error, NetworkError::Features { index: 1 });
}

#[test]
fn the_reference_has_the_size_it_is_said_to_have() {
    let network = CnnBilstm::<f32>::init(CnnBilstmConfig::default(), 44, &mut ChaCha8Rng::seed_from_u64(0));
    assert_eq!(network.parameters.count(), 117_332);
}
