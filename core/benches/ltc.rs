//! The native kernel over one block: both readings, the steps of 5 s at 32 ms and at 10 ms.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use moodline_core::ltc::{Carry, LtcConfig, LtcKernel, LtcWeights, Reading};
use ndarray::{Array1, Array2};

const UNITS: usize = 16;
const N_FEATURES: usize = 39;

fn matrix(rows: usize, columns: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, columns), |(row, column)| (0.37 * (row * columns + column) as f32).sin() / 3.0)
}

fn kernel(reading: Reading) -> LtcKernel {
    let config =
        LtcConfig { units: UNITS, reading, unfolds: 6, dt: 0.01, clip: 20.0, max_gain: Some(10.0), carry: Carry::Scaled };
    let weights = LtcWeights {
        projection: matrix(N_FEATURES, UNITS),
        projection_bias: Array1::zeros(UNITS),
        recurrent_kernel: matrix(UNITS, UNITS),
        rate: Array1::from_elem(UNITS, 0.0076),
        gain: Array1::ones(UNITS),
        dense_kernel: matrix(UNITS, 4),
        dense_bias: Array1::zeros(4),
    };
    LtcKernel::new(&config, &weights)
}

fn block(c: &mut Criterion) {
    let mut group = c.benchmark_group("ltc_native");
    for (name, reading) in [("held", Reading::Held), ("recomputed", Reading::Recomputed)] {
        for n_steps in [157, 500] {
            let features: Vec<f32> = (0..n_steps * N_FEATURES).map(|i| (0.7 * i as f32).sin()).collect();
            let mut kernel = kernel(reading);
            group.throughput(Throughput::Elements(n_steps as u64));
            group.bench_function(BenchmarkId::new(name, n_steps), |bencher| {
                bencher.iter(|| kernel.run(black_box(&features), &mut [0.0; UNITS]));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, block);
criterion_main!(benches);
