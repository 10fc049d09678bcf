//! One training epoch as it is compared with Keras and PyTorch: 1,000 sequences of 157 frames with 39 features, batches of 64, 16
//! units, 6 unfolds, f32; forward, backward and Adam.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use moodline_core::ltc::{Carry, LtcConfig, Reading};
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::ThreadPoolBuilder;
use trainer::loss::LossConfig;
use trainer::network::{Batch, LtcNetwork, TauInit};
use trainer::optimiser::{AdamConfig, Optimiser, OptimiserConfig};

const N_SEQUENCES: usize = 1000;
const N_STEPS: usize = 157;
const N_FEATURES: usize = 39;
const BATCH: usize = 64;

fn config(reading: Reading) -> LtcConfig {
    LtcConfig { units: 16, reading, unfolds: 6, dt: 0.01, clip: 20.0, max_gain: Some(10.0), carry: Carry::Scaled }
}

fn sequences(rng: &mut ChaCha8Rng) -> Vec<Array2<f32>> {
    let mut value = || f64::from(rng.next_u32()) / f64::from(u32::MAX) * 4.0 - 2.0;
    (0..N_SEQUENCES).map(|_| Array2::from_shape_simple_fn((N_STEPS, N_FEATURES), || value() as f32)).collect()
}

fn epoch(network: &mut LtcNetwork<f32>, adam: &mut Optimiser<f32>, sequences: &[Array2<f32>], labels: &[usize]) -> f64 {
    let mut loss = 0.0;
    for (sequences, labels) in sequences.chunks(BATCH).zip(labels.chunks(BATCH)) {
        let sequences = sequences.iter().map(|sequence| sequence.view()).collect();
        let batch = Batch { sequences, labels, class_weights: [1.0; 4], loss: LossConfig::CrossEntropy };
        let outcome = network.loss_and_gradients(&batch, 5e-4).expect("the data is finite");
        adam.update(&mut network.parameters, &outcome.gradients, 5e-4);
        loss += outcome.loss;
    }
    loss
}

fn epochs(criterion: &mut Criterion) {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let sequences = sequences(&mut rng);
    let labels: Vec<usize> = (0..N_SEQUENCES).map(|index| index % 4).collect();
    let mut group = criterion.benchmark_group("training epoch");
    group.sample_size(20);
    for (name, reading) in [("held", Reading::Held), ("recomputed", Reading::Recomputed)] {
        for n_threads in [1, 2] {
            let pool = ThreadPoolBuilder::new().num_threads(n_threads).build().expect("threads can be started");
            let mut network = LtcNetwork::init(config(reading), N_FEATURES, TauInit::Ones, &mut rng);
            let mut adam = Optimiser::new(OptimiserConfig::Adam, AdamConfig::default(), N_FEATURES, 16);
            group.bench_function(format!("{name}, {n_threads} thread(s)"), |bencher| {
                bencher.iter(|| pool.install(|| black_box(epoch(&mut network, &mut adam, &sequences, &labels))));
            });
        }
    }
}

criterion_group!(benches, epochs);
criterion_main!(benches);
