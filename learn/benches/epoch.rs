//! One training epoch as compared with Keras and PyTorch: 1,000 sequences of 157 frames with 39 features, batches of 64, f32; forward,
//! backward and Adam. The paper's cell has 16 units and 6 unfolds, the others have 64 units.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use moodline_core::network::{Carry, CellConfig, Cfc, CfcMode, NetworkConfig, PaperLtc, Pooling, Reading};
use moodline_learn::loss::LossConfig;
use moodline_learn::network::{Batch, Dropout, Network};
use moodline_learn::optimiser::{AdamConfig, Optimiser, OptimiserConfig};
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::ThreadPoolBuilder;

const N_SEQUENCES: usize = 1000;
const N_STEPS: usize = 157;
const N_FEATURES: usize = 39;
const BATCH: usize = 64;

fn paper(reading: Reading) -> NetworkConfig {
    let cell = PaperLtc { reading, unfolds: 6, dt: 0.01, clip: 20.0, max_gain: Some(10.0), carry: Carry::Scaled };
    NetworkConfig { units: 16, layers: 1, pooling: Pooling::Last, cell: CellConfig::PaperLtc(cell) }
}

fn of_64_units(cell: CellConfig) -> NetworkConfig {
    NetworkConfig { units: 64, layers: 1, pooling: Pooling::MeanDeviation, cell }
}

fn sequences(rng: &mut ChaCha8Rng) -> Vec<Array2<f32>> {
    let mut value = || f64::from(rng.next_u32()) / f64::from(u32::MAX) * 4.0 - 2.0;
    (0..N_SEQUENCES).map(|_| Array2::from_shape_simple_fn((N_STEPS, N_FEATURES), || value() as f32)).collect()
}

fn epoch(network: &mut Network<f32>, adam: &mut Optimiser<f32>, sequences: &[Array2<f32>], labels: &[usize]) -> f64 {
    let mut loss = 0.0;
    for (sequences, labels) in sequences.chunks(BATCH).zip(labels.chunks(BATCH)) {
        let sequences = sequences.iter().map(|sequence| sequence.view()).collect();
        let batch = Batch {
            sequences,
            labels,
            mixed: &[],
            class_weights: [1.0; 4],
            loss: LossConfig::CrossEntropy,
            dropout: Dropout::default(),
        };
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
    for (name, config) in [
        ("held", paper(Reading::Held)),
        ("recomputed", paper(Reading::Recomputed)),
        ("liquid gate", of_64_units(CellConfig::LiquidGate)),
        ("GRU", of_64_units(CellConfig::Gru)),
        ("CfC", of_64_units(CellConfig::Cfc(Cfc { mode: CfcMode::Gated, elapsed: 1.0, backbone: None }))),
    ] {
        for n_threads in [1, 2] {
            let pool = ThreadPoolBuilder::new().num_threads(n_threads).build().expect("threads can be started");
            let mut network = Network::init(config.clone(), N_FEATURES, None, &mut rng);
            let mut adam = Optimiser::new(OptimiserConfig::Adam, AdamConfig::default(), &network.parameters);
            group.bench_function(format!("{name}, {n_threads} thread(s)"), |bencher| {
                bencher.iter(|| pool.install(|| black_box(epoch(&mut network, &mut adam, &sequences, &labels))));
            });
        }
    }
}

criterion_group!(benches, epochs);
criterion_main!(benches);
