//! The plugin's whole `process` for 512 stereo frames, compared with a memcpy of the same samples. It may take five times as long as the copy.
//!
//! The ring must not fill up, since dropping audio is cheaper than keeping it: the worker catches up between timed batches.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Bencher, Criterion, SamplingMode, criterion_group, criterion_main};
use moodline::Moodline;
use moodline_engine::live::Asked;
use nice_plug::prelude::*;
use tests_in_process::Host;

const RATE_HZ: u32 = 48_000;
const N_FRAMES: usize = 512;

/// Buffers pushed between two pauses: 11 s in a ring of 20 s.
const BATCH: u64 = 1_000;

/// A host that plays from the start.
fn playing() -> Host {
    let mut host = Host::new(RATE_HZ as f32);
    host.transport.playing = true;
    host.transport.pos_samples = Some(0);
    host
}

/// Stereo noise at -40 dBFS.
fn noise() -> [Vec<f32>; 2] {
    let mut state = 1_u32;
    [(); 2].map(|()| {
        (0..N_FRAMES)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                0.02 * (state as f32 / u32::MAX as f32 - 0.5)
            })
            .collect()
    })
}

fn process(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("512 stereo frames");
    group.sampling_mode(SamplingMode::Flat).sample_size(20).measurement_time(Duration::from_secs(4));

    let source = noise();
    let mut copy = noise();
    group.bench_function("memcpy", |bencher| {
        bencher.iter(|| {
            for (from, to) in source.iter().zip(&mut copy) {
                black_box(&mut *to).copy_from_slice(black_box(from));
            }
        });
    });

    let track = |analyses| move |bencher: &mut Bencher<'_>| play(bencher, analyses);
    group.bench_function("process", track(false));
    group.bench_function("process beside the analysis", track(true));
    group.finish();
}

/// Times `process`, without the worker's processing; if the worker does not analyse, it does not compete for the cache either.
fn play(bencher: &mut Bencher<'_>, analyses: bool) {
    let mut host = playing();
    let mut plugin = Moodline::default();
    let config = BufferConfig {
        sample_rate: RATE_HZ as f32,
        min_buffer_size: None,
        max_buffer_size: N_FRAMES as u32,
        process_mode: ProcessMode::Realtime,
    };
    assert!(plugin.activate(&Moodline::AUDIO_IO_LAYOUTS[0], &config, &mut host));
    let (monitor, control) = (plugin.monitor(), plugin.control());
    control.set_watched(true);
    if !analyses {
        control.use_model(Some("no such model".into()), Asked::ByUser);
    }

    let mut channels = noise();
    let mut buffer = Buffer::default();
    #[allow(unsafe_code, reason = "the framework fills its buffers this way only; the channels outlive the buffer")]
    unsafe {
        buffer.set_slices(N_FRAMES, |slices| *slices = channels.iter_mut().map(Vec::as_mut_slice).collect());
    }
    let mut aux = AuxiliaryBuffers { inputs: &mut [], outputs: &mut [] };
    bencher.iter_custom(|n_buffers| {
        let mut elapsed = Duration::ZERO;
        let mut n_left = n_buffers;
        while n_left > 0 {
            let n_now = n_left.min(BATCH);
            let start = Instant::now();
            for _ in 0..n_now {
                // As in hosts: copying the status through `black_box` would wait until every sample has left the store buffer.
                assert!(matches!(plugin.process(black_box(&mut buffer), &mut aux, &mut host), ProcessStatus::Normal));
                host.transport.pos_samples = host.transport.pos_samples.map(|at| at + N_FRAMES as i64);
            }
            elapsed += start.elapsed();
            n_left -= n_now;
            assert!(control.settle(Duration::from_secs(30)), "the worker hangs");
        }
        elapsed
    });
    assert_eq!(monitor.status().dropped_frames, 0, "the ring was full, so this measured the wrong thing");
}

criterion_group!(benches, process);
criterion_main!(benches);
