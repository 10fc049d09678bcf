//! Networks for training: properties that hold for every cell, pooling and number of layers, and what other libraries compute.
//!
//! These tests are apart from the crate, because its unit tests would have to compile every cell a second time.

use moodline_core::network::{
    Backbone, Carry, CellConfig, Cfc, CfcMode, Ltc, NetworkConfig, PaperLtc, Pooling, Reading, Solver, Tensors,
};
use moodline_learn::loss::LossConfig;
use moodline_learn::network::{Batch, Dropout, Network, Precision};
use moodline_learn::parameters::{add, zeros_like};
use ndarray::{Array2, ArrayView2};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

mod cnn_bilstm;
mod differences;
mod golden;
mod invariance;
mod solvers;
mod steps;

const POOLINGS: [Pooling; 4] = [Pooling::Last, Pooling::Mean, Pooling::MeanDeviation, Pooling::Attention];

/// Every cell with every mode and solver.
fn cells() -> Vec<CellConfig> {
    let paper = |reading, carry| {
        CellConfig::PaperLtc(PaperLtc { reading, unfolds: 3, dt: 0.05, clip: 20.0, max_gain: Some(10.0), carry })
    };
    let cfc = |mode| CellConfig::Cfc(Cfc { mode, elapsed: 0.8, backbone: None });
    let with_backbone =
        |mode, units, layers| CellConfig::Cfc(Cfc { mode, elapsed: 0.8, backbone: Some(Backbone { units, layers }) });
    let ltc = |solver| CellConfig::Ltc(Ltc { solver, unfolds: 2, elapsed: 0.1 });
    vec![
        paper(Reading::Held, Carry::Scaled),
        paper(Reading::Held, Carry::Unscaled),
        paper(Reading::Recomputed, Carry::Scaled),
        paper(Reading::Recomputed, Carry::Unscaled),
        CellConfig::LiquidGate,
        CellConfig::Gru,
        CellConfig::Lstm,
        cfc(CfcMode::Gated),
        cfc(CfcMode::NoGate),
        cfc(CfcMode::Pure),
        with_backbone(CfcMode::Gated, 7, 1),
        with_backbone(CfcMode::NoGate, 4, 2),
        with_backbone(CfcMode::Pure, 3, 3),
        ltc(Solver::SemiImplicit),
        ltc(Solver::Euler),
        ltc(Solver::Rk4),
    ]
}

/// Sequences and labels, and parameters that have an effect; every bit is determined by a seed.
struct Examples {
    network: Network<f64>,
    sequences: Vec<Array2<f64>>,
    labels: Vec<usize>,
}

impl Examples {
    /// One sequence of each length.
    fn draw(config: &NetworkConfig, n_features: usize, lengths: &[usize]) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut draw = || between_minus_one_and_one(&mut rng);
        let mut parameters = Tensors::filled(config.parameter_shapes(n_features), &0.0);
        for tensor in parameters.iter_mut() {
            let (centre, spread) = match tensor.name.rsplit('.').next().unwrap_or_default() {
                "tau" => (-1.5, 2.0),
                // Away from 0, where an absolute value has a kink.
                "w_tau" => (0.5, 0.3),
                "amplitude" | "input_kernel" | "output_kernel" => (1.0, 0.4),
                // Slow enough for explicit solver steps to be stable.
                "capacity" => (1.5, 0.5),
                "sigma" | "sensory_sigma" => (2.0, 1.0),
                "erev" | "sensory_erev" => (0.0, 2.0),
                _ => (0.0, 0.7),
            };
            tensor.values.fill_with(|| centre + spread * draw());
        }
        let sequence = |steps: &usize| Array2::from_shape_simple_fn((*steps, n_features), || 2.0 * draw());
        let sequences: Vec<Array2<f64>> = lengths.iter().map(sequence).collect();
        let labels = (0..lengths.len()).map(|index| index * 7 % 4).collect();
        Self { network: Network::new(config.clone(), parameters).unwrap(), sequences, labels }
    }

    fn views(&self) -> Vec<ArrayView2<'_, f64>> {
        self.sequences.iter().map(|sequence| sequence.view()).collect()
    }

    fn batch(&self, dropout: Dropout) -> Batch<'_, f64> {
        let class_weights = [0.5, 1.5, 2.0, 0.8];
        Batch {
            sequences: self.views(),
            labels: &self.labels,
            mixed: &[],
            class_weights,
            loss: LossConfig::CrossEntropy,
            dropout,
        }
    }
}

/// Asserts that the gradients of a batch are the means of those of its sequences.
fn assert_gradients_are_means(batch: &Batch<'_, f64>, gradients: impl Fn(&Batch<'_, f64>) -> Tensors<f64>) {
    let together = gradients(batch);
    let mut sums = zeros_like(&together);
    for (sequence, label) in batch.sequences.iter().zip(batch.labels) {
        add(&mut sums, &gradients(&Batch { sequences: vec![sequence.view()], labels: &[*label], ..batch.clone() }));
    }
    let n = batch.sequences.len() as f64;
    for (together, sum) in together.iter().zip(sums.iter()) {
        let scale = together.values.iter().fold(0.0, |scale: f64, value| scale.max(value.abs()));
        for (mean, sum) in together.values.iter().zip(&sum.values) {
            assert!((mean - sum / n).abs() <= 1e-12 * scale, "{}: {mean} {sum}", together.name);
        }
    }
}

fn between_minus_one_and_one(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// Largest difference relative to the largest expected absolute value; NaN counts as infinite.
fn relative_error<T: Precision>(found: &[T], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len(), "as many values as expected");
    let scale = expected.iter().fold(0.0, |scale: f64, value| scale.max(value.abs()));
    let errors = found.iter().zip(expected).map(|(found, expected)| (found.widen() - expected).abs());
    let worst = errors.fold(0.0, |worst: f64, error| if error.is_nan() { f64::INFINITY } else { worst.max(error) });
    if worst == 0.0 { 0.0 } else { worst / scale }
}
