//! The trainer's mathematics against PyTorch's autograd, Keras' Adam, central differences of a naive loop, and itself.
//!
//! Errors are relative to the largest absolute value of their array: gradients in one array are sums of common terms, so that is the scale of their rounding
//! errors.

use moodline_core::Real;
use moodline_core::network::{Carry, CellConfig, NetworkConfig, PaperLtc, Pooling, Reading, Tensors};
use moodline_learn::loss::LossConfig;
use moodline_learn::network::{Batch, Dropout};
use ndarray::{Array1, Array2, ArrayView2};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

mod batches;
mod choices;
mod differences;
mod torch;

/// Maximum difference, relative to the largest expected absolute value.
fn relative_error<'a, T: Real>(found: impl IntoIterator<Item = &'a T>, expected: impl IntoIterator<Item = &'a f64>) -> f64 {
    let (found, expected): (Vec<&T>, Vec<&f64>) = (found.into_iter().collect(), expected.into_iter().collect());
    assert_eq!(found.len(), expected.len(), "as many values as expected");
    let scale = expected.iter().fold(0.0, |scale: f64, value| scale.max(value.abs()));
    let error = found.iter().zip(&expected).map(|(found, expected)| (found.widen() - **expected).abs()).fold(0.0, worse);
    if error == 0.0 { 0.0 } else { error / scale }
}

/// The larger error; NaN counts as the largest.
fn worse(a: f64, b: f64) -> f64 {
    if b > a || b.is_nan() { b } else { a }
}

/// The paper's network with `units` units.
fn paper(reading: Reading, carry: Carry, units: usize) -> NetworkConfig {
    network(PaperLtc { reading, unfolds: 6, dt: 0.01, clip: 20.0, max_gain: Some(10.0), carry }, units)
}

fn network(cell: PaperLtc, units: usize) -> NetworkConfig {
    NetworkConfig { units, layers: 1, pooling: Pooling::Last, cell: CellConfig::PaperLtc(cell) }
}

/// The cell settings of the paper's network.
fn cell(network: &NetworkConfig) -> &PaperLtc {
    match &network.cell {
        CellConfig::PaperLtc(cell) => cell,
        other => panic!("{other:?} is not the paper's cell"),
    }
}

/// Both readings with both carries.
fn variants(units: usize) -> [NetworkConfig; 4] {
    use {Carry::*, Reading::*};
    [(Held, Scaled), (Held, Unscaled), (Recomputed, Scaled), (Recomputed, Unscaled)]
        .map(|(reading, carry)| paper(reading, carry, units))
}

/// Numbers fully determined by a seed.
struct Draw(ChaCha8Rng);

impl Draw {
    fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Between -1 and 1.
    fn value(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.0.next_u64() % n as u64).unwrap()
    }

    fn sequence(&mut self, steps: usize, n_features: usize) -> Array2<f64> {
        Array2::from_shape_simple_fn((steps, n_features), || 2.0 * self.value())
    }

    /// Parameters with an effect: fast and slow units, gains around 1.
    fn parameters(&mut self, n_features: usize, units: usize) -> Tensors<f64> {
        let shapes = paper(Reading::Held, Carry::Scaled, units).parameter_shapes(n_features);
        let mut parameters = Tensors::filled(shapes, &0.0);
        for tensor in parameters.iter_mut() {
            let (centre, spread) = match tensor.name.as_str() {
                "layer0.tau" => (-2.0, 2.0),
                name if name.ends_with("kernel") => (0.0, 0.6),
                _ => (0.0, 0.3),
            };
            tensor.values.fill_with(|| centre + spread * self.value());
        }
        parameters
    }
}

/// Owned sequences and labels of a batch.
struct Examples<T> {
    sequences: Vec<Array2<T>>,
    labels: Vec<usize>,
    class_weights: [T; 4],
}

impl Examples<f64> {
    /// One sequence of each length.
    fn draw(draw: &mut Draw, lengths: &[usize], n_features: usize) -> Self {
        let sequences = lengths.iter().map(|steps| draw.sequence(*steps, n_features)).collect();
        let labels = lengths.iter().map(|_| draw.below(4)).collect();
        Self { sequences, labels, class_weights: [0.5, 1.5, 2.0, 0.8] }
    }
}

impl<T: Real> Examples<T> {
    fn views(&self) -> Vec<ArrayView2<'_, T>> {
        self.sequences.iter().map(|array| array.view()).collect()
    }

    fn batch(&self) -> Batch<'_, T> {
        Batch {
            sequences: self.views(),
            labels: &self.labels,
            mixed: &[],
            class_weights: self.class_weights,
            loss: LossConfig::CrossEntropy,
            dropout: Dropout::default(),
        }
    }

    fn rounded<R: Real>(&self) -> Examples<R> {
        Examples {
            sequences: self.sequences.iter().map(|sequence| sequence.mapv(|value| R::of(value.widen()))).collect(),
            labels: self.labels.clone(),
            class_weights: self.class_weights.map(|weight| R::of(weight.widen())),
        }
    }
}

/// The network as described in the paper and its code: a loop over steps, one over unfolds, one value at a time.
///
/// Returns the readout's input after each step, `[steps, units]`, and the logits.
fn naive(config: &NetworkConfig, p: &Tensors<f64>, x: &ArrayView2<'_, f64>) -> (Array2<f64>, [f64; 4]) {
    let (cell, units) = (cell(config), config.units);
    let vector = |name: &str| p.vector(&format!("layer0.{name}"));
    let matrix = |name: &str| p.matrix(&format!("layer0.{name}"));
    let rate = vector("tau").mapv(|tau| (cell.dt / (1.0 + tau.exp()).ln()).min(1.5));
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let largest_gain = cell.max_gain.unwrap_or(f64::INFINITY);
    let gain: Array1<f64> =
        vector("c").iter().zip(vector("g")).map(|(c, g)| (sigmoid(*c) / sigmoid(*g)).min(largest_gain)).collect();
    let mut carried = Array1::<f64>::zeros(units);
    let mut states = Array2::zeros((x.nrows(), units));
    for (step, x) in x.rows().into_iter().enumerate() {
        let target =
            |h: &Array1<f64>| (x.dot(&matrix("kernel")) + h.dot(&matrix("recurrent_kernel")) + vector("bias")).mapv(f64::tanh);
        let held = target(&carried);
        let mut h = carried.clone();
        for _ in 0..cell.unfolds {
            let z = match cell.reading {
                Reading::Held => held.clone(),
                Reading::Recomputed => target(&h),
            };
            h = &h + &rate * (z - &h);
        }
        let clipped = h.mapv(|h| h.clamp(0.0, cell.clip));
        let scaled = &clipped * &gain;
        states.row_mut(step).assign(&scaled);
        carried = match cell.carry {
            Carry::Scaled => scaled,
            Carry::Unscaled => clipped,
        };
    }
    let logits = states.row(x.nrows() - 1).dot(&p.matrix("dense_kernel")) + p.vector("dense_bias");
    (states, std::array::from_fn(|class| logits[class]))
}

/// Loss of a batch by [`naive`].
fn naive_loss(config: &NetworkConfig, p: &Tensors<f64>, examples: &Examples<f64>, l2: f64) -> f64 {
    let mut loss = 0.0;
    for (sequence, label) in examples.sequences.iter().zip(&examples.labels) {
        let logits = naive(config, p, &sequence.view()).1;
        let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
        loss += examples.class_weights[*label] * (sum.ln() - logits[*label]);
    }
    let kernels = p.iter().filter(|tensor| tensor.name.ends_with("kernel")).flat_map(|tensor| &tensor.values);
    loss / examples.labels.len() as f64 + l2 * kernels.map(|value| value * value).sum::<f64>()
}
