//! The native kernel over one block: both readings of the paper's cell, then every other cell, for the steps of 5 s at 32 ms and at 10 ms.

use std::hint::black_box;

use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use moodline_core::network::{
    Backbone, Carry, CellConfig, Cfc, CfcMode, Ltc, NetworkConfig, NetworkKernel, PaperLtc, Pooling, Reading, Solver, Tensors,
};

const N_FEATURES: usize = 39;

/// Weights of an untrained network.
fn kernel(config: &NetworkConfig) -> NetworkKernel {
    let mut weights = Tensors::filled(config.weight_shapes(N_FEATURES), &0.0);
    for tensor in weights.iter_mut() {
        let value: fn(usize) -> f32 = match tensor.name.as_str() {
            "layer0.rate" => |_| 0.0076,
            "layer0.gain" | "layer0.capacity" => |_| 1.0,
            "layer0.w" | "layer0.sensory_w" | "layer0.leak" => |_| 0.1,
            _ => |i| (0.37 * i as f32).sin() / 3.0,
        };
        tensor.values = (0..tensor.values.len()).map(value).collect();
    }
    NetworkKernel::new(config, &weights)
}

fn run(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, config: &NetworkConfig) {
    for n_steps in [157, 500] {
        let features: Vec<f32> = (0..n_steps * N_FEATURES).map(|i| (0.7 * i as f32).sin()).collect();
        let mut kernel = kernel(config);
        let mut state = vec![0.0; config.state_size()];
        group.throughput(Throughput::Elements(n_steps as u64));
        group.bench_function(BenchmarkId::new(name, n_steps), |bencher| {
            bencher.iter(|| {
                state.fill(0.0);
                kernel.run(black_box(&features), &mut state)
            });
        });
    }
}

fn paper(c: &mut Criterion) {
    let mut group = c.benchmark_group("ltc_native");
    for (name, reading) in [("held", Reading::Held), ("recomputed", Reading::Recomputed)] {
        let cell = PaperLtc { reading, unfolds: 6, dt: 0.01, clip: 20.0, max_gain: Some(10.0), carry: Carry::Scaled };
        let config = NetworkConfig { units: 16, layers: 1, pooling: Pooling::Last, cell: CellConfig::PaperLtc(cell) };
        run(&mut group, name, &config);
    }
    group.finish();
}

fn others(c: &mut Criterion) {
    let mut group = c.benchmark_group("native_64_units");
    for (name, cell) in [
        ("liquid_gate", CellConfig::LiquidGate),
        ("gru", CellConfig::Gru),
        ("lstm", CellConfig::Lstm),
        ("cfc", CellConfig::Cfc(Cfc { mode: CfcMode::Gated, elapsed: 1.0, backbone: None })),
        (
            "cfc_backbone",
            CellConfig::Cfc(Cfc { mode: CfcMode::Gated, elapsed: 1.0, backbone: Some(Backbone { units: 128, layers: 1 }) }),
        ),
        ("ltc", CellConfig::Ltc(Ltc { solver: Solver::SemiImplicit, unfolds: 6, elapsed: 1.0 })),
    ] {
        run(&mut group, name, &NetworkConfig { units: 64, layers: 1, pooling: Pooling::MeanDeviation, cell });
    }
    group.finish();
}

criterion_group!(benches, paper, others);
criterion_main!(benches);
