//! A batch's results do not depend on neighbours, order, threads or precision. Also, which batches are refused.

use moodline_core::network::{Carry, NetworkConfig, Reading, Tensors};
use moodline_learn::loss::LossConfig;
use moodline_learn::network::{Batch, Dropout, Network, NetworkError, Quantity};
use moodline_learn::optimiser::{AdamConfig, Optimiser, OptimiserConfig};
use moodline_learn::parameters::{add, is_regularised, zeros_like};
use ndarray::{Array2, ArrayView2};
use rayon::ThreadPoolBuilder;

use super::{Draw, Examples, naive, paper, relative_error, variants};

const N_FEATURES: usize = 13;
const UNITS: usize = 12;

fn network(config: &NetworkConfig, draw: &mut Draw) -> Network<f64> {
    Network::new(config.clone(), draw.parameters(N_FEATURES, config.units)).unwrap()
}

fn batch<'a>(sequences: Vec<ArrayView2<'a, f64>>, labels: &'a [usize], class_weights: [f64; 4]) -> Batch<'a, f64> {
    Batch { sequences, labels, mixed: &[], class_weights, loss: LossConfig::CrossEntropy, dropout: Dropout::default() }
}

/// Enough sequences for three lane groups, the last one incomplete; some have equal lengths.
fn lengths(draw: &mut Draw) -> Vec<usize> {
    (0..40).map(|_| 1 + draw.below(30)).collect()
}

#[test]
fn a_batch_of_unequal_lengths_is_its_sequences_one_by_one() {
    for config in variants(UNITS) {
        let mut draw = Draw::new(21);
        let network = network(&config, &mut draw);
        let lengths = lengths(&mut draw);
        let examples = Examples::draw(&mut draw, &lengths, N_FEATURES);
        let together = network.loss_and_gradients(&examples.batch(), 0.0).unwrap();

        let mut loss = 0.0;
        let mut gradients = zeros_like(&network.parameters);
        for (index, sequence) in examples.sequences.iter().enumerate() {
            let labels = &examples.labels[index..=index];
            let alone = Batch { sequences: vec![sequence.view()], labels, ..examples.batch() };
            let alone = network.loss_and_gradients(&alone, 0.0).unwrap();
            assert_eq!(alone.probabilities[0], together.probabilities[index], "to the last bit");
            loss += alone.loss;
            add(&mut gradients, &alone.gradients);
        }
        let n = examples.sequences.len() as f64;
        assert!((together.loss - loss / n).abs() < 1e-13);
        for (together, sums) in together.gradients.iter().zip(gradients.iter()) {
            let means: Vec<f64> = sums.values.iter().map(|sum| sum / n).collect();
            assert!(relative_error(&together.values, &means) < 1e-13, "{}", sums.name);
        }
        assert_eq!(network.predict(&examples.views()).unwrap(), together.probabilities);
    }
}

#[test]
fn states_and_logits_are_those_of_the_naive_loop() {
    for config in variants(UNITS) {
        let mut draw = Draw::new(22);
        let network = network(&config, &mut draw);
        let sequence = draw.sequence(60, N_FEATURES);
        let (states, logits) = naive(&config, &network.parameters, &sequence.view());
        let trace = network.trace(&sequence.view()).unwrap();
        assert!(relative_error(&trace.outputs, &states) < 1e-13);
        assert!(relative_error(&trace.logits, &logits) < 1e-13);
    }
}

/// Parameters after several epochs on all threads of a pool of this size.
fn trained(config: &NetworkConfig, n_threads: usize) -> Tensors<f32> {
    let pool = ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
    pool.install(|| {
        let mut draw = Draw::new(23);
        let mut network = Network::init(config.clone(), N_FEATURES, None, &mut draw.0);
        let mut adam = Optimiser::new(OptimiserConfig::Adam, AdamConfig::default(), &network.parameters);
        let lengths = lengths(&mut draw);
        let examples = Examples::draw(&mut draw, &lengths, N_FEATURES).rounded::<f32>();
        for _ in 0..8 {
            let outcome = network.loss_and_gradients(&examples.batch(), 5e-4).unwrap();
            adam.update(&mut network.parameters, &outcome.gradients, 1e-2);
        }
        network.parameters
    })
}

#[test]
fn the_same_seed_gives_the_same_weights_for_any_number_of_threads() {
    for reading in [Reading::Held, Reading::Recomputed] {
        let config = paper(reading, Carry::Scaled, UNITS);
        let one = trained(&config, 1);
        for n_threads in [2, 3] {
            assert_eq!(one, trained(&config, n_threads), "{reading:?} with {n_threads} threads");
        }
    }
}

#[test]
fn a_held_z_in_closed_form_is_its_euler_steps() {
    // Without recurrent weights z does not depend on the state, so both readings are the same equation.
    let mut draw = Draw::new(24);
    let mut parameters = draw.parameters(N_FEATURES, UNITS);
    parameters.matrix_mut("layer0.recurrent_kernel").fill(0.0);
    let lengths = lengths(&mut draw);
    let examples = Examples::draw(&mut draw, &lengths, N_FEATURES);
    let outcome = |reading| {
        let network = Network::new(paper(reading, Carry::Scaled, UNITS), parameters.clone()).unwrap();
        network.loss_and_gradients(&examples.batch(), 0.0).unwrap()
    };
    let (held, recomputed) = (outcome(Reading::Held), outcome(Reading::Recomputed));
    assert!((held.loss - recomputed.loss).abs() < 1e-13);
    for (held, recomputed) in held.gradients.iter().zip(recomputed.gradients.iter()) {
        if held.name != "layer0.recurrent_kernel" {
            assert!(relative_error(&held.values, &recomputed.values) < 1e-12, "{}", held.name);
        }
    }
}

#[test]
fn single_precision_learns_the_same_as_double() {
    for config in variants(UNITS) {
        let mut draw = Draw::new(25);
        let network = network(&config, &mut draw);
        let lengths = lengths(&mut draw);
        let examples = Examples::draw(&mut draw, &lengths, N_FEATURES);
        let double = network.loss_and_gradients(&examples.batch(), 1e-3).unwrap();
        let single = Network::new(config.clone(), network.parameters.map(|value| value as f32)).unwrap();
        let single = single.loss_and_gradients(&examples.rounded().batch(), 1e-3).unwrap();
        for (single, double) in single.gradients.iter().zip(double.gradients.iter()) {
            let error = relative_error(&single.values, &double.values);
            assert!(error < 1e-4, "{config:?} {}: {error:e}", double.name);
        }
    }
}

#[test]
fn l2_acts_on_the_kernels_alone() {
    let mut draw = Draw::new(26);
    let network = network(&paper(Reading::Held, Carry::Scaled, UNITS), &mut draw);
    let examples = Examples::draw(&mut draw, &[5, 6], N_FEATURES);
    let without = network.loss_and_gradients(&examples.batch(), 0.0).unwrap();
    let with = network.loss_and_gradients(&examples.batch(), 0.25).unwrap();
    assert_eq!((without.loss, without.regularisation), (with.loss, 0.0));
    let mut penalty = 0.0;
    for ((tensor, without), with) in network.parameters.iter().zip(without.gradients.iter()).zip(with.gradients.iter()) {
        let l2 = if is_regularised(&tensor.name) { 0.25 } else { 0.0 };
        for ((value, without), with) in tensor.values.iter().zip(&without.values).zip(&with.values) {
            assert!((with - without - 2.0 * l2 * value).abs() < 1e-14, "{}", tensor.name);
        }
        penalty += l2 * tensor.values.iter().map(|value| value * value).sum::<f64>();
    }
    assert!((with.regularisation - penalty).abs() < 1e-13);
}

#[test]
fn a_class_weight_multiplies_the_loss_of_its_class() {
    let mut draw = Draw::new(27);
    let network = network(&paper(Reading::Recomputed, Carry::Scaled, UNITS), &mut draw);
    let sequences = [draw.sequence(4, N_FEATURES), draw.sequence(7, N_FEATURES)];
    let loss = |class_weights, labels: &[usize], sequences: &[Array2<f64>]| {
        let sequences = sequences.iter().map(|array| array.view()).collect();
        network.loss_and_gradients(&batch(sequences, labels, class_weights), 0.0).unwrap().loss
    };
    let (first, second) = (loss([1.0; 4], &[3], &sequences[..1]), loss([1.0; 4], &[1], &sequences[1..]));
    let weighted = loss([9.0, 0.25, 9.0, 3.0], &[3, 1], &sequences);
    assert!((weighted - (3.0 * first + 0.25 * second) / 2.0).abs() < 1e-14);
}

#[test]
fn an_input_that_does_not_fit_is_refused_by_name() {
    let mut draw = Draw::new(28);
    let network = network(&paper(Reading::Held, Carry::Scaled, UNITS), &mut draw);
    let (good, wide, empty) = (draw.sequence(4, N_FEATURES), draw.sequence(4, N_FEATURES + 1), draw.sequence(0, N_FEATURES));
    let refused = |second: &Array2<f64>, labels: &[usize]| {
        let sequences = vec![good.view(), second.view()];
        network.loss_and_gradients(&batch(sequences, labels, [1.0; 4]), 0.0).unwrap_err()
    };
    assert_eq!(
        refused(&wide, &[0, 1]).to_string(),
        "network: sequence 1 of the batch must have the shape [4, 13], found [4, 14]"
    );
    assert_eq!(refused(&empty, &[0, 1]), NetworkError::Empty { index: 1 });
    assert_eq!(refused(&good, &[0]), NetworkError::Labels { expected: 2, found: vec![0] });
    assert_eq!(refused(&good, &[0, 4]), NetworkError::Labels { expected: 2, found: vec![0, 4] });

    let mut parameters = network.parameters.clone();
    let c = parameters.get_mut("layer0.c");
    (c.shape, c.values) = (vec![3], vec![0.0; 3]);
    let error = Network::new(network.config().clone(), parameters).unwrap_err();
    assert_eq!(error.to_string(), "network: parameter 'layer0.c' must have the shape [12], found [3]");
    let of_other = paper(Reading::Held, Carry::Scaled, UNITS).parameter_shapes(N_FEATURES).into_iter().skip(1).collect();
    let error = Network::new(network.config().clone(), Tensors::filled(of_other, &0.0)).unwrap_err();
    assert!(error.to_string().starts_with("network: expected the parameters layer0.kernel, "), "{error}");
}

#[test]
fn a_number_that_is_not_finite_is_named() {
    for config in variants(UNITS) {
        let mut draw = Draw::new(29);
        let network = network(&config, &mut draw);
        let examples = Examples::draw(&mut draw, &[9, 5], N_FEATURES);
        for name in network.parameters.iter().map(|tensor| tensor.name.clone()) {
            for bad in [f64::NAN, f64::INFINITY] {
                let mut broken = network.clone();
                broken.parameters.get_mut(&name).values[1] = bad;
                let error = broken.loss_and_gradients(&examples.batch(), 1e-3);
                let expected = NetworkError::NotFinite { quantity: Quantity::Value, parameter: name.clone() };
                assert_eq!(error, Err(expected), "{config:?} {name} {bad}");
            }
        }
        let mut broken = Examples::draw(&mut draw, &[9, 5], N_FEATURES);
        broken.sequences[1][(2, 3)] = f64::NAN;
        assert_eq!(network.loss_and_gradients(&broken.batch(), 0.0), Err(NetworkError::Features { index: 1 }));
    }
}
