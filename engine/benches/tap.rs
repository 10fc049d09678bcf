//! Cost on the audio thread: pushing one stereo buffer into the tap, compared with a `memcpy` of the same samples.

use std::hint::black_box;
use std::ops::ControlFlow;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use moodline_engine::live::{AudioTap, Source, StreamFormat, Transport};

const RATE_HZ: u32 = 48_000;

/// Buffers pushed between two reads, so that the ring is never full.
const N_BUFFERS: usize = 1000;

fn push(criterion: &mut Criterion) {
    for n_frames in [64_u16, 512] {
        let left: Vec<f32> = (0..n_frames).map(|n| (f32::from(n) * 0.37).sin()).collect();
        let right: Vec<f32> = (0..n_frames).map(|n| (f32::from(n) * 0.61).sin()).collect();
        let mut group = criterion.benchmark_group(format!("{N_BUFFERS} buffers of {n_frames} stereo frames"));
        group.throughput(Throughput::Elements(N_BUFFERS as u64));
        group.bench_function("AudioTap::push", |bencher| {
            let (mut tap, mut reader) = AudioTap::new(StreamFormat { sample_rate: RATE_HZ, offline: false });
            let mut position = 0_i64;
            bencher.iter_batched(
                || reader.read(|_| ControlFlow::Continue(())),
                |()| {
                    for _ in 0..N_BUFFERS {
                        tap.push(black_box(&[&left, &right]), Source::Mix, Transport::Playing(position));
                        position += i64::from(n_frames);
                    }
                },
                BatchSize::PerIteration,
            );
        });
        group.bench_function("memcpy", |bencher| {
            let (mut left_copy, mut right_copy) = (left.clone(), right.clone());
            bencher.iter(|| {
                for _ in 0..N_BUFFERS {
                    black_box(&mut left_copy).copy_from_slice(black_box(&left));
                    black_box(&mut right_copy).copy_from_slice(black_box(&right));
                }
            });
        });
        group.finish();
    }
}

criterion_group!(benches, push);
criterion_main!(benches);
