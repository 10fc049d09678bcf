//! Answers at every step: the gradients of their loss, and their relation to the answer for a whole sequence.

use moodline_learn::network::{NetworkError, StepBatch};
use rayon::prelude::*;

use super::*;

const L2: f64 = 1e-3;
const DELTA: f64 = 1e-6;
/// Relative to the largest gradient of a parameter, plus the rounding error of a loss of up to 4, the sum over all steps, divided by two deltas.
const TOLERANCE: f64 = 1e-6;
const ROUNDING: f64 = 4.0 * 2.0 * f64::EPSILON / DELTA;

fn config(cell: CellConfig, layers: usize) -> NetworkConfig {
    NetworkConfig { units: 5, layers, pooling: Pooling::Last, cell }
}

/// A class for most steps, none for some.
fn labels(lengths: &[usize]) -> Vec<Vec<Option<usize>>> {
    let label = |sequence: usize, step: usize| (!(step + sequence).is_multiple_of(4)).then_some((step * 3 + sequence) % 4);
    lengths.iter().enumerate().map(|(sequence, n)| (0..*n).map(|step| label(sequence, step)).collect()).collect()
}

fn batch<'a>(examples: &'a Examples, labels: &'a [Vec<Option<usize>>], dropout: Dropout) -> StepBatch<'a, f64> {
    let labels = labels.iter().map(Vec::as_slice).collect();
    StepBatch {
        sequences: examples.views(),
        labels,
        class_weights: [0.5, 1.5, 2.0, 0.8],
        loss: LossConfig::LabelSmoothing { epsilon: 0.1 },
        dropout,
    }
}

#[test]
fn every_gradient_agrees_with_differences_for_every_cell() {
    // 17 sequences are two groups, and 18 steps two blocks of the sums.
    let lengths: Vec<usize> = (0..17).map(|index| 1 + index * 7 % 18).collect();
    let labels = labels(&lengths);
    cells().into_par_iter().for_each(|cell| {
        for (layers, dropout) in [(1, Dropout::default()), (2, Dropout { inputs: 0.1, between: 0.2, seed: 4 })] {
            let examples = Examples::draw(&config(cell.clone(), layers), 3, &lengths);
            let batch = batch(&examples, &labels, dropout);
            let gradients = examples.network.step_loss_and_gradients(&batch, L2).unwrap().gradients;
            let mut network = examples.network.clone();
            for tensor in gradients.iter() {
                let mut loss_at = |entry: usize, delta: f64| {
                    network.parameters.get_mut(&tensor.name).values[entry] += delta;
                    let outcome = network.step_loss_and_gradients(&batch, L2).unwrap();
                    network.parameters.get_mut(&tensor.name).values[entry] -= delta;
                    outcome.loss + outcome.regularisation
                };
                let scale = tensor.values.iter().fold(0.0, |scale: f64, value| scale.max(value.abs()));
                assert!(scale > 1e-7, "{cell:?} {} has an effect", tensor.name);
                for entry in (0..tensor.values.len()).step_by(tensor.values.len().div_ceil(7)) {
                    let expected = (loss_at(entry, DELTA) - loss_at(entry, -DELTA)) / (2.0 * DELTA);
                    let error = (tensor.values[entry] - expected).abs();
                    assert!(error <= TOLERANCE * scale + ROUNDING, "{cell:?} {} {entry}: {error:e}", tensor.name);
                }
            }
        }
    });
}

#[test]
fn the_answer_at_a_step_is_that_of_the_sequence_up_to_it() {
    let lengths: Vec<usize> = (1..=18).rev().collect();
    let examples = Examples::draw(&config(CellConfig::LiquidGate, 2), 3, &lengths);
    let of_steps = examples.network.predict_steps(&examples.views()).unwrap();
    for (sequence, of_steps) in examples.sequences.iter().zip(of_steps) {
        assert_eq!(of_steps.dim(), (sequence.nrows(), 4));
        for (step, found) in of_steps.rows().into_iter().enumerate() {
            let alone = examples.network.predict(&[sequence.slice(ndarray::s![..=step, ..])]).unwrap();
            for (found, expected) in found.iter().zip(alone[0]) {
                assert!((found - expected).abs() < 1e-12, "step {step}: {found} {expected}");
            }
        }
    }
}

#[test]
fn a_step_without_label_costs_nothing_and_labels_must_fit() {
    let examples = Examples::draw(&config(CellConfig::LiquidGate, 1), 3, &[6, 4]);
    let unknown = vec![vec![None; 6], vec![None; 4]];
    let outcome = examples.network.step_loss_and_gradients(&batch(&examples, &unknown, Dropout::default()), 0.0).unwrap();
    assert_eq!(outcome.loss, 0.0);
    assert!(outcome.gradients.iter().all(|tensor| tensor.values.iter().all(|value| *value == 0.0)));
    for (bad, index) in
        [(vec![vec![None; 6], vec![None; 5]], 1), (vec![vec![Some(4); 6], vec![None; 4]], 0), (vec![vec![None; 6]], 1)]
    {
        let error = examples.network.step_loss_and_gradients(&batch(&examples, &bad, Dropout::default()), 0.0).unwrap_err();
        assert_eq!(error, NetworkError::StepLabels { index });
    }
}
